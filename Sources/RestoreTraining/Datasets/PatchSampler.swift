import RestoreImage
import RestoreNN

/// Draws square patches at random positions, with random flips and rotations. The probability of drawing an image
/// depends on its weight (`DataSource`), not on its size.
///
/// The contents of a batch slot depend only on the seed, the step and the slot, so they are the same regardless of the
/// number of workers that prepare the batch, and after any interruption.
public struct PatchSampler: Sendable {
    public let pictures: PictureSet
    /// Width and height of a patch in pixels.
    public let side: Int
    public let seed: UInt64

    /// - Precondition: every image is at least `side` pixels wide and high.
    public init(pictures: PictureSet, side: Int, seed: UInt64) {
        self.pictures = pictures
        self.side = side
        self.seed = seed
    }

    /// The random generator for one slot of one batch.
    public func generator(step: Int, slot: Int) -> SeededGenerator {
        SeededGenerator(seed: seed, path: UInt64(step), UInt64(slot))
    }

    /// Writes a patch of interleaved RGB floats (side × side × 3, 0…1) and returns the path of its image.
    @discardableResult
    public func draw(_ generator: inout SeededGenerator, into colors: UnsafeMutablePointer<Float>) -> String {
        let picture = pictures.pictures[pictures.drawIndex(using: &generator)]
        let image = picture.image
        let region = ImageRegion(
            x: generator.index(below: image.width - side + 1), y: generator.index(below: image.height - side + 1),
            width: side, height: side)
        let symmetry = generator.index(below: 8)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * side * side) { upright in
            guard let source = upright.baseAddress else { return }
            image.copyColors(of: region, to: source)
            transform(source, symmetry: symmetry, into: colors)
        }
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
