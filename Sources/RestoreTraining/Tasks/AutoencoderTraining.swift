import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of an autoencoder: pictures in, the same pictures out.
public struct AutoencoderTraining: TrainingTask, Sendable {
    public let graph: TrainingGraph
    public let architecture: AutoencoderArchitecture
    private let configuration: AutoencoderConfiguration
    private let training: PictureSet
    private let validation: PictureSet
    private let skipped: [PictureSet.Skipped]
    private let notes: [String: String]

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
    }

    public var inputs: [TrainingInput] {
        [TrainingInput(height: architecture.height, width: architecture.width, channels: architecture.channels)]
    }

    public let metrics = [Metric.meanSquaredError]
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
        for (index, value) in architecture.input(of: picture.image).enumerated() { inputs[0][index] = value }
        return picture.path
    }

    private func autoencoder(_ parameters: Parameters, pool: WorkerPool) -> Autoencoder {
        Autoencoder(
            Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network)),
            pool: pool)
    }

    /// The mean squared error of the held-out pictures, over all their values.
    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        guard !validation.pictures.isEmpty else { return nil }
        let autoencoder = autoencoder(parameters, pool: pool)
        var sum = 0.0
        for start in stride(from: 0, to: validation.pictures.count, by: Self.chunk) {
            let pictures = validation.pictures[start...].prefix(Self.chunk).map { architecture.input(of: $0.image) }
            for (picture, result) in zip(pictures, try autoencoder.apply(pictures)) {
                sum += meanSquaredError(result.reconstruction, picture)
            }
        }
        return [sum / Double(validation.pictures.count)]
    }

    /// Pictures above their reconstructions.
    public func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        let pictures = validation.pictures.prefix(Self.sampleCount).map { architecture.input(of: $0.image) }
        let results = try autoencoder(parameters, pool: pool).apply(pictures)
        return zip(pictures, results).enumerated().map { index, pair in
            let image = architecture.image(of: pair.0).beside(architecture.image(of: pair.1.reconstruction))
            return SamplePicture(name: "\(index + 1)", image: image)
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
            "batch \(trainer.batchSize), squared error, \(trainer.optimizerDescription), seed \(trainer.seed)"
        notes["training_steps"] = "\(step)"
        notes["value_range"] = "0…1"
        if let license = configuration.license { notes["license"] = license }
        if let error = metrics?.first { notes["validation_mse"] = Metric.meanSquaredError.text(error) }
        return ModelMetadata(task: AutoencoderArchitecture.task, architecture: architecture.json, notes: notes)
            .dictionary
    }
}

extension Metric {
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
