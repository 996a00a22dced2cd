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
        case .outOfPatience: .finished(reason: "the score rose no more")
        case .interrupted: .stopped(reason: "interrupted; it can be resumed")
        }
    }
}

/// Trains a network by AdamW with a warm-up and cosine schedule, clipped gradients and averaged weights.
///
/// The run's folder gets everything (`RunFolder`). The same seed and data give the same bits whatever the number of workers
/// is, and however often the run was interrupted and resumed.
public final class Trainer<Task: TrainingTask> {
    private let task: Task
    private let settings: TrainerSettings
    private let folder: RunFolder
    private let pool: WorkerPool
    private let logger: Logger
    private let plan: TrainingPlan
    private let schedule: WarmupCosineSchedule
    private let identity: RunIdentity
    private let recorder: RunRecorder
    private let isStopRequested: @Sendable () -> Bool
    private var state: TrainingState
    private var gradients: [Float]
    private let clock = ContinuousClock()

    /// What a run starts from, and who may stop it.
    public struct Start: Sendable {
        public var about: RunDescription
        /// Weights to start from instead of fresh ones.
        public var parameters: Parameters?
        /// Whether to go on where the folder's newest checkpoint ends.
        public var isResumed: Bool
        /// Where progress is shown step by step; nothing unless given.
        public var observer: (any TrainingObserver)?
        /// Asked after each step.
        public var isStopRequested: @Sendable () -> Bool

        public init(
            about: RunDescription = RunDescription(), parameters: Parameters? = nil, isResumed: Bool = false,
            observer: (any TrainingObserver)? = nil, isStopRequested: @escaping @Sendable () -> Bool = { false }
        ) {
            self.about = about
            self.parameters = parameters
            self.isResumed = isResumed
            self.observer = observer
            self.isStopRequested = isStopRequested
        }
    }

    /// - Throws: `TrainingError.network` where the network does not fit the batch or the memory, `.file` where the folder
    ///   cannot be made, `.weights` where no checkpoint can be read, `.otherRun` where one is of another run.
    public init(
        _ task: Task, settings: TrainerSettings, folder: String, start: Start = Start(), pool: WorkerPool,
        logger: Logger
    ) throws(TrainingError) {
        self.task = task
        self.settings = settings
        self.folder = RunFolder(folder)
        self.pool = pool
        self.logger = logger
        isStopRequested = start.isStopRequested
        do {
            plan = try TrainingPlan(task.network, inputShapes: task.inputShapes, pool: pool)
        } catch { throw .network(error) }
        let total = settings.totalSteps(exampleCount: task.exampleCount)
        guard total != nil || settings.timeLimit != nil else { throw .noEnd }
        schedule = WarmupCosineSchedule(
            peak: settings.learningRate, warmupSteps: settings.warmupSteps, totalSteps: total)
        identity = RunIdentity(totalSteps: total, seed: settings.seed, data: task.dataDigest)
        let fresh = start.parameters ?? Parameters(initializing: task.network, seed: settings.seed)
        state = TrainingState(parameters: fresh, settings: settings)
        gradients = [Float](repeating: 0, count: fresh.values.count)
        if start.isResumed,
            let checkpoint = try self.folder.newestCheckpoint(
                layout: fresh.layout, settings: settings, warn: { logger.warning("\($0)") })
        {
            try identity.require(checkpoint.identity, folder: folder)
            state = checkpoint.state
        }
        // Where there can be no run, no folder stays behind.
        do { try makeDirectory(folder) } catch { throw .file(error) }
        recorder = try RunRecorder(
            RunRecorder.Opening(
                folder: self.folder, about: start.about, isResumed: start.isResumed, step: state.step,
                seconds: state.seconds, totalSteps: total,
                megapixelsPerStep: Double(plan.outputShapes[0].pixels) / 1e6),
            pool: pool, logger: logger, observer: start.observer)
    }

    /// What a run came to.
    public struct Outcome: Sendable {
        public let end: TrainingEnd
        public let steps: Int
        /// Of work, earlier parts of a resumed run included.
        public let seconds: Double
        /// Of the last and the best validation; nil where there is nothing to validate on.
        public let lastScore: Double?
        public let bestScore: Double?
    }

    /// - Throws: `TrainingError`, or what validation throws.
    public func run() throws -> Outcome {
        // One worker means one thread: then batches are made when they are needed.
        let queue = BatchQueue(
            task, targetShape: plan.outputShapes[0], firstStep: state.step, threadCount: pool.workerCount - 1)
        defer { queue.stop() }
        let end: TrainingEnd
        do {
            end = try train(queue)
        } catch {
            // What ended the run matters more than that the report cannot say so.
            try? recorder.finish(.failed(reason: "\(error)"))
            throw error
        }
        try recorder.finish(end.reportState)
        return Outcome(
            end: end, steps: state.step, seconds: state.seconds, lastScore: state.lastScore,
            bestScore: state.bestScore)
    }

    private func train(_ queue: BatchQueue<Task>) throws -> TrainingEnd {
        var lastCheckpoint = clock.now
        var end = end()
        while end == nil {
            let start = clock.now
            let done = try update(queue.batch(step: state.step))
            state.seconds += (clock.now - start).seconds
            recorder.show(
                state.step, loss: done.loss, learningRate: Double(done.learningRate), seconds: state.seconds)
            end = self.end()
            let validates = end != nil || state.step % settings.validationInterval == 0
            if validates || state.step % settings.reportInterval == 0 { try report(norm: done.norm, validates: validates) }
            // A validation may have been the last that patience allowed.
            end = end ?? self.end() ?? (isStopRequested() ? .interrupted : nil)
            let isDue = (clock.now - lastCheckpoint).seconds >= 60 * settings.checkpointMinutes
            if validates || end != nil || isDue {
                try folder.write(Checkpoint(state: state, identity: identity))
                lastCheckpoint = clock.now
            }
        }
        return end ?? .finished
    }

    // MARK: Steps

    private var timeProgress: Double {
        settings.timeLimit.map { min(1, state.seconds / (60 * $0)) } ?? 0
    }

    /// Whether the run is over after the steps done so far.
    private func end() -> TrainingEnd? {
        if let total = schedule.totalSteps, state.step >= total { return .finished }
        if timeProgress >= 1 { return .finished }
        if let patience = settings.patience, state.validationsWithoutGain >= patience { return .outOfPatience }
        return nil
    }

    private var learningRate: Float {
        schedule.learningRate(step: state.step, timeProgress: timeProgress)
    }

    /// One step: batch, forward, loss, backward, clipping, AdamW, average. The norm is that of the gradients before clipping.
    private func update(
        _ batch: BatchQueue<Task>.Batch
    ) throws(TrainingError) -> (loss: Double, norm: Float, learningRate: Float) {
        for (index, values) in batch.inputs.enumerated() {
            guard let source = values.baseAddress else { continue }
            plan.input(index).update(from: source, count: values.count)
        }
        for i in gradients.indices { gradients[i] = 0 }
        let loss = backpropagate(batch)
        let norm = clipGradientNorm(&gradients, maximum: settings.maximumGradientNorm, pool: pool)
        guard loss.isFinite, norm.isFinite else { throw .notFinite(step: state.step + 1, pictures: batch.files) }
        let rate = learningRate
        state.update(loss: loss, gradients: gradients, learningRate: rate, pool: pool)
        return (loss, norm, rate)
    }

    private func backpropagate(_ batch: BatchQueue<Task>.Batch) -> Double {
        state.parameters.values.withUnsafeBufferPointer { values in
            gradients.withUnsafeMutableBufferPointer { gradients -> Double in
                guard let values = values.baseAddress, let gradients = gradients.baseAddress,
                    let target = batch.target.baseAddress
                else { return .nan }
                plan.forward(parameters: values)
                let loss = settings.batchLoss.evaluate(
                    prediction: plan.output(0), target: target, count: plan.outputShapes[0].count,
                    gradient: plan.outputGradient(0), pool: pool)
                plan.backward(parameters: values, parameterGradients: gradients)
                return loss
            }
        }
    }

    // MARK: Reports and models

    private func report(norm: Float, validates: Bool) throws {
        var row = MetricsRow(
            step: state.step, loss: state.lossSum / Double(state.lossCount),
            learningRate: Double(schedule.learningRate(step: state.step - 1, timeProgress: timeProgress)),
            gradientNorm: Double(norm), seconds: state.seconds,
            megapixels: Double(state.step) * Double(plan.outputShapes[0].pixels) / 1e6)
        (state.lossSum, state.lossCount) = (0, 0)
        recorder.log(row)
        if validates {
            let start = clock.now
            row.validationScore = try validate()
            state.seconds += (clock.now - start).seconds
        }
        try recorder.record(row, seconds: state.seconds)
    }

    private func validate() throws -> Double? {
        let averaged = Parameters(layout: state.parameters.layout, values: state.average.values)
        let score = try task.validate(averaged, pool: pool)
        // Without a score the latest weights are the best there are.
        var isBest = true
        if let score {
            isBest = state.bestScore.map { score > $0 } ?? true
            if isBest { state.bestScore = score }
            state.validationsWithoutGain = isBest ? 0 : state.validationsWithoutGain + 1
        }
        state.lastScore = score
        let bytes = SafetensorsFile.serialize(
            SafetensorsFile.tensors(averaged), metadata: task.metadata(step: state.step, score: score))
        try folder.write(bytes, RunFolder.lastModel)
        if isBest { try folder.write(bytes, RunFolder.bestModel) }
        try recorder.validation(
            step: state.step, score: score, isBest: isBest, samples: task.samples(averaged, pool: pool))
        return score
    }
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
            other.data == data ? nil : "its pictures were others (\(other.data), now \(data))",
        ].compactMap { $0 }
        if !differences.isEmpty { throw .otherRun(folder: folder, reason: differences.joined(separator: ", ")) }
    }
}
