import Glibc
import RestoreNN

/// How a color is chosen from a distribution over `ChromaBins`.
struct ColorChoice: Sendable {
    /// 1 gives the mean of the distribution; toward 0 its mode (Zhang et al. 2016, section 2.3: annealed mean).
    let temperature: Float
    /// Added to each bin's logit: prefers some hues all over the picture, so that one answer is consistent.
    let preference: [Float]

    /// The lowest temperature: below it the mode is blotchy.
    private static let leastTemperature = 0.2
    /// Deviation of a sample's preference per unit of chroma.
    private static let preferenceScale = 12.0

    /// - Parameter vividness: 0…1, from the mean toward the mode.
    init(vividness: Double) {
        temperature = Float(pow(Self.leastTemperature, vividness))
        preference = [Float](repeating: 0, count: ChromaBins.count)
    }

    /// One of several plausible answers.
    init(vividness: Double, using generator: inout SeededGenerator) {
        temperature = Float(pow(Self.leastTemperature, max(vividness, 0.3)))
        let direction = SIMD2(Float(generator.normal()), Float(generator.normal())) * Float(Self.preferenceScale)
        preference = ChromaBins.centers.map { (direction * $0).sum() }
    }

    /// The chroma chosen for a pixel.
    ///
    /// - Parameter logits: `ChromaBins.count` floats.
    func chroma(_ logits: UnsafePointer<Float>) -> SIMD2<Float> {
        preference.withUnsafeBufferPointer { preference in
            ChromaBins.centers.withUnsafeBufferPointer { centers in
                var most = -Float.infinity
                for bin in 0..<centers.count { most = max(most, logits[bin] + preference[bin]) }
                var (sum, total) = (SIMD2<Float>(), Float(0))
                for bin in 0..<centers.count {
                    let weight = expf((logits[bin] + preference[bin] - most) / temperature)
                    sum += weight * centers[bin]
                    total += weight
                }
                return sum / total
            }
        }
    }
}
