import RestoreNN

/// Settings of a run that do not depend on what is trained.
public struct TrainerSettings: Equatable, Sendable {
    /// What is made small, over all values of the output.
    public enum LossKind: String, CaseIterable, Sendable {
        case l1, l2, charbonnier, psnr
    }

    /// Updates of the weights; nil where only `epochs` or `timeLimit` end the run.
    public var steps: Int?
    /// Epochs, of as many examples as there are pictures; `Trainer` makes steps of them.
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
    public var loss: LossKind
    public var seed: UInt64
    /// Model whose weights the run starts from.
    public var initialModel: String?
    /// Validations without a better score after which the run ends; nil to go on.
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
        muonLearningRate = 0.02
        muonMomentum = 0.95
        beta1 = 0.9
        beta2 = 0.95
        weightDecay = 0
        maximumGradientNorm = 1
        loss = .l1
        checkpointMinutes = 5
    }

    /// The loss over a batch.
    var batchLoss: Loss {
        switch loss {
        case .l1: .l1
        case .l2: .l2
        case .charbonnier: .charbonnier(epsilon: 1e-3)
        case .psnr: .negativePSNR(examples: batchSize)
        }
    }

    static let table = SettingsTable<TrainerSettings>(settings: [
        .optionalInteger("steps", \.steps, in: 1...100_000_000),
        .optionalInteger("epochs", \.epochs, in: 1...1_000_000),
        .minutes("time-limit", \.timeLimit),
        .integer("batch-size", \.batchSize, in: 1...1024),
        .choice("optimizer", \.optimizer),
        .number("learning-rate", \.learningRate, in: 1e-9...1),
        .number("muon-learning-rate", \.muonLearningRate, in: 1e-9...1),
        .number("muon-momentum", \.muonMomentum, in: 0...0.9999),
        .integer("warmup", \.warmupSteps, in: 0...1_000_000),
        .number("beta1", \.beta1, in: 0...0.9999),
        .number("beta2", \.beta2, in: 0...0.99999),
        .number("weight-decay", \.weightDecay, in: 0...1),
        .number("gradient-clip", \.maximumGradientNorm, in: 1e-6...1e6),
        .number("ema", \.averageDecay, in: 0...0.999999),
        .choice("loss", \.loss),
        .integer("seed", \.seed, in: 0 ... .max),
        .optionalText("init", \.initialModel),
        .optionalInteger("patience", \.patience, in: 1...1_000_000),
        .integer("report-interval", \.reportInterval, in: 1...1_000_000),
        .integer("validation-interval", \.validationInterval, in: 1...10_000_000),
        .number("checkpoint-minutes", \.checkpointMinutes, in: 0...10_000),
    ])
}

extension Setting {
    /// A time: minutes as a number, or with a unit as in 90s, 45m or 3h; or none.
    static func minutes(_ key: String, _ path: WritableKeyPath<Root, Double?> & Sendable) -> Setting {
        let expectation = Expectation(text: "a time such as 90s, 45m or 3h (minutes without a unit), or none")
        return Setting(key: key) { (value, root) throws(Expectation) in
            guard let text = value.scalar else { throw expectation }
            if text == "none" {
                root[keyPath: path] = nil
                return
            }
            let units: [Character: Double] = ["s": 1.0 / 60, "m": 1, "h": 60]
            let unit = text.last.flatMap { units[$0] }
            guard let number = Double(unit == nil ? text[...] : text.dropLast()) else { throw expectation }
            let minutes = number * (unit ?? 1)
            guard (1e-6...1e7).contains(minutes) else { throw expectation }
            root[keyPath: path] = minutes
        } write: {
            $0[keyPath: path].map { "\($0)" } ?? "none"
        }
    }
}
