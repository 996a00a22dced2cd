/// The noise level that a denoiser assumes: the standard deviation of the noise in units of 1/255.
public enum NoiseSetting: Equatable, Sendable {
    /// Estimated from the picture (`NoiseEstimator`).
    case automatic
    case sigma(Double)

    /// The levels that the denoisers are trained for.
    public static let range = 0.0...75.0
}
