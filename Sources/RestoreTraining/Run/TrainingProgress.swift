/// Told of every step, to show a line that is redrawn.
public protocol TrainingObserver: Sendable {
    func step(_ progress: TrainingProgress)
    /// Before a line is logged: the redrawn line must go.
    func clear()
}

/// How far a run is.
public struct TrainingProgress: Sendable {
    public let step: Int
    /// Nil where only time ends the run.
    public let totalSteps: Int?
    public let loss: Double
    public let learningRate: Double
    public let workPerSecond: Double
    /// Of the pace: "megapixels".
    public let workUnit: String
    public let stepsPerSecond: Double

    /// Share of the run that is done, 0…1; nil where only time ends the run.
    public var fraction: Double? { totalSteps.map { min(1, Double(step) / Double(max(1, $0))) } }

    /// Seconds to the end at this pace; nil where only time ends the run.
    public var secondsLeft: Double? { totalSteps.map { Double($0 - step) / stepsPerSecond } }
}
