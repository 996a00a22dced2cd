import ArgumentParser
import Glibc
import RestoreFiles
import RestoreTraining

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a new model on your own pictures.",
        subcommands: Tasks.all.map { $0.trainCommand })
}

/// The options of a training task: those of every run are `RunOptions`.
protocol TrainingOptions: SettingOptions {
    /// One line for the list of commands.
    static var abstract: String { get }
    static var discussion: String { get }
    /// What is used without `--data`.
    static var standardData: StandardData? { get }
}

extension TrainingOptions {
    static var standardData: StandardData? { nil }
}

/// `restore train TASK`: settings from a file and from options, a run in a folder.
struct TrainTaskCommand<Options: TrainingOptions>: ParsableCommand {
    typealias Configuration = Options.Configuration

    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Configuration.task,
            abstract: Options.abstract,
            usage: """
                restore train \(Configuration.task) \(dataUsage) --output FOLDER [options]
                restore train \(Configuration.task) --config FILE.yaml --output FOLDER [options]
                restore train \(Configuration.task) --resume --output FOLDER
                """,
            discussion: """
                \(Options.discussion) The output folder gets the settings (config.yaml), metrics.csv, TensorBoard events, \
                samples, report.html, checkpoints, and the models last.safetensors and best.safetensors.

                A run that was interrupted, by Ctrl-C, a signal or a power cut, resumes with --resume and ends in the same \
                bits as one that was not.
                """)
    }

    private static var dataUsage: String { Options.standardData == nil ? "--data PATH..." : "[--data PATH...]" }

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Training data: folders or files (PNG, JPEG, CIFAR-10, MNIST), each with an optional weight.",
            valueName: "path[=weight]"),
        completion: .file())
    var sources: [String] = []

    @OptionGroup var options: Options
    @OptionGroup(title: "Run") var runOptions: RunOptions<Configuration>
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard runOptions.resume || runOptions.config != nil || !sources.isEmpty || Options.standardData != nil else {
            throw ValidationError("--data needs at least one path.")
        }
        guard !runOptions.resume || runOptions.config == nil else {
            throw ValidationError("--resume uses the run's own config.yaml and cannot be combined with --config.")
        }
        guard !runOptions.resume || !runOptions.overwrite else {
            throw ValidationError("--resume continues a run and cannot be combined with --overwrite.")
        }
        for source in sources {
            if let problem = DataSource.weightProblem(of: source) {
                throw ValidationError("--data \(source): \(problem).")
            }
        }
        do throws(ConfigurationError) {
            var configuration = Configuration()
            try apply(to: &configuration)
            // A file may say what the options leave open.
            if !runOptions.resume, runOptions.config == nil { _ = try configuration.completed() }
        } catch {
            throw ValidationError("\(error).")
        }
    }

    func run() throws {
        try reportingFailure {
            let configuration = try resolvedConfiguration()
            warnOfIgnoredOptions(configuration)
            try TrainRun(
                configuration: configuration, options: runOptions, pool: threads.pool, verbosity: verbosity
            ).run()
        }
    }

    // MARK: Settings

    /// Options that the other settings leave without effect. The user may believe that they have one.
    private func warnOfIgnoredOptions(_ configuration: Configuration) {
        let given = Set((options.given + runOptions.given).compactMap { Configuration.table[$0.key]?.key })
        for ignored in configuration.ignoredSettings + configuration.trainer.ignoredSettings {
            guard given.contains(ignored.key) else { continue }
            verbosity.logger.warning("--\(ignored.key) has no effect \(ignored.reason)")
        }
    }

    /// Defaults, then the file, then the options.
    private func resolvedConfiguration() throws -> Configuration {
        var configuration = Configuration()
        if runOptions.resume {
            let path = RunFolder(runOptions.output)(RunFolder.configuration)
            try configuration.read(yaml: readFile(path, maximumBytes: 1 << 20), path: path)
            return try withOptionsOfResumedRun(configuration)
        }
        if let path = runOptions.config {
            try configuration.read(yaml: readFile(path, maximumBytes: 1 << 20), path: path)
        }
        try apply(to: &configuration)
        if configuration.data.isEmpty, let standard = Options.standardData {
            configuration.data = [DataSource(path: try standard.find { getenv($0).map { pathFromSystem($0) } })]
        }
        guard !configuration.data.isEmpty else { throw UsageError(description: "--data needs at least one path") }
        if let model = configuration.trainer.initialModel,
            parentFolder(of: model) == parentFolder(of: runOptions.output + "/x")
        {
            throw UsageError(
                description: "\(model): a run cannot start from a model in the folder that it writes to")
        }
        return try configuration.resolved()
    }

    private func apply(to configuration: inout Configuration) throws(ConfigurationError) {
        if !sources.isEmpty { configuration.data = sources.map { DataSource(argument: $0) } }
        for (key, value) in options.given + runOptions.given { try configuration.read(option: key, value) }
    }

    /// A resumed run keeps its settings: another one would not end in the same bits.
    private func withOptionsOfResumedRun(_ stored: Configuration) throws -> Configuration {
        var asked = stored
        try apply(to: &asked)
        let changed = try asked.withAbsolutePaths.resolved().differences(from: stored)
        if let key = changed.first {
            throw UsageError(
                description: """
                    --\(key): a resumed run keeps the settings in \
                    \(RunFolder(runOptions.output)(RunFolder.configuration)); start a new run from its model with --init
                    """)
        }
        return stored
    }
}
