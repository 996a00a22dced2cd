import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of a conditional variational autoencoder that completes pictures.
public struct InpainterTraining: TrainingTask, Sendable {
    public let graph: TrainingGraph
    public let architecture: InpainterArchitecture
    private let configuration: InpainterConfiguration
    private let training: PictureSet
    private let validation: PictureSet
    private let skipped: [PictureSet.Skipped]
    private let notes: [String: String]
    private let examples: any InpaintingExamples
    /// Names of the inputs that are filled with examples, in order.
    private let filled: [String]
    public let inputs: [TrainingInput]

    public init(
        configuration: InpainterConfiguration, architecture: InpainterArchitecture, graph: TrainingGraph,
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
        let examples: any InpaintingExamples =
            switch architecture.kind {
            case .quadrants:
                QuadrantExamples(
                    configuration: configuration, architecture: architecture, training: training,
                    validation: validation)
            case .photo:
                PhotoExamples(
                    configuration: configuration, architecture: architecture, training: training,
                    validation: validation)
            }
        self.examples = examples
        let names = graph.network.inputs.map { graph.network.nodes[$0.index].name }
        inputs = names.map { name in
            let shape = examples.shape(of: name)
            return TrainingInput(
                height: shape.height, width: shape.width, channels: shape.channels,
                source: name == "noise" ? .standardNormal : .example)
        }
        filled = names.filter { $0 != "noise" }
    }

    public var metrics: [Metric] { examples.metrics }
    public var workUnit: String { architecture.kind == .photo ? "megapixels" : "pictures" }

    public var workPerExample: Double {
        architecture.kind == .photo ? Double(configuration.patchSize * configuration.patchSize) / 1e6 : 1
    }

    public var exampleCount: Int { training.pictures.count }
    public var validationCount: Int { validation.pictures.count }
    public var dataDigest: String { "\(training.digest)-\(validation.digest)" }

    public var dataSets: [RunReport.DataSet] {
        RunReport.DataSet.all(
            sources: configuration.data, training: training, validation: validation, skipped: skipped)
    }

    public var facts: [RunReport.Fact] { [RunReport.Fact("Network", architecture.kind.rawValue)] }

    public func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        var generator = SeededGenerator(seed: configuration.trainer.seed, path: UInt64(step), UInt64(slot))
        return examples.fill(
            Dictionary(uniqueKeysWithValues: zip(filled, inputs)), isDeterministic: isDeterministic(step, slot),
            using: &generator)
    }

    /// Whether an example is decoded from the prior's mean. They are spread evenly over the batches.
    private func isDeterministic(_ step: Int, _ slot: Int) -> Bool {
        let index = Double(step * configuration.trainer.batchSize + slot)
        let share = configuration.deterministicShare
        return ((index + 1) * share).rounded(.down) > (index * share).rounded(.down)
    }

    private func model(_ parameters: Parameters) -> Model<InpainterArchitecture> {
        Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network))
    }

    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        guard !validation.pictures.isEmpty else { return nil }
        return try examples.validate(model(parameters), pool: pool)
    }

    public func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        try examples.samples(model(parameters), pool: pool)
    }

    public func metadata(step: Int, metrics: [Double]?) -> [String: String] {
        var notes = notes
        let trainer = configuration.trainer
        let sources = configuration.data.map { lastPathComponent(of: $0.path) }.joined(separator: ", ")
        notes["training_data"] = "\(exampleCount) pictures of \(sources)"
        notes["training_settings"] = """
            recipe \(configuration.recipe.rawValue), \(examples.settings), batch \(trainer.batchSize), \
            \(trainer.optimizerDescription), EMA \(trainer.averageDecay), free bits \(configuration.freeBits), \
            seed \(trainer.seed)
            """
        notes["training_steps"] = "\(step)"
        notes["value_range"] = "0…1"
        if let license = configuration.license { notes["license"] = license }
        for (metric, value) in zip(examples.metrics, metrics ?? []) {
            notes["validation_\(metric.key)"] = metric.text(value)
        }
        return ModelMetadata(task: InpainterArchitecture.task, architecture: architecture.json, notes: notes)
            .dictionary
    }
}

/// The examples of one kind of inpainter: how they are made, measured and shown.
protocol InpaintingExamples: Sendable {
    var metrics: [Metric] { get }
    /// What the model's metadata says of them.
    var settings: String { get }
    /// The shape of one example of an input of the training graph.
    func shape(of input: String) -> Shape

    /// Writes one example.
    ///
    /// - Parameters:
    ///   - inputs: destinations by the names of the inputs.
    ///   - isDeterministic: whether it is decoded from the prior's mean.
    /// - Returns: the file that it is from.
    func fill(
        _ inputs: [String: UnsafeMutablePointer<Float>], isDeterministic: Bool, using generator: inout SeededGenerator
    ) -> String

    func validate(_ model: Model<InpainterArchitecture>, pool: WorkerPool) throws -> [Double]
    func samples(_ model: Model<InpainterArchitecture>, pool: WorkerPool) throws -> [SamplePicture]
}

extension Metric {
    /// The divergence of q from the prior, a picture.
    public static let divergence = Metric("kl", title: "KL", decimals: 2, direction: .lowerIsBetter)
    /// −ELBO of the missing pixels, a picture, in nats.
    public static let negativeELBO = Metric("neg_elbo", title: "-ELBO", decimals: 2, direction: .lowerIsBetter)
}
