import Glibc

/// Learning rate that rises linearly over the first steps and then follows a curve to the end of the run.
///
/// The progress of the run is counted in steps, or given by the caller if time ends the run.
public struct LearningRateSchedule: Hashable, Sendable {
    /// What the learning rate does after the warm-up.
    public enum Decay: String, CaseIterable, Sendable {
        /// Falls to zero along half a cosine (Loshchilov & Hutter, "SGDR", ICLR 2017, eq. 5, without restarts).
        case cosine
        /// Stays as it is.
        case constant
    }

    public let peak: Float
    public let warmupSteps: Int
    /// Steps of the whole run; nil if only time ends it.
    public let totalSteps: Int?
    public let decay: Decay

    public init(peak: Float, warmupSteps: Int, totalSteps: Int?, decay: Decay = .cosine) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
        self.decay = decay
    }

    /// - Parameters:
    ///   - step: 0 for the first update.
    ///   - timeProgress: fraction of the time limit that has elapsed, 0…1; used if it is ahead of the progress in
    ///     steps.
    public func learningRate(step: Int, timeProgress: Double = 0) -> Float {
        let warm = step < warmupSteps ? peak * Float(step + 1) / Float(warmupSteps) : peak
        guard decay == .cosine else { return warm }
        var progress = max(0, timeProgress)
        if let totalSteps {
            progress = max(progress, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
        }
        return warm * Float(0.5 * (1 + cos(Double.pi * min(1, progress))))
    }
}
