import Glibc
import RestoreConcurrency
import RestoreImage

/// What restoring does with a picture unless it is told: what noise it has, if any.
///
/// A picture is left as it is unless its noise is certain. In this order:
///
/// 1. White noise has the same strength in all patches and directions, is different at each pixel, and does not repeat
///    values (`NoiseEvidence`). Its level may differ from place to place (`LocalNoise`).
/// 2. Noise that a camera has smoothed or JPEG has compressed looks like white noise at half the resolution.
/// 3. JPEG's own damage follows from the quantization tables.
///
/// Of what is not white noise, the denoiser for photographs has the last word, where it is installed: what it takes away
/// is evidence, too (`DenoiserSelection.analysis(of:)`).
///
/// All thresholds of the decision are here and in `LocalNoise`; they were chosen on held-out training photographs and on
/// drawn content: docs/noise-estimation.md.
public struct PictureAnalysis: Equatable, Sendable {
    public enum Noise: Equatable, Sendable {
        /// None, or none that can be told from content.
        case none
        /// White noise.
        case white(NoiseLevelMap)
        /// Noise that went through a camera or JPEG.
        ///
        /// - Parameter level: of white noise, in units of 1/255, for which a network for white noise does best.
        case photograph(level: Double)
        /// Noise that the denoiser for photographs recognizes, and removes better than another (`ResidualEvidence`).
        ///
        /// - Parameter strength: of what it takes away, in units of 1/255.
        case recognized(strength: Double)
        /// The damage that JPEG has done to a picture in which no noise is certain; level as for photographs.
        case compressed(level: Double)
    }

    public let noise: Noise
    /// Whether the picture is drawn content, in which no denoiser is to look for noise.
    public let isDrawn: Bool

    public init(noise: Noise, isDrawn: Bool = false) {
        (self.noise, self.isDrawn) = (noise, isDrawn)
    }

    /// Of a picture as read from its file.
    public init(_ picture: DecodedImage, pool: WorkerPool = .serial) {
        self.init(picture.image, compression: CompressionStrength(of: picture), pool: pool)
    }

    public init(_ image: Image, compression: CompressionStrength = .none, pool: WorkerPool = .serial) {
        self = Analyst(source: PatchSource(image), compression: compression, pool: pool).analysis()
    }

    /// Of interleaved floats, nominally 0…1; parameters as for `NoiseEstimator.estimate`.
    public init(
        _ pixels: UnsafeBufferPointer<Float>, width: Int, height: Int, channels: Int,
        compression: CompressionStrength = .none, pool: WorkerPool = .serial
    ) {
        let source = PatchSource(pixels, width: width, height: height, channels: channels)
        self = Analyst(source: source, compression: compression, pool: pool).analysis()
    }

    /// Of interleaved RGB floats, nominally 0…1.
    ///
    /// - Parameter isGray: whether the three channels are identical, including the noise.
    public init(
        colors: [Float], width: Int, height: Int, isGray: Bool, compression: CompressionStrength = .none,
        pool: WorkerPool = .serial
    ) {
        let planes = isGray ? stride(from: 0, to: colors.count, by: 3).map { colors[$0] } : colors
        self = planes.withUnsafeBufferPointer {
            PictureAnalysis(
                $0, width: width, height: height, channels: isGray ? 1 : 3, compression: compression, pool: pool)
        }
    }

    /// What a network for white noise is told, at most 75.
    public var levels: NoiseLevelMap {
        switch noise {
        case .none: NoiseLevelMap(uniform: 0)
        case .white(let map): map
        case .photograph(let level), .compressed(let level), .recognized(let level): NoiseLevelMap(uniform: level)
        }
    }

    /// What a denoiser is told. A blind one is to decide for itself where there is something to remove.
    public func setting(isBlind: Bool) -> NoiseSetting {
        switch noise {
        case .none, .white: .map(levels)
        case .photograph, .recognized, .compressed: isBlind ? .automatic : .map(levels)
        }
    }

    public var kind: NoiseKind {
        switch noise {
        case .none: .none
        case .white: .gaussian
        case .photograph, .recognized: .photo
        case .compressed: .jpeg
        }
    }
}

/// The kind of noise in a picture.
public enum NoiseKind: String, Codable, Sendable {
    case none
    /// White.
    case gaussian
    /// Processed by a camera or compressed by JPEG.
    case photo
    /// JPEG's own damage.
    case jpeg
}

/// Decides about a picture.
private struct Analyst {
    let source: PatchSource
    let compression: CompressionStrength
    let pool: WorkerPool

    // MARK: Thresholds

    /// What white noise looks like: of color; of color without a flat patch, where the differences of the channels leave no
    /// doubt; of gray, where nothing separates it from texture; and where it is clipped.
    private static let color = NoiseCriteria(
        sigma: 0.8...150, kurtosis: 2.7...3.6, spread: 1.8, repetition: 1.45, clippedShare: 0.25, excess: 2.5,
        detail: 120)
    private static let evenColor = NoiseCriteria(
        sigma: 0.8...150, kurtosis: 2.8...3.2, spread: 1.15, repetition: 1.2, clippedShare: 0.25, excess: 12)
    private static let gray = NoiseCriteria(
        sigma: 0.8...150, kurtosis: 2.7...3.4, spread: 1.4, repetition: 1.4, clippedShare: 0.25, excess: 2, detail: 20)
    private static let clipped = NoiseCriteria(
        sigma: 0.8...150, kurtosis: 2.7...3.3, spread: 1.3, repetition: 1.3, clippedShare: 0.62, excess: 1.8)

    /// What noise looks like that a camera has smoothed or JPEG compressed: at half resolution, in luminance and in color,
    /// and at a quarter. Sand, fur and grass look nearly the same. In a JPEG weak noise is more certain, since without noise
    /// quantization leaves flat blocks empty.
    private static let halvedGray = NoiseCriteria(
        sigma: 1.5...18, kurtosis: 2.5...3.7, spread: 1.6, repetition: 2, clippedShare: 0.3, excess: 6)
    private static let halvedJPEG = NoiseCriteria(
        sigma: 0.4...2, kurtosis: 2.5...4, spread: 1.8, repetition: 2, clippedShare: 0.3, excess: 7)
    private static let halvedColor = NoiseCriteria(
        sigma: 2.2...24, kurtosis: 2.5...4.6, spread: 2.4, repetition: 2, clippedShare: 0.3, excess: 7)
    private static let quarteredGray = NoiseCriteria(
        sigma: 1...18, kurtosis: 2.5...3.2, spread: 1.2, repetition: 2, clippedShare: 0.3, excess: 2)
    private static let quarteredJPEG = NoiseCriteria(
        sigma: 0.4...2, kurtosis: 2.5...3.8, spread: 1.8, repetition: 2, clippedShare: 0.3, excess: 8)

    /// Clipped patches are examined from this share of all on, each with this share of clipped values.
    private static let leastClippedPatches = 0.02
    private static let leastClipped: Float = 0.1
    /// … and before others from this share on.
    private static let mostlyClipped = 0.5

    /// Drawn content repeats values this much more often than noise of its strength, which is at least …
    private static let drawnRepetition = 3.0
    private static let drawnSigma = 2.0

    /// Levels for which networks are trained.
    private static let greatestLevel = NoiseSetting.range.upperBound

    /// Distance between patches at half resolution, in its pixels, at least: closer ones say little more.
    private static let halvedDistance = 3
    /// Ratio between the noise that is found at half resolution and the level at which a network for white noise removes
    /// it best.
    private static let levelOfHalved = 2.6
    /// Noise that JPEG has compressed suits a level of at least that for JPEG's own damage and this, or as much again.
    private static let levelOfCompressed = 3.8

    /// Strength of the quantization (`CompressionStrength.luminance`) from which it leaves flat blocks empty.
    private static let leastNoisyCompression: Float = 0.12
    /// Strength of the quantization from which JPEG's damage is worth repairing, …
    private static let leastCompression: Float = 0.1
    /// … and the levels at which a network for white noise does so best: of pairs (strength, level), interpolated.
    private static let levelsOfCompression: [(strength: Float, level: Double)] = [
        (0.1, 0.5), (0.131, 2.2), (0.17, 3.8), (0.215, 5.5), (0.31, 8), (0.54, 14),
    ]

    // MARK: Decision

    func analysis() -> PictureAnalysis {
        guard min(source.width, source.height) >= NoiseEstimator.leastSide else {
            return PictureAnalysis(noise: .none, isDrawn: true)
        }
        // Of equal channels the estimator would find no noise, as they do not differ.
        guard source.channels == 1 || !source.isMonochrome else {
            return Analyst(source: source.merged, compression: compression, pool: pool).analysis()
        }
        let findings = NoiseEstimator(pool: pool).findings(source)
        let isDrawn =
            source.holdsUnitVectors
            || [findings.separate, findings.common].contains { noise in
                guard let noise else { return false }
                return noise.sigma >= Self.drawnSigma && noise.evidence.repetition > Self.drawnRepetition
            }
        if !isDrawn, let map = whiteNoise(findings) {
            return PictureAnalysis(noise: .white(map.limited(to: Self.greatestLevel).scaled(by: 1 / source.gain)))
        }
        let compressed = compressionLevel()
        guard !isDrawn, let correlated = correlatedNoise() else {
            return PictureAnalysis(noise: compressed.map { .compressed(level: $0) } ?? .none, isDrawn: isDrawn)
        }
        let least = compressed.map { $0 + min($0, Self.levelOfCompressed) } ?? 0
        let level = max(Self.levelOfHalved * correlated, least)
        return PictureAnalysis(noise: .photograph(level: min(level, Self.greatestLevel) / Double(source.gain)))
    }

    /// The level of white noise, or its levels where they differ; nil if there is none for certain.
    private func whiteNoise(_ findings: NoiseEstimator.Findings) -> NoiseLevelMap? {
        let level = certainLevel(of: findings)
        let local = LocalNoise(findings.separate.patches, width: source.width, height: source.height)
        return local.map(insteadOf: level ?? 0, pool: pool) ?? level.map { NoiseLevelMap(uniform: $0) }
    }

    /// The level of the noise of the channels or, if there is more of it, of the noise that they share.
    private func certainLevel(of findings: NoiseEstimator.Findings) -> Double? {
        let (separate, common) = (findings.separate, findings.common)
        if let common, findings.isShared, isCertain(common) { return common.sigma }
        let clippedShare = clippedPatchShare(of: separate.patches)
        if clippedShare > Self.mostlyClipped, let level = clippedLevel(separate) { return level }
        if isCertain(separate) { return separate.sigma }
        if clippedShare > Self.leastClippedPatches, let level = clippedLevel(separate) { return level }
        // Noise that the channels do not share is weaker in their mean.
        guard let common, common.sigma > 0.9 * separate.sigma, isCertain(common) else { return nil }
        return common.sigma
    }

    private func isCertain(_ noise: NoiseEstimator.WhiteNoise) -> Bool {
        guard noise.patches.channels == 3 else { return Self.gray.areMet(by: noise) }
        return Self.color.areMet(by: noise) || Self.evenColor.areMet(by: noise)
    }

    /// The level of noise that is seen only where it is clipped, as on white paper with text. It is white there, too, but
    /// weaker, as the share of clipped values says.
    private func clippedLevel(_ noise: NoiseEstimator.WhiteNoise) -> Double? {
        let all = NoiseEstimator(pool: pool).whiteNoise(in: noise.patches, margin: nil)
        let evidence = all.evidence
        guard evidence.clippedSideShare > 0.9 * evidence.clippedShare, Self.clipped.areMet(by: all) else { return nil }
        return all.sigma / Self.deviation(ofNoiseClippedBy: evidence.clippedShare)
    }

    /// The share of the patches in which values are clipped.
    private func clippedPatchShare(of patches: NoisePatches) -> Double {
        guard source.isWithinRange, patches.count > 0 else { return 0 }
        let count = (0..<patches.count).count { max(patches.black[$0], patches.white[$0]) > Self.leastClipped }
        return Double(count) / Double(patches.count)
    }

    /// The standard deviation of noise of 1 of which a share is clipped.
    static func deviation(ofNoiseClippedBy share: Double) -> Double {
        guard share > 1e-6 else { return 1 }
        func tail(_ t: Double) -> Double { 0.5 * erfc(t / 2.0.squareRoot()) }
        var (low, high) = (-6.0, 6.0)
        for _ in 0..<50 {
            let middle = (low + high) / 2
            if tail(middle) > share { low = middle } else { high = middle }
        }
        let t = (low + high) / 2
        let density = exp(-t * t / 2) / (2 * Double.pi).squareRoot()
        let mean = -density + t * tail(t)
        let square = 1 - tail(t) - t * density + t * t * tail(t)
        return max(0.01, square - mean * mean).squareRoot()
    }

    /// The strength of noise that is found at half or quarter the resolution, in luminance or in color, in units of 1/255
    /// at that resolution; nil if none is certain.
    private func correlatedNoise() -> Double? {
        let isJPEG = compression.luminance > Self.leastNoisyCompression
        let half = source.halved
        func level(_ source: PatchSource, distance: Int = 1, _ criteria: [NoiseCriteria]) -> Double? {
            guard min(source.width, source.height) >= NoiseEstimator.leastSide else { return nil }
            let noise = NoiseEstimator(pool: pool).whiteNoise(source, leastDistance: distance)
            return criteria.contains { $0.areMet(by: noise) } ? noise.sigma : nil
        }
        let distance = Self.halvedDistance
        let gray = level(half.merged, distance: distance, [Self.halvedGray] + (isJPEG ? [Self.halvedJPEG] : []))
        let color = source.channels == 3 ? level(half, distance: distance, [Self.halvedColor]) : nil
        guard gray == nil, color == nil else { return max(gray ?? 0, color ?? 0) }
        return level(half.halved.merged, [Self.quarteredGray] + (isJPEG ? [Self.quarteredJPEG] : []))
    }

    /// The level for JPEG's damage; nil if there is hardly any.
    private func compressionLevel() -> Double? {
        let strength = compression.luminance
        guard strength > Self.leastCompression else { return nil }
        let points = Self.levelsOfCompression
        guard let index = points.firstIndex(where: { $0.strength >= strength }), index > 0 else {
            return points.last?.level
        }
        let (left, right) = (points[index - 1], points[index])
        let fraction = Double((strength - left.strength) / (right.strength - left.strength))
        return left.level + fraction * (right.level - left.level)
    }
}
