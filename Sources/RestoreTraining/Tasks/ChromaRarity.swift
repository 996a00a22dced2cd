import RestoreImage
import RestoreModels
import RestoreNN

/// How rare a chroma is in the training pictures: rare colors weigh more in the distribution's loss, or it would never
/// leave the gray ones (Zhang, Isola & Efros, "Colorful image colorization", ECCV 2016, equation 4).
struct ChromaRarity: Sendable {
    /// Of every bin; their mean over the pixels of the training pictures is 1.
    private let weights: [Float]

    /// λ of the equation: how far the weights are from those that make all bins count alike.
    private static let uniformShare = 0.5
    /// Pictures that are counted, and pixels of each.
    private static let pictureCount = 4000
    private static let pixelCount = 64

    init(of pictures: PictureSet, seed: UInt64) {
        var shares = [Double](repeating: 0, count: ChromaBins.count)
        if !pictures.pictures.isEmpty {
            var generator = SeededGenerator(seed: seed, path: 0xC0102)
            for _ in 0..<Self.pictureCount {
                let image = pictures.pictures[pictures.drawIndex(using: &generator)].image
                Self.count(image, into: &shares, using: &generator)
            }
        }
        let total = max(1, shares.reduce(0, +))
        let weights = shares.map { share in
            1 / ((1 - Self.uniformShare) * share / total + Self.uniformShare / Double(ChromaBins.count))
        }
        let mean = zip(shares, weights).reduce(0) { $0 + $1.0 / total * $1.1 }
        self.weights = weights.map { Float($0 / max(mean, 1e-9)) }
    }

    private static func count(_ image: Image, into shares: inout [Double], using generator: inout SeededGenerator) {
        for _ in 0..<pixelCount {
            let color = image.color(x: generator.index(below: image.width), y: generator.index(below: image.height))
            let (bins, parts) = encoded(Chroma.of(color.x, color.y, color.z))
            for (bin, share) in zip(bins, parts) where bin >= 0 { shares[Int(bin)] += Double(share) }
        }
    }

    private static func encoded(_ chroma: SIMD2<Float>) -> (bins: [Float], shares: [Float]) {
        var (bins, shares) = ([Float](repeating: -1, count: 4), [Float](repeating: 0, count: 4))
        bins.withUnsafeMutableBufferPointer { bins in
            shares.withUnsafeMutableBufferPointer { shares in
                guard let bins = bins.baseAddress, let shares = shares.baseAddress else { return }
                ChromaBins.encode(chroma, bins: bins, shares: shares)
            }
        }
        return (bins, shares)
    }

    /// The weight of a pixel with this chroma.
    func weight(of chroma: SIMD2<Float>) -> Float {
        let (bins, shares) = Self.encoded(chroma)
        return zip(bins, shares).reduce(0) { $1.0 < 0 ? $0 : $0 + $1.1 * weights[Int($1.0)] }
    }
}
