/// Chroma, quantized: the plane of (Cb, Cr) divided into squares, of which those are kept that some color reaches.
///
/// Zhang, Isola & Efros ("Colorful image colorization", ECCV 2016, section 2.1) predict a distribution over bins of the
/// ab plane of CIELAB, 10 units wide. These bins are 0.05 wide in (Cb, Cr), in which the luma Y′ of BT.601 stays what it
/// is; there are about as many.
public enum ChromaBins {
    /// Side of a bin.
    public static let width: Float = 0.05

    /// Bins along either axis, from −0.5 to 0.5.
    private static let side = 20

    /// The centers (Cb, Cr) of the bins.
    public static let centers: [SIMD2<Float>] = {
        (0..<side * side).map(center).filter(isReached)
    }()

    /// Number of bins.
    public static let count = centers.count

    /// The index of the bin in each square, or −1.
    private static let indices: [Int] = {
        var next = 0
        return (0..<side * side).map { square in
            guard isReached(center(square)) else { return -1 }
            next += 1
            return next - 1
        }
    }()

    private static func center(_ square: Int) -> SIMD2<Float> {
        SIMD2(Float(square % side) + 0.5, Float(square / side) + 0.5) * width - 0.5
    }

    /// Whether a color of the RGB cube has this chroma, or nearly so.
    private static func isReached(_ chroma: SIMD2<Float>) -> Bool {
        let change = Chroma.difference(chroma)
        // At some luma all three channels are within 0…1.
        return change.max() - change.min() <= 1 + 1.5 * width
    }

    /// Up to four bins and their shares, which sum to 1 and whose mean is the chroma, where all four exist.
    ///
    /// - Parameters:
    ///   - bins: 4 indices are written; −1 for none.
    ///   - shares: 4 shares are written.
    public static func encode(
        _ chroma: SIMD2<Float>, bins: UnsafeMutablePointer<Float>, shares: UnsafeMutablePointer<Float>
    ) {
        let place = ((chroma + 0.5) / width - 0.5).clamped(
            lowerBound: SIMD2(repeating: 0), upperBound: SIMD2(repeating: Float(side - 1)))
        let low = place.rounded(.down)
        let fraction = place - low
        var sum: Float = 0
        for corner in 0..<4 {
            let (right, below) = (corner & 1, corner >> 1)
            let (x, y) = (min(Int(low.x) + right, side - 1), min(Int(low.y) + below, side - 1))
            let share =
                (right == 1 ? fraction.x : 1 - fraction.x) * (below == 1 ? fraction.y : 1 - fraction.y)
            let index = indices[y * side + x]
            bins[corner] = Float(index)
            shares[corner] = index < 0 ? 0 : share
            sum += shares[corner]
        }
        for corner in 0..<4 where sum > 0 { shares[corner] /= sum }
    }
}

/// Luma and chroma of encoded colors (ITU-R BT.601-7, section 2.5.2, without offset and in 0…1): Cb = 0.564 (B′ − Y′), Cr
/// = 0.713 (R′ − Y′), as in JPEG.
public enum Chroma {
    /// Cb and Cr of a color, −0.5…0.5.
    @inlinable
    public static func of(_ red: Float, _ green: Float, _ blue: Float) -> SIMD2<Float> {
        let luma = 0.299 * red + 0.587 * green + 0.114 * blue
        return SIMD2((blue - luma) / 1.772, (red - luma) / 1.402)
    }

    /// R − Y′, G − Y′ and B − Y′.
    @inlinable
    public static func difference(_ chroma: SIMD2<Float>) -> SIMD3<Float> {
        SIMD3(1.402 * chroma.y, -0.344136 * chroma.x - 0.714136 * chroma.y, 1.772 * chroma.x)
    }

    /// The color of a luma in 0…1 with as much of the chroma as the RGB cube has room for. The luma stays.
    @inlinable
    public static func color(luma: Float, _ chroma: SIMD2<Float>) -> SIMD3<Float> {
        let change = difference(chroma)
        var scale: Float = 1
        for channel in 0..<3 {
            let room = change[channel] > 0 ? 1 - luma : luma
            let step = abs(change[channel])
            if step * scale > room { scale = max(0, room) / step }
        }
        return SIMD3(repeating: luma) + scale * change
    }
}
