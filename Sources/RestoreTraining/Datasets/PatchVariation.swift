import Glibc
import RestoreImage
import RestoreNN

/// Makes patches of photographs more varied than the photographs: reduced by random factors, and in other colors.
///
/// Photographs that have been through JPEG have smooth colors of half the resolution, and nearly the same detail in all
/// three channels; a network that sees nothing else restores saturated, independent colors badly. Reducing a photograph
/// gives its colors full resolution, and removes compression artifacts. The ranges are ours.
public struct PatchVariation: Hashable, Sendable {
    /// Half of the patches are reduced by a factor of up to this, drawn uniformly on a log scale; at least 1.
    public let maximumReduction: Double
    /// Fraction of the patches whose colors are changed.
    public let colorShare: Double

    /// Patches as they are.
    public static let none = PatchVariation(maximumReduction: 1, colorShare: 0)

    private static let reducedShare = 0.5

    /// - Precondition: `maximumReduction` is finite and at least 1, `colorShare` in 0…1.
    public init(maximumReduction: Double, colorShare: Double) {
        precondition(maximumReduction >= 1 && maximumReduction.isFinite, "reduction by \(maximumReduction)")
        precondition((0...1).contains(colorShare), "color share \(colorShare)")
        self.maximumReduction = maximumReduction
        self.colorShare = colorShare
    }

    /// The side of the square from which a patch of `side` pixels is made, at most `limit`.
    func sourceSide(of side: Int, limit: Int, generator: inout SeededGenerator) -> Int {
        guard maximumReduction > 1, generator.happens(Self.reducedShare) else { return side }
        let factor = exp(generator.uniform(in: 0...log(maximumReduction)))
        return min(limit, Int((factor * Double(side)).rounded()))
    }

    /// Changes the colors of a patch, or leaves them.
    func varyColors(of colors: UnsafeMutablePointer<Float>, pixelCount: Int, generator: inout SeededGenerator) {
        guard colorShare > 0, generator.happens(colorShare) else { return }
        ColorVariation(using: &generator).apply(to: colors, pixelCount: pixelCount)
    }
}

/// A random change of all colors of a patch: hue, saturation, the roles of the channels, brightness and contrast.
struct ColorVariation: Sendable {
    /// Which channel of the photograph becomes red, green and blue.
    private let order: [Int]
    /// Rotates and scales the differences of the channels from the luma.
    private let chroma: ColorMatrix
    /// Gain and offset of each channel.
    private let gain: SIMD3<Float>
    private let offset: SIMD3<Float>

    private static let saturations = 0.0...2.5
    private static let contrasts = 0.6...1.6
    private static let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]

    init(using generator: inout SeededGenerator) {
        order = Self.orders[generator.index(below: Self.orders.count)]
        let saturation = generator.uniform(in: Self.saturations)
        let turn = generator.happens(0.5) ? generator.uniform(in: -Double.pi...Double.pi) : 0
        chroma = Self.turn(by: turn, saturation: saturation)
        let contrast = generator.uniform(in: Self.contrasts)
        // Around a random gray, so that some patches are dark and some bright, and some are clipped.
        let pivot = generator.uniform()
        // One channel in eight is a negative: detail of opposite sign in two channels is rare in photographs.
        var (gain, offset) = (SIMD3<Float>(), SIMD3<Float>())
        for c in 0..<3 {
            let isNegative = generator.happens(0.125)
            let slope = isNegative ? -contrast : contrast
            gain[c] = Float(slope)
            offset[c] = Float(pivot - slope * (isNegative ? 1 - pivot : pivot))
        }
        (self.gain, self.offset) = (gain, offset)
    }

    /// Rotation by an angle around the gray axis, scaled by `saturation` across it.
    private static func turn(by angle: Double, saturation: Double) -> ColorMatrix {
        // Rodrigues' formula for the axis (1, 1, 1)/√3, applied to what is left after the mean is taken away.
        let (cosine, sine) = (saturation * cos(angle), saturation * sin(angle) / 3.0.squareRoot())
        let third = 1.0 / 3
        func row(_ own: Int) -> SIMD3<Float> {
            var row = SIMD3<Float>()
            for column in 0..<3 {
                let isDiagonal = own == column
                let cross = isDiagonal ? 0 : (column - own + 3) % 3 == 1 ? -sine : sine
                row[column] = Float(third + cosine * ((isDiagonal ? 1 : 0) - third) + cross)
            }
            return row
        }
        return ColorMatrix(rows: (row(0), row(1), row(2)))
    }

    /// - Parameter colors: interleaved RGB in 0…1; the result is clipped to it.
    func apply(to colors: UnsafeMutablePointer<Float>, pixelCount: Int) {
        for pixel in 0..<pixelCount {
            let place = colors + 3 * pixel
            let own = chroma * SIMD3(place[order[0]], place[order[1]], place[order[2]])
            let varied = (gain * own + offset).clamped(lowerBound: SIMD3(), upperBound: SIMD3(repeating: 1))
            (place[0], place[1], place[2]) = (varied.x, varied.y, varied.z)
        }
    }
}
