import Glibc

/// A learning rate that rises linearly over the first steps and then falls to zero along half a cosine (Loshchilov &
/// Hutter, "SGDR", ICLR 2017, eq. 5, without restarts).
///
/// Progress is measured in steps, or supplied by the caller if the run has a time limit.
public struct WarmupCosineSchedule: Hashable, Sendable {
    public let peak: Float
    public let warmupSteps: Int
    /// Steps of the whole run; nil if only a time limit ends it.
    public let totalSteps: Int?

    public init(peak: Float, warmupSteps: Int, totalSteps: Int?) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// - Parameters:
    ///   - step: 0 for the first update.
    ///   - timeProgress: fraction of the time limit that has elapsed, 0…1; used if it is ahead of the progress in
    ///     steps.
    public func learningRate(step: Int, timeProgress: Double = 0) -> Float {
        let warm = step < warmupSteps ? peak * Float(step + 1) / Float(warmupSteps) : peak
        var progress = max(0, timeProgress)
        if let totalSteps {
            progress = max(progress, Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps)))
        }
        return warm * Float(0.5 * (1 + cos(Double.pi * min(1, progress))))
    }
}
