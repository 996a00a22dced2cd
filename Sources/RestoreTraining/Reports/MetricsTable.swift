import RestoreText

/// The measurements of a training run up to a step: a row of `metrics.csv`.
public struct MetricsRow: Sendable, Equatable {
    /// Steps done, at least 0.
    public var step: Int
    /// The weighted sum of the objective's terms, averaged over the steps since the previous row.
    public var loss: Double
    /// The unweighted terms, averaged the same way; empty if the objective has a single term.
    public var terms: [Double]
    /// Of the last step. The norm is that of the gradients before clipping.
    public var learningRate: Double
    public var gradientNorm: Double
    /// Each metric of the averaged weights, if they were validated at this step.
    public var validation: [Double]?
    /// Training time, excluding interruptions.
    public var seconds: Double
    /// Amount of data trained on, in the run's unit.
    public var work: Double

    public init(
        step: Int, loss: Double, terms: [Double] = [], learningRate: Double, gradientNorm: Double,
        validation: [Double]? = nil, seconds: Double, work: Double
    ) {
        self.step = step
        self.loss = loss
        self.terms = terms
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.validation = validation
        self.seconds = seconds
        self.work = work
    }
}

/// Why a `metrics.csv` is invalid.
public struct MetricsTableError: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    /// Starting at 1, the line with the column names.
    public let line: Int
    public let reason: String

    public var description: String { "\(path): line \(line): \(reason)" }
}

/// The rows of a run in the order of their steps, and their representation as comma-separated values.
///
/// Values are rounded when written: learning rates and norms to single precision, validations to 4 decimals or more, seconds to
/// 1 and work to 3. Writing a table that was read gives the same bytes, so a resumed run produces the same file as an
/// uninterrupted one.
public struct MetricsTable: Sendable, Equatable {
    public let measures: RunMeasures
    public private(set) var rows: [MetricsRow]

    /// The names of the columns.
    public var columns: [String] {
        ["step", "loss"] + measures.listedTerms.map { "loss_\($0)" } + ["learning_rate", "gradient_norm"]
            + measures.metrics.map { "validation_\($0.key)" } + ["seconds", measures.workUnit]
    }

    /// - Precondition: steps are ascending and not negative; rows have the terms and metrics listed in `measures`.
    public init(_ measures: RunMeasures, rows: [MetricsRow] = []) {
        self.measures = measures
        self.rows = []
        for row in rows { append(row) }
    }

    /// - Precondition: the row's step comes after that of the last row, and it has the terms and metrics listed in
    ///   `measures`.
    public mutating func append(_ row: MetricsRow) {
        precondition(row.step > rows.last?.step ?? -1, "step \(row.step) after \(rows.last?.step ?? -1)")
        precondition(
            row.validation?.count ?? measures.metrics.count == measures.metrics.count,
            "\(row.validation?.count ?? 0) values for \(measures.metrics.count) metrics")
        var row = row
        // With a single term, the loss is sufficient.
        if measures.listedTerms.isEmpty { row.terms = [] }
        precondition(row.terms.count == measures.listedTerms.count, "\(row.terms.count) terms")
        rows.append(row)
    }

    /// The rows up to `step`, from which a run is resumed; the later ones will be computed again.
    public func truncated(after step: Int) -> MetricsTable {
        MetricsTable(measures, rows: rows.filter { $0.step <= step })
    }

    // MARK: Comma-separated values

    /// One line of column names, then one line per row.
    public var csv: String {
        columns.joined(separator: ",") + "\n" + rows.map { line($0) }.joined()
    }

    private func line(_ row: MetricsRow) -> String {
        let validation = measures.metrics.enumerated().map { index, metric in
            row.validation.map { decimals($0[index], max(4, metric.decimals)) } ?? ""
        }
        let fields =
            ["\(row.step)", "\(row.loss)"] + row.terms.map { "\($0)" }
            + ["\(Float(row.learningRate))", "\(Float(row.gradientNorm))"] + validation
            + [decimals(row.seconds, 1), decimals(row.work, 3)]
        return fields.joined(separator: ",") + "\n"
    }

    /// Parses the output of `csv`. Line endings may be those of spreadsheets; steps must be ascending; `nan` and `inf`
    /// are numbers.
    ///
    /// - Parameter path: used in messages.
    public init(_ measures: RunMeasures, csv bytes: [UInt8], path: String) throws(MetricsTableError) {
        // Split as bytes, because in Swift a carriage return and a line feed form a single character.
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.measures = measures
        rows = []
        let columns = columns
        for (index, line) in lines.enumerated() {
            let text = String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            let fields = text.split(separator: ",", omittingEmptySubsequences: false)
            do throws(Damage) {
                if index == 0 {
                    try Self.check(fields, columns)
                } else {
                    rows.append(try row(Fields(values: fields, columns: columns)))
                }
            } catch {
                throw MetricsTableError(path: path, line: index + 1, reason: error.reason)
            }
        }
        if lines.isEmpty { throw MetricsTableError(path: path, line: 1, reason: "the file is empty") }
    }

    private struct Damage: Error {
        let reason: String
    }

    private static func check(_ found: [Substring], _ columns: [String]) throws(Damage) {
        guard found.elementsEqual(columns, by: ==) else {
            let expected = columns.joined(separator: ",")
            throw Damage(reason: "expected the columns \(expected), found \(excerpt(found.joined(separator: ",")))")
        }
    }

    /// The fields of a line, consumed one after the other.
    private struct Fields {
        let values: [Substring]
        let columns: [String]
        var next = 0

        mutating func text() -> Substring {
            defer { next += 1 }
            return values[next]
        }

        mutating func number() throws(Damage) -> Double {
            let (column, text) = (columns[next], text())
            guard let value = Double(text) else {
                throw Damage(reason: "expected a number for \(column), found “\(excerpt(text))”")
            }
            return value
        }
    }

    private func row(_ line: Fields) throws(Damage) -> MetricsRow {
        var fields = line
        guard fields.values.count == fields.columns.count else {
            throw Damage(reason: "expected \(fields.columns.count) fields, found \(fields.values.count)")
        }
        let stepText = fields.text()
        guard let step = Int(stepText) else {
            throw Damage(reason: "expected a whole number for step, found “\(excerpt(stepText))”")
        }
        let previous = rows.last?.step ?? -1
        guard step > previous else { throw Damage(reason: "expected a step after \(previous), found \(step)") }
        var row = MetricsRow(
            step: step, loss: try fields.number(), learningRate: 0, gradientNorm: 0, seconds: 0, work: 0)
        for _ in measures.listedTerms { row.terms.append(try fields.number()) }
        row.learningRate = try fields.number()
        row.gradientNorm = try fields.number()
        let isValidated = !measures.metrics.isEmpty && !fields.values[fields.next].isEmpty
        if isValidated { row.validation = [] }
        for _ in measures.metrics {
            if isValidated { row.validation?.append(try fields.number()) } else { fields.next += 1 }
        }
        row.seconds = try fields.number()
        row.work = try fields.number()
        return row
    }
}

/// Enough of an invalid text to recognize it.
private func excerpt(_ text: some StringProtocol) -> String {
    text.count > 80 ? text.prefix(80) + "…" : String(text)
}
