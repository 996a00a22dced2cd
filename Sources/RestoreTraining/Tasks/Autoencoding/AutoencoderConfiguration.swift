import Logging
import RestoreConcurrency
import RestoreModels
import RestoreNN

/// Every setting of an autoencoder's training run. The defaults are the classic run on MNIST: 784-500-300-2 and back, Adam
/// with a constant learning rate of 10⁻⁴, batches of 50, 2,500 steps. The other kinds bring their own.
public struct AutoencoderConfiguration: TrainingConfiguration {
    public typealias Kind = AutoencoderArchitecture.Kind

    public var data: [DataSource] = []
    /// Choosing one sets what is particular to it; what is given after it takes precedence.
    public var kind = Kind.dense {
        didSet { apply(kind) }
    }
    /// Classes to train on; empty for all pictures.
    public var classes: [Int] = []
    /// Units of the encoder's hidden layers.
    public var hidden = AutoencoderArchitecture().hidden
    public var codeSize = AutoencoderArchitecture().codeSize
    /// Side of the pictures in pixels; others are resized.
    public var pictureSize = 28
    /// 1 for gray, 3 for color.
    public var channels = 1

    // MARK: Denoising

    public var corruption = Corruption.Kind.gaussian
    /// The standard deviation of Gaussian noise, or the fraction of the values that are corrupted.
    public var corruptionLevel = 0.3

    // MARK: Sparse, k-sparse and contractive

    public var sparsity = AutoencoderArchitecture.Sparsity.l1 {
        didSet { sparsityWeight = sparsity == .l1 ? Self.l1Weight : Self.klWeight }
    }
    /// λ of the penalty, beside a squared error that is a mean over values.
    public var sparsityWeight = AutoencoderConfiguration.l1Weight
    /// ρ, for `kl`.
    public var targetActivity = 0.05
    /// k
    public var activeUnits = 40
    /// λ of the contractive penalty.
    public var contraction = 1e-4

    private static let l1Weight = 3e-4
    private static let klWeight = 5e-3

    // MARK: Variational

    public var likelihood = AutoencoderArchitecture.Likelihood.bernoulli
    /// Standard deviation of the values of a Gaussian decoder.
    public var pixelDeviation = 0.1
    /// Weight of the divergence (Higgins et al., "β-VAE", ICLR 2017).
    public var beta = 1.0
    /// Steps over which that weight grows from almost nothing.
    public var klWarmup = 0
    /// K of the importance-weighted bound; 1 for the evidence lower bound.
    public var importanceSamples = 1

    // MARK: Segmentation

    /// Photographs behind the digits: a folder or a file.
    public var photographs: String?

    /// Weight of the sum of the magnitudes of all kernels' weights.
    public var weightL1 = 0.0
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

    /// What suits a kind, on MNIST.
    private mutating func apply(_ kind: Kind) {
        let defaults = AutoencoderConfiguration()
        (hidden, codeSize, trainer) = (defaults.hidden, defaults.codeSize, defaults.trainer)
        (pictureSize, channels) = (defaults.pictureSize, defaults.channels)
        guard kind != .dense else { return }
        (trainer.learningRate, trainer.schedule, trainer.batchSize) = (1e-3, .cosine, 100)
        (trainer.epochs, trainer.reportInterval, trainer.validationInterval) = (20, 500, 3000)
        switch kind {
        case .dense: break
        case .linear:
            (hidden, codeSize) = ([], 32)
            // Components of nearly equal variance take long to tell apart.
            (trainer.epochs, trainer.learningRate) = (60, 3e-3)
        case .convolutional:
            (hidden, codeSize) = ([32, 64], 32)
            trainer.batchSize = 128
        case .denoising: (hidden, codeSize) = ([512], 128)
        case .sparse: (hidden, codeSize) = ([], 256)
        case .kSparse: (hidden, codeSize) = ([], 1000)
        case .contractive: (hidden, codeSize) = ([], 256)
        case .variational, .conditional:
            (hidden, codeSize) = ([400, 400], 50)
            (trainer.epochs, trainer.averageDecay) = (80, 0.999)
        case .segmentation:
            (hidden, codeSize, pictureSize, channels) = ([16, 32, 64], 128, 48, 3)
            (trainer.batchSize, trainer.learningRate, trainer.warmupSteps) = (32, 2e-3, 100)
            (trainer.epochs, trainer.reportInterval, trainer.validationInterval) = (2, 100, 500)
            (trainer.averageDecay, trainer.maximumGradientNorm) = (0.995, 1)
        }
    }

    public static let task = AutoencoderArchitecture.task
    public static let defaultSteps = 2500

    public static let table = SettingsTable<AutoencoderConfiguration>(
        [
            .task(task),
            .sources("data", \.data),
            // Before all that it sets.
            .choice("kind", \.kind, help: "Member of the family, which sets what suits it; see docs/autoencoders.md."),
            .integers(
                "classes", \.classes, expectation: "numbers of classes, such as 1,5,6",
                help: "Train on these classes only.", valueName: "1,5,6"
            ).defaulting(to: "all"),
            .integers(
                "hidden", \.hidden, expectation: "up to 8 numbers of 1 to 65536 units",
                help: "Units, or channels, of the encoder's hidden layers; the decoder mirrors them."),
            .integer("code", \.codeSize, in: 1...65536, help: "Units of the code.", valueName: "units"),
            .integer(
                "picture-size", \.pictureSize, in: 1...1024, help: "Side of the pictures; others are resized.",
                valueName: "pixels"),
            .integer("channels", \.channels, in: 1...3, help: "1 for gray, 3 for color.", valueName: "1|3"),
        ] + kindSettings + [
            .number(
                "l1", \.weightL1, in: 0...1000,
                help: "Weight of the sum of the magnitudes of all weights but biases.", valueName: "weight"),
            .integer(
                "validation-pictures", \.validationPictures, in: 0...100_000,
                help: "Pictures set aside for validation, at most a tenth."),
            .optionalText("license", \.license, help: "License, for the model's metadata.", valueName: "text"),
        ] + TrainerSettings.table(defaultSteps: defaultSteps).map { $0.within(\.trainer) })

    private static let kindSettings: [Setting<AutoencoderConfiguration>] = [
        .choice("corruption", \.corruption, help: "What the denoising kind removes."),
        .number(
            "corruption-level", \.corruptionLevel, in: 0...1,
            help: "Standard deviation of the Gaussian noise, or fraction of values corrupted.", valueName: "0…1"),
        // Before its weight.
        .choice("sparsity", \.sparsity, help: "What keeps units of the sparse kind inactive."),
        .number(
            "sparsity-weight", \.sparsityWeight, in: 0...1000,
            help: "Weight of the sparse kind's penalty, beside the mean squared error.", valueName: "weight"),
        .number(
            "target-activity", \.targetActivity, in: 0.0001...0.9999,
            help: "Mean activity of a unit that --sparsity kl aims at.", valueName: "0…1"),
        .integer("active-units", \.activeUnits, in: 1...65536, help: "The k of the k-sparse kind.", valueName: "k"),
        .number(
            "contraction", \.contraction, in: 0...1000, help: "Weight of the contractive kind's penalty.",
            valueName: "weight"),
        .choice("likelihood", \.likelihood, help: "What the decoder of the variational kinds gives."),
        .number(
            "pixel-deviation", \.pixelDeviation, in: 0.001...10,
            help: "Standard deviation of a pixel with --likelihood gaussian.", valueName: "0.001…10"),
        .number("beta", \.beta, in: 0...1000, help: "Weight of the variational kinds' divergence.", valueName: "β"),
        .integer(
            "kl-warmup", \.klWarmup, in: 0...10_000_000,
            help: "Steps over which the weight of the divergence grows to β."),
        .integer(
            "importance-samples", \.importanceSamples, in: 1...1000,
            help: "Codes of each picture in the importance-weighted bound.", valueName: "K"),
        .optionalText(
            "photos", \.photographs, help: "Photographs behind the digits of the segmentation kind.",
            valueName: "path"),
    ]

    public static let pathSettings: [WritableKeyPath<AutoencoderConfiguration, String?> & Sendable] = [
        \.photographs
    ]

    public var title: String { "Autoencoder, \(kind.rawValue), code of \(codeSize)" }

    public var ignoredSettings: [IgnoredSetting] {
        var used: Set<String>
        switch kind {
        case .dense, .linear, .convolutional: used = []
        case .denoising: used = ["corruption", "corruption-level"]
        case .sparse: used = ["sparsity", "sparsity-weight"]
        case .kSparse: used = ["active-units"]
        case .contractive: used = ["contraction"]
        case .variational, .conditional: used = ["likelihood", "beta", "kl-warmup", "importance-samples"]
        case .segmentation: used = ["photos"]
        }
        if kind == .sparse, sparsity == .kl { used.insert("target-activity") }
        if kind.isVariational, likelihood == .gaussian { used.insert("pixel-deviation") }
        return Self.kindSettings.map(\.key).filter { !used.contains($0) }.map { key in
            IgnoredSetting(key: key, reason: "with --kind \(kind.rawValue)")
        }
    }

    public func completed() throws(ConfigurationError) -> AutoencoderConfiguration {
        _ = try architecture()
        guard kind != .segmentation || photographs != nil else {
            throw ConfigurationError(reason: "--kind segmentation needs --photos, which it puts digits on")
        }
        return self
    }

    /// - Throws: `ConfigurationError` if the settings are valid one by one but not together.
    public func architecture() throws(ConfigurationError) -> AutoencoderArchitecture {
        let architecture = AutoencoderArchitecture(
            kind: kind, height: pictureSize, width: pictureSize, channels: channels, hidden: hidden,
            codeSize: codeSize, activeUnits: activeUnits, sparsity: sparsity, likelihood: likelihood)
        if let defect = architecture.defect { throw ConfigurationError(reason: defect) }
        guard importanceSamples == 1 || !kind.isVariational || (kind == .variational && likelihood == .bernoulli) else {
            throw ConfigurationError(
                reason: "--importance-samples is for --kind variational with --likelihood bernoulli")
        }
        guard importanceSamples == 1 || !kind.isVariational || beta == 1 else {
            throw ConfigurationError(reason: "--beta has no place in the importance-weighted bound")
        }
        return architecture
    }

    public func graph() throws(ConfigurationError) -> TrainingGraph {
        AutoencoderGraph(configuration: self, architecture: try architecture()).graph()
    }

    public func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> AutoencoderTraining {
        var all = try PictureSet(sources: data, minimumSide: 1, pool: pool, logger: logger)
        if !classes.isEmpty { all = try all.ofClasses(Set(classes)) }
        let (training, validation) = all.split(validation: validationPictures, pool: pool, logger: logger)
        guard kind == .segmentation, let photographs else {
            return AutoencoderTraining(
                configuration: self, architecture: try architecture(), graph: graph, training: training,
                validation: validation, skipped: all.skipped, notes: notes)
        }
        let photos = try PictureSet(
            sources: [DataSource(path: photographs)], minimumSide: pictureSize, pool: pool, logger: logger)
        let (seen, heldOut) = photos.split(validation: Self.validationPhotographs, pool: pool, logger: logger)
        func scenes(_ digits: PictureSet, _ photographs: PictureSet) throws(ConfigurationError) -> DigitScenes {
            // Few photographs are not divided.
            try DigitScenes(
                digits: digits, photographs: photographs.pictures.isEmpty ? photos : photographs, side: pictureSize,
                channels: channels)
        }
        let examples = SegmentationExamples(
            trainingScenes: try scenes(training, seen), validationScenes: try scenes(validation, heldOut),
            seed: trainer.seed)
        return AutoencoderTraining(
            configuration: self, architecture: try architecture(), graph: graph, examples: examples,
            skipped: all.skipped + photos.skipped, notes: notes)
    }

    private static let validationPhotographs = 100
}
