import Glibc

/// One channel of an 8×8 patch, in units of 1/255, with the properties needed by `NoisePatches`.
///
/// A single value is reloaded for each patch, so that an image costs one allocation per channel.
struct NoisePatchPlane {
    /// DCT-II, orthonormal: `basis[u][x]` = √(2/8) · cos(π (2x + 1) u / 16). Row 0, the mean, lacks its factor 1/√2:
    /// the high band never uses it.
    private static let basis: [SIMD8<Float>] = (0..<8).map { frequency in
        var row = SIMD8<Float>()
        for x in 0..<8 {
            row[x] = Float(0.5 * cos(Double.pi / 16 * Double((2 * x + 1) * frequency)))
        }
        return row
    }

    /// Lowest frequency along either axis in the high band.
    private static let firstFrequency = NoisePatches.highBandStart - (NoisePatches.side - 1)

    /// The patch by columns, each vector running down the rows, with the mean subtracted.
    private var columns = [SIMD8<Float>](repeating: .zero, count: 8)

    /// Mean, 0…255.
    private(set) var mean: Float = 0

    /// Sum of the squared distances from the mean.
    private(set) var energy: Float = 0

    /// True if all 64 values are equal.
    private(set) var isConstant = true

    /// Number of the 56 pairs of neighbors in a row that are equal, and of values that are exactly 0 and exactly 1.
    private(set) var repeats: Float = 0
    private(set) var black: Float = 0
    private(set) var white: Float = 0

    /// Loads a patch.
    ///
    /// - Parameters:
    ///   - pixels: The image, nominally 0…1.
    ///   - origin: Index of the patch's first value; the whole patch must lie inside `pixels`.
    ///   - pixelStride: Distance between neighbors in a row, in values.
    ///   - rowStride: Distance between rows, in values.
    mutating func load(
        _ pixels: UnsafeBufferPointer<Float>, at origin: Int, pixelStride: Int, rowStride: Int
    ) {
        var sum = SIMD8<Float>.zero
        for x in 0..<8 {
            var column = SIMD8<Float>()
            for y in 0..<8 {
                column[y] = pixels[origin + y * rowStride + x * pixelStride]
            }
            columns[x] = column
            sum += column
        }
        countRepeats()
        let first = SIMD8(repeating: columns[0][0])
        isConstant = columns.allSatisfy { $0 == first }
        let center = sum.sum() / 64
        var squares = SIMD8<Float>.zero
        for x in 0..<8 {
            columns[x] = (columns[x] - center) * 255
            squares += columns[x] * columns[x]
        }
        mean = center * 255
        energy = squares.sum()
    }

    private mutating func countRepeats() {
        let (zero, one) = (SIMD8<Float>.zero, SIMD8<Float>.one)
        var (equal, zeros, ones) = (zero, zero, zero)
        for x in 0..<8 {
            zeros += zero.replacing(with: one, where: columns[x] .== zero)
            ones += zero.replacing(with: one, where: columns[x] .== one)
            if x > 0 { equal += zero.replacing(with: one, where: columns[x] .== columns[x - 1]) }
        }
        (repeats, black, white) = (equal.sum(), zeros.sum(), ones.sum())
    }

    /// Writes the coefficients of the high band, those (u, v) with u + v ≥ `NoisePatches.highBandStart`, with v varying
    /// fastest, to `output[start]`, `output[start + stride]`, …
    ///
    /// - Returns: the sum of their squares.
    func transform(into output: UnsafeMutableBufferPointer<Float>, at start: Int, stride: Int) -> Float {
        let basis = Self.basis
        var index = start
        var squares: Float = 0
        for u in Self.firstFrequency..<8 {
            var along = SIMD8<Float>.zero
            for x in 0..<8 {
                along += columns[x] * basis[u][x]
            }
            for v in NoisePatches.highBandStart - u..<8 {
                let coefficient = (along * basis[v]).sum()
                output[index] = coefficient
                squares += coefficient * coefficient
                index += stride
            }
        }
        return squares
    }
}
