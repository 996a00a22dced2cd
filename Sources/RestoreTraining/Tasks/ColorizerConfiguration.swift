import Logging
import RestoreConcurrency
import RestoreModels
import RestoreNN

/// Every setting of a colorizer's training run.
public struct ColorizerConfiguration: TrainingConfiguration {
    /// Named sets of settings. Choosing one sets the others; what is given after it takes precedence.
    public enum Recipe: String, CaseIterable, Sendable {
        /// An encoder-decoder with skips that predicts chroma.
        case skip
        /// The textbook's autoencoder: squared error, Adam, batches of 32, 30 epochs.
        case textbook
        /// The same with an autoencoder for each color channel.
        case perChannel = "per-channel"
    }

    public var data: [DataSource] = []
    public var recipe = Recipe.skip {
        didSet { apply(recipe) }
    }
    /// Side of the pictures in pixels; others are cropped and resized.
    public var pictureSize = 32
    /// Crops are up to this many times as large as `pictureSize`, and reduced.
    public var maximumReduction = 1.0
    public var widths = [64, 128, 192, 256]
    public var blocks = [1, 1, 1, 1]
    /// Fraction of the examples with hints; 0 for a network that takes none.
    public var hintShare = 0.0
    /// Weights of the objective's further terms: the distribution over chroma bins, and the picture's class.
    public var distributionWeight = 0.02
    public var classWeight = 0.002
    /// Number of classes that the data's labels may have.
    public var classCount = 10
    public var loss = PictureLoss.l1
    public var validationPictures = 500
    public var license: String?
    public var trainer: TrainerSettings

    public init() {
        trainer = TrainerSettings(
            learningRate: 1e-3, warmupSteps: 200, averageDecay: 0.999, reportInterval: 100, validationInterval: 1000)
        trainer.batchSize = 32
    }

    private mutating func apply(_ recipe: Recipe) {
        let defaults = ColorizerConfiguration()
        switch recipe {
        case .skip:
            (trainer, loss) = (defaults.trainer, defaults.loss)
        case .textbook, .perChannel:
            loss = .l2
            trainer = defaults.trainer
            (trainer.optimizer, trainer.beta2, trainer.schedule) = (.adam, 0.999, .constant)
            (trainer.warmupSteps, trainer.averageDecay, trainer.maximumGradientNorm) = (0, 0, 1e6)
            trainer.epochs = 30
        }
    }

    public static let task = ColorizerArchitecture.task
    public static let defaultSteps = 20_000

    public static let table = SettingsTable<ColorizerConfiguration>(
        [
            .task(task),
            .sources("data", \.data),
            // Before all that it sets.
            .choice("recipe", \.recipe, help: "Named set of settings; others given with it take precedence."),
            .integer(
                "picture-size", \.pictureSize, in: 8...1024,
                help: "Side of the pictures; others are cropped and resized.", valueName: "pixels"),
            .number(
                "max-reduction", \.maximumReduction, in: 1...16,
                help: "Crops are up to this many times as large as the pictures, and reduced.", valueName: "1…16"),
            .integers(
                "widths", \.widths, expectation: "2 to 6 multiples of 16 up to 1024",
                help: "Channels of each level of the skip recipe, from half resolution down."),
            .integers(
                "blocks", \.blocks, expectation: "a number of 1 to 16 for every level, or one for all",
                help: "Residual blocks of each level of the skip recipe, or one number for all."),
            .number(
                "hint-share", \.hintShare, in: 0...1,
                help: "Fraction of examples with hints of the true color; 0 for a network without hints.",
                valueName: "0…1"),
            .number(
                "distribution-weight", \.distributionWeight, in: 0...100,
                help: "Weight of the distribution over chroma in the training loss.", valueName: "weight"),
            .number(
                "class-weight", \.classWeight, in: 0...100,
                help: "Weight of the picture's class in the training loss.", valueName: "weight"),
            .integer("class-count", \.classCount, in: 1...10_000, help: "Number of classes in the data's labels."),
            .choice("loss", \.loss, help: "Training loss of the colors."),
            .integer(
                "validation-pictures", \.validationPictures, in: 0...100_000,
                help: "Images held out for validation, at most a tenth."),
            .optionalText("license", \.license, help: "License, stored in the model's metadata.", valueName: "text"),
        ] + TrainerSettings.table(defaultSteps: defaultSteps).map { $0.within(\.trainer) })

    public var title: String { "Colorizer, \(recipe.rawValue)" }

    public var ignoredSettings: [IgnoredSetting] {
        guard recipe != .skip else {
            return classWeight > 0 ? [] : [IgnoredSetting(key: "class-count", reason: "without --class-weight")]
        }
        return ["widths", "blocks", "hint-share", "distribution-weight", "class-weight", "class-count"].map {
            IgnoredSetting(key: $0, reason: "with --recipe \(recipe.rawValue)")
        }
    }

    public func completed() throws(ConfigurationError) -> ColorizerConfiguration {
        var result = self
        if blocks.count == 1 { result.blocks = widths.map { _ in blocks[0] } }
        _ = try result.architecture()
        return result
    }

    /// - Throws: `ConfigurationError` if the settings are valid individually but not together.
    public func architecture() throws(ConfigurationError) -> ColorizerArchitecture {
        let architecture =
            switch recipe {
            case .textbook: ColorizerArchitecture(textbook: .textbook)
            case .perChannel: ColorizerArchitecture(textbook: .perChannel)
            case .skip: ColorizerArchitecture(widths: widths, blocks: blocks, takesHints: hintShare > 0)
            }
        if let defect = architecture.defect { throw ConfigurationError(reason: defect) }
        guard pictureSize % architecture.alignment == 0 else {
            throw ConfigurationError(
                reason: "--picture-size takes multiples of \(architecture.alignment), found \(pictureSize)")
        }
        guard recipe == .skip || pictureSize == architecture.pictureSize else {
            throw ConfigurationError(
                reason: "the \(recipe.rawValue) recipe is for pictures of \(architecture.pictureSize) pixels")
        }
        return architecture
    }

    public func graph() throws(ConfigurationError) -> TrainingGraph {
        let architecture = try architecture()
        guard architecture.kind == .skip else {
            return TrainingGraph(architecture.network, loss: loss.loss, name: "reconstruction")
        }
        var network = Network()
        let features = architecture.addSkipNetwork(to: &network)
        let chroma = network.add("chroma.loss", loss.loss, features.chroma, network.input("target chroma"))
        var terms = [Objective.Term("chroma", chroma)]
        let distribution = network.add(
            "distribution.loss", SoftmaxCrossEntropy(.sparseDistributions), features.distribution,
            network.input("bins"), network.input("shares"), network.input("pixel weights"))
        terms.append(.init("distribution", distribution, weight: WeightSchedule(distributionWeight)))
        if classWeight > 0 {
            let width = architecture.widths[architecture.widths.count - 1]
            let classes = Dense(inputFeatures: width, outputFeatures: classCount)
            let logits = network.add("class", classes, features.summary)
            let loss = network.add("class.loss", SoftmaxCrossEntropy(.classIndices), logits, network.input("label"))
            terms.append(.init("class", loss, weight: WeightSchedule(classWeight)))
        }
        return TrainingGraph(
            network: network, objective: Objective(terms), modelOutputs: [features.chroma, features.distribution])
    }

    public func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> ColorizerTraining {
        let architecture = try architecture()
        let all = try PictureSet(sources: data, minimumSide: pictureSize, pool: pool, logger: logger) { side in
            let size = side - side % architecture.alignment
            return size > 0 && architecture.kind == .skip ? "--picture-size \(size)" : nil
        }
        let (training, validation) = all.split(validation: validationPictures, pool: pool, logger: logger)
        return ColorizerTraining(
            configuration: self, architecture: architecture, graph: graph, training: training,
            validation: validation, skipped: all.skipped, notes: notes)
    }
}
