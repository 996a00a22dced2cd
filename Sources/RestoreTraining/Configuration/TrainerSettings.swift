import RestoreNN

/// Settings common to all runs, independent of the task.
public struct TrainerSettings: Equatable, Sendable {
    /// Number of weight updates; nil if only `epochs` or `timeLimit` end the run.
    public var steps: Int?
    /// Number of epochs, each with as many examples as the data set has; `Trainer` converts them to steps.
    public var epochs: Int?
    /// Minutes after which the run ends, with the schedule complete; nil for no limit.
    public var timeLimit: Double?
    /// Examples per step.
    public var batchSize: Int
    /// Where the network is computed.
    public var device = TrainingDevice.cpu
    public var optimizer: OptimizerKind
    /// For Adam and AdamW.
    public var learningRate: Float
    /// For the matrices optimized by Muon; follows the same schedule as the other one.
    public var muonLearningRate: Float
    public var muonMomentum: Float
    public var warmupSteps: Int
    /// What the learning rate does after the warm-up.
    public var schedule: LearningRateSchedule.Decay
    /// For Adam and AdamW.
    public var beta1: Float
    public var beta2: Float
    public var weightDecay: Float
    public var maximumGradientNorm: Float
    /// Decay of the averaged weights, which are the ones validated and saved.
    public var averageDecay: Float
    public var seed: UInt64
    /// Model whose weights the run starts from.
    public var initialModel: String?
    /// Number of validations without improvement after which the run ends; nil for no limit.
    public var patience: Int?
    /// Steps between progress lines, and between validations.
    public var reportInterval: Int
    public var validationInterval: Int
    /// Minutes between checkpoints; each validation also writes one.
    public var checkpointMinutes: Double

    public init(
        steps: Int? = nil, learningRate: Float = 2e-3, warmupSteps: Int = 100, averageDecay: Float = 0.999,
        seed: UInt64 = 1, reportInterval: Int = 50, validationInterval: Int = 500
    ) {
        self.steps = steps
        self.learningRate = learningRate
        self.warmupSteps = warmupSteps
        self.averageDecay = averageDecay
        self.seed = seed
        self.reportInterval = reportInterval
        self.validationInterval = validationInterval
        schedule = .cosine
        batchSize = 16
        optimizer = .adamw
        muonLearningRate = 0.01
        muonMomentum = 0.95
        beta1 = 0.9
        beta2 = 0.95
        weightDecay = 0
        maximumGradientNorm = 1
        checkpointMinutes = 5
    }

    /// Settings that have no effect because of others.
    public var ignoredSettings: [IgnoredSetting] {
        let chosen = "with --optimizer \(optimizer.rawValue)"
        let muon = ["muon-learning-rate", "muon-momentum"].map { IgnoredSetting(key: $0, reason: chosen) }
        return optimizer == .muon ? [] : muon
    }

    /// The settings common to all runs.
    ///
    /// - Parameter defaultSteps: for a run with no other limit.
    static func table(defaultSteps: Int) -> [Setting<TrainerSettings>] {
        [
            .optionalInteger("steps", \.steps, in: 1...100_000_000, help: "Number of weight updates.")
                .defaulting(to: "\(defaultSteps)"),
            .optionalInteger(
                "epochs", \.epochs, in: 1...1_000_000, help: "Passes over the training data, instead of steps."),
            .minutes("time-limit", \.timeLimit, help: "Time limit for the run, instead of or in addition to steps."),
            .integer("batch-size", \.batchSize, in: 1...1024, help: "Examples per step."),
            .choice("device", \.device, help: "Where to compute the network: processor or NVIDIA GPU."),
            .choice("optimizer", \.optimizer, help: "Optimizer for the weights."),
            .number(
                "learning-rate", \.learningRate, in: 1e-9...1, help: "Peak learning rate, after warm-up.",
                valueName: "rate"),
            .number(
                "muon-learning-rate", \.muonLearningRate, in: 1e-9...1,
                help: "Peak learning rate for Muon's parameters; --learning-rate applies to the rest.",
                valueName: "rate"),
            .number(
                "muon-momentum", \.muonMomentum, in: 0...0.9999,
                help: "Muon's momentum: decay rate of the mean gradient.",
                valueName: "0…1"),
            .integer("warmup", \.warmupSteps, in: 0...1_000_000, help: "Learning-rate warm-up steps."),
            .choice("schedule", \.schedule, help: "Learning rate after the warm-up: a half cosine to 0, or constant."),
            .number(
                "beta1", \.beta1, in: 0...0.9999, help: "AdamW's decay rate of the mean gradient.", valueName: "0…1"),
            .number(
                "beta2", \.beta2, in: 0...0.99999, help: "AdamW's decay rate of the mean squared gradient.",
                valueName: "0…1"),
            .number(
                "weight-decay", \.weightDecay, in: 0...1, help: "Weight decay, applied to kernels only.",
                valueName: "0…1"),
            .number(
                "gradient-clip", \.maximumGradientNorm, in: 1e-6...1e6, help: "Maximum gradient norm.",
                valueName: "norm"),
            .number(
                "ema", \.averageDecay, in: 0...0.999999, help: "Decay rate of the averaged weights.", valueName: "0…1"),
            .integer("seed", \.seed, in: 0 ... .max, help: "The same seed and data give the same model."),
            .optionalText("init", \.initialModel, help: "Model to start from.", valueName: "path"),
            .optionalInteger(
                "patience", \.patience, in: 1...1_000_000,
                help: "Stop after this many validations without improvement."),
            .integer("report-interval", \.reportInterval, in: 1...1_000_000, help: "Steps between progress lines."),
            .integer(
                "validation-interval", \.validationInterval, in: 1...10_000_000, help: "Steps between validations."),
            .number(
                "checkpoint-minutes", \.checkpointMinutes, in: 0...10_000,
                help: "Minutes between checkpoints; each validation also writes one.", valueName: "minutes"),
        ]
    }
}

/// What computes the network in training.
public enum TrainingDevice: String, CaseIterable, Sendable {
    /// The processor: the same seed and data give the same bits.
    case cpu
    /// An NVIDIA GPU, in TF32 and in an order of its own: close, but not the same bits.
    case cuda

    /// Threads that prepare batches. While the processor runs the network, more than a few are idle; a GPU takes what
    /// all of them make.
    var mostPreparers: Int {
        switch self {
        case .cpu: 4
        case .cuda: 64
        }
    }
}

/// The training loss; see `DifferenceLoss`.
public enum PictureLoss: String, CaseIterable, Sendable {
    case l1, l2, charbonnier, psnr

    var loss: DifferenceLoss {
        switch self {
        case .l1: DifferenceLoss(.l1)
        case .l2: DifferenceLoss(.l2)
        case .charbonnier: DifferenceLoss(.charbonnier(epsilon: 1e-3))
        case .psnr: DifferenceLoss(.negativePSNR)
        }
    }
}
