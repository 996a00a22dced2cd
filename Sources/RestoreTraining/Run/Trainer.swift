import RestoreText
import RestoreConcurrency
import Logging
import RestoreFiles
import RestoreCUDA
import RestoreNN

/// Why a run ended.
public enum TrainingEnd: String, Equatable, Sendable {
    /// All steps are done, or the time limit was reached.
    case finished
    /// The score has not improved for as many validations as the run's patience.
    case outOfPatience
    /// A stop was requested; the run can be resumed.
    case interrupted

    var reportState: RunReport.State {
        switch self {
        case .finished: .finished()
        case .outOfPatience: .finished(reason: "the validation score stopped improving")
        case .interrupted: .stopped(reason: "interrupted; it can be resumed")
        }
    }
}

/// Trains a network with AdamW or another optimizer, a learning-rate schedule with warm-up and cosine decay, gradient
/// clipping and weight averaging.
///
/// All results go to the run's folder (`RunFolder`). The same seed and data give the same bits, regardless of the
/// number of workers and of how often the run was interrupted and resumed.
public final class Trainer<Training: TrainingTask> {
    private let task: Training
    private let settings: TrainerSettings
    private let pool: WorkerPool
    private let logger: Logger
    private let plan: any TrainingExecution
    private let schedule: LearningRateSchedule
    private let identity: RunIdentity
    private let lock: FolderLock
    private let opening: RunRecorder.Opening
    private let observer: (any TrainingObserver)?
    private let isStopRequested: @Sendable () -> Bool
    private var state: TrainingState
    private var gradients: [Float]
    /// Time during which the machine is suspended does not count.
    private let clock = SuspendingClock()

    /// How a run starts, and how it can be stopped.
    public struct Start: Sendable {
        public var about: RunDescription
        /// Initial weights instead of random ones. A checkpoint's own weights take precedence.
        public var parameters: Parameters?
        /// Whether to resume from the folder's newest checkpoint.
        public var isResumed: Bool
        /// Whether the files of an earlier run in the folder may be removed.
        public var overwrites: Bool
        /// Receives progress after every step; nil for none.
        public var observer: (any TrainingObserver)?
        /// Checked after each step.
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

    /// - Throws: `TrainingError.network` if the network does not fit the batch or the memory, `.file` if the folder
    ///   cannot be created or contains another run, `.weights` if no checkpoint is readable, `.otherRun` if a
    ///   checkpoint belongs to another run, `.noCheckpoint` if there is a run but no checkpoint.
    public init(
        _ task: Training, settings: TrainerSettings, folder: String, start: Start = Start(), pool: WorkerPool,
        logger: Logger
    ) throws(TrainingError) {
        self.task = task
        self.settings = settings
        self.pool = pool
        self.logger = logger
        isStopRequested = start.isStopRequested
        plan = try Self.plan(task, settings: settings, pool: pool, logger: logger)
        let total = settings.totalSteps(exampleCount: task.exampleCount)
        guard total != nil || settings.timeLimit != nil else { throw .noEnd }
        if let total, total <= settings.warmupSteps {
            logger.warning(
                """
                the run ends after \(total) steps, within the warm-up of \(settings.warmupSteps): the learning rate never \
                reaches its peak and never falls; use --warmup \(max(1, total / 20)) or more steps
                """)
        }
        if settings.patience != nil, task.validationCount == 0 {
            logger.warning("the patience has no effect: there are no images to validate on")
        }
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
        // If the run cannot start, it does not leave a folder behind.
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

    /// The training graph, ready to run on the device of the settings.
    private static func plan(
        _ task: Training, settings: TrainerSettings, pool: WorkerPool, logger: Logger
    ) throws(TrainingError) -> any TrainingExecution {
        let shapes = task.inputs.map { $0.shape(batch: settings.batchSize) }
        do {
            switch settings.device {
            case .cpu:
                return try TrainingPlan(
                    task.graph.network, inputShapes: shapes, objective: task.graph.objective, pool: pool)
            case .cuda:
                let device = try CUDADevice()
                logger.info("training on \(device.name)")
                return try DividedTrainingPlan(task.graph, inputShapes: shapes, device: device, pool: pool)
            }
        } catch let error as NetworkError {
            throw .network(error)
        } catch {
            throw .device(reason: "\(error)")
        }
    }

    /// The state of the newest checkpoint; nil if the run was interrupted before its first.
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
            logger.info("there is no checkpoint yet; starting from the first step")
            return nil
        }
        try identity.require(checkpoint.identity, folder: folder.path)
        // Otherwise they would count toward the checkpoints to keep.
        for file in damaged { moveDamagedFileAside(file.path) }
        logger.info("resuming after step \(checkpoint.state.step)")
        return checkpoint.state
    }

    /// The result of a run.
    public struct Outcome: Sendable {
        public let end: TrainingEnd
        public let steps: Int
        /// Training time, including earlier sessions of a resumed run.
        public let seconds: Double
        /// The metric that `lastScore` and `bestScore` are values of.
        public let score: Metric?
        /// From the last and the best validation; nil if there is no validation data.
        public let lastScore: Double?
        public let bestScore: Double?
    }

    /// - Throws: `TrainingError`, or an error from validation.
    public func run() throws -> Outcome {
        // A run that is already complete is not changed.
        if let end = reasonToEnd() { return outcome(end) }
        let recorder = try RunRecorder(opening, pool: pool, logger: logger, observer: observer)
        // With a single worker, everything runs on one thread: batches are prepared when they are needed.
        let queue = BatchQueue(
            task, examples: settings.batchSize, seed: settings.seed, firstStep: state.step,
            threadCount: min(settings.device.mostPreparers, pool.workerCount - 1))
        defer { queue.stop() }
        let end: TrainingEnd
        do {
            end = try train(queue, recorder)
        } catch {
            // The error that ended the run matters more than a failure to write the report.
            try? recorder.finish(.failed(reason: "\(error)"))
            throw error
        }
        try recorder.finish(end.reportState)
        return outcome(end)
    }

    private func outcome(_ end: TrainingEnd) -> Outcome {
        Outcome(
            end: end, steps: state.step, seconds: state.seconds, score: task.metrics.first,
            lastScore: state.lastScore, bestScore: state.bestScore)
    }

    private func train(_ queue: BatchQueue<Training>, _ recorder: RunRecorder) throws -> TrainingEnd {
        let (start, before) = (clock.now, state.seconds)
        // Everything in a run counts toward its time, including file writes and validations.
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
            // The patience may have run out with this validation.
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

    /// The reason to end the run after the steps done so far, or nil.
    private func reasonToEnd() -> TrainingEnd? {
        if let total = schedule.totalSteps, state.step >= total { return .finished }
        if timeProgress >= 1 { return .finished }
        if let patience = settings.patience, state.validationsWithoutGain >= patience { return .outOfPatience }
        return nil
    }

    private var learningRate: Float {
        schedule.learningRate(step: state.step, timeProgress: timeProgress)
    }

    /// One step: batch, forward, loss, backward, clipping, optimizer, average. The returned norm is that of the
    /// gradients before clipping.
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
        if let failure = plan.failure { throw .device(reason: "\(failure)") }
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
        // Without a score, the latest weights count as the best.
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

    /// A model contains only what its outputs depend on, which may be less than what is trained.
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

/// The result of a step.
private struct StepFigures {
    let loss: Double
    /// Norm of the gradients before clipping.
    let norm: Float
    let learningRate: Float
}

extension TrainerSettings {
    /// Steps of the whole run; nil if only a time limit ends it. If both steps and epochs are given, the smaller
    /// number.
    func totalSteps(exampleCount: Int) -> Int? {
        let ofEpochs = epochs.map { max(1, ($0 * exampleCount + batchSize - 1) / batchSize) }
        guard let steps, let ofEpochs else { return steps ?? ofEpochs }
        return min(steps, ofEpochs)
    }
}

extension RunIdentity {
    /// - Throws: `TrainingError.otherRun` if the checkpoint belongs to a different run.
    func require(_ other: RunIdentity, folder: String) throws(TrainingError) {
        let differences = [
            other.totalSteps == totalSteps
                ? nil : "it was started with \(other.totalSteps.map { "\($0)" } ?? "no fixed number of") steps",
            other.seed == seed ? nil : "its seed was \(other.seed)",
            other.settings == settings ? nil : "its settings were different",
            other.data == data ? nil : "its data was different (\(other.data), now \(data))",
        ].compactMap { $0 }
        if !differences.isEmpty { throw .otherRun(folder: folder, reason: differences.joined(separator: ", ")) }
    }
}
