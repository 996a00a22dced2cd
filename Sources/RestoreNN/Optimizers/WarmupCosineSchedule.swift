import Glibc

/// Learning rate that rises linearly over the first steps and then falls to zero along half a cosine (Loshchilov &
/// Hutter, "SGDR", ICLR 2017, eq. 5, without restarts).
public struct WarmupCosineSchedule: Hashable, Sendable {
    public let peak: Float
    public let warmupSteps: Int
    public let totalSteps: Int

    public init(peak: Float, warmupSteps: Int, totalSteps: Int) {
        self.peak = peak
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
    }

    /// - Parameter step: 0 for the first update.
    public func learningRate(step: Int) -> Float {
        if step < warmupSteps { return peak * Float(step + 1) / Float(warmupSteps) }
        let progress = Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
        return peak * Float(0.5 * (1 + cos(Double.pi * min(1, progress))))
    }
}
