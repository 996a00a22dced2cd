import RestoreConcurrency
import RestoreImage

/// Estimates the level of white Gaussian noise in an image, from the image alone.
///
/// White noise is equally strong in every direction of the space of patches; image content is not. The estimate is
/// therefore the noise in the directions and patches that contain the least image content:
///
/// 1. Patches are selected whose low frequencies contain no more energy than noise would, because these are flat. For
///    white noise the low frequencies of a patch are independent of its high ones, so this selection does not bias the
///    following steps (Colom & Buades, "Analysis and Extension of the Ponomarenko et al. Method", IPOL 3, 2013).
/// 2. For each high frequency, the covariance of the channels over these patches is computed. Its eigenvalues separate
///    the noise from the image content, which is correlated between channels.
/// 3. The largest eigenvalues are dropped until the mean of the rest equals their median: these then differ only by
///    chance and are thus noise (Chen, Zhu & Heng, "An Efficient Statistical Method for Image Noise Level Estimation",
///    ICCV 2015, algorithm 1).
///
/// Step 1 needs the noise level; it starts with the flattest tenth of the patches and is repeated. If the image is
/// clipped, patches whose mean is within 2σ of black or white are ignored.
///
/// Step 2 does not see noise that the channels share, as in a gray image stored as color, or a JPEG file with
/// subsampled chroma. The mean of the channels is therefore measured too, and accepted if it contains much more noise
/// and this noise is white. See `docs/noise-estimation.md` for results.
public struct NoiseEstimator: Sendable {
    /// Approximate maximum number of patches read from an image: more do not change the estimate any further.
    private static let patchLimit = 100_000

    /// Number of pixels below which every overlapping patch is read, because there are so few.
    private static let smallArea = 40_000.0

    /// Minimum share of the patches that is used, whatever they contain. Chosen on training images.
    private static let leastShare = 0.02

    /// Minimum number of pixels represented by the patches used, per channel, where a patch represents stride² pixels:
    /// fewer make the covariances uncertain. Chosen on crops of training images.
    private static let leastArea = 1_000

    /// Distance from black and white, in σ, below which a patch may have lost noise to clipping.
    private static let clippingMargin = 2.0

    /// Rounds of selecting patches; the selection settles after two or three.
    private static let rounds = 5

    /// Noise common to the channels is distinguished from fine texture by being above this level, in units of 1/255, …
    private static let commonFloor = 3.0

    /// … above this multiple of the noise that the channels do not share (unshared noise alone gives 1/√3) …
    private static let commonRatio = 2.0

    /// … and at least as white as this: see `WhiteNoise.lowBandExcess`. Chosen on clean training images and on the same
    /// images with noise, saved as JPEG with subsampled chroma.
    private static let commonExcess = 2.0

    let pool: WorkerPool

    /// - Parameter pool: shares the work out; the estimate does not depend on it.
    public init(pool: WorkerPool = .serial) {
        self.pool = pool
    }

    /// Estimates the standard deviation of the noise, provided that there is noise: `PictureAnalysis` decides about that.
    ///
    /// Images smaller than 16×16 have too few patches, so Immerkær's method is used, down to 3×3. Below that, and if
    /// nothing varies, the result is 0.
    ///
    /// - Parameters:
    ///   - pixels: `height` × `width` × `channels`, interleaved, 0…1. Values outside the range are taken as noise that
    ///     was not clipped; values that are not finite are skipped.
    ///   - width: Pixels per row.
    ///   - height: Number of rows.
    ///   - channels: 1 (gray) or 3 (color). All channels are assumed to have equally strong noise.
    /// - Returns: σ of the noise in each channel in units of 1/255, finite and at least 0.
    public func estimate(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> Double {
        estimate(PatchSource(pixels, width: width, height: height, channels: channels))
    }

    /// The noise level of an image in units of 1/255, as for floats.
    public func estimate(_ image: Image) -> Double { estimate(PatchSource(image)) }

    /// Smallest side that contains enough patches.
    static let leastSide = 16

    private func estimate(_ source: PatchSource) -> Double {
        let isLarge = min(source.width, source.height) >= Self.leastSide
        return (isLarge ? findings(source).sigma : immerkaer(source)) / Double(source.gain)
    }

    /// The results of steps 1 to 3 for the channels, and for the mean of three channels.
    struct Findings {
        let separate: WhiteNoise
        let common: WhiteNoise?

        /// Whether the channels share much more noise than they do not.
        var isShared: Bool {
            guard let common else { return false }
            return common.sigma > NoiseEstimator.commonFloor
                && common.sigma > NoiseEstimator.commonRatio * separate.sigma
                && common.lowBandExcess < NoiseEstimator.commonExcess
        }

        /// The level, provided that there is noise.
        var sigma: Double { isShared ? common?.sigma ?? 0 : separate.sigma }
    }

    /// Steps 1 to 3, for pictures that contain patches.
    func findings(_ source: PatchSource) -> Findings {
        let separate = whiteNoise(source)
        return Findings(separate: separate, common: source.channels == 3 ? whiteNoise(source.merged) : nil)
    }

    /// The result of steps 1 to 3.
    struct WhiteNoise {
        /// All patches, of the channels or of their mean.
        let patches: NoisePatches
        /// Standard deviation in units of 1/255.
        var sigma = 0.0
        /// Energy of the low band in the flattest patches relative to that expected of noise: about 1 or less for white
        /// noise, more for texture, which is stronger at low frequencies.
        var lowBandExcess = 0.0
        /// The same for the flattest tenth if this is fewer patches: if clipping leaves few to choose from, or the
        /// image is small, the minimum number of patches are not all flat.
        var leastExcess = 0.0
        /// What the patches used look like.
        var evidence = NoiseEvidence()
    }

    /// Steps 1 to 3 for channels of one kind.
    ///
    /// - Parameter leastDistance: between neighboring patches, in pixels.
    func whiteNoise(_ source: PatchSource, leastDistance: Int = 1) -> WhiteNoise {
        let patches = NoisePatches(source, stride: max(leastDistance, patchDistance(source)), pool: pool)
        guard patches.count > 0 else { return WhiteNoise(patches: patches) }
        // Noise that extends beyond the range was not clipped to it.
        return whiteNoise(in: patches, margin: source.isWithinRange ? Self.clippingMargin : nil)
    }

    /// - Parameter margin: distance from black and white, in σ, below which patches are ignored, as long as enough are
    ///   left; nil to use all.
    func whiteNoise(in patches: NoisePatches, margin: Double?) -> WhiteNoise {
        let least = leastCount(of: patches)
        let roomiest = valueInOrder(patches.headroom, at: patches.count - least)
        var found = WhiteNoise(patches: patches)
        found.sigma = patches.noiseLevel(of: patches.flattest(share: 0.1), pool: pool)
        var chosen: [Int] = []
        for _ in 1...Self.rounds {
            let room = margin.map { min(Float($0 * found.sigma), roomiest) } ?? -Float.infinity
            chosen = refine(&found, room: room, least: least)
        }
        found.evidence = NoiseEvidence(patches, chosen: chosen, sigma: found.sigma)
        return found
    }

    /// The minimum number of patches used.
    private func leastCount(of patches: NoisePatches) -> Int {
        let enough = max(
            Self.leastArea * patches.channels / (patches.stride * patches.stride),
            Int(Self.leastShare * Double(patches.count)))
        return min(patches.count, enough)
    }

    /// Steps 2 and 3 on the patches whose low band contains no more energy than the noise found so far would produce,
    /// and whose mean is at least `room` from black and white; on the `least` best ones if there are fewer.
    ///
    /// - Returns: the patches used.
    private func refine(_ found: inout WhiteNoise, room: Float, least: Int) -> [Int] {
        let patches = found.patches
        let candidates = (0..<patches.count).filter { patches.headroom[$0] >= room }

        // Mean and one standard deviation of σ² χ², the energy of the low band for noise alone.
        let values = Double(NoisePatches.lowCount * patches.channels)
        let expected = Float(found.sigma * found.sigma * (values + (2 * values).squareRoot()))
        let energies = candidates.map { patches.lowEnergy[$0] }
        let flattest = valueInOrder(energies, at: least - 1)
        let limit = max(expected, flattest)
        let chosen = candidates.filter { patches.lowEnergy[$0] <= limit }
        found.sigma = patches.noiseLevel(of: chosen, pool: pool)
        let flattestTenth = valueInOrder(energies, at: min(least, candidates.count / 10 + 1) - 1)
        let mean = found.sigma * found.sigma * values
        (found.lowBandExcess, found.leastExcess) =
            mean > 0 ? (Double(flattest) / mean, Double(flattestTenth) / mean) : (0, 0)
        return chosen
    }

    /// Distance between neighboring patches: larger in large images, smaller in small ones. 1, or odd above 2, so that
    /// all positions within the 8×8 blocks of a JPEG file are sampled equally.
    private func patchDistance(_ source: PatchSource) -> Int {
        let area = Double(source.width) * Double(source.height)
        if area < Self.smallArea { return 1 }
        return max(3, Int((area / Double(Self.patchLimit)).squareRoot().rounded(.up))) | 1
    }

    /// Immerkær, "Fast Noise Variance Estimation", CVIU 64(2), 1996: the mean absolute response of the difference of
    /// two Laplacians. It mistakes texture for noise. 0 below 3×3.
    func immerkaer(_ source: PatchSource) -> Double {
        let (width, height, channels) = (source.width, source.height, source.channels)
        guard width >= 3, height >= 3 else { return 0 }
        let row = width * channels
        var values = [Float](repeating: 0, count: height * row)
        return values.withUnsafeMutableBufferPointer { pixels in
            if let base = pixels.baseAddress { source.copyRows(0..<height, base) }
            return immerkaer(UnsafeBufferPointer(pixels), height: height, row: row, channels: channels)
        }
    }

    private func immerkaer(_ pixels: UnsafeBufferPointer<Float>, height: Int, row: Int, channels: Int) -> Double {
        var sum = 0.0
        var count = 0
        for y in 1..<height - 1 {
            for index in y * row + channels..<(y + 1) * row - channels {
                let above = Self.secondDifference(pixels, at: index - row, step: channels)
                let here = Self.secondDifference(pixels, at: index, step: channels)
                let below = Self.secondDifference(pixels, at: index + row, step: channels)
                let answer = abs(above - 2 * here + below)
                guard answer.isFinite else { continue }
                sum += answer
                count += 1
            }
        }
        guard count > 0 else { return 0 }
        // The squares of the mask sum to 36, and E|x| = σ √(2/π).
        return 255 * (Double.pi / 2).squareRoot() / 6 * sum / Double(count)
    }

    private static func secondDifference(
        _ pixels: UnsafeBufferPointer<Float>, at index: Int, step: Int
    ) -> Double {
        Double(pixels[index - step]) - 2 * Double(pixels[index]) + Double(pixels[index + step])
    }
}
