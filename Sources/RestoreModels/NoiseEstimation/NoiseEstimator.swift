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

    /// Number of values per task where each value is examined individually.
    private static let blockSize = 1 << 16

    /// Rounds of selecting patches; the selection settles after two or three.
    private static let rounds = 5

    /// Noise common to the channels is distinguished from fine texture by being above this level, in units of 1/255, …
    static let commonFloor = 3.0

    /// … above this multiple of the noise that the channels do not share (unshared noise alone gives 1/√3) …
    static let commonRatio = 2.0

    /// … and at least as white as this: see `WhiteNoise.lowBandExcess`. Chosen on clean training images and on the same
    /// images with noise, saved as JPEG with subsampled chroma.
    static let commonExcess = 2.0

    let pool: WorkerPool

    /// - Parameter pool: shares the work out; the estimate does not depend on it.
    public init(pool: WorkerPool = .serial) {
        self.pool = pool
    }

    /// Estimates the standard deviation of the noise.
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
        precondition(channels == 1 || channels == 3, "1 or 3 channels, not \(channels)")
        precondition(
            width >= 0 && height >= 0 && pixels.count == width * height * channels,
            "\(width)×\(height)×\(channels) does not match \(pixels.count) values")
        guard min(width, height) >= 16 else {
            return immerkaer(pixels, width: width, height: height, channels: channels)
        }
        return findings(pixels, width: width, height: height, channels: channels).sigma
    }

    /// The level and the kind of the noise; parameters as for `estimate`.
    public func measure(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> NoiseMeasurement {
        guard min(width, height) >= 16 else {
            let sigma = estimate(pixels, width: width, height: height, channels: channels)
            return NoiseMeasurement(sigma: sigma, kind: .gaussian)
        }
        let found = findings(pixels, width: width, height: height, channels: channels)
        let kind = kind(of: found, pixels, width: width, height: height, channels: channels)
        return NoiseMeasurement(sigma: found.sigma, kind: kind)
    }

    /// The results of steps 1 to 3 for the channels, and for the mean of three channels.
    struct Findings {
        /// The patches of the channels.
        let patches: NoisePatches
        let separate: WhiteNoise
        let common: WhiteNoise?

        /// The level of the accepted noise.
        var sigma: Double {
            guard let common else { return separate.sigma }
            let isNoise =
                common.sigma > NoiseEstimator.commonFloor
                && common.sigma > NoiseEstimator.commonRatio * separate.sigma
                && common.lowBandExcess < NoiseEstimator.commonExcess
            return isNoise ? common.sigma : separate.sigma
        }
    }

    /// Steps 1 to 3, for images of any size that contain patches.
    func findings(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> Findings {
        let (patches, separate) = whiteNoise(pixels, width: width, height: height, channels: channels)
        guard channels == 3 else { return Findings(patches: patches, separate: separate, common: nil) }
        let common = channelMean(pixels).withUnsafeBufferPointer {
            whiteNoise($0, width: width, height: height, channels: 1).noise
        }
        return Findings(patches: patches, separate: separate, common: common)
    }

    /// The result of steps 1 to 3.
    struct WhiteNoise {
        /// Standard deviation in units of 1/255.
        var sigma = 0.0
        /// Energy of the low band in the flattest patches relative to that expected of noise: about 1 or less for white
        /// noise, more for texture, which is stronger at low frequencies.
        var lowBandExcess = 0.0
        /// The same for the flattest tenth if this is fewer patches: if clipping leaves few to choose from, or the
        /// image is small, the minimum number of patches are not all flat.
        var leastExcess = 0.0
    }

    /// The mean of three channels. Unshared noise of σ in each leaves σ/√3 in it, common noise σ.
    func channelMean(_ pixels: UnsafeBufferPointer<Float>) -> [Float] {
        [Float](unsafeUninitializedCapacity: pixels.count / 3) { mean, count in
            count = pixels.count / 3
            runOnBlocks(of: count) { block in
                for i in block { mean[i] = (pixels[3 * i] + pixels[3 * i + 1] + pixels[3 * i + 2]) / 3 }
            }
        }
    }

    /// Whether all values, except NaN, are in 0…1.
    private func isWithinRange(_ pixels: UnsafeBufferPointer<Float>) -> Bool {
        var outside = [Int32](repeating: 0, count: blockCount(of: pixels.count))
        outside.withUnsafeMutableBufferPointer { outside in
            runOnBlocks(of: pixels.count) { block in
                var found: Int32 = 0
                // No early exit: it would prevent vectorization of the loop. NaN is skipped.
                for i in block { found |= pixels[i] < 0 || pixels[i] > 1 ? 1 : 0 }
                outside[block.lowerBound / Self.blockSize] = found
            }
        }
        return outside.allSatisfy { $0 == 0 }
    }

    private func blockCount(of count: Int) -> Int { (count + Self.blockSize - 1) / Self.blockSize }

    private func runOnBlocks(of count: Int, _ body: (Range<Int>) -> Void) {
        pool.run(taskCount: blockCount(of: count)) { block, _ in
            body(block * Self.blockSize..<min((block + 1) * Self.blockSize, count))
        }
    }

    /// Steps 1 to 3 for channels of one kind.
    private func whiteNoise(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> (patches: NoisePatches, noise: WhiteNoise) {
        let patches = NoisePatches(
            pixels, width: width, height: height, channels: channels,
            stride: patchDistance(width: width, height: height), pool: pool)
        guard patches.count > 0 else { return (patches, WhiteNoise()) }
        // Noise that extends beyond the range was not clipped to it.
        let isClipped = isWithinRange(pixels)
        let least = leastCount(of: patches)
        let roomiest = valueInOrder(patches.headroom, at: patches.count - least)
        var found = WhiteNoise(sigma: patches.noiseLevel(of: patches.flattest(share: 0.1), pool: pool))
        for _ in 1...Self.rounds {
            let margin = isClipped ? Self.clippingMargin * found.sigma : -Double.infinity
            found = refine(found, patches: patches, room: min(Float(margin), roomiest), least: least)
        }
        return (patches, found)
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
    private func refine(_ found: WhiteNoise, patches: NoisePatches, room: Float, least: Int) -> WhiteNoise {
        let candidates = (0..<patches.count).filter { patches.headroom[$0] >= room }

        // Mean and one standard deviation of σ² χ², the energy of the low band for noise alone.
        let values = Double(NoisePatches.lowCount * patches.channels)
        let expected = Float(found.sigma * found.sigma * (values + (2 * values).squareRoot()))
        let energies = candidates.map { patches.lowEnergy[$0] }
        let flattest = valueInOrder(energies, at: least - 1)
        let limit = max(expected, flattest)
        let sigma = patches.noiseLevel(
            of: candidates.filter { patches.lowEnergy[$0] <= limit }, pool: pool)
        let flattestTenth = valueInOrder(energies, at: min(least, candidates.count / 10 + 1) - 1)
        let mean = sigma * sigma * values
        guard mean > 0 else { return WhiteNoise(sigma: sigma) }
        return WhiteNoise(
            sigma: sigma, lowBandExcess: Double(flattest) / mean, leastExcess: Double(flattestTenth) / mean)
    }

    /// Distance between neighboring patches: larger in large images, smaller in small ones. 1, or odd above 2, so that
    /// all positions within the 8×8 blocks of a JPEG file are sampled equally.
    func patchDistance(width: Int, height: Int) -> Int {
        let area = Double(width) * Double(height)
        if area < Self.smallArea { return 1 }
        return max(3, Int((area / Double(Self.patchLimit)).squareRoot().rounded(.up))) | 1
    }

    /// Immerkær, "Fast Noise Variance Estimation", CVIU 64(2), 1996: the mean absolute response of the difference of
    /// two Laplacians. It mistakes texture for noise. 0 below 3×3.
    private func immerkaer(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int
    ) -> Double {
        guard width >= 3, height >= 3 else { return 0 }
        let row = width * channels
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
