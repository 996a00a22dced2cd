import ArgumentParser
import RestoreFiles
import RestoreModels
import RestoreNN
import RestoreTraining

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a new model on your own pictures.",
        subcommands: [TrainDenoiseCommand.self])
}

struct TrainDenoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "denoise",
        abstract: "Trains a denoiser on clean photographs.",
        discussion: """
            Patches of the pictures get Gaussian noise of random strength, and the network learns to take it away. The \
            output folder gets metrics.csv, last.safetensors and best.safetensors; use one with \
            restore denoise --model DIR/best.safetensors.
            """)

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp("Folders or files with clean pictures (PNG, JPEG).", valueName: "path"))
    var sources: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the run.", valueName: "folder"))
    var output: String

    @Option(help: "Updates of the weights.")
    var steps = 6000

    @Option(help: "Patches a step.")
    var batchSize = 16

    @Option(help: "Side of a patch in pixels, a multiple of the network's alignment (8).")
    var patchSize = 64

    @Option(help: "Highest learning rate, after the warm-up.")
    var learningRate: Float = 2e-3

    @Option(help: "Steps of the warm-up.")
    var warmup = 100

    @Option(help: "Decay of the averaged weights.")
    var ema: Float = 0.999

    @Option(help: "The same seed and data give the same model.")
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Strongest noise, of 255.", valueName: "1…75"))
    var maxSigma = 55.0

    @Option(help: ArgumentHelp("Share of patches made grey.", valueName: "0…1"))
    var greyShare = 0.1

    @Option(help: ArgumentHelp("Channels of the levels, fine to coarse.", valueName: "a,b,c"))
    var widths = "48,96,192"

    @Option(help: ArgumentHelp("Residual blocks of the levels, or one number for all.", valueName: "a,b,c"))
    var blocks = "2"

    @Option(help: "Pictures set aside for validation (at most a tenth).")
    var validationPictures = 32

    @Option(help: "Steps between progress lines.")
    var reportInterval = 50

    @Option(help: "Steps between validations.")
    var validationInterval = 500

    @Option(help: "Licence of the training pictures, for the model's metadata.")
    var license: String?

    @Flag(help: "Replace the models of an earlier run in the folder.")
    var overwrite = false

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard !sources.isEmpty else { throw ValidationError("--data needs at least one path.") }
        guard (1...100_000_000).contains(steps) else { throw ValidationError("--steps takes 1 or more.") }
        guard (1...1024).contains(batchSize) else { throw ValidationError("--batch-size takes 1 to 1024.") }
        guard learningRate > 0, learningRate <= 1 else { throw ValidationError("--learning-rate takes up to 1.") }
        guard warmup >= 0 else { throw ValidationError("--warmup takes 0 or more.") }
        guard (0..<1).contains(ema) else { throw ValidationError("--ema takes 0 up to, not including, 1.") }
        guard (1...75).contains(maxSigma) else { throw ValidationError("--max-sigma takes 1 to 75.") }
        guard (0...1).contains(greyShare) else { throw ValidationError("--grey-share takes 0 to 1.") }
        guard reportInterval > 0, validationInterval > 0 else { throw ValidationError("An interval is at least 1.") }
        guard validationPictures >= 0 else { throw ValidationError("--validation-pictures takes 0 or more.") }
        guard let architecture else {
            throw ValidationError("--widths takes 1 to 6 numbers of 1 to 1024, --blocks 1 to 16.")
        }
        guard (architecture.alignment...1024).contains(patchSize), patchSize % architecture.alignment == 0 else {
            throw ValidationError("--patch-size takes multiples of \(architecture.alignment) up to 1024.")
        }
    }

    private var architecture: DenoiserArchitecture? {
        guard let channels = wholeNumbers(widths), let blocks = wholeNumbers(blocks) else { return nil }
        return DenoiserArchitecture(
            checking: channels, blocks: blocks.count == 1 ? channels.map { _ in blocks[0] } : blocks)
    }

    private func wholeNumbers(_ text: String) -> [Int]? {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let found = numbers.compactMap { $0 }
        return found.count == numbers.count ? found : nil
    }

    func run() throws {
        try reportingFailure {
            for name in ["last.safetensors", "best.safetensors", "metrics.csv"] where !overwrite {
                let path = joinPath(output, name)
                if pathKind(path) != .missing { throw FileError.alreadyExists(path: path) }
            }
            guard let architecture else { throw UsageError(description: "no such architecture") }
            let logger = verbosity.logger
            let pool = threads.pool
            let all = try PictureSet(paths: sources, minimumSide: patchSize, pool: pool, logger: logger)
            let (training, validation) = all.split(validation: validationPictures)
            let task = DenoiserTraining(
                architecture: architecture, sampler: PatchSampler(pictures: training, side: patchSize, seed: seed),
                validation: validation, batchSize: batchSize, sigmas: 0...maxSigma, greyShare: greyShare,
                notes: notes(pictures: training.pictures.count))
            logger.info(
                """
                \(training.pictures.count) pictures to train on, \(validation.pictures.count) to validate on, \
                \(all.skipped.count) skipped; \(ParameterLayout(task.network).count) parameters; \
                \(pool.workerCount) threads
                """)
            let settings = TrainerSettings(
                steps: steps, learningRate: learningRate, warmupSteps: warmup, averageDecay: ema, seed: seed,
                reportInterval: reportInterval, validationInterval: validationInterval)
            let trainer = try Trainer(task, settings: settings, folder: output, pool: pool, logger: logger)
            let outcome = try trainer.run()
            logger.info(
                "\(outcome.steps) steps in \(duration(outcome.seconds))\(scores(outcome)); the models are in \(output)")
        }
    }

    private func scores(_ outcome: Trainer<DenoiserTraining>.Outcome) -> String {
        guard let last = outcome.lastScore, let best = outcome.bestScore else { return "" }
        return "; validation PSNR \(decimals(last, 2)) dB, best \(decimals(best, 2)) dB"
    }

    /// What model files say about how they were made.
    private func notes(pictures: Int) -> [String: String] {
        var notes = [
            "training_data": "\(pictures) pictures of "
                + sources.map { lastPathComponent(of: $0) }.joined(separator: ", "),
            "training_settings":
                "batch \(batchSize), patches \(patchSize)x\(patchSize), AdamW \(learningRate), EMA \(ema), seed \(seed)",
            "program": "restore \(RestoreCommand.version)",
        ]
        if let license { notes["license"] = license }
        return notes
    }
}
