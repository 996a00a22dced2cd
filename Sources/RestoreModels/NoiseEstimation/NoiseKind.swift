import RestoreConcurrency
import RestoreImage

/// The kind of noise in an image, as far as it determines which model removes it.
public enum NoiseKind: String, Codable, Sendable {
    /// White and equally strong at all brightness levels, or too weak to distinguish from detail.
    case gaussian
    /// Noise processed by a camera: correlated between pixels or channels, or dependent on brightness.
    case photo
}

/// The estimator's result for an image.
public struct NoiseMeasurement: Equatable, Sendable {
    /// Standard deviation of the white part in units of 1/255, at least 0: the result of `NoiseEstimator.estimate`.
    public let sigma: Double
    public let kind: NoiseKind

    public init(sigma: Double, kind: NoiseKind) {
        self.sigma = sigma
        self.kind = kind
    }
}

/// Classifies the noise in an image. Noise is everywhere in an image, and detail is not, so the flattest patches are
/// examined.
///
/// 1. If the noise is white, its level at high frequencies predicts the entire low-frequency energy of the flattest
///    patches (`WhiteNoise.leastExcess`). It is then Gaussian, unless its level differs between dark and bright areas.
/// 2. If not, the excess is correlated noise or detail. Detail in photographs is nearly gray; sensor noise is not: at
///    half resolution, which survives JPEG's chroma subsampling, even the flattest patches contain color if there is
///    noise. A lower level is accepted if the gray part is nearly white.
///
/// When in doubt, the noise is classified as Gaussian: the level is then low, and a clean image is left almost
/// unchanged.
///
/// The thresholds were chosen on training images: `docs/noise-estimation.md`.
extension NoiseEstimator {
    /// Noise is white below this excess: for color, whose channels separate noise from detail well, and for gray.
    private static let whiteExcess = 10.0
    private static let whiteGrayExcess = 3.0

    /// Level, in units of 1/255, below which the channels are equal except for rounding.
    private static let leastSigma = 0.01

    /// Level, in units of 1/255, from which brightness ranges are compared: the noise from rounding to 8 bits (0.3) is
    /// present in some ranges and not in others.
    private static let leastToneSigma = 1.5
    /// Ratio of the highest to the lowest level above which white noise depends on brightness.
    private static let toneRatio = 1.3
    /// Number of brightness ranges, of equal width, …
    private static let toneCount = 5
    /// … which are used if they contain this many patches, and the share of the patches, the flattest ones, that is
    /// examined.
    private static let leastToneCount = 1000
    private static let toneShare = 0.05

    /// Distance from black and white, in σ, from which clipping does not change the level: larger than for the
    /// estimate, which drops patches with too little energy.
    private static let toneMargin = 3.0

    /// Share of the patches counted as the flattest, and the minimum number of patches in total.
    private static let floorShare = 0.01
    private static let leastFloorCount = 100
    /// Distance from black and white, in units of 1/255, below which noise may have been clipped.
    private static let floorHeadroom: Float = 20
    /// Color noise, in units of 1/255 at half resolution, that is accepted …
    private static let colorFloor = 1.3
    /// … and that is accepted if the gray part is at least as white as this.
    private static let lowColorFloor = 0.7
    private static let lowColorExcess = 2.5
    /// Gray noise at half resolution that is accepted, and how white it must be.
    private static let grayFloor = 2.0
    private static let grayExcess = 2.0

    /// Classifies the noise in an image.
    ///
    /// - Parameters:
    ///   - found: the findings of the estimate.
    ///   - pixels: as for `estimate`.
    func kind(
        of found: Findings, _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> NoiseKind {
        // If the channels do not differ, the image is gray, however it is stored.
        if let common = found.common, found.separate.sigma < Self.leastSigma {
            return grayKind(common, channelMean(pixels), width: width, height: height)
        }
        if channels == 1 { return grayKind(found.separate, Array(pixels), width: width, height: height) }
        if found.separate.leastExcess < Self.whiteExcess {
            return dependsOnTone(found) ? .photo : .gaussian
        }
        let half = halved(pixels, width: width, height: height, channels: 3)
        let floor = half.withUnsafeBufferPointer { colorFloor($0, width: width / 2, height: height / 2) }
        guard floor > Self.lowColorFloor else { return .gaussian }
        if floor > Self.colorFloor { return .photo }
        let gray = half.withUnsafeBufferPointer { channelMean($0) }
        let rest = gray.withUnsafeBufferPointer { findings($0, width: width / 2, height: height / 2, channels: 1) }
        return rest.separate.leastExcess < Self.lowColorExcess ? .photo : .gaussian
    }

    private func grayKind(_ noise: WhiteNoise, _ gray: [Float], width: Int, height: Int) -> NoiseKind {
        guard noise.leastExcess >= Self.whiteGrayExcess else { return .gaussian }
        let half = gray.withUnsafeBufferPointer { halved($0, width: width, height: height, channels: 1) }
        let rest = half.withUnsafeBufferPointer { findings($0, width: width / 2, height: height / 2, channels: 1) }
        let isNoise = rest.separate.sigma > Self.grayFloor && rest.separate.leastExcess < Self.grayExcess
        return isNoise ? .photo : .gaussian
    }

    /// Whether the level of white noise differs between brightness ranges. In each range the flattest patches are
    /// examined, away from black and white, where noise is clipped.
    private func dependsOnTone(_ found: Findings) -> Bool {
        guard found.separate.sigma > Self.leastToneSigma else { return false }
        let patches = found.patches
        let room = Float(Self.toneMargin * found.separate.sigma)
        var tones = [[Int]](repeating: [], count: Self.toneCount)
        for patch in 0..<patches.count where patches.headroom[patch] > room {
            let tone = Int(patches.brightness[patch] / 255 * Float(Self.toneCount))
            tones[min(max(tone, 0), Self.toneCount - 1)].append(patch)
        }
        let levels = tones.filter { $0.count >= Self.leastToneCount }.map { tone in
            let place = max(Self.leastFloorCount, Int(Self.toneShare * Double(tone.count)))
            let limit = valueInOrder(tone.map { patches.lowEnergy[$0] }, at: place)
            return patches.noiseLevel(of: tone.filter { patches.lowEnergy[$0] <= limit }, pool: pool)
        }
        guard let least = levels.min(), let most = levels.max() else { return false }
        return most > Self.toneRatio * least
    }

    /// The non-gray part of the flattest patches, in units of 1/255: the root mean square of a coefficient of the low
    /// band, over the channels.
    private func colorFloor(_ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int) -> Double {
        let stride = max(3, patchDistance(width: width, height: height))
        func patches(_ pixels: UnsafeBufferPointer<Float>, channels: Int) -> NoisePatches {
            // A constant patch has no noise, which is relevant here.
            NoisePatches(
                pixels, width: width, height: height, channels: channels, stride: stride, keepsConstant: true,
                pool: pool)
        }
        let colors = patches(pixels, channels: 3)
        let gray = channelMean(pixels).withUnsafeBufferPointer { patches($0, channels: 1) }
        // Both skip the same patches, those with a value that is not finite.
        guard colors.count == gray.count else { return 0 }
        let inside = (0..<colors.count).filter { gray.headroom[$0] > Self.floorHeadroom }
        guard inside.count >= Self.leastFloorCount else { return 0 }
        // For three channels, the part that all share (three times their mean) and the remainder are orthogonal. Slopes
        // are due to lighting.
        let energy = inside.map { patch in
            let beside = colors.lowEnergy[patch] - 3 * gray.lowEnergy[patch]
            return max(0, beside - colors.coarseEnergy[patch] + 3 * gray.coarseEnergy[patch])
        }
        let floor = valueInOrder(energy, at: Int(Self.floorShare * Double(energy.count - 1)))
        return (Double(floor) / Double(3 * (NoisePatches.lowCount - NoisePatches.coarseCount))).squareRoot()
    }

    /// The means of 2×2 pixels; an odd last row or column is ignored.
    private func halved(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> [Float] {
        let (columns, rows) = (width / 2, height / 2)
        return [Float](unsafeUninitializedCapacity: rows * columns * channels) { half, count in
            count = rows * columns * channels
            pool.run(taskCount: rows) { y, _ in
                var index = y * columns * channels
                for x in 0..<columns {
                    let origin = (2 * y * width + 2 * x) * channels
                    for place in origin..<(origin + channels) {
                        let upper = pixels[place] + pixels[place + channels]
                        let lower = pixels[place + width * channels] + pixels[place + (width + 1) * channels]
                        half[index] = (upper + lower) / 4
                        index += 1
                    }
                }
            }
        }
    }
}
