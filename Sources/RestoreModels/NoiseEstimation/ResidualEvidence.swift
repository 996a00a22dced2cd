import RestoreImage

/// What a blind denoiser for photographs takes from a picture, as evidence of noise.
///
/// A network that has seen clean pictures too leaves them nearly as they are. What it takes from a noisy one is equally
/// strong in all parts; of a texture that it mistakes for noise it takes much here and little there, or the same from all
/// three channels, as no sensor would. The limits were chosen on held-out training photographs: docs/noise-estimation.md.
public struct ResidualEvidence: Equatable, Sendable {
    /// Root mean square, in units of 1/255.
    public let strength: Double
    /// Standard deviation of the root mean squares of blocks, relative to their mean.
    public let variation: Double
    /// The part of the energy in which the channels differ; nil for a gray picture.
    public let chroma: Double?
    /// Kurtosis of the mean of the channels: 3 if normally distributed, more if strong here and weak there.
    public let kurtosis: Double

    /// Limits of noise where statistics find none, and …
    private static let alone = (leastStrength: 2.0, greatestVariation: 0.75)
    /// … where they find what a network for white noise removes as well: the damage of JPEG, or weak noise.
    private static let instead = (leastStrength: 4.0, greatestVariation: 0.6)
    /// Of less than this there is no noise in a picture that JPEG has not smoothed.
    private static let leastResidual = 1.5
    /// Film grain is without chroma, too, and told from sand by its distribution.
    private static let leastChroma = 0.05
    private static let greatestAchromaticKurtosis = 4.5

    /// What a picture has, in the light of this.
    ///
    /// - Parameters:
    ///   - noise: what statistics find.
    ///   - isCompressed: whether by JPEG.
    package func verdict(on noise: PictureAnalysis.Noise, isCompressed: Bool) -> PictureAnalysis.Noise {
        func exceeds(_ limits: (leastStrength: Double, greatestVariation: Double)) -> Bool {
            strength >= limits.leastStrength && variation <= limits.greatestVariation && hasColorsOfNoise
        }
        switch noise {
        case .white, .recognized: return noise
        case .none: return exceeds(Self.alone) ? .recognized(strength: strength) : .none
        case .photograph where !isCompressed && strength < Self.leastResidual: return .none
        case .photograph, .compressed: return exceeds(Self.instead) ? .recognized(strength: strength) : noise
        }
    }

    private var hasColorsOfNoise: Bool {
        guard let chroma else { return true }
        return chroma >= Self.leastChroma || kurtosis <= Self.greatestAchromaticKurtosis
    }

    /// Side of a block, and of the windows that are examined of large pictures: a multiple of it and of JPEG's blocks.
    private static let blockSide = 16
    private static let windowSide = 128
    private static let windows = (across: 4, down: 3)

    package init(strength: Double, variation: Double, chroma: Double? = nil, kurtosis: Double = 3) {
        (self.strength, self.variation, self.chroma, self.kurtosis) = (strength, variation, chroma, kurtosis)
    }

    /// - Parameter denoiser: a blind one.
    /// - Returns: nil for a picture that has hardly any block that is not of one color.
    /// - Throws: as `Denoiser.denoise`.
    package init?(of image: Image, by denoiser: Denoiser, options: Denoiser.Options) throws {
        var blocks: [Block] = []
        for window in Self.windows(of: image) {
            let part =
                window == ImageRegion(x: 0, y: 0, width: image.width, height: image.height)
                ? image : image.cropped(to: window)
            blocks += Self.blocks(part, try denoiser.denoise(part, options: options).image)
        }
        self.init(blocks, isGray: image.channelLayout.colorChannelCount == 1)
    }

    private init?(_ blocks: [Block], isGray: Bool) {
        guard blocks.count >= 4 else { return nil }
        let count = Double(blocks.count)
        let levels = blocks.map { $0.energy.squareRoot() }
        let mean = levels.reduce(0, +) / count
        guard mean > 0 else {
            self.init(strength: 0, variation: 0)
            return
        }
        let variance = levels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        func sum(_ part: (Block) -> Double) -> Double { blocks.reduce(0) { $0 + part($1) } }
        let (energy, common) = (sum(\.energy), sum(\.common))
        self.init(
            strength: (energy / count).squareRoot(), variation: variance.squareRoot() / mean,
            chroma: isGray ? nil : 1 - common / energy,
            kurtosis: common > 0 ? sum(\.fourthMoment) * count / (common * common) : 3)
    }

    /// The whole picture, or evenly spread windows of it.
    private static func windows(of image: Image) -> [ImageRegion] {
        let (width, height) = (min(windowSide, image.width), min(windowSide, image.height))
        let most = windows.across * windows.down * windowSide * windowSide
        guard image.pixelCount > most else {
            return [ImageRegion(x: 0, y: 0, width: image.width, height: image.height)]
        }
        func places(_ full: Int, _ side: Int, _ count: Int) -> [Int] {
            let free = full - side
            guard free > 0 else { return [0] }
            return (0..<count).map { (2 * $0 + 1) * free / (2 * count) / blockSide * blockSide }
        }
        return places(image.height, height, windows.down).flatMap { y in
            places(image.width, width, windows.across).map { ImageRegion(x: $0, y: y, width: width, height: height) }
        }
    }

    /// Means over a block, in units of 1/255.
    private struct Block {
        /// Of the squared differences.
        var energy = 0.0
        /// Of the square, and of the fourth power, of the mean difference of the channels.
        var common = 0.0
        var fourthMoment = 0.0
    }

    /// Of each block; without those of one color, which are kept.
    private static func blocks(_ image: Image, _ other: Image) -> [Block] {
        let (before, after, width) = (image.colors, other.colors, image.width)
        var blocks: [Block] = []
        for top in stride(from: 0, through: image.height - blockSide, by: blockSide) {
            for left in stride(from: 0, through: width - blockSide, by: blockSide) {
                let first = 3 * (top * width + left)
                var (block, isConstant) = (Block(), true)
                for y in 0..<blockSide {
                    for pixel in 0..<blockSide {
                        let index = first + 3 * (y * width + pixel)
                        var mean = 0.0
                        for channel in 0..<3 {
                            let difference = 255 * Double(after[index + channel] - before[index + channel])
                            block.energy += difference * difference / 3
                            mean += difference / 3
                            isConstant = isConstant && before[index + channel] == before[first + channel]
                        }
                        block.common += mean * mean
                        block.fourthMoment += mean * mean * mean * mean
                    }
                }
                guard !isConstant else { continue }
                let pixels = Double(blockSide * blockSide)
                blocks.append(
                    Block(
                        energy: block.energy / pixels, common: block.common / pixels,
                        fourthMoment: block.fourthMoment / pixels))
            }
        }
        return blocks
    }
}
