import RestoreText
import RestoreConcurrency
import Logging
import RestoreFiles
import RestoreNN

/// How a run came to its end.
public enum TrainingEnd: String, Equatable, Sendable {
    /// All steps are done, or the time is over.
    case finished
    /// The score has not risen for as many validations as the run's patience.
    case outOfPatience
    /// Someone asked it to stop; it can be resumed.
    case interrupted

    var reportState: RunReport.State {
        switch self {
        case .finished: .finished()
        case .outOfPatience: .finished(reason: "the validation score stopped improving")
        case .interrupted: .stopped(reason: "interrupted; it can be resumed")
        }
    }
}

/// Trains a network by AdamW or another optimizer with a warm-up and cosine schedule, clipped gradients and averaged weights.
///
/// The run's folder gets everything (`RunFolder`). The same seed and data give the same bits whatever the number of workers
/// is, and however often the run was interrupted and resumed.
public final class Trainer<Training: TrainingTask> {
    private let task: Training
    private let settings: TrainerSettings
    private let pool: WorkerPool
    private let logger: Logger
    private let plan: TrainingPlan
    private let schedule: LearningRateSchedule
    private let identity: RunIdentity
    private let lock: FolderLock
    private let opening: RunRecorder.Opening
    private let observer: (any TrainingObserver)?
    private let isStopRequested: @Sendable () -> Bool
    private var state: TrainingState
    private var gradients: [Float]
    /// A machine that sleeps does not train.
    private let clock = SuspendingClock()

    /// What a run starts from, and who may stop it.
    public struct Start: Sendable {
        public var about: RunDescription
        /// Weights to start from instead of fresh ones; a checkpoint has its own.
        public var parameters: Parameters?
        /// Whether to go on where the folder's newest checkpoint ends.
        public var isResumed: Bool
        /// Whether an earlier run in the folder may be taken away.
        public var overwrites: Bool
        /// Where progress is shown step by step; nothing unless given.
        public var observer: (any TrainingObserver)?
        /// Asked after each step.
        public var isStopRequested: @Sendable () -> Bool

        public init(
            about: RunDescription = RunDescription(), parameters: Parameters? = nil, isResumed: Bool = false,
            overwrites: Bool = false,
            observer: (any TrainingObserver)? = nil, isStopRequested: @escaping @Sendable () -> Bool = { false }
        ) {
            self.about = about
            self.parameters = parameters
            self.isResumed = isResumed
            self.overwrites = overwrites
            self.observer = observer
            self.isStopRequested = isStopRequested
        }
    }

    /// - Throws: `TrainingError.network` where the network does not fit the batch or the memory, `.file` where the folder
    ///   cannot be made or holds another run, `.weights` where no checkpoint can be read, `.otherRun` where one is of another
    ///   run, `.noCheckpoint` where there is a run and no checkpoint.
    public init(
        _ task: Training, settings: TrainerSettings, folder: String, start: Start = Start(), pool: WorkerPool,
        logger: Logger
    ) throws(TrainingError) {
        self.task = task
        self.settings = settings
        self.pool = pool
        self.logger = logger
        isStopRequested = start.isStopRequested
        do {
            plan = try TrainingPlan(
                task.graph.network, inputShapes: task.inputs.map { $0.shape(batch: settings.batchSize) },
                objective: task.graph.objective, pool: pool)
        } catch { throw .network(error) }
        let total = settings.totalSteps(exampleCount: task.exampleCount)
        guard total != nil || settings.timeLimit != nil else { throw .noEnd }
        schedule = LearningRateSchedule(
            peak: settings.learningRate, warmupSteps: settings.warmupSteps, totalSteps: total,
            decay: settings.schedule)
        identity = RunIdentity(
            totalSteps: total, seed: settings.seed, data: task.dataDigest, settings: start.about.settingsDigest)
        observer = start.observer
        let run = RunFolder(folder)
        if !start.isResumed, !start.overwrites, let earlier = run.earlierRun {
            throw .file(.alreadyExists(path: earlier))
        }
        // Where there can be no run, no folder stays behind.
        do throws(FileError) {
            try makeDirectory(folder)
            lock = try FolderLock(folder: folder)
        } catch { throw .file(error) }
        let fresh = start.parameters ?? Parameters(initializing: task.graph.network, seed: settings.seed)
        gradients = [Float](repeating: 0, count: fresh.values.count)
        state = TrainingState(
            parameters: fresh, termCount: task.graph.objective.terms.count, settings: settings)
        if start.isResumed, let stored = try Self.stored(run, identity, like: state, settings, logger) {
            state = stored
        }
        opening = RunRecorder.Opening(
            folder: run, about: start.about, isResumed: start.isResumed, step: state.step, seconds: state.seconds,
            totalSteps: total, measures: task.measures,
            workPerStep: task.workPerExample * Double(settings.batchSize))
    }

    /// The state of the newest checkpoint; nil where the run was ended before its first.
    private static func stored(
        _ folder: RunFolder, _ identity: RunIdentity, like fresh: TrainingState, _ settings: TrainerSettings,
        _ logger: Logger
    ) throws(TrainingError) -> TrainingState? {
        let (checkpoint, damaged) = try folder.newestCheckpoint(
            layout: fresh.parameters.layout, termCount: fresh.termSums.count, settings: settings)
        for file in damaged { logger.warning("\(file.error)") }
        guard let checkpoint else {
            // The first checkpoint is written right after the first models.
            guard pathKind(folder(RunFolder.lastModel)) == .missing else { throw .noCheckpoint(folder: folder.path) }
            logger.info("there is no checkpoint yet; the run starts at its first step")
            return nil
        }
        try identity.require(checkpoint.identity, folder: folder.path)
        // Lest they count among those that are kept.
        for file in damaged { moveDamagedFileAside(file.path) }
        logger.info("resuming after step \(checkpoint.state.step)")
        return checkpoint.state
    }

    /// What a run came to.
    public struct Outcome: Sendable {
        public let end: TrainingEnd
        public let steps: Int
        /// Of work, earlier parts of a resumed run included.
        public let seconds: Double
        /// What `lastScore` and `bestScore` are values of.
        public let score: Metric?
        /// Of the last and the best validation; nil where there is nothing to validate on.
        public let lastScore: Double?
        public let bestScore: Double?
    }

    /// - Throws: `TrainingError`, or what validation throws.
    public func run() throws -> Outcome {
        // A run that was over stays as it is.
        if let end = reasonToEnd() { return outcome(end) }
        let recorder = try RunRecorder(opening, pool: pool, logger: logger, observer: observer)
        // One worker means one thread: then batches are made when they are needed.
        let queue = BatchQueue(
            task, examples: settings.batchSize, seed: settings.seed, firstStep: state.step,
            threadCount: min(Self.mostPreparers, pool.workerCount - 1))
        defer { queue.stop() }
        let end: TrainingEnd
        do {
            end = try train(queue, recorder)
        } catch {
            // What ended the run matters more than that the report cannot say so.
            try? recorder.finish(.failed(reason: "\(error)"))
            throw error
        }
        try recorder.finish(end.reportState)
        return outcome(end)
    }

    /// Threads that prepare batches; more would have nothing to do.
    private static var mostPreparers: Int { 4 }

    private func outcome(_ end: TrainingEnd) -> Outcome {
        Outcome(
            end: end, steps: state.step, seconds: state.seconds, score: task.metrics.first,
            lastScore: state.lastScore, bestScore: state.bestScore)
    }

    private func train(_ queue: BatchQueue<Training>, _ recorder: RunRecorder) throws -> TrainingEnd {
        let (start, before) = (clock.now, state.seconds)
        // All that a run does takes its time, files and validations too.
        func countTime() { state.seconds = before + (clock.now - start).seconds }
        var lastCheckpoint = start
        while true {
            let done = try update(queue.batch(step: state.step))
            countTime()
            recorder.show(
                state.step, loss: done.loss, learningRate: Double(done.learningRate), seconds: state.seconds)
            var end = reasonToEnd()
            let validates = end != nil || state.step % settings.validationInterval == 0
            if validates || state.step % settings.reportInterval == 0 {
                try report(done, validates: validates, recorder)
                countTime()
                recorder.resumePace(seconds: state.seconds)
            }
            // A validation may have been the last that patience allowed.
            end = end ?? reasonToEnd() ?? (isStopRequested() ? .interrupted : nil)
            let isDue = (clock.now - lastCheckpoint).seconds >= 60 * settings.checkpointMinutes
            if validates || end != nil || isDue {
                try opening.folder.write(Checkpoint(state: state, identity: identity))
                lastCheckpoint = clock.now
            }
            if let end { return end }
        }
    }

    // MARK: Steps

    private var timeProgress: Double {
        settings.timeLimit.map { min(1, state.seconds / (60 * $0)) } ?? 0
    }

    /// Whether the run is over after the steps done so far.
    private func reasonToEnd() -> TrainingEnd? {
        if let total = schedule.totalSteps, state.step >= total { return .finished }
        if timeProgress >= 1 { return .finished }
        if let patience = settings.patience, state.validationsWithoutGain >= patience { return .outOfPatience }
        return nil
    }

    private var learningRate: Float {
        schedule.learningRate(step: state.step, timeProgress: timeProgress)
    }

    /// One step: batch, forward, loss, backward, clipping, optimizer, average. The norm is that of the gradients before clipping.
    private func update(
        _ batch: BatchQueue<Training>.Batch
    ) throws(TrainingError) -> StepFigures {
        for (index, values) in batch.inputs.enumerated() {
            guard let source = values.baseAddress else { continue }
            plan.input(index).update(from: source, count: values.count)
        }
        gradients.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
        let weights = task.graph.objective.weights(step: state.step)
        backpropagate(weights: weights)
        let loss = zip(weights, plan.termValues).reduce(0) { $0 + $1.0 * $1.1 }
        let norm = state.optimizer.clipGradientNorm(
            &gradients, maximum: settings.maximumGradientNorm, pool: pool)
        guard loss.isFinite, norm.isFinite else { throw .notFinite(step: state.step + 1, pictures: batch.files) }
        let rate = learningRate
        state.update(
            loss: loss, terms: plan.termValues, gradients: gradients, learningRate: rate, pool: pool)
        return StepFigures(loss: loss, norm: norm, learningRate: rate)
    }

    private func backpropagate(weights: [Double]) {
        state.parameters.values.withUnsafeBufferPointer { values in
            gradients.withUnsafeMutableBufferPointer { gradients in
                guard let values = values.baseAddress, let gradients = gradients.baseAddress else { return }
                plan.forward(parameters: values)
                plan.backward(weights: weights, parameters: values, parameterGradients: gradients)
            }
        }
    }

    // MARK: Reports and models

    private func report(_ done: StepFigures, validates: Bool, _ recorder: RunRecorder) throws {
        var row = MetricsRow(
            step: state.step, loss: state.lossSum / Double(state.lossCount),
            terms: state.termSums.map { $0 / Double(state.lossCount) }, learningRate: Double(done.learningRate),
            gradientNorm: Double(done.norm), seconds: state.seconds,
            work: Double(state.step) * opening.workPerStep)
        (state.lossSum, state.lossCount) = (0, 0)
        for term in state.termSums.indices { state.termSums[term] = 0 }
        recorder.log(row)
        if validates {
            row.validation = try validate(recorder)
        }
        try recorder.record(row, isValidated: validates)
    }

    private func validate(_ recorder: RunRecorder) throws -> [Double]? {
        let averaged = Parameters(layout: state.parameters.layout, values: state.average.values)
        let metrics = try task.validate(averaged, pool: pool)
        // Without a score the latest weights are the best there are.
        var isBest = true
        state.lastScore = metrics?.first
        if let score = metrics?.first, let metric = task.metrics.first {
            guard metrics?.allSatisfy(\.isFinite) == true else {
                throw TrainingError.scoreNotFinite(step: state.step)
            }
            isBest = state.bestScore.map { metric.isBetter(score, than: $0) } ?? true
            if isBest { state.bestScore = score }
            state.validationsWithoutGain = isBest ? 0 : state.validationsWithoutGain + 1
        }
        let bytes = modelFile(averaged, metrics: metrics)
        try opening.folder.write(bytes, RunFolder.lastModel)
        if isBest { try opening.folder.write(bytes, RunFolder.bestModel) }
        try recorder.validation(
            step: state.step, metrics: metrics, isBest: isBest, samples: task.samples(averaged, pool: pool))
        return metrics
    }

    /// A model holds what leads to its outputs, which may be less than what is trained.
    private func modelFile(_ parameters: Parameters, metrics: [Double]?) -> [UInt8] {
        let shipped = parameters.restricted(to: task.graph.model)
        var metadata = task.metadata(step: state.step, metrics: metrics)
        if shipped.layout != parameters.layout {
            metadata["restore.subset"] =
                "\(shipped.layout.count) of the \(parameters.layout.count) parameters that were trained"
        }
        return SafetensorsFile.serialize(SafetensorsFile.tensors(shipped), metadata: metadata)
    }
}

/// What a step came to.
private struct StepFigures {
    let loss: Double
    /// Of the gradients, before clipping.
    let norm: Float
    let learningRate: Float
}

extension TrainerSettings {
    /// Steps of the whole run; nil where only time ends it. Of steps and epochs, the fewer.
    func totalSteps(exampleCount: Int) -> Int? {
        let ofEpochs = epochs.map { max(1, ($0 * exampleCount + batchSize - 1) / batchSize) }
        guard let steps, let ofEpochs else { return steps ?? ofEpochs }
        return min(steps, ofEpochs)
    }
}

extension RunIdentity {
    /// - Throws: `TrainingError.otherRun` where a checkpoint was made by a run that differs.
    func require(_ other: RunIdentity, folder: String) throws(TrainingError) {
        let differences = [
            other.totalSteps == totalSteps
                ? nil : "it was to have \(other.totalSteps.map { "\($0)" } ?? "no fixed number of") steps",
            other.seed == seed ? nil : "its seed was \(other.seed)",
            other.settings == settings ? nil : "its settings were others",
            other.data == data ? nil : "its pictures were others (\(other.data), now \(data))",
        ].compactMap { $0 }
        if !differences.isEmpty { throw .otherRun(folder: folder, reason: differences.joined(separator: ", ")) }
    }
}
