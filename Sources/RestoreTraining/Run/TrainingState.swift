import RestoreConcurrency
import RestoreNN

/// Everything that changes during a run, and thus everything a checkpoint stores.
///
/// This includes no random-generator state: the draws for an example come from a generator seeded with the run's seed,
/// the step and the example's slot in the batch. Thus `step` is also the position in the data.
struct TrainingState {
    var parameters: Parameters
    var optimizer: Optimizer
    var average: ExponentialMovingAverage
    /// Steps done.
    var step = 0
    /// Training time in seconds, including earlier sessions.
    var seconds = 0.0
    /// Sums of the loss and of each term since the last row of the metrics.
    var lossSum = 0.0
    var termSums: [Double]
    var lossCount = 0
    /// The first metric in the best and the last validation.
    var bestScore: Double?
    var lastScore: Double?
    /// Validations since the best one.
    var validationsWithoutGain = 0

    /// - Parameter termCount: number of terms in the objective.
    init(parameters: Parameters, termCount: Int, settings: TrainerSettings) {
        termSums = [Double](repeating: 0, count: termCount)
        self.parameters = parameters
        optimizer = settings.makeOptimizer(parameters.layout)
        average = ExponentialMovingAverage(decay: settings.averageDecay, values: parameters.values)
    }

    /// One update of the weights and of their average.
    mutating func update(
        loss: Double, terms: [Double], gradients: [Float], learningRate: Float, pool: WorkerPool
    ) {
        optimizer.update(&parameters.values, gradients: gradients, learningRate: learningRate, pool: pool)
        average.update(parameters.values, pool: pool)
        lossSum += loss
        for (index, term) in terms.enumerated() { termSums[index] += term }
        lossCount += 1
        step += 1
    }
}
