import Glibc
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

/// Bounds on the likelihood of the missing quadrants of digits.
struct QuadrantEvaluator: Evaluator {
    let completer: QuadrantCompleter
    let name: String
    let items: [PictureSet.Picture]
    let options: QuadrantOptions
    let seed: UInt64
    let listsItems = false

    /// Codes that pass the decoder together.
    private static let chunk = 50
    /// Completions of a digit on a sheet.
    private static let variantCount = 8

    let metrics = ["", "_binarized"].flatMap { suffix in
        [("neg_elbo", "-ELBO"), ("monte_carlo", "Monte Carlo"), ("importance", "importance"), ("kl", "KL")].map {
            Metric(
                $0 + suffix, title: suffix.isEmpty ? $1 : "\($1), binarized", decimals: 2,
                direction: .lowerIsBetter)
        }
    }

    var summary: [Evaluation.Fact] {
        [
            .init(key: "model", value: .text(name)),
            .init(key: "given", value: .integer(completer.architecture.given)),
            .init(key: "draws", value: .integer(options.draws)),
            .init(key: "importanceDraws", value: .integer(options.importanceDraws)),
            .init(key: "seed", value: .seed(seed)),
        ]
    }

    func name(of item: PictureSet.Picture) -> String { item.path }

    func evaluate(_ item: PictureSet.Picture) throws -> Evaluation {
        let clock = ContinuousClock()
        let start = clock.now
        let gray = QuadrantCompleter.values(of: item.image)
        var generator = SeededGenerator(seed: seed, path: stableHash(item.path))
        let targets: [[Float]] = [gray, gray.map { $0 >= 0.5 ? 1 : 0 }]
        let results = try targets.map { try bounds(of: $0, using: &generator) }
        let plain = results.flatMap { result -> [Double?] in [result.plain, nil, nil, nil] }
        return Evaluation(
            file: item.path, values: results.flatMap { $0.values },
            seconds: roundedToMicroseconds((clock.now - start).seconds),
            facts: item.label.map { [.init(key: "label", value: .integer($0))] } ?? [],
            baselines: [.init(name: "plain network", values: plain)])
    }

    /// Nats of one digit: −ELBO, Monte Carlo, importance sampling, KL; and the plain network's.
    private func bounds(
        of truth: [Float], using generator: inout SeededGenerator
    ) throws -> (values: [Double?], plain: Double) {
        let encoding = try completer.encode(truth)
        let divergence = encoding.posterior.divergence(from: encoding.prior)
        let fromPosterior = (0..<max(options.draws, options.importanceDraws)).map { _ in
            encoding.posterior.sample(using: &generator)
        }
        let fromPrior = (0..<options.draws).map { _ in encoding.prior.sample(using: &generator) }
        let posteriorCosts = try costs(truth, fromPosterior)
        let priorCosts = try costs(truth, fromPrior)
        let reconstruction = posteriorCosts.prefix(options.draws).reduce(0, +) / Double(options.draws)
        let weighted = zip(fromPosterior, posteriorCosts).prefix(options.importanceDraws).map { code, cost in
            encoding.prior.logDensity(code) - encoding.posterior.logDensity(code) - cost
        }
        return (
            [
                reconstruction + divergence, -logMeanExp(priorCosts.map { -$0 }),
                weighted.isEmpty ? nil : -logMeanExp(weighted), divergence,
            ], completer.crossEntropy(encoding.guess, truth)
        )
    }

    private func costs(_ truth: [Float], _ codes: [[Float]]) throws -> [Double] {
        try stride(from: 0, to: codes.count, by: Self.chunk).flatMap { start in
            try completer.logits(truth, codes: Array(codes[start...].prefix(Self.chunk)))
                .map { completer.crossEntropy($0, truth) }
        }
    }

    /// A row for the first digit of each class, in the order of the classes: what is given, the answer for the prior's
    /// mean, samples, the truth.
    func writeSheet(_ path: String, overwrite: Bool) throws {
        var firsts: [Int: PictureSet.Picture] = [:]
        for item in items where firsts[item.label ?? -1] == nil { firsts[item.label ?? -1] = item }
        let rows = try firsts.sorted { $0.key < $1.key }.map { _, item in
            try DigitRow(
                QuadrantCompleter.values(of: item.image), by: completer, variants: Self.variantCount, seed: seed
            ).image
        }
        guard let first = rows.first else { return }
        let samples = rows.flatMap { row -> [UInt8] in
            guard case .uint8(let values) = row.samples else { return [] }
            return values
        }
        let sheet = Image(
            width: first.width, height: first.height * rows.count, channelLayout: .gray, samples: .uint8(samples))
        try writeImage(sheet, to: path, overwrite: overwrite)
    }
}

/// log of the mean of e^x, without overflow.
func logMeanExp(_ values: [Double]) -> Double {
    let largest = values.max() ?? 0
    guard largest.isFinite else { return largest }
    return largest + log(values.reduce(0) { $0 + exp($1 - largest) } / Double(max(1, values.count)))
}
