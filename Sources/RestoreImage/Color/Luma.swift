/// Luma, the gray value of a gamma-encoded color: Y′ = 0.299 R′ + 0.587 G′ + 0.114 B′ (ITU-R BT.601-7, section 2.5.1).
///
/// Every conversion from color to gray in this package uses these weights.
public enum Luma {
    /// The weights of R, G and B; their sum is 1.
    @inlinable public static var weights: SIMD3<Float> { SIMD3(0.299, 0.587, 0.114) }

    /// The luma of a color, in the same units. The order of the sums is fixed: training must be bit-for-bit
    /// reproducible.
    @inlinable public static func of(_ red: Float, _ green: Float, _ blue: Float) -> Float {
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// The same in double precision.
    @inlinable public static func of(_ red: Double, _ green: Double, _ blue: Double) -> Double {
        0.299 * red + 0.587 * green + 0.114 * blue
    }
}
