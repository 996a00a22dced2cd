import Glibc
import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN

/// Pictures that an autoencoder reconstructs.
struct ReconstructionExamples: AutoencoderExamples {
    let configuration: AutoencoderConfiguration
    let architecture: AutoencoderArchitecture
    let training: PictureSet
    let validation: PictureSet

    /// Pictures that are shown.
    private static let sampleCount = 10
    /// Pictures that pass the network together.
    private static let chunk = 250

    var metrics: [Metric] {
        switch architecture.kind {
        case .variational where architecture.likelihood == .bernoulli,
            .conditional where architecture.likelihood == .bernoulli:
            [.negativeELBO, .divergence, .meanSquaredError]
        case .sparse: [.meanSquaredError, .activeShare]
        default: [.meanSquaredError]
        }
    }

    /// A picture as it is trained and measured.
    private struct Example: AutoencoderExample {
        let path: String
        /// What the network is to give.
        let clean: [Float]
        /// What it gets.
        let seen: [Float]
        let label: Int?
        private let oneHot: [Float]
        private let pixelLogVariance: Float

        init(
            _ picture: PictureSet.Picture, _ configuration: AutoencoderConfiguration,
            _ architecture: AutoencoderArchitecture, using generator: inout SeededGenerator
        ) {
            var values = architecture.input(of: picture.image)
            if architecture.likelihood == .bernoulli { binarize(&values, using: &generator) }
            path = picture.path
            clean = values
            if architecture.kind == .denoising {
                let corruption = Corruption(configuration.corruption, level: configuration.corruptionLevel)
                values.withUnsafeMutableBufferPointer { corruption.corrupt($0, using: &generator) }
            }
            seen = values
            label = picture.label
            oneHot = architecture.oneHot(picture.label)
            pixelLogVariance = Float(2 * log(configuration.pixelDeviation))
        }

        /// Of an input of the training graph.
        func values(_ name: String) -> [Float] {
            switch name {
            case "target": clean
            case "label": oneHot
            case "pixel log variance": [Float](repeating: pixelLogVariance, count: clean.count)
            default: seen
            }
        }
    }

    func draw(using generator: inout SeededGenerator) -> any AutoencoderExample {
        let picture = training.pictures[training.drawIndex(using: &generator)]
        return Example(picture, configuration, architecture, using: &generator)
    }

    /// The held-out pictures, each always corrupted or binarized in the same way.
    private func heldOut(_ range: Range<Int>) -> [Example] {
        range.map { index in
            var generator = SeededGenerator(
                seed: configuration.trainer.seed, path: stableHash("validation"), UInt64(index))
            return Example(validation.pictures[index], configuration, architecture, using: &generator)
        }
    }

    /// The mean squared error of the held-out pictures, over all their values, and what the kind adds.
    func validate(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) throws -> [Double] {
        let autoencoder = Autoencoder(model, pool: pool)
        let count = validation.pictures.count
        var (error, active, bound, divergence) = (0.0, 0, 0.0, 0.0)
        for start in stride(from: 0, to: count, by: Self.chunk) {
            let examples = heldOut(start..<min(start + Self.chunk, count))
            let labels = examples.map(\.label)
            for (example, result) in zip(examples, try autoencoder.apply(examples.map(\.seen), labels: labels)) {
                error += meanSquaredError(result.reconstruction, example.clean)
                active += result.code.count { $0 > Self.leastActivity }
            }
            guard let estimator = LikelihoodEstimator(autoencoder) else { continue }
            let estimates = try estimator.estimates(
                of: examples.map(\.seen), labels: labels, samples: 1, seed: UInt64(start))
            bound += estimates.reduce(0) { $0 + $1.negativeBound }
            divergence += estimates.reduce(0) { $0 + $1.divergence }
        }
        let (mean, share) = (error / Double(count), Double(active) / Double(count * architecture.codeSize))
        return metrics.map { metric in
            switch metric.key {
            case Metric.negativeELBO.key: bound / Double(count)
            case Metric.divergence.key: divergence / Double(count)
            case Metric.activeShare.key: share
            default: mean
            }
        }
    }

    /// An activity above this counts.
    private static let leastActivity: Float = 0.01

    /// Pictures beside their reconstructions; corrupted ones first beside what was corrupted.
    func samples(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) throws -> [[Image]] {
        let examples = heldOut(0..<min(Self.sampleCount, validation.pictures.count))
        let results = try Autoencoder(model, pool: pool).apply(examples.map(\.seen), labels: examples.map(\.label))
        return zip(examples, results).map { example, result in
            var values = [example.clean, result.reconstruction]
            if architecture.kind == .denoising { values.insert(example.seen, at: 1) }
            return values.map { architecture.image(of: $0) }
        }
    }
}

/// Makes values 0 or 1, with the values in 0…1 as the probabilities of 1 (Salakhutdinov & Murray, "On the quantitative
/// analysis of deep belief networks", ICML 2008).
public func binarize(_ values: inout [Float], using generator: inout SeededGenerator) {
    for index in values.indices { values[index] = generator.happens(Double(values[index])) ? 1 : 0 }
}

extension Metric {
    /// The share of a code's units that are active.
    public static let activeShare = Metric(
        "active_share", title: "active units", decimals: 4, direction: .lowerIsBetter)
    /// Of values in 0…1, a value.
    public static let meanSquaredError = Metric("mse", title: "MSE", decimals: 5, direction: .lowerIsBetter)
}

/// The mean of the squared differences of two pictures' values.
///
/// - Precondition: as many values each.
public func meanSquaredError(_ first: [Float], _ second: [Float]) -> Double {
    precondition(first.count == second.count, "\(first.count) and \(second.count) values")
    var sum = 0.0
    for (a, b) in zip(first, second) {
        let d = Double(a) - Double(b)
        sum += d * d
    }
    return sum / Double(max(1, first.count))
}
