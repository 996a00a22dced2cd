import Glibc
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of an autoencoder: pictures in, the same pictures out. Its graph's inputs are filled by their names.
public struct AutoencoderTraining: TrainingTask, Sendable {
    public let graph: TrainingGraph
    public let architecture: AutoencoderArchitecture
    private let configuration: AutoencoderConfiguration
    private let training: PictureSet
    private let validation: PictureSet
    private let skipped: [PictureSet.Skipped]
    private let notes: [String: String]

    /// The names of the inputs that are filled with examples, in order.
    private let filled: [String]
    public let inputs: [TrainingInput]

    /// Pictures that are shown.
    private static let sampleCount = 10
    /// Pictures that pass the network together.
    private static let chunk = 250

    public init(
        configuration: AutoencoderConfiguration, architecture: AutoencoderArchitecture, graph: TrainingGraph,
        training: PictureSet, validation: PictureSet, skipped: [PictureSet.Skipped] = [],
        notes: [String: String] = [:]
    ) {
        self.configuration = configuration
        self.architecture = architecture
        self.graph = graph
        self.training = training
        self.validation = validation
        self.skipped = skipped
        self.notes = notes
        let names = graph.network.inputs.map { graph.network.nodes[$0.index].name }
        filled = names.filter { $0 != "noise" }
        inputs = names.map { name in
            let shape = architecture.shape(ofTrainingInput: name, importanceSamples: configuration.importanceSamples)
            return TrainingInput(
                height: shape.height, width: shape.width, channels: shape.channels,
                source: name == "noise" ? .standardNormal : .example)
        }
    }

    public var metrics: [Metric] {
        switch architecture.kind {
        case .variational where architecture.likelihood == .bernoulli,
            .conditional where architecture.likelihood == .bernoulli:
            [.negativeELBO, .divergence, .meanSquaredError]
        case .sparse: [.meanSquaredError, .activeShare]
        default: [.meanSquaredError]
        }
    }
    public let workUnit = "pictures"
    public let workPerExample = 1.0

    public var exampleCount: Int { training.pictures.count }
    public var validationCount: Int { validation.pictures.count }
    public var dataDigest: String { "\(training.digest)-\(validation.digest)" }

    public var dataSets: [RunReport.DataSet] {
        RunReport.DataSet.all(
            sources: configuration.data, training: training, validation: validation, skipped: skipped)
    }

    public var facts: [RunReport.Fact] {
        let classes = configuration.classes
        return classes.isEmpty
            ? [] : [RunReport.Fact("Classes", classes.map { "\($0)" }.joined(separator: ", "))]
    }

    public func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        var generator = SeededGenerator(seed: configuration.trainer.seed, path: UInt64(step), UInt64(slot))
        let picture = training.pictures[training.drawIndex(using: &generator)]
        let example = Example(picture, configuration, architecture, using: &generator)
        for (name, destination) in zip(filled, inputs) {
            let values = example.values(name)
            destination.update(from: values, count: values.count)
        }
        return picture.path
    }

    /// A picture as it is trained and measured.
    private struct Example {
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

    private func autoencoder(_ parameters: Parameters, pool: WorkerPool) -> Autoencoder {
        Autoencoder(
            Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network)),
            pool: pool)
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
    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        guard !validation.pictures.isEmpty else { return nil }
        let autoencoder = autoencoder(parameters, pool: pool)
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
    public func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        let examples = heldOut(0..<min(Self.sampleCount, validation.pictures.count))
        let results = try autoencoder(parameters, pool: pool).apply(
            examples.map(\.seen), labels: examples.map(\.label))
        return zip(examples, results).enumerated().map { index, pair in
            let (example, result) = pair
            var values = [example.clean, result.reconstruction]
            if architecture.kind == .denoising { values.insert(example.seen, at: 1) }
            let images = values.map { architecture.image(of: $0) }
            return SamplePicture(name: "\(index + 1)", image: images.dropFirst().reduce(images[0]) { $0.beside($1) })
        }
    }

    public func metadata(step: Int, metrics: [Double]?) -> [String: String] {
        var notes = notes
        let trainer = configuration.trainer
        let sources = configuration.data.map { lastPathComponent(of: $0.path) }.joined(separator: ", ")
        let classes = configuration.classes.map { "\($0)" }.joined(separator: ",")
        if !classes.isEmpty { notes["classes"] = classes }
        notes["training_data"] =
            "\(exampleCount) pictures of \(sources)" + (classes.isEmpty ? "" : ", classes \(classes)")
        notes["training_settings"] =
            "kind \(configuration.kind.rawValue), batch \(trainer.batchSize), \(trainer.optimizerDescription), "
            + "seed \(trainer.seed)"
        notes["training_steps"] = "\(step)"
        notes["value_range"] = "0…1"
        if let license = configuration.license { notes["license"] = license }
        for (metric, value) in zip(self.metrics, metrics ?? []) {
            notes["validation_\(metric.key)"] = metric.text(value)
        }
        return ModelMetadata(task: AutoencoderArchitecture.task, architecture: architecture.json, notes: notes)
            .dictionary
    }
}

extension AutoencoderArchitecture {
    /// The shape of one example of an input of the training graph.
    fileprivate func shape(ofTrainingInput name: String, importanceSamples: Int) -> Shape {
        switch name {
        case "noise": Shape(batch: 1, height: kind.isVariational ? importanceSamples : 1, width: 1, channels: codeSize)
        case "label": labelShape ?? codeShape
        default: pictureShape
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
