import RestoreImage

/// How the values of a picture are scaled for the estimator and the network, which were made for pictures that use the
/// range of 8 bits: those of a picture of more bits may occupy a small part of it.
///
/// Scaled values are (value − `offset`) · `gain`.
public struct PictureScale: Equatable, Sendable {
    /// Subtracted first: 0 unless the values are far from black.
    public let offset: Float
    /// A power of two from 4, or 1: then nothing is scaled.
    public let gain: Float

    /// Values are left alone unless they take less than this part of the range.
    private static let leastGain: Float = 4
    /// Scaled noise is at most this strong, in units of 1/255.
    private static let greatestLevel: Float = 50
    /// The share of the pixels that may lie beyond the range on either side.
    private static let outsideShare = 0.001
    /// Pixels examined, about.
    private static let examinedPixels = 1 << 20

    /// No scaling.
    public static let identity = PictureScale(offset: 0, gain: 1)

    private init(offset: Float, gain: Float) {
        (self.offset, self.gain) = (offset, gain)
    }

    public var isIdentity: Bool { self == .identity }

    /// The scale for a picture: none for one of 8 bits, whose rounding would be scaled, too.
    public init(_ image: Image) {
        guard image.bitDepth == 16, let range = Self.range(of: image) else {
            self = .identity
            return
        }
        self.init(range: range)
    }

    /// - Parameter range: of nearly all values, 0…1.
    init(range: ClosedRange<Float>) {
        let (low, high) = (range.lowerBound, range.upperBound)
        let isFarFromBlack = low > high / 2
        let offset = isFarFromBlack ? low - (high - low) / 8 : 0
        let extent = max(isFarFromBlack ? (high - low) * 1.25 : high, 1 / 4096)
        var gain: Float = 1
        while 2 * gain * extent <= 1 { gain *= 2 }
        self = gain >= Self.leastGain ? PictureScale(offset: offset, gain: gain) : .identity
    }

    /// The same with a smaller gain if noise of this level, in units of 1/255, would become too strong for the networks.
    func limited(forLevel level: Double) -> PictureScale {
        var gain = gain
        while gain > 1, gain * Float(level) > Self.greatestLevel { gain /= 2 }
        return gain >= Self.leastGain ? PictureScale(offset: offset, gain: gain) : .identity
    }

    /// Scales interleaved values in place.
    ///
    /// - Parameters:
    ///   - pixelStride: values from one pixel to the next, of which the first three are scaled.
    public func apply(to values: UnsafeMutablePointer<Float>, pixelCount: Int, pixelStride: Int = 3) {
        for pixel in 0..<pixelCount {
            for i in (pixel * pixelStride)..<(pixel * pixelStride + 3) { values[i] = (values[i] - offset) * gain }
        }
    }

    /// Undoes `apply`.
    func remove(from values: UnsafeMutablePointer<Float>, pixelCount: Int) {
        let inverse = 1 / gain
        for i in 0..<(3 * pixelCount) { values[i] = values[i] * inverse + offset }
    }

    /// The range of the values of visible pixels except for a few.
    private static func range(of image: Image) -> ClosedRange<Float>? {
        let binCount = 1 << 14
        var bins = [Int](repeating: 0, count: binCount)
        var row = [Float](repeating: 0, count: 3 * image.width)
        let rowStep = max(1, image.pixelCount / examinedPixels)
        for y in stride(from: 0, to: image.height, by: rowStep) {
            let region = ImageRegion(x: 0, y: y, width: image.width, height: 1)
            image.copyColors(of: region, to: &row)
            var hidden = [Bool](repeating: false, count: image.width)
            image.forEachOpacity(in: region) { x, opacity in hidden[x] = opacity == 0 }
            for x in 0..<image.width where !hidden[x] {
                for i in (3 * x)..<(3 * x + 3) {
                    bins[Int(max(0, min(1, row[i])) * Float(binCount - 1))] += 1
                }
            }
        }
        let most = Int(Double(bins.reduce(0, +)) * outsideShare)
        func place(_ bins: some Sequence<(offset: Int, element: Int)>) -> Int? {
            var count = 0
            return bins.first {
                count += $0.element
                return count > most
            }?.offset
        }
        guard let low = place(bins.enumerated()), let high = place(bins.enumerated().reversed()) else { return nil }
        return (Float(low) / Float(binCount))...(Float(high + 1) / Float(binCount))
    }
}
