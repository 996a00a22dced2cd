import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of an autoencoder: pictures in, the same pictures out, or the classes of their pixels. Its graph's inputs are
/// filled by their names.
public struct AutoencoderTraining: TrainingTask, Sendable {
    public let graph: TrainingGraph
    public let architecture: AutoencoderArchitecture
    private let configuration: AutoencoderConfiguration
    private let examples: any AutoencoderExamples
    private let skipped: [PictureSet.Skipped]
    private let notes: [String: String]

    /// The names of the inputs that are filled with examples, in order.
    private let filled: [String]
    public let inputs: [TrainingInput]

    /// For a kind that reconstructs.
    public init(
        configuration: AutoencoderConfiguration, architecture: AutoencoderArchitecture, graph: TrainingGraph,
        training: PictureSet, validation: PictureSet, skipped: [PictureSet.Skipped] = [],
        notes: [String: String] = [:]
    ) {
        let examples = ReconstructionExamples(
            configuration: configuration, architecture: architecture, training: training, validation: validation)
        self.init(
            configuration: configuration, architecture: architecture, graph: graph, examples: examples,
            skipped: skipped, notes: notes)
    }

    init(
        configuration: AutoencoderConfiguration, architecture: AutoencoderArchitecture, graph: TrainingGraph,
        examples: any AutoencoderExamples, skipped: [PictureSet.Skipped], notes: [String: String]
    ) {
        self.configuration = configuration
        self.architecture = architecture
        self.graph = graph
        self.examples = examples
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

    public var metrics: [Metric] { examples.metrics }
    public let workUnit = "pictures"
    public let workPerExample = 1.0

    public var exampleCount: Int { examples.training.pictures.count }
    public var validationCount: Int { examples.validationCount }
    public var dataDigest: String { examples.dataDigest }

    public var dataSets: [RunReport.DataSet] {
        RunReport.DataSet.all(
            sources: configuration.data, training: examples.training, validation: examples.validation,
            skipped: skipped) + examples.furtherDataSets
    }

    public var facts: [RunReport.Fact] {
        let classes = configuration.classes
        return classes.isEmpty
            ? [] : [RunReport.Fact("Classes", classes.map { "\($0)" }.joined(separator: ", "))]
    }

    public func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        var generator = SeededGenerator(seed: configuration.trainer.seed, path: UInt64(step), UInt64(slot))
        let example = examples.draw(using: &generator)
        for (name, destination) in zip(filled, inputs) {
            let values = example.values(name)
            destination.update(from: values, count: values.count)
        }
        return example.path
    }

    private func model(_ parameters: Parameters) -> Model<AutoencoderArchitecture> {
        Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network))
    }

    /// What the kind is measured by on the held-out pictures.
    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        guard validationCount > 0 else { return nil }
        return try examples.validate(model(parameters), pool: pool)
    }

    public func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        try examples.samples(model(parameters), pool: pool).enumerated().map { index, images in
            SamplePicture(name: "\(index + 1)", image: images.dropFirst().reduce(images[0]) { $0.beside($1) })
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
            + examples.furtherData
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

/// The examples of one kind of autoencoder: how they are made, measured and shown.
protocol AutoencoderExamples: Sendable {
    var training: PictureSet { get }
    var validation: PictureSet { get }
    /// Examples that are held out.
    var validationCount: Int { get }
    var dataDigest: String { get }
    /// Beside those of `--data`; completes the model's metadata, too.
    var furtherDataSets: [RunReport.DataSet] { get }
    var furtherData: String { get }
    var metrics: [Metric] { get }

    func draw(using generator: inout SeededGenerator) -> any AutoencoderExample
    func validate(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) throws -> [Double]
    /// Pictures that belong side by side, for a few held-out examples.
    func samples(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) throws -> [[Image]]
}

extension AutoencoderExamples {
    var validationCount: Int { validation.pictures.count }
    var dataDigest: String { "\(training.digest)-\(validation.digest)" }
    var furtherDataSets: [RunReport.DataSet] { [] }
    var furtherData: String { "" }
}

/// What the inputs of a training graph get.
protocol AutoencoderExample {
    /// The file that it is from.
    var path: String { get }
    /// Of an input of the training graph.
    func values(_ input: String) -> [Float]
}

extension AutoencoderArchitecture {
    /// The shape of one example of an input of the training graph.
    fileprivate func shape(ofTrainingInput name: String, importanceSamples: Int) -> Shape {
        switch name {
        case "noise": Shape(batch: 1, height: kind.isVariational ? importanceSamples : 1, width: 1, channels: codeSize)
        case "label": labelShape ?? codeShape
        case "classes": Shape(batch: 1, height: height, width: width, channels: 1)
        default: pictureShape
        }
    }
}
