import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN

/// Digits of which some quadrants are known.
struct QuadrantExamples: InpaintingExamples {
    let configuration: InpainterConfiguration
    let architecture: InpainterArchitecture
    let training: PictureSet
    let validation: PictureSet

    /// Held-out digits that are shown, and completions of each.
    private static let sampleCount = 10
    private static let variantCount = 6

    let metrics = [
        Metric.negativeELBO, .divergence,
        Metric("plain", title: "plain network", decimals: 2, direction: .lowerIsBetter),
    ]

    var settings: String { "\(configuration.given) quadrants given, dropout \(configuration.dropout)" }

    func shape(of input: String) -> Shape {
        let side = InpainterArchitecture.digitSide
        switch input {
        case "picture", "mask", "truth": return Shape(batch: 1, height: side, width: side, channels: 1)
        case "noise": return architecture.codeShape(height: side, width: side)
        case "posterior share": return Shape(batch: 1, height: 1, width: 1, channels: 1)
        default:
            let layer = architecture.dropoutLayers.first { InpainterArchitecture.dropoutInput($0.layer) == input }
            return Shape(batch: 1, height: 1, width: 1, channels: layer?.units ?? 1)
        }
    }

    func fill(
        _ inputs: [String: UnsafeMutablePointer<Float>], isDeterministic: Bool, using generator: inout SeededGenerator
    ) -> String {
        guard let known = inputs["picture"], let missing = inputs["mask"], let whole = inputs["truth"],
            let share = inputs["posterior share"]
        else { preconditionFailure("a training graph without the inputs of digits: \(inputs.keys)") }
        let picture = training.pictures[training.drawIndex(using: &generator)]
        let truth = QuadrantCompleter.values(of: picture.image)
        let mask = QuadrantCompleter.mask(given: architecture.given)
        for pixel in truth.indices {
            known[pixel] = truth[pixel] * (1 - mask[pixel])
            missing[pixel] = mask[pixel]
            whole[pixel] = truth[pixel]
        }
        share[0] = isDeterministic ? 0 : 1
        let scale = Float(1 / (1 - configuration.dropout))
        for (layer, units) in architecture.dropoutLayers {
            guard let factors = inputs[InpainterArchitecture.dropoutInput(layer)] else { continue }
            for unit in 0..<units {
                factors[unit] = configuration.dropout > 0 && generator.happens(configuration.dropout) ? 0 : scale
            }
        }
        return picture.path
    }

    /// The bound with one code of each digit.
    func validate(_ model: Model<InpainterArchitecture>, pool: WorkerPool) throws -> [Double] {
        let completer = QuadrantCompleter(model, pool: pool)
        var sums = [0.0, 0, 0]
        for (index, picture) in validation.pictures.enumerated() {
            var generator = SeededGenerator(
                seed: configuration.trainer.seed, path: stableHash("validation"), UInt64(index))
            let truth = QuadrantCompleter.values(of: picture.image)
            let encoding = try completer.encode(truth)
            let divergence = encoding.posterior.divergence(from: encoding.prior)
            let logits = try completer.logits(truth, codes: [encoding.posterior.sample(using: &generator)])
            sums[0] += completer.crossEntropy(logits[0], truth) + divergence
            sums[1] += divergence
            sums[2] += completer.crossEntropy(encoding.guess, truth)
        }
        return sums.map { $0 / Double(validation.pictures.count) }
    }

    /// What is given, the answer for the prior's mean, some samples, and the truth.
    func samples(_ model: Model<InpainterArchitecture>, pool: WorkerPool) throws -> [SamplePicture] {
        let completer = QuadrantCompleter(model, pool: pool)
        return try validation.pictures.prefix(Self.sampleCount).enumerated().map { index, picture in
            let truth = QuadrantCompleter.values(of: picture.image)
            let row = try DigitRow(truth, by: completer, variants: Self.variantCount, seed: UInt64(index))
            return SamplePicture(name: "\(index + 1)", image: row.image)
        }
    }
}

/// A digit as it is given, its completion for the prior's mean, some samples, and the truth, side by side.
public struct DigitRow {
    public let image: Image

    /// - Throws: `NetworkError` if the machine has too little memory.
    public init(_ truth: [Float], by completer: QuadrantCompleter, variants: Int, seed: UInt64) throws(NetworkError) {
        let prior = try completer.encode(truth).prior
        var generator = SeededGenerator(seed: seed)
        var codes = [prior.mean]
        for _ in 0..<variants { codes.append(prior.sample(using: &generator)) }
        let completions = try completer.logits(truth, codes: codes).map { completer.completed(truth, logits: $0) }
        let images = ([completer.known(truth)] + completions + [truth]).map(Self.image)
        image = images.dropFirst().reduce(images[0]) { $0.beside($1) }
    }

    private static func image(of values: [Float]) -> Image {
        let side = InpainterArchitecture.digitSide
        let samples = values.map { UInt8(max(0, min(255, ($0.isNaN ? 0 : $0) * 255 + 0.5))) }
        return Image(width: side, height: side, channelLayout: .gray, samples: .uint8(samples))
    }
}
