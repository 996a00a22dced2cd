import RestoreConcurrency
import RestoreNN

/// All that changes while a run goes on, and so all that a checkpoint holds.
///
/// There is no state of a random generator among it: what an example is made of is drawn by a generator of the run's seed,
/// the step and the example's place in the batch. So `step` is the position in the data, too.
struct TrainingState {
    var parameters: Parameters
    var optimizer: Optimizer
    var average: ExponentialMovingAverage
    /// Steps done.
    var step = 0
    /// Seconds of work so far, those before an interruption included.
    var seconds = 0.0
    /// Losses since the last row of the metrics, and those of each term.
    var lossSum = 0.0
    var termSums: [Double]
    var lossCount = 0
    /// The first metric of the best and of the last validation.
    var bestScore: Double?
    var lastScore: Double?
    /// Validations since the best one.
    var validationsWithoutGain = 0

    /// - Parameter termCount: terms of the objective.
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
