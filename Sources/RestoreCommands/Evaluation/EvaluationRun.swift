import ArgumentParser
import RestoreText
import RestoreTraining

/// Measures items one after the other, reports each, and last the means: one runner for every task.
struct EvaluationRun<Measure: Evaluator> {
    let evaluator: Measure
    /// Records on stdout instead of text.
    let json: Bool

    /// - Throws: `ExitCode.interrupted` after a signal, `.someFailed` or `.badData` if items could not be measured.
    func run() throws {
        var evaluations: [Evaluation] = []
        var failures = 0
        let items = evaluator.items
        Interruption.watch()
        for item in items {
            do {
                try Interruption.check()
                evaluations.append(try evaluator.evaluate(item))
            } catch is Interrupted {
                let failed = failures > 0 ? ", \(failures) failed" : ""
                Console.message(
                    "restore: interrupted after \(evaluations.count + failures) of \(items.count) pictures\(failed)")
                throw ExitCode.interrupted
            } catch {
                if json {
                    try Console.data(
                        jsonLine(FailureRecord(file: evaluator.name(of: item), error: explanation(of: error))))
                }
                guard items.count > 1 else { throw error }
                Console.message("restore: \(explanation(of: error))")
                failures += 1
                continue
            }
            try evaluations.last.map(show)
        }
        guard !evaluations.isEmpty else { throw ExitCode.badData }
        try show(EvaluationSummary(evaluations, metrics: evaluator.metrics, facts: evaluator.summary))
        if !json { for line in evaluator.remarks { try Console.data(line) } }
        if failures > 0 { throw ExitCode.someFailed }
    }

    private func show(_ evaluation: Evaluation) throws {
        if json {
            try Console.data(jsonLine(EvaluationRecord(evaluation: evaluation, metrics: evaluator.metrics)))
        } else if evaluator.listsItems {
            try Console.data(
                "\(evaluation.file)  \(text(evaluation.values))  \(decimals(evaluation.seconds, 2)) s")
        }
    }

    private func show(_ summary: EvaluationSummary) throws {
        guard !json else { return try Console.data(jsonLine(summary)) }
        let baselines = summary.baselines.compactMap { baseline in
            baseline.values.first.flatMap { $0 }.map { "\(baseline.name): \(evaluator.metrics[0].text($0))" }
        }
        let comparison = baselines.isEmpty ? "" : "  (\(baselines.joined(separator: ", ")))"
        try Console.data(
            """
            mean of \(summary.count) picture\(summary.count == 1 ? "" : "s")  \(text(summary.values))  \
            \(decimals(summary.seconds, 2)) s\(comparison)
            """)
    }

    /// Metrics with a unit are known by it; others are named.
    private func text(_ values: [Double?]) -> String {
        zip(evaluator.metrics, values).compactMap { metric, value in
            value.map { metric.unit.isEmpty ? "\(metric.title) \(metric.text($0))" : metric.text($0) }
        }.joined(separator: "  ")
    }
}

/// The record of a picture: `file`, the metrics by their keys, `seconds`, the task's facts, `baselines`.
private struct EvaluationRecord: Encodable {
    let evaluation: Evaluation
    let metrics: [Metric]

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: RecordKey.self)
        try fields.encode(evaluation.file, forKey: "file")
        try fields.encode(evaluation.values, of: metrics)
        try fields.encode(evaluation.seconds, forKey: "seconds")
        try fields.encode(evaluation.facts)
        try fields.encode(evaluation.baselines, of: metrics)
    }
}

/// The record of all pictures: `mean` with the metrics, `seconds` and averaged facts; `pictures`; the task's facts;
/// `baselines`.
private struct EvaluationSummary: Encodable {
    let metrics: [Metric]
    let count: Int
    let values: [Double?]
    let seconds: Double
    let averages: [Evaluation.Fact]
    let facts: [Evaluation.Fact]
    let baselines: [Evaluation.Baseline]

    init(_ evaluations: [Evaluation], metrics: [Metric], facts: [Evaluation.Fact]) {
        self.metrics = metrics
        self.facts = facts
        count = evaluations.count
        values = metrics.enumerated().map { index, metric in
            Self.mean(evaluations.map { $0.values[index] }, metric)
        }
        seconds = roundedToMicroseconds(Self.mean(evaluations.map(\.seconds)) ?? 0)
        averages = Self.keys(evaluations.map { $0.facts.filter(\.isAveraged).map(\.key) }).compactMap { key in
            Self.mean(evaluations.map { Self.number(key, of: $0) }).map {
                Evaluation.Fact(key: key, value: .number($0))
            }
        }
        baselines = Self.keys(evaluations.map { $0.baselines.map(\.name) }).map { name in
            Evaluation.Baseline(
                name: name,
                values: metrics.enumerated().map { index, metric in
                    let all = evaluations.compactMap { $0.baselines.first { $0.name == name } }
                    return Self.mean(all.map { $0.values[index] }, metric)
                })
        }
    }

    /// The mean over the pictures that have a value; nil if none has.
    private static func mean(_ values: [Double?]) -> Double? {
        let found = values.compactMap { $0 }
        return found.isEmpty ? nil : found.reduce(0, +) / Double(found.count)
    }

    /// The same by the metric's own mean. Errors that are pooled include those of pictures without any, which have no
    /// finite value in decibels.
    private static func mean(_ values: [Double?], _ metric: Metric) -> Double? {
        guard metric.averaging == .decibel else {
            let found = values.compactMap { $0 }
            return found.isEmpty ? nil : metric.mean(found)
        }
        let mean = metric.mean(values.map { $0 ?? .infinity })
        return mean.isFinite ? mean : nil
    }

    private static func number(_ key: String, of evaluation: Evaluation) -> Double? {
        if case .number(let value)? = evaluation.facts.first(where: { $0.key == key })?.value { value } else { nil }
    }

    /// Every key once, in order of appearance.
    private static func keys(_ lists: [[String]]) -> [String] {
        var seen: Set<String> = []
        return lists.joined().filter { seen.insert($0).inserted }
    }

    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: RecordKey.self)
        var mean = fields.nestedContainer(keyedBy: RecordKey.self, forKey: "mean")
        try mean.encode(values, of: metrics)
        try mean.encode(seconds, forKey: "seconds")
        try mean.encode(averages)
        try fields.encode(count, forKey: "pictures")
        try fields.encode(facts)
        try fields.encode(baselines, of: metrics)
    }
}

extension KeyedEncodingContainer<RecordKey> {
    /// A figure is a number or null.
    fileprivate mutating func encode(_ values: [Double?], of metrics: [Metric]) throws {
        for (metric, value) in zip(metrics, values) { try encode(value, forKey: RecordKey(metric.key)) }
    }

    fileprivate mutating func encode(_ facts: [Evaluation.Fact]) throws {
        for fact in facts { try encode(fact.value, forKey: RecordKey(fact.key)) }
    }

    fileprivate mutating func encode(_ baselines: [Evaluation.Baseline], of metrics: [Metric]) throws {
        guard !baselines.isEmpty else { return }
        var list = nestedContainer(keyedBy: RecordKey.self, forKey: "baselines")
        for baseline in baselines {
            var fields = list.nestedContainer(keyedBy: RecordKey.self, forKey: RecordKey(baseline.name))
            try fields.encode(baseline.values, of: metrics)
        }
    }
}
