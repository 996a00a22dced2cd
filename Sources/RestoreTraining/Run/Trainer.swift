import Logging
import RestoreFiles
import RestoreNN

/// Settings of a run that do not depend on what is trained.
public struct TrainerSettings: Sendable {
    public var steps: Int
    public var learningRate: Float
    public var warmupSteps: Int
    public var optimizer: AdamW.Settings
    public var maximumGradientNorm: Float
    /// Decay of the averaged weights, which are what is validated and saved.
    public var averageDecay: Float
    public var seed: UInt64
    /// Steps between progress lines, and between validations.
    public var reportInterval: Int
    public var validationInterval: Int

    public init(
        steps: Int, learningRate: Float = 2e-3, warmupSteps: Int = 100,
        optimizer: AdamW.Settings = AdamW.Settings(beta1: 0.9, beta2: 0.95, weightDecay: 0),
        maximumGradientNorm: Float = 1, averageDecay: Float = 0.999, seed: UInt64 = 1, reportInterval: Int = 50,
        validationInterval: Int = 500
    ) {
        self.steps = steps
        self.learningRate = learningRate
        self.warmupSteps = warmupSteps
        self.optimizer = optimizer
        self.maximumGradientNorm = maximumGradientNorm
        self.averageDecay = averageDecay
        self.seed = seed
        self.reportInterval = reportInterval
        self.validationInterval = validationInterval
    }
}

/// Trains a network by AdamW with a warm-up and cosine schedule, clipped gradients and averaged weights.
///
/// The run's folder gets `metrics.csv`, and `last.safetensors` and `best.safetensors` with the averaged weights at each
/// validation. The same seed and data give the same bits whatever the number of workers is.
public final class Trainer<Task: TrainingTask> {
    private let task: Task
    private let settings: TrainerSettings
    private let folder: String
    private let pool: WorkerPool
    private let logger: Logger
    private let plan: TrainingPlan
    private let schedule: WarmupCosineSchedule
    private var parameters: Parameters
    private var gradients: [Float]
    private var optimizer: AdamW
    private var average: ExponentialMovingAverage
    private var target: [Float]
    private var bestScore: Double?
    private var metrics = "step,loss,learning_rate,gradient_norm,validation_psnr,seconds\n"

    /// - Throws: `TrainingError.network` where the network does not fit the batch or the memory, `.file` where the folder
    ///   cannot be made.
    public init(
        _ task: Task, settings: TrainerSettings, folder: String, pool: WorkerPool, logger: Logger
    ) throws(TrainingError) {
        self.task = task
        self.settings = settings
        self.folder = folder
        self.pool = pool
        self.logger = logger
        do {
            plan = try TrainingPlan(task.network, inputShapes: task.inputShapes, pool: pool)
        } catch { throw .network(error) }
        // Where there can be no run, no folder stays behind.
        do { try makeDirectory(folder) } catch { throw .file(error) }
        parameters = Parameters(initializing: task.network, seed: settings.seed)
        gradients = [Float](repeating: 0, count: parameters.values.count)
        optimizer = AdamW(parameterCount: parameters.values.count, settings: settings.optimizer)
        average = ExponentialMovingAverage(decay: settings.averageDecay, values: parameters.values)
        target = [Float](repeating: 0, count: plan.outputShapes[0].count)
        schedule = WarmupCosineSchedule(
            peak: settings.learningRate, warmupSteps: settings.warmupSteps, totalSteps: settings.steps)
    }

    /// What a run came to.
    public struct Outcome: Sendable {
        public let steps: Int
        public let seconds: Double
        /// Of the last and the best validation; nil where there is nothing to validate on.
        public let lastScore: Double?
        public let bestScore: Double?
    }

    /// - Throws: `TrainingError`, or what validation throws.
    public func run() throws -> Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        var (lossSum, lossCount) = (0.0, 0)
        var score: Double?
        for step in 0..<settings.steps {
            let (loss, norm) = try update(step: step)
            lossSum += loss
            lossCount += 1
            let done = step + 1
            let isLast = done == settings.steps
            let validates = done % settings.validationInterval == 0 || isLast
            guard validates || done % settings.reportInterval == 0 else { continue }
            let seconds = (clock.now - start).seconds
            report(step: done, loss: lossSum / Double(lossCount), norm: norm, seconds: seconds)
            if validates { score = try validate(step: done) }
            try record(
                step: done, loss: lossSum / Double(lossCount), norm: norm, score: validates ? score : nil,
                seconds: seconds)
            (lossSum, lossCount) = (0, 0)
        }
        return Outcome(
            steps: settings.steps, seconds: (clock.now - start).seconds, lastScore: score,
            bestScore: bestScore)
    }

    /// One step: batch, forward, loss, backward, clipping, AdamW, average.
    private func update(step: Int) throws(TrainingError) -> (loss: Double, norm: Float) {
        let files = fillBatch(step: step)
        for i in gradients.indices { gradients[i] = 0 }
        let loss = parameters.values.withUnsafeBufferPointer { values in
            gradients.withUnsafeMutableBufferPointer { gradients -> Double in
                guard let values = values.baseAddress, let gradients = gradients.baseAddress else { return .nan }
                plan.forward(parameters: values)
                let loss = target.withUnsafeBufferPointer { target -> Double in
                    guard let target = target.baseAddress else { return .nan }
                    return task.loss.evaluate(
                        prediction: plan.output(0), target: target, count: plan.outputShapes[0].count,
                        gradient: plan.outputGradient(0), pool: pool)
                }
                plan.backward(parameters: values, parameterGradients: gradients)
                return loss
            }
        }
        let norm = clipGradientNorm(&gradients, maximum: settings.maximumGradientNorm, pool: pool)
        guard loss.isFinite, norm.isFinite else { throw .notFinite(step: step + 1, pictures: files) }
        optimizer.update(
            &parameters.values, gradients: gradients, learningRate: schedule.learningRate(step: step), pool: pool)
        average.update(parameters.values, pool: pool)
        return (loss, norm)
    }

    private func fillBatch(step: Int) -> [String] {
        let batch = task.inputShapes[0].batch
        let inputs = task.inputShapes.indices.map { (plan.input($0), task.inputShapes[$0].count / batch) }
        var files = [String](repeating: "", count: batch)
        target.withUnsafeMutableBufferPointer { target in
            files.withUnsafeMutableBufferPointer { files in
                guard let target = target.baseAddress else { return }
                let targetCount = plan.outputShapes[0].count / batch
                pool.run(taskCount: batch) { slot, _ in
                    files[slot] = task.fill(
                        step: step, slot: slot, inputs: inputs.map { $0.0 + slot * $0.1 },
                        target: target + slot * targetCount)
                }
            }
        }
        return files
    }

    // MARK: Reports and files

    private func report(step: Int, loss: Double, norm: Float, seconds: Double) {
        let rate = Double(step) / seconds
        let left = Double(settings.steps - step) / rate
        let shape = plan.outputShapes[0]
        let megapixels = rate * Double(shape.pixels) / 1e6
        logger.info(
            """
            step \(step)/\(settings.steps)  loss \(decimals(loss, 5))  \
            learning rate \(decimals(Double(schedule.learningRate(step: step - 1)) * 1e3, 3))e-3  \
            gradient \(decimals(Double(norm), 2))  \(decimals(rate, 2)) steps/s  \
            \(decimals(megapixels, 2)) megapixels/s  \(duration(left)) left
            """)
    }

    private func validate(step: Int) throws -> Double? {
        let averaged = Parameters(layout: parameters.layout, values: average.values)
        let score = try task.validate(averaged, pool: pool)
        // Without a score the latest weights are the best there are.
        var isBest = true
        if let score {
            isBest = bestScore.map { score > $0 } ?? true
            if isBest { bestScore = score }
            let remark = isBest ? ", the best" : ""
            logger.info("step \(step)/\(settings.steps)  validation PSNR \(decimals(score, 2)) dB\(remark)")
        }
        let bytes = SafetensorsFile.serialize(
            SafetensorsFile.tensors(averaged), metadata: task.metadata(step: step, score: score))
        try write(bytes, "last.safetensors")
        if isBest { try write(bytes, "best.safetensors") }
        return score
    }

    private func record(
        step: Int, loss: Double, norm: Float, score: Double?, seconds: Double
    ) throws(TrainingError) {
        let psnr = score.map { decimals($0, 4) } ?? ""
        metrics += "\(step),\(loss),\(schedule.learningRate(step: step - 1)),\(norm),\(psnr),\(decimals(seconds, 1))\n"
        try write(Array(metrics.utf8), "metrics.csv")
    }

    private func write(_ bytes: [UInt8], _ name: String) throws(TrainingError) {
        do { try writeFileAtomically(bytes, to: joinPath(folder, name), overwrite: true) } catch { throw .file(error) }
    }
}
