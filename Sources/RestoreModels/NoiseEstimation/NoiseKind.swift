import RestoreConcurrency
import RestoreImage

/// What the noise of a picture is like, as far as that decides which model removes it.
public enum NoiseKind: String, Codable, Sendable {
    /// White and as strong in all tones, or too little to tell from detail.
    case gaussian
    /// Noise that a camera has processed: related between pixels or channels, or dependent on the tone.
    case photo
}

/// What the estimator says of a picture.
public struct NoiseMeasurement: Equatable, Sendable {
    /// Standard deviation of the white part in units of 1/255, at least 0: what `NoiseEstimator.estimate` gives.
    public let sigma: Double
    public let kind: NoiseKind

    public init(sigma: Double, kind: NoiseKind) {
        self.sigma = sigma
        self.kind = kind
    }
}

/// Which kind of noise a picture holds. The principle is that noise is everywhere, and detail is not; so the flattest patches
/// are asked.
///
/// 1. If noise is white, its level in the high frequencies foretells all that the flattest patches hold in the low ones
///    (`WhiteNoise.leastExcess`). It is Gaussian then, unless its level differs between dark and bright tones.
/// 2. If not, what is there beyond is correlated noise or detail. The detail of photographs is nearly gray, and the noise
///    of their sensors is not: at half resolution, which JPEG's halved chroma leaves, even the flattest patches hold color
///    where there is noise. Less of it is believed where the gray part is nearly white.
///
/// In doubt it is Gaussian: at the low level that is found then, a clean picture passes nearly unchanged.
///
/// The thresholds were chosen on training pictures: `docs/noise-estimation.md`.
extension NoiseEstimator {
    /// Noise is white below this excess: of color, whose channels part noise from detail well, and of gray.
    private static let whiteExcess = 10.0
    private static let whiteGrayExcess = 3.0

    /// Level, in units of 1/255, below which the channels are the same but for rounding.
    private static let leastSigma = 0.01

    /// Level, in units of 1/255, from which tones are compared: what rounding to 8 bits leaves (0.3) is in some tones and not in
    /// others.
    private static let leastToneSigma = 1.5
    /// Highest over lowest level of the tones above which white noise depends on the tone.
    private static let toneRatio = 1.3
    /// Tones, of equal width, …
    private static let toneCount = 5
    /// … that have a say with as many patches, and those of them that are looked at: the flattest.
    private static let leastToneCount = 1000
    private static let toneShare = 0.05

    /// Distance to black and white, in σ, from which clipping changes no level: more than for the estimate, which drops what is
    /// lower than the rest.
    private static let toneMargin = 3.0

    /// Share of the patches that are the flattest, and how many there must be at least in all.
    private static let floorShare = 0.01
    private static let leastFloorCount = 100
    /// Distance to black and white, in units of 1/255, below which noise may be clipped away.
    private static let floorHeadroom: Float = 20
    /// Color noise, in units of 1/255 at half resolution, that is believed …
    private static let colorFloor = 1.3
    /// … and that is believed where the gray part is as white as this.
    private static let lowColorFloor = 0.7
    private static let lowColorExcess = 2.5
    /// Gray noise at half resolution that is believed, and how white it must be.
    private static let grayFloor = 2.0
    private static let grayExcess = 2.0

    /// What kind of noise a picture holds.
    ///
    /// - Parameters:
    ///   - found: what the estimate found in it.
    ///   - pixels: as `estimate` takes them.
    func kind(
        of found: Findings, _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> NoiseKind {
        // Without a difference between the channels a picture is gray, however it is stored.
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

    /// Whether the level of noise that is white differs between tones. Each tone's flattest patches are looked at, away from
    /// black and white, where noise is clipped.
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

    /// What the flattest patches hold beside gray, in units of 1/255: the root of the mean energy of a coefficient of the low
    /// band, over the channels.
    private func colorFloor(_ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int) -> Double {
        let stride = max(3, patchDistance(width: width, height: height))
        func patches(_ pixels: UnsafeBufferPointer<Float>, channels: Int) -> NoisePatches {
            // A patch that is constant has no noise, which is what matters here.
            NoisePatches(
                pixels, width: width, height: height, channels: channels, stride: stride, keepsConstant: true,
                pool: pool)
        }
        let colors = patches(pixels, channels: 3)
        let gray = channelMean(pixels).withUnsafeBufferPointer { patches($0, channels: 1) }
        // The two leave the same patches out, those with a value that is not finite.
        guard colors.count == gray.count else { return 0 }
        let inside = (0..<colors.count).filter { gray.headroom[$0] > Self.floorHeadroom }
        guard inside.count >= Self.leastFloorCount else { return 0 }
        // Of three channels, what the mean holds thrice and what they hold beside are orthogonal. Slopes are light.
        let energy = inside.map { patch in
            let beside = colors.lowEnergy[patch] - 3 * gray.lowEnergy[patch]
            return max(0, beside - colors.coarseEnergy[patch] + 3 * gray.coarseEnergy[patch])
        }
        let floor = valueInOrder(energy, at: Int(Self.floorShare * Double(energy.count - 1)))
        return (Double(floor) / Double(3 * (NoisePatches.lowCount - NoisePatches.coarseCount))).squareRoot()
    }

    /// The means of 2×2 pixels; an odd last row or column is left out.
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
