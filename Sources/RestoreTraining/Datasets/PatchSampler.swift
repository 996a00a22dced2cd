import RestoreImage
import RestoreNN

/// Draws square patches at random positions, with random flips and rotations, and varied as asked (`PatchVariation`).
/// The probability of drawing an image depends on its weight (`DataSource`), not on its size. A share of the patches may
/// be drawn from nothing instead (`SyntheticPicture`).
///
/// The contents of a batch slot depend only on the seed, the step and the slot, so they are the same regardless of the
/// number of workers that prepare the batch, and after any interruption.
public struct PatchSampler: Sendable {
    public let pictures: PictureSet
    /// Width and height of a patch in pixels.
    public let side: Int
    public let seed: UInt64
    /// How patches of photographs are changed.
    public let variation: PatchVariation
    /// Fraction of the patches that are synthetic, 0…1.
    public let syntheticShare: Double

    /// What `draw` returns for a synthetic patch.
    static let syntheticName = "a synthetic picture"

    /// - Precondition: every image is at least `side` pixels wide and high.
    public init(
        pictures: PictureSet, side: Int, seed: UInt64, variation: PatchVariation = .none, syntheticShare: Double = 0
    ) {
        self.pictures = pictures
        self.side = side
        self.seed = seed
        self.variation = variation
        self.syntheticShare = syntheticShare
    }

    /// The random generator for one slot of one batch.
    public func generator(step: Int, slot: Int) -> SeededGenerator {
        SeededGenerator(seed: seed, path: UInt64(step), UInt64(slot))
    }

    /// Writes a patch of interleaved RGB floats (side × side × 3, 0…1) and returns the path of its image.
    @discardableResult
    public func draw(_ generator: inout SeededGenerator, into colors: UnsafeMutablePointer<Float>) -> String {
        if syntheticShare > 0, generator.happens(syntheticShare) {
            var picture = SyntheticPicture(side: side, using: &generator)
            picture.draw(into: colors)
            return Self.syntheticName
        }
        let picture = pictures.pictures[pictures.drawIndex(using: &generator)]
        let image = picture.image
        let sourceSide = variation.sourceSide(
            of: side, limit: min(image.width, image.height), generator: &generator)
        let region = ImageRegion(
            x: generator.index(below: image.width - sourceSide + 1),
            y: generator.index(below: image.height - sourceSide + 1), width: sourceSide, height: sourceSide)
        let symmetry = generator.index(below: 8)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * side * side) { upright in
            guard let source = upright.baseAddress else { return }
            if sourceSide == side {
                image.copyColors(of: region, to: source)
            } else {
                let reduced = image.cropped(to: region).resized(width: side, height: side, filter: .lanczos3)
                reduced.copyColors(of: reduced.bounds, to: source)
            }
            transform(source, symmetry: symmetry, into: colors)
        }
        variation.varyColors(of: colors, pixelCount: side * side, generator: &generator)
        return picture.path
    }

    /// Applies one of the eight symmetries of the square: transposed, mirrored, upside down, according to the three
    /// bits of `symmetry`.
    private func transform(
        _ source: UnsafePointer<Float>, symmetry: Int, into destination: UnsafeMutablePointer<Float>
    ) {
        for y in 0..<side {
            for x in 0..<side {
                let (u, v) = symmetry & 1 == 0 ? (x, y) : (y, x)
                let column = symmetry & 2 == 0 ? u : side - 1 - u
                let row = symmetry & 4 == 0 ? v : side - 1 - v
                (destination + 3 * (y * side + x)).update(from: source + 3 * (row * side + column), count: 3)
            }
        }
    }
}
