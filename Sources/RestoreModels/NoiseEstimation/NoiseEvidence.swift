/// What distinguishes patches that hold nothing but noise from patches with content. Noise is different in each patch and
/// at each pixel, but of the same strength everywhere.
struct NoiseEvidence {
    /// Fourth moment of the high band relative to the squared second one: 3 for white noise, more where some patches
    /// hold much and others little. Of color the differences of the channels are examined, in which photographs have
    /// little detail.
    var kurtosis = 0.0
    /// Spread of the patches' energies relative to that of white noise: 1 or slightly more.
    var spread = 0.0
    /// Frequency of equal neighbors relative to noise that was rounded to 8 bits: about 1, less for finer values; more for
    /// drawn content, which repeats values.
    var repetition = 0.0
    /// Share of the values that are exactly black or white.
    var clippedShare = 0.0
    /// The larger of the two shares.
    var clippedSideShare = 0.0

    /// Number of patches that are examined of many.
    private static let patchLimit = 4096

    /// Probability that two neighbors with noise of 1 are rounded to the same of 256 values: 1/(2√π).
    private static let repetitionOfUnitNoise = 0.282

    init() {}

    /// - Parameters:
    ///   - chosen: indices of patches.
    ///   - sigma: the level found in them, in units of 1/255.
    init(_ patches: NoisePatches, chosen: [Int], sigma: Double) {
        guard !chosen.isEmpty else { return }
        let step = (chosen.count + Self.patchLimit - 1) / Self.patchLimit
        let examined = stride(from: 0, to: chosen.count, by: step).map { chosen[$0] }
        let count = Double(examined.count)
        var (squares, fourths, squaredEnergies) = (0.0, 0.0, 0.0)
        var (found, expected, black, white) = (0.0, 0.0, 0.0, 0.0)
        let repetition = min(1, Self.repetitionOfUnitNoise / max(sigma, 0.01))
        for patch in examined {
            let (energy, fourth) = patches.noiseMoments(of: patch)
            squares += energy
            squaredEnergies += energy * energy
            fourths += fourth
            let (dark, light) = (Double(patches.black[patch]), Double(patches.white[patch]))
            let free = 1 - dark - light
            found += Double(patches.repeats[patch])
            expected += Double(patches.clippedPairs[patch]) + free * free * repetition
            black += dark
            white += light
        }
        let values = Double(patches.noiseValueCount)
        let (mean, meanEnergy) = (squares / (count * values), squares / count)
        guard mean > 0 else { return }
        kurtosis = fourths / (count * values) / (mean * mean)
        let variance = max(0, squaredEnergies / count - meanEnergy * meanEnergy)
        spread = variance.squareRoot() / meanEnergy / (2 / values).squareRoot()
        self.repetition = found / max(expected, 1e-9)
        clippedShare = (black + white) / count
        clippedSideShare = max(black, white) / count
    }
}

extension NoisePatches {
    /// Number of values of a patch's high band that `noiseMoments` sums over: of color those of two differences.
    var noiseValueCount: Int { Self.highCount * (channels == 3 ? 2 : 1) }

    /// The sum of the squares and of the fourth powers of a patch's high band: of gray, or of two orthonormal differences
    /// of the channels.
    func noiseMoments(of patch: Int) -> (squares: Double, fourths: Double) {
        var (squares, fourths): (Float, Float) = (0, 0)
        high.withUnsafeBufferPointer { high in
            for frequency in 0..<Self.highCount {
                let place = (patch * Self.highCount + frequency) * channels
                guard channels == 3 else {
                    let square = high[place] * high[place]
                    (squares, fourths) = (squares + square, fourths + square * square)
                    continue
                }
                let (red, green, blue) = (high[place], high[place + 1], high[place + 2])
                let (first, second) = (red - blue, red - 2 * green + blue)
                let (a, b) = (first * first / 2, second * second / 6)
                (squares, fourths) = (squares + a + b, fourths + a * a + b * b)
            }
        }
        return (Double(squares), Double(fourths))
    }
}

/// What noise must look like to be taken for noise. The ranges were chosen on held-out training photographs with and
/// without noise, and on drawn content: docs/noise-estimation.md.
struct NoiseCriteria {
    /// The level, in units of 1/255.
    let sigma: ClosedRange<Double>
    let kurtosis: ClosedRange<Double>
    /// The largest values that are accepted.
    let spread: Double
    let repetition: Double
    let clippedShare: Double
    /// Energy of the low band relative to that of white noise; more if what exceeds it is no more than `detail`, in units
    /// of (1/255)² a coefficient, which flat parts of photographs have.
    let excess: Double
    var detail = 0.0

    func areMet(by noise: NoiseEstimator.WhiteNoise) -> Bool {
        areMet(by: noise.evidence, sigma: noise.sigma, excess: noise.leastExcess)
    }

    func areMet(by evidence: NoiseEvidence, sigma: Double, excess: Double) -> Bool {
        self.sigma.contains(sigma) && kurtosis.contains(evidence.kurtosis) && evidence.spread <= spread
            && evidence.repetition <= repetition && evidence.clippedShare <= clippedShare
            && (excess <= self.excess || (excess - 1) * sigma * sigma <= detail)
    }
}
