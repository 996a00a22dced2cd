import Glibc
import RestoreNN

/// The noise of a sensor: for a signal x (1 at saturation), the recorded value has mean x and variance `shot` · x +
/// `read`.
///
/// The number of photons is a Poisson variable, and read noise is normal; their sum is approximated by a single normal
/// variable, as in Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data"
/// (IEEE Transactions on Image Processing 2008, section II), and Brooks et al., "Unprocessing Images for Learned Raw
/// Denoising" (CVPR 2019, equation 1).
package struct ShotReadNoise: Equatable, Sendable {
    /// Variance per unit of signal.
    package let shot: Double
    /// Variance without any signal.
    package let read: Double

    /// - Precondition: neither is negative.
    package init(shot: Double, read: Double) {
        precondition(shot >= 0 && read >= 0, "shot \(shot), read \(read)")
        self.shot = shot
        self.read = read
    }

    /// From the minimum used by Brooks et al. (section 3: 0.0001…0.012, fitted to the cameras of the Darmstadt Noise
    /// Dataset) to the maximum used by Zamir et al. ("CycleISP: Real Image Restoration via Improved Data Synthesis",
    /// CVPR 2020, and its published program: 0.00068674…0.02194856, fitted to the phones of the Smartphone Image
    /// Denoising Dataset).
    package static let shotLevels = 0.0001...0.02194856

    /// Draws a shot level, uniform on a log scale, and a read level scattered around the corresponding line for one of
    /// two kinds of cameras.
    ///
    /// The Darmstadt cameras: ln read = 2.18 · ln shot + 1.20, standard deviation 0.26 (Brooks et al., section 3 and
    /// program). Phones: log₁₀ read = 1.85 · log₁₀ shot + 0.30, standard deviation 0.20 (Zamir et al., program).
    /// Choosing either with equal probability is ours.
    package init(shotLevels: ClosedRange<Double>, using generator: inout SeededGenerator) {
        let logShot = generator.uniform(in: log(shotLevels.lowerBound)...log(shotLevels.upperBound))
        let isPhone = generator.happens(0.5)
        let deviate = generator.normal()
        let logRead =
            isPhone ? 1.85 * logShot + M_LN10 * (0.30 + 0.20 * deviate) : 2.18 * logShot + 1.20 + 0.26 * deviate
        self.init(shot: exp(logShot), read: exp(logRead))
    }

    /// Standard deviation for a signal; a negative signal, as of colors outside the sensor's gamut, counts as 0.
    @inline(__always)
    func deviation(of signal: Float) -> Float {
        (Float(shot) * max(signal, 0) + Float(read)).squareRoot()
    }
}
