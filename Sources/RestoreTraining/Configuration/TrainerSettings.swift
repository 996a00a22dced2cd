import RestoreNN

/// Settings of a run that do not depend on what is trained.
public struct TrainerSettings: Equatable, Sendable {
    /// Updates of the weights; nil where only `epochs` or `timeLimit` end the run.
    public var steps: Int?
    /// Epochs, of as many examples as there are; `Trainer` makes steps of them.
    public var epochs: Int?
    /// Minutes after which the run ends, with the schedule at its end; nil for no limit.
    public var timeLimit: Double?
    /// Examples a step.
    public var batchSize: Int
    public var optimizer: OptimizerKind
    /// Of Adam and AdamW.
    public var learningRate: Float
    /// Of Muon, for its matrices; rises and falls with the other.
    public var muonLearningRate: Float
    public var muonMomentum: Float
    public var warmupSteps: Int
    /// Of Adam and AdamW.
    public var beta1: Float
    public var beta2: Float
    public var weightDecay: Float
    public var maximumGradientNorm: Float
    /// Decay of the averaged weights, which are what is validated and saved.
    public var averageDecay: Float
    public var seed: UInt64
    /// Model whose weights the run starts from.
    public var initialModel: String?
    /// Validations without a better score after which the run ends; nil for no such end.
    public var patience: Int?
    /// Steps between progress lines, and between validations.
    public var reportInterval: Int
    public var validationInterval: Int
    /// Minutes between checkpoints; one is written at every validation, too.
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

    /// The settings of every run.
    ///
    /// - Parameter defaultSteps: of a run that is told no other end.
    static func table(defaultSteps: Int) -> [Setting<TrainerSettings>] {
        [
            .optionalInteger("steps", \.steps, in: 1...100_000_000, help: "Updates of the weights.")
                .defaulting(to: "\(defaultSteps)"),
            .optionalInteger(
                "epochs", \.epochs, in: 1...1_000_000, help: "Instead of steps: passes through the training data."),
            .minutes("time-limit", \.timeLimit, help: "Instead of steps, or at the latest: when the run ends."),
            .integer("batch-size", \.batchSize, in: 1...1024, help: "Examples a step."),
            .choice("optimizer", \.optimizer, help: "What updates the weights."),
            .number(
                "learning-rate", \.learningRate, in: 1e-9...1, help: "Highest learning rate, after the warm-up.",
                valueName: "rate"),
            .number(
                "muon-learning-rate", \.muonLearningRate, in: 1e-9...1,
                help: "Highest learning rate of what Muon updates; --learning-rate is that of the rest.",
                valueName: "rate"),
            .number(
                "muon-momentum", \.muonMomentum, in: 0...0.9999, help: "Muon's decay of the mean gradient.",
                valueName: "0…1"),
            .integer("warmup", \.warmupSteps, in: 0...1_000_000, help: "Steps of the learning rate's warm-up."),
            .number("beta1", \.beta1, in: 0...0.9999, help: "AdamW's decay of the mean gradient.", valueName: "0…1"),
            .number("beta2", \.beta2, in: 0...0.99999, help: "AdamW's decay of the mean square.", valueName: "0…1"),
            .number("weight-decay", \.weightDecay, in: 0...1, help: "Weight decay, of kernels only.", valueName: "0…1"),
            .number(
                "gradient-clip", \.maximumGradientNorm, in: 1e-6...1e6, help: "Largest norm of the gradients.",
                valueName: "norm"),
            .number("ema", \.averageDecay, in: 0...0.999999, help: "Decay of the averaged weights.", valueName: "0…1"),
            .integer("seed", \.seed, in: 0 ... .max, help: "The same seed and data give the same model."),
            .optionalText("init", \.initialModel, help: "Model to start from.", valueName: "path"),
            .optionalInteger(
                "patience", \.patience, in: 1...1_000_000,
                help: "Stop after this many validations without a better score."),
            .integer("report-interval", \.reportInterval, in: 1...1_000_000, help: "Steps between progress lines."),
            .integer(
                "validation-interval", \.validationInterval, in: 1...10_000_000, help: "Steps between validations."),
            .number(
                "checkpoint-minutes", \.checkpointMinutes, in: 0...10_000,
                help: "Minutes between checkpoints; each validation writes one, too.", valueName: "minutes"),
        ]
    }
}

/// How far a picture is from its target; see `DifferenceLoss`.
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
