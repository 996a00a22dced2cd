import Logging
import RestoreConcurrency
import RestoreModels
import RestoreNN

/// Every setting of an autoencoder's training run. The defaults are the classic run on MNIST: 784-500-300-2 and back, Adam
/// with a constant learning rate of 10⁻⁴, batches of 50, 2,500 steps.
public struct AutoencoderConfiguration: TrainingConfiguration {
    public var data: [DataSource] = []
    public var kind = AutoencoderArchitecture.Kind.dense
    /// Classes to train on; empty for all pictures.
    public var classes: [Int] = []
    /// Units of the encoder's hidden layers.
    public var hidden = AutoencoderArchitecture().hidden
    public var codeSize = AutoencoderArchitecture().codeSize
    /// Side of the pictures in pixels; others are resized.
    public var pictureSize = 28
    /// 1 for gray, 3 for color.
    public var channels = 1
    public var validationPictures = 1000
    public var license: String?
    public var trainer: TrainerSettings

    public init() {
        trainer = TrainerSettings(
            learningRate: 1e-4, warmupSteps: 0, averageDecay: 0, reportInterval: 100, validationInterval: 500)
        trainer.batchSize = 50
        trainer.optimizer = .adam
        trainer.beta2 = 0.999
        trainer.schedule = .constant
        trainer.maximumGradientNorm = 1e6
    }

    public static let task = AutoencoderArchitecture.task
    public static let defaultSteps = 2500

    public static let table = SettingsTable<AutoencoderConfiguration>(
        [
            .task(task),
            .sources("data", \.data),
            .choice("kind", \.kind, help: "Kind of autoencoder."),
            .integers(
                "classes", \.classes, expectation: "numbers of classes, such as 1,5,6",
                help: "Train on these classes only.", valueName: "1,5,6"
            ).defaulting(to: "all"),
            .integers(
                "hidden", \.hidden, expectation: "up to 8 numbers of 1 to 65536 units",
                help: "Units of the encoder's hidden layers; the decoder mirrors them."),
            .integer("code", \.codeSize, in: 1...65536, help: "Units of the code.", valueName: "units"),
            .integer(
                "picture-size", \.pictureSize, in: 1...1024, help: "Side of the pictures; others are resized.",
                valueName: "pixels"),
            .integer("channels", \.channels, in: 1...3, help: "1 for gray, 3 for color.", valueName: "1|3"),
            .integer(
                "validation-pictures", \.validationPictures, in: 0...100_000,
                help: "Pictures set aside for validation, at most a tenth."),
            .optionalText("license", \.license, help: "License, for the model's metadata.", valueName: "text"),
        ] + TrainerSettings.table(defaultSteps: defaultSteps).map { $0.within(\.trainer) })

    public var title: String { "Autoencoder, \(kind.rawValue), code of \(codeSize)" }

    public func completed() throws(ConfigurationError) -> AutoencoderConfiguration {
        _ = try architecture()
        return self
    }

    /// - Throws: `ConfigurationError` if the settings are valid one by one but not together.
    public func architecture() throws(ConfigurationError) -> AutoencoderArchitecture {
        let architecture = AutoencoderArchitecture(
            kind: kind, height: pictureSize, width: pictureSize, channels: channels, hidden: hidden,
            codeSize: codeSize)
        if let defect = architecture.defect { throw ConfigurationError(reason: defect) }
        return architecture
    }

    /// The target is the input.
    public func graph() throws(ConfigurationError) -> TrainingGraph {
        var network = try architecture().network
        let loss = network.add("loss", DifferenceLoss(.l2), network.outputs[0], network.inputs[0])
        return TrainingGraph(
            network: network, objective: Objective([.init("reconstruction", loss)]), modelOutputs: network.outputs)
    }

    public func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> AutoencoderTraining {
        var all = try PictureSet(sources: data, minimumSide: 1, pool: pool, logger: logger)
        if !classes.isEmpty { all = try all.ofClasses(Set(classes)) }
        let (training, validation) = all.split(validation: validationPictures, pool: pool, logger: logger)
        return AutoencoderTraining(
            configuration: self, architecture: try architecture(), graph: graph, training: training,
            validation: validation, skipped: all.skipped, notes: notes)
    }
}
