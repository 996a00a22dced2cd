import Glibc
import RestoreImage
import RestoreNN

/// Pictures that are drawn instead of read: dead leaves, patterns and text. They never run out, have no noise and no
/// compression artifacts, and hold what photographs seldom show: fine repeated structure, hard edges and independent
/// colors.
///
/// A picture is a pile of leaves that occlude each other, each with a surface of its own (`Surface`): the dead leaves
/// model, whose statistics are those of natural images if the sizes follow a power law (Lee, Mumford & Huang, "Occlusion
/// Models for Natural Images", IJCV 41, 2001, section 3: density r⁻³). Denoisers trained on it come close to those
/// trained on photographs (Achddou, Gousseau & Ladjal, "Synthetic images as a regularity prior for image restoration
/// neural networks", SSVM 2021). In a part of the pictures a single surface fills everything. Shares and ranges are ours.
public struct SyntheticPicture {
    /// Share of the pictures that are filled by one surface.
    private static let plainShare = 0.35

    /// Samples along each side of a pixel, whose mean is the pixel.
    private static let oversampling = 2

    /// Least radius of a leaf, in samples.
    private static let leastRadius = 2.0

    /// Draws no more leaves than this; what they leave open shows the ground.
    private static let mostLeaves = 4000

    /// Width and height in pixels.
    public let side: Int
    private var generator: SeededGenerator
    private let palette: Palette

    /// A picture that is determined by the generator's next number.
    ///
    /// - Parameter side: width and height in pixels, at least 1.
    public init(side: Int, using generator: inout SeededGenerator) {
        self.side = side
        // A generator of its own: the draws that follow do not depend on how many leaves there are.
        self.generator = SeededGenerator(seed: generator.next())
        palette = Palette(using: &self.generator)
    }

    /// Writes the picture, side × side × 3 floats in 0…1.
    public mutating func draw(into colors: UnsafeMutablePointer<Float>) {
        let samples = side * Self.oversampling
        withUnsafeTemporaryAllocation(of: SIMD3<Float>.self, capacity: samples * samples) { canvas in
            guard let canvas = canvas.baseAddress else { return }
            let ground = Surface(palette: palette, size: Double(samples), isPatterned: true, using: &generator)
            if generator.happens(Self.plainShare) {
                for y in 0..<samples {
                    for x in 0..<samples {
                        canvas[y * samples + x] = ground.color(Float(x), Float(y))
                    }
                }
            } else {
                pile(on: ground, canvas, samples)
            }
            reduce(canvas, samples, into: colors)
        }
    }

    /// The picture of a number in a series, in 8 bits.
    public static func image(side: Int, seed: UInt64, index: Int) -> Image {
        var generator = SeededGenerator(seed: seed, path: UInt64(index))
        var picture = SyntheticPicture(side: side, using: &generator)
        var colors = [Float](repeating: 0, count: 3 * side * side)
        colors.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress { picture.draw(into: base) }
        }
        let samples = colors.map { UInt8($0 * 255 + 0.5) }
        return Image(width: side, height: side, channelLayout: .rgb, samples: .uint8(samples))
    }

    /// Leaves from the front to the back: each fills what is still open.
    private mutating func pile(on ground: Surface, _ canvas: UnsafeMutablePointer<SIMD3<Float>>, _ samples: Int) {
        let open = SIMD3<Float>(repeating: -1)
        canvas.update(repeating: open, count: samples * samples)
        var openCount = samples * samples
        // Some pictures have no small leaves.
        let least = min(Self.leastRadius * exp2(generator.uniform(in: 0...3)), Double(samples))
        for _ in 0..<Self.mostLeaves where openCount > 0 {
            let leaf = Leaf(within: samples, radii: least...Double(samples), palette: palette, using: &generator)
            openCount -= leaf.fill(canvas, samples)
        }
        guard openCount > 0 else { return }
        for y in 0..<samples {
            for x in 0..<samples where canvas[y * samples + x].x < 0 {
                canvas[y * samples + x] = ground.color(Float(x), Float(y))
            }
        }
    }

    private func reduce(
        _ canvas: UnsafePointer<SIMD3<Float>>, _ samples: Int, into colors: UnsafeMutablePointer<Float>
    ) {
        let step = Self.oversampling
        let scale = 1 / Float(step * step)
        for y in 0..<side {
            for x in 0..<side {
                var sum = SIMD3<Float>()
                for row in 0..<step {
                    for column in 0..<step { sum += canvas[(y * step + row) * samples + x * step + column] }
                }
                let mean = (scale * sum).clamped(lowerBound: SIMD3(), upperBound: SIMD3(repeating: 1))
                let place = colors + 3 * (y * side + x)
                (place[0], place[1], place[2]) = (mean.x, mean.y, mean.z)
            }
        }
    }
}

/// The colors of a picture: around a mean, with channels that vary more or less together.
struct Palette {
    private let mean: SIMD3<Float>
    private let spread: Float
    /// 0: the channels vary independently; 1: all colors differ only in brightness.
    private let correlation: Float

    init(using generator: inout SeededGenerator) {
        let color = generator.color()
        let gray = SIMD3(repeating: color.sum() / 3)
        mean = gray + Float(generator.uniform()) * (color - gray)
        spread = Float(generator.uniform(in: 0.1...0.45))
        correlation = Float(generator.uniform())
    }

    func color(using generator: inout SeededGenerator) -> SIMD3<Float> {
        let common = Float(generator.normal())
        var color = mean
        for c in 0..<3 {
            color[c] += spread * (correlation * common + (1 - correlation) * Float(generator.normal()))
        }
        return color.clamped(lowerBound: SIMD3(), upperBound: SIMD3(repeating: 1))
    }
}

/// A shape in front of others: |u/a|ᵖ + |v/b|ᵖ < 1 in turned coordinates: a diamond, an ellipse or a rectangle.
private struct Leaf {
    private let x: Float
    private let y: Float
    private let radius: Float
    private let right: SIMD2<Float>
    /// The inverse of the half axes.
    private let scale: SIMD2<Float>
    private let form: Int
    private let surface: Surface

    init(
        within side: Int, radii: ClosedRange<Double>, palette: Palette, using generator: inout SeededGenerator
    ) {
        x = Float(generator.uniform() * Double(side))
        y = Float(generator.uniform() * Double(side))
        // The inverse of the distribution function of the density r⁻³.
        let (low, high) = (pow(radii.lowerBound, -2), pow(radii.upperBound, -2))
        let size = pow(low + generator.uniform() * (high - low), -0.5)
        radius = Float(size)
        let angle = generator.happens(0.5) ? 0 : generator.uniform(in: 0...Double.pi)
        right = SIMD2(Float(cos(angle)), Float(sin(angle)))
        let aspect = Float(generator.happens(0.5) ? 1 : generator.uniform(in: 0.15...1))
        scale = SIMD2(1 / radius, 1 / (aspect * radius))
        form = generator.index(below: 3)
        surface = Surface(palette: palette, size: size, isPatterned: generator.happens(0.3), using: &generator)
    }

    @inline(__always)
    private func contains(_ dx: Float, _ dy: Float) -> Bool {
        let u = abs(dx * right.x + dy * right.y) * scale.x
        let v = abs(dy * right.x - dx * right.y) * scale.y
        return switch form {
        case 0: u + v < 1
        case 1: u * u + v * v < 1
        // Half the area of the square around the circle.
        default: max(u, v) < 0.7071
        }
    }

    /// Fills the open samples of the leaf and returns their number.
    func fill(_ canvas: UnsafeMutablePointer<SIMD3<Float>>, _ samples: Int) -> Int {
        var count = 0
        let rows = max(0, Int(y - radius))..<max(0, min(samples, Int(y + radius) + 2))
        let columns = max(0, Int(x - radius))..<max(0, min(samples, Int(x + radius) + 2))
        for row in rows {
            for column in columns {
                let place = canvas + row * samples + column
                guard place.pointee.x < 0, contains(Float(column) - x, Float(row) - y) else { continue }
                place.pointee = surface.color(Float(column), Float(row))
                count += 1
            }
        }
        return count
    }
}

extension SeededGenerator {
    /// Uniform in the RGB cube.
    mutating func color() -> SIMD3<Float> { SIMD3(Float(uniform()), Float(uniform()), Float(uniform())) }
}
