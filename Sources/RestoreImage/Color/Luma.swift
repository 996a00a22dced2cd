/// Luma, the gray of a color, of gamma-encoded R, G and B: Y′ = 0.299 R′ + 0.587 G′ + 0.114 B′
/// (ITU-R BT.601-7, section 2.5.1).
///
/// Everything in this package that makes gray of color weighs the channels like this.
public enum Luma {
    /// The weights of R, G and B; their sum is 1.
    @inlinable public static var weights: SIMD3<Float> { SIMD3(0.299, 0.587, 0.114) }

    /// The luma of a color, in its units. Products are added in this order: models were trained on these very bits.
    @inlinable public static func of(_ red: Float, _ green: Float, _ blue: Float) -> Float {
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// The same in double precision, with weights that are not those of `Float` rounded.
    @inlinable public static func of(_ red: Double, _ green: Double, _ blue: Double) -> Double {
        0.299 * red + 0.587 * green + 0.114 * blue
    }
}
