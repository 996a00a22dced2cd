import ArgumentParser
import RestoreTraining

/// What every training run can be told, whatever is trained.
struct RunOptions<Configuration: TrainingConfiguration>: SettingOptions {
    @Option(
        name: .shortAndLong, help: ArgumentHelp("Folder of the run.", valueName: "folder"), completion: .directory)
    var output: String

    @Option(
        help: ArgumentHelp("Settings; options override them.", valueName: "file.yaml"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Flag(help: "Continue the run in the output folder.")
    var resume = false

    @Flag(help: "Replace an earlier run in the folder.")
    var overwrite = false

    @Option(help: "How progress is shown.")
    var progress = ProgressStyle.auto

    @Option(setting: "steps", of: Configuration.self) var steps: String?
    @Option(setting: "epochs", of: Configuration.self) var epochs: String?
    @Option(setting: "time-limit", of: Configuration.self) var timeLimit: String?
    @Option(setting: "batch-size", of: Configuration.self) var batchSize: String?
    @Option(setting: "device", of: Configuration.self) var device: String?
    @Option(setting: "optimizer", of: Configuration.self) var optimizer: String?
    @Option(setting: "learning-rate", of: Configuration.self) var learningRate: String?
    @Option(setting: "muon-learning-rate", of: Configuration.self) var muonLearningRate: String?
    @Option(setting: "muon-momentum", of: Configuration.self) var muonMomentum: String?
    @Option(setting: "warmup", of: Configuration.self) var warmup: String?
    @Option(setting: "schedule", of: Configuration.self) var schedule: String?
    @Option(setting: "beta1", of: Configuration.self) var beta1: String?
    @Option(setting: "beta2", of: Configuration.self) var beta2: String?
    @Option(setting: "weight-decay", of: Configuration.self) var weightDecay: String?
    @Option(setting: "gradient-clip", of: Configuration.self) var gradientClip: String?
    @Option(setting: "ema", of: Configuration.self) var ema: String?
    @Option(setting: "seed", of: Configuration.self) var seed: String?
    @Option(setting: "init", of: Configuration.self) var `init`: String?
    @Option(setting: "patience", of: Configuration.self) var patience: String?
    @Option(setting: "report-interval", of: Configuration.self) var reportInterval: String?
    @Option(setting: "validation-interval", of: Configuration.self) var validationInterval: String?
    @Option(setting: "checkpoint-minutes", of: Configuration.self) var checkpointMinutes: String?
}
