import Glibc
import RestoreImage

/// The deviation σ of the likelihood p(x | z, c) of each missing pixel: a fixed function of what is known. It grows with
/// the contrast of the known pixels and with the distance from them, as the errors of fills do, so that smooth and
/// textured pictures, thin scratches and large holes count alike.
///
/// σ² = (v / 2 + v₀) · d, at most 0.25², where v is the mean squared difference of known neighbors and d the distance
/// from the nearest known pixel, at most 85. The constants are ours. With a much smaller v₀, flat pictures with something
/// in the hole have errors of fifty σ, and dominate training until it diverges.
struct LikelihoodScale {
    private static let leastVariance: Float = 0.025 * 0.025
    private static let mostVariance: Float = 0.25 * 0.25

    /// Writes log σ² of every value, `3 · width · height`.
    ///
    /// - Parameters:
    ///   - colors: interleaved RGB; only known pixels are read.
    ///   - mask: 1 where pixels are missing.
    static func write(
        _ colors: UnsafePointer<Float>, mask: UnsafePointer<Float>, width: Int, height: Int,
        to logVariances: UnsafeMutablePointer<Float>
    ) {
        let contrast = 0.5 * meanSquaredContrast(colors, mask, width, height) + leastVariance
        let isMissing = (0..<(width * height)).map { mask[$0] != 0 }
        let depths = FillMask(width: width, height: height, isMissing: isMissing).depths(limit: .max)
        for pixel in 0..<(width * height) {
            let variance = min(mostVariance, contrast * max(1, Float(depths[pixel]) / 3))
            let logarithm = logf(variance)
            for channel in 0..<3 { logVariances[3 * pixel + channel] = logarithm }
        }
    }

    /// The mean squared difference of neighbors that are both known.
    private static func meanSquaredContrast(
        _ colors: UnsafePointer<Float>, _ mask: UnsafePointer<Float>, _ width: Int, _ height: Int
    ) -> Float {
        var (sum, count) = (0.0, 0)
        for y in 0..<height {
            for x in 0..<width where mask[y * width + x] == 0 {
                let pixel = y * width + x
                for (isInside, neighbor) in [(x + 1 < width, pixel + 1), (y + 1 < height, pixel + width)] {
                    guard isInside, mask[neighbor] == 0 else { continue }
                    for channel in 0..<3 {
                        let d = colors[3 * pixel + channel] - colors[3 * neighbor + channel]
                        sum += Double(d * d)
                    }
                    count += 3
                }
            }
        }
        return count == 0 ? 0 : Float(sum / Double(count))
    }
}
