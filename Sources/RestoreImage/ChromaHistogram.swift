/// How often the colors of pictures are of each chroma: a histogram over squares of 10×10 in the a*b* plane of CIELAB, as
/// in Zhang, Isola & Efros, "Colorful image colorization", ECCV 2016.
public struct ChromaHistogram: Sendable {
    private var counts = [Double](repeating: 0, count: side * side)
    private var total = 0.0

    private static let binWidth: Float = 10
    /// sRGB reaches a* and b* from −108 to 98.
    private static let side = 24

    public init() {}

    /// Counts every pixel.
    public mutating func add(_ image: Image) {
        let lab = CIELAB.lab(fromSRGB: image.colors)
        for pixel in 0..<image.pixelCount {
            counts[Self.bin(lab[3 * pixel + 1]) * Self.side + Self.bin(lab[3 * pixel + 2])] += 1
        }
        total += Double(image.pixelCount)
    }

    private static func bin(_ value: Float) -> Int {
        min(max(Int((value / binWidth).rounded()) + side / 2, 0), side - 1)
    }

    /// The total variation distance: the share of pixels that would have to change bins. 0 if the histograms are equal, 1 if
    /// they have no bin in common; nil if one is empty.
    public func distance(to other: ChromaHistogram) -> Double? {
        guard total > 0, other.total > 0 else { return nil }
        return 0.5 * zip(counts, other.counts).reduce(0) { $0 + abs($1.0 / total - $1.1 / other.total) }
    }
}
