/// The noise level that a denoiser assumes: the standard deviation of the noise in units of 1/255.
public enum NoiseSetting: Equatable, Sendable {
    /// Estimated from the picture (`NoiseEstimator`).
    case automatic
    /// The same everywhere.
    case sigma(Double)
    /// Different from place to place.
    case map(NoiseLevelMap)

    /// The levels that the denoisers are trained for.
    public static let range = 0.0...75.0
}
