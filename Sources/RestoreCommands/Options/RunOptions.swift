import ArgumentParser
import Logging
import RestoreTraining

/// What every training run can be told, whatever is trained.
struct RunOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the run.", valueName: "folder"))
    var output: String

    @Option(help: ArgumentHelp("Settings; options override them.", valueName: "file.yaml"))
    var config: String?

    @Flag(help: "Go on with the run in the output folder.")
    var resume = false

    @Flag(help: "Replace an earlier run in the folder.")
    var overwrite = false

    @Option(help: ArgumentHelp("Updates of the weights (6000).", valueName: "number"))
    var steps: Int?

    @Option(
        help: ArgumentHelp("Instead of steps: epochs of as many patches as there are pictures.", valueName: "number"))
    var epochs: Int?

    @Option(
        help: ArgumentHelp(
            "Instead of steps, or at the latest: the time after which the run ends.", valueName: "90s|45m|3h"))
    var timeLimit: String?

    @Option(help: ArgumentHelp("Patches a step (16).", valueName: "number"))
    var batchSize: Int?

    @Option(help: ArgumentHelp("What updates the weights (adamw).", valueName: "adamw|adam|muon"))
    var optimizer: String?

    @Option(help: ArgumentHelp("Highest learning rate, after the warm-up (0.002).", valueName: "rate"))
    var learningRate: Double?

    @Option(
        help: ArgumentHelp(
            "Highest learning rate of what Muon updates; --learning-rate is that of the rest (0.02).",
            valueName: "rate"))
    var muonLearningRate: Double?

    @Option(help: ArgumentHelp("Steps of the warm-up (100).", valueName: "number"))
    var warmup: Int?

    @Option(help: ArgumentHelp("What is made small (l1).", valueName: "l1|l2|charbonnier|psnr"))
    var loss: String?

    @Option(help: ArgumentHelp("Decay of the averaged weights (0.999).", valueName: "0…1"))
    var ema: Double?

    @Option(help: "The same seed and data give the same model (1).")
    var seed: UInt64?

    @Option(name: .customLong("init"), help: ArgumentHelp("Model to start from.", valueName: "path"))
    var initialModel: String?

    @Option(
        help: ArgumentHelp("Validations without a better score after which the run ends (none).", valueName: "number"))
    var patience: Int?

    @Option(help: ArgumentHelp("Steps between progress lines (50).", valueName: "number"))
    var reportInterval: Int?

    @Option(help: ArgumentHelp("Steps between validations (500).", valueName: "number"))
    var validationInterval: Int?

    @Option(help: "How progress is shown.")
    var progress = ProgressStyle.auto

    /// The options that are settings, by their names.
    var settings: [(String, String?)] {
        func text<Number: LosslessStringConvertible>(_ number: Number?) -> String? { number.map { $0.description } }
        return [
            ("steps", text(steps)), ("epochs", text(epochs)), ("time-limit", timeLimit),
            ("batch-size", text(batchSize)), ("optimizer", optimizer), ("learning-rate", text(learningRate)),
            ("muon-learning-rate", text(muonLearningRate)), ("warmup", text(warmup)),
            ("loss", loss), ("ema", text(ema)), ("seed", text(seed)), ("init", initialModel),
            ("patience", text(patience)), ("report-interval", text(reportInterval)),
            ("validation-interval", text(validationInterval)),
        ]
    }

    func observer(isQuiet: Bool) -> (any TrainingObserver)? { isQuiet ? nil : TrainingLine(style: progress) }

    /// Says what the run came to.
    ///
    /// - Throws: `ExitCode.interrupted` where it was stopped.
    func report<Task>(_ outcome: Trainer<Task>.Outcome, logger: Logger) throws {
        var scores = ""
        if let last = outcome.lastScore, let best = outcome.bestScore {
            scores = "; validation PSNR \(decimals(last, 2)) dB, best \(decimals(best, 2)) dB"
        }
        let work = "\(outcome.steps) steps in \(duration(outcome.seconds))\(scores)"
        switch outcome.end {
        case .finished:
            logger.info("\(work); the models are in \(output)")
        case .outOfPatience:
            logger.info("\(work); the score rises no more; the models are in \(output)")
        case .interrupted:
            Console.message("restore: interrupted after \(work); --resume goes on")
            throw ExitCode.interrupted
        }
    }
}
