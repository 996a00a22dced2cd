import RestoreText
import RestoreConcurrency
import ArgumentParser
import Logging
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
        usage: """
            restore train denoise --data PATH... --output FOLDER [options]
            restore train denoise --config FILE.yaml --output FOLDER [options]
            restore train denoise --resume --output FOLDER
            """,
        discussion: """
            Patches of the pictures get noise of random strength, and the network learns to take it away. The output folder \
            gets the settings (config.yaml), metrics.csv, TensorBoard events, samples, report.html, checkpoints, and the \
            models last.safetensors and best.safetensors; use one with restore denoise --model FOLDER/best.safetensors.

            A run that was interrupted, by Ctrl-C, a signal or a power cut, goes on with --resume, and ends in the same \
            bits as one that was not.
            """)

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Clean pictures: folders or files (PNG, JPEG, CIFAR-10, MNIST), each with a weight if wished.",
            valueName: "path[=weight]"))
    var sources: [String] = []

    @Option(
        help: ArgumentHelp(
            "Noise to learn: white and of a known level, or that of photographs.",
            valueName: "gaussian|photo"))
    var noise: String?

    @Option(help: ArgumentHelp("Strongest Gaussian noise, of 255 (55).", valueName: "1…75"))
    var maxSigma: Double?

    @Option(help: ArgumentHelp("Share of patches made gray (0.1).", valueName: "0…1"))
    var grayShare: Double?

    /// The same by its earlier name.
    @Option(help: .hidden)
    var greyShare: Double?

    @Option(help: ArgumentHelp("Share of patches without the noise of photographs (0.1).", valueName: "0…1"))
    var cleanShare: Double?

    @Option(help: ArgumentHelp("Side of a patch, a multiple of the network's alignment, 8 (64).", valueName: "pixels"))
    var patchSize: Int?

    @Option(help: ArgumentHelp("Channels of the levels, fine to coarse (48,64,96).", valueName: "a,b,c"))
    var widths: String?

    @Option(
        help: ArgumentHelp(
            "Residual blocks of the levels, or one number for all (6,5,4; 2 with other widths).", valueName: "a,b,c"))
    var blocks: String?

    @Option(help: ArgumentHelp("Pictures set aside for validation, at most a tenth (32).", valueName: "number"))
    var validationPictures: Int?

    @Option(help: ArgumentHelp("License, for the model's metadata.", valueName: "text"))
    var license: String?

    @OptionGroup(title: "Run") var runOptions: RunOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard runOptions.resume || runOptions.config != nil || !sources.isEmpty else {
            throw ValidationError("--data needs at least one path.")
        }
        guard !runOptions.resume || runOptions.config == nil else {
            throw ValidationError(
                "--resume takes its settings from the run's config.yaml; --config does not go with it.")
        }
        guard !runOptions.resume || !runOptions.overwrite else {
            throw ValidationError("--resume goes on with a run, --overwrite replaces it.")
        }
        do throws(ConfigurationError) {
            var configuration = DenoiserConfiguration()
            try apply(to: &configuration)
            // A file may say what the options leave open.
            if !runOptions.resume, runOptions.config == nil { _ = try configuration.architecture() }
        } catch {
            throw ValidationError("\(error).")
        }
    }

    func run() throws {
        try reportingFailure {
            let configuration = try resolvedConfiguration()
            if !runOptions.resume, !runOptions.overwrite, let earlier = RunFolder(runOptions.output).earlierRun {
                throw FileError.alreadyExists(path: earlier)
            }
            try train(configuration)
        }
    }

    // MARK: Settings

    /// Defaults, then the file, then the options.
    private func resolvedConfiguration() throws -> DenoiserConfiguration {
        var configuration = DenoiserConfiguration()
        if runOptions.resume {
            let path = RunFolder(runOptions.output)(RunFolder.configuration)
            try configuration.read(yaml: readFile(path, maximumBytes: 1 << 20), path: path)
            return try withOptionsOfResumedRun(configuration)
        }
        if let path = runOptions.config {
            try configuration.read(yaml: readFile(path, maximumBytes: 1 << 20), path: path)
        }
        try apply(to: &configuration)
        guard !configuration.data.isEmpty else { throw UsageError(description: "--data needs at least one path") }
        if let model = configuration.trainer.initialModel,
            parentFolder(of: model) == parentFolder(of: runOptions.output + "/x")
        {
            throw UsageError(description: "\(model): the model to start from is one of the run that is replaced")
        }
        return try configuration.resolved()
    }

    /// With paths from the root: a run may be resumed from another folder.
    private func withAbsolutePaths(_ configuration: DenoiserConfiguration) -> DenoiserConfiguration {
        var result = configuration
        result.data = result.data.map { DataSource(path: absolutePath($0.path), weight: $0.weight) }
        result.trainer.initialModel = result.trainer.initialModel.map { absolutePath($0) }
        return result
    }

    private func apply(to configuration: inout DenoiserConfiguration) throws(ConfigurationError) {
        if !sources.isEmpty { configuration.data = sources.map { DataSource(argument: $0) } }
        let own: [(String, String?)] = [
            ("noise", noise), ("max-sigma", text(maxSigma)), ("gray-share", text(grayShare ?? greyShare)),
            ("clean-share", text(cleanShare)),
            ("patch-size", text(patchSize)), ("widths", widths), ("blocks", blocks),
            ("validation-pictures", text(validationPictures)), ("license", license),
        ]
        for case (let key, let value?) in own + runOptions.settings { try configuration.read(option: key, value) }
    }

    /// A resumed run keeps its settings: another one would not end in the same bits.
    private func withOptionsOfResumedRun(_ stored: DenoiserConfiguration) throws -> DenoiserConfiguration {
        var asked = stored
        try apply(to: &asked)
        let changed = try withAbsolutePaths(asked).resolved().differences(from: stored)
        if let key = changed.first {
            throw UsageError(
                description: """
                    --\(key): a resumed run keeps its settings, which are in \(RunFolder(runOptions.output)(RunFolder.configuration)); \
                    start a new run from its model with --init
                    """)
        }
        return stored
    }

    // MARK: Training

    private func train(_ configuration: DenoiserConfiguration) throws {
        // From here on a signal is a request: reading the pictures may take a while.
        Interruption.watch()
        let architecture = try configuration.architecture()
        let logger = verbosity.logger
        let pool = threads.pool
        // Before the pictures, which take longer to read.
        let initial = try initialParameters(configuration, for: architecture.network, logger: logger)
        let all = try PictureSet(
            sources: configuration.data, minimumSide: configuration.patchSize, pool: pool, logger: logger)
        let (training, validation) = all.split(validation: configuration.validationPictures)
        let task = DenoiserTraining(
            configuration: configuration, architecture: architecture, training: training, validation: validation,
            notes: ["program": "restore \(RestoreCommand.version)"])
        logger.info(
            """
            \(training.pictures.count) pictures to train on, \(validation.pictures.count) to validate on, \
            \(all.skipped.count) skipped; \(ParameterLayout(task.network).count) parameters; \
            \(pool.workerCount) thread\(pool.workerCount == 1 ? "" : "s")
            """)
        let start = Trainer<DenoiserTraining>.Start(
            about: about(configuration, task: task, skipped: all.skipped),
            parameters: initial,
            isResumed: runOptions.resume, overwrites: runOptions.overwrite,
            observer: runOptions.observer(isQuiet: verbosity.quiet), isStopRequested: { Interruption.isRequested })
        let trainer = try Trainer(
            task, settings: configuration.trainer, folder: runOptions.output, start: start, pool: pool, logger: logger)
        try runOptions.report(try trainer.run(), logger: logger)
    }

    /// What the report says of the run.
    private func about(
        _ configuration: DenoiserConfiguration, task: DenoiserTraining, skipped: [PictureSet.Skipped]
    ) -> RunDescription {
        let (training, validation) = (task.sampler.pictures, task.validation)
        var sets = configuration.data.map { source in
            RunReport.DataSet(
                name: source.path, role: "training, weight \(decimals(source.weight, 1))",
                pictureCount: training.pictures.count { isBelow(source.path, $0.path) },
                skipped: skipped.filter { isBelow(source.path, $0.path) }.map(\.reason))
        }
        sets.append(
            RunReport.DataSet(name: "held out", role: "validation", pictureCount: validation.pictures.count))
        let shape = Shape(batch: 1, height: 64, width: 64, channels: task.architecture.inputChannels)
        // The network was built for these settings; its cost can be counted.
        let cost = try? task.network.cost(inputs: [shape])
        let facts = [
            RunReport.Fact("Program", "restore \(RestoreCommand.version)"),
            RunReport.Fact("Parameters", "\(ParameterLayout(task.network).count)"),
            RunReport.Fact(
                "Multiplications a pixel", cost.map { "\($0.multiplyAccumulates / (64 * 64))" } ?? "unknown"),
        ]
        return RunDescription(
            title: "Denoiser, \(configuration.noise.rawValue) noise",
            configuration: withAbsolutePaths(configuration).yaml, settingsDigest: configuration.digest, dataSets: sets,
            facts: facts)
    }

    /// The weights of `--init`, where they fit; the others start fresh.
    private func initialParameters(
        _ configuration: DenoiserConfiguration, for network: Network, logger: Logger
    ) throws -> Parameters? {
        // A checkpoint has weights of its own.
        if runOptions.resume, RunFolder(runOptions.output).hasCheckpoint { return nil }
        guard let model = configuration.trainer.initialModel else { return nil }
        let file = try SafetensorsFile(path: model)
        let fresh = Parameters(initializing: network, seed: configuration.trainer.seed)
        let (parameters, taken) = try file.parameters(wherePossible: fresh)
        guard taken > 0 else {
            throw UsageError(description: "\(model): no tensor fits the network of widths \(configuration.widths)")
        }
        logger.info("\(taken) of \(fresh.layout.entries.count) tensors taken from \(model)")
        return parameters
    }
}

private func text<Number: LosslessStringConvertible>(_ number: Number?) -> String? { number.map { $0.description } }

/// Whether a picture is the source itself, lies in it, or is a record of it.
private func isBelow(_ source: String, _ picture: String) -> Bool {
    picture == source || picture.hasPrefix(source + "/") || picture.hasPrefix(source + "#")
        || (source.hasSuffix("/") && picture.hasPrefix(source))
}
