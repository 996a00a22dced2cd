import RestoreConcurrency
import RestoreText
import ArgumentParser
import Logging
import RestoreFiles
import RestoreNN
import RestoreTraining

/// A training run of any task: initial weights, data, the trainer, and what it came to.
struct TrainRun<Configuration: TrainingConfiguration> {
    let configuration: Configuration
    let options: RunOptions<Configuration>
    let pool: WorkerPool
    let verbosity: VerbosityOptions

    /// - Throws: `ExitCode.interrupted` where a signal stopped the run.
    func run() throws {
        if !options.resume, !options.overwrite, let earlier = RunFolder(options.output).earlierRun {
            throw FileError.alreadyExists(path: earlier)
        }
        // From here on a signal is a request: reading the data may take a while.
        Interruption.watch()
        let logger = verbosity.logger
        let graph = try configuration.graph()
        // Before the data, which takes longer to read.
        let initial = try initialParameters(for: graph.network, logger: logger)
        let notes = ["program": "restore \(RestoreCommand.version)"]
        let task = try configuration.makeTask(graph, notes: notes, pool: pool, logger: logger)
        let parameters = ParameterLayout(graph.network).count
        let skipped = task.dataSets.reduce(0) { $0 + $1.skipped.count }
        logger.info(
            """
            \(task.exampleCount) pictures to train on, \(task.validationCount) to validate on, \(skipped) skipped; \
            \(parameters) parameters; \(pool.workerCount) thread\(pool.workerCount == 1 ? "" : "s")
            """)
        let facts = [
            RunReport.Fact("Program", "restore \(RestoreCommand.version)"),
            RunReport.Fact("Parameters", "\(parameters)"),
        ]
        let start = Trainer<Configuration.Training>.Start(
            about: RunDescription(
                title: configuration.title, configuration: configuration.withAbsolutePaths.yaml,
                settingsDigest: configuration.digest, dataSets: task.dataSets, facts: facts + task.facts),
            parameters: initial, isResumed: options.resume, overwrites: options.overwrite,
            observer: verbosity.quiet ? nil : TrainingLine(style: options.progress),
            isStopRequested: { Interruption.isRequested })
        let trainer = try Trainer(
            task, settings: configuration.trainer, folder: options.output, start: start, pool: pool, logger: logger)
        try report(try trainer.run(), logger: logger)
    }

    /// The weights of `--init`, where they fit; the others start fresh. The model may be of a part of the network.
    private func initialParameters(for network: Network, logger: Logger) throws -> Parameters? {
        // A checkpoint has weights of its own.
        if options.resume, RunFolder(options.output).hasCheckpoint { return nil }
        guard let model = configuration.trainer.initialModel else { return nil }
        let file = try SafetensorsFile(path: model)
        let fresh = Parameters(initializing: network, seed: configuration.trainer.seed)
        let (parameters, taken) = try file.parameters(wherePossible: fresh)
        guard taken > 0 else {
            throw UsageError(description: "\(model): no tensor fits the network of these settings")
        }
        logger.info("\(taken) of \(fresh.layout.entries.count) tensors taken from \(model)")
        return parameters
    }

    private func report(_ outcome: Trainer<Configuration.Training>.Outcome, logger: Logger) throws {
        var scores = ""
        if let last = outcome.lastScore, let best = outcome.bestScore, let metric = outcome.score {
            scores = "; validation \(metric.title) \(metric.text(last)), best \(metric.text(best))"
        }
        let work = "\(outcome.steps) steps in \(duration(outcome.seconds))\(scores)"
        switch outcome.end {
        case .finished:
            logger.info("\(work); the models are in \(options.output)")
        case .outOfPatience:
            logger.info("\(work); the validation score stopped improving; the models are in \(options.output)")
        case .interrupted:
            Console.message("restore: interrupted after \(work); continue with --resume")
            throw ExitCode.interrupted
        }
    }
}
