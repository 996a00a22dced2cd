/// Receives every step, to update a progress line.
public protocol TrainingObserver: Sendable {
    func step(_ progress: TrainingProgress)
    /// Called before a line is logged, to clear the progress line.
    func clear()
}

/// The progress of a run.
public struct TrainingProgress: Sendable {
    public let step: Int
    /// Nil if only a time limit ends the run.
    public let totalSteps: Int?
    public let loss: Double
    public let learningRate: Double
    public let workPerSecond: Double
    /// The unit of the speed: "megapixels".
    public let workUnit: String
    public let stepsPerSecond: Double

    /// Fraction of the run that is done, 0…1; nil if only a time limit ends the run.
    public var fraction: Double? { totalSteps.map { min(1, Double(step) / Double(max(1, $0))) } }

    /// Estimated remaining seconds at the current speed; nil if only a time limit ends the run.
    public var secondsLeft: Double? { totalSteps.map { Double($0 - step) / stepsPerSecond } }
}
