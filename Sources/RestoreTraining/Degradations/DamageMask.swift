import Glibc
import RestoreNN

/// A random mask of missing pixels, as inpainting is trained on: scratches, text, dust, ellipses and boxes, large
/// rectangles, halves. Like the mixture of masks of Ivanov, Figurnov & Vetrov ("Variational autoencoder with arbitrary
/// conditioning", ICLR 2019, sec. 5.2), with thin damage, which is what old photographs have. Shares and ranges are ours.
public struct DamageMask: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case scratches, text, dust, holes, rectangle, half
    }

    public let width: Int
    public let height: Int
    /// Row by row: 1 where pixels are missing, 0 elsewhere. At least one pixel is missing and one is not.
    public private(set) var values: [Float]

    /// Of the mixture, in the order of `Kind.allCases`; they sum to 1.
    private static let shares = [0.26, 0.24, 0.08, 0.29, 0.08, 0.05]

    /// A mask of the mixture.
    ///
    /// - Precondition: there are at least 2 pixels, as of the other initializer.
    public init(width: Int, height: Int, using generator: inout SeededGenerator) {
        var place = generator.uniform()
        var kind = Kind.scratches
        for (candidate, share) in zip(Kind.allCases, Self.shares) {
            kind = candidate
            place -= share
            if place < 0 { break }
        }
        self.init(kind, width: width, height: height, using: &generator)
    }

    /// A mask of one kind.
    public init(_ kind: Kind, width: Int, height: Int, using generator: inout SeededGenerator) {
        precondition(width > 0 && height > 0 && width * height > 1, "a mask of \(width)×\(height)")
        self.width = width
        self.height = height
        values = [Float](repeating: 0, count: width * height)
        switch kind {
        case .scratches: drawScratches(&generator)
        case .text: drawText(&generator)
        case .dust: drawDust(&generator)
        case .holes: drawHoles(&generator)
        case .rectangle: drawRectangle(&generator)
        case .half: drawHalf(&generator)
        }
        let missing = values.count { $0 != 0 }
        let pixel = generator.index(below: values.count)
        if missing == 0 { values[pixel] = 1 }
        if missing == values.count { values[pixel] = 0 }
    }

    /// Of the longer side.
    private var size: Double { Double(max(width, height)) }

    private func point(_ generator: inout SeededGenerator) -> SIMD2<Double> {
        SIMD2(generator.uniform(in: 0...Double(width)), generator.uniform(in: 0...Double(height)))
    }

    // MARK: Thin damage

    private mutating func drawScratches(_ generator: inout SeededGenerator) {
        let count = Int(exp(generator.uniform(in: 0...log(7 * max(1, size / 96)))).rounded())
        for _ in 0..<count {
            // Scratches of film run along it; others go anywhere.
            let angle =
                generator.happens(0.4)
                ? Double.pi / 2 + generator.uniform(in: -0.1...0.1) : generator.uniform(in: 0...Double.pi)
            let length = size * generator.uniform(in: 0.25...1.5)
            let direction = SIMD2(cos(angle), sin(angle))
            let middle = point(&generator)
            let bend = SIMD2(-direction.y, direction.x) * (length * generator.uniform(in: -0.15...0.15))
            let radius = 0.5 * exp(generator.uniform(in: 0...log(6)))
            let steps = 8
            var previous = middle - direction * (length / 2)
            for step in 1...steps {
                let t = Double(step) / Double(steps) - 0.5
                let next = middle + direction * (length * t) + bend * (1 - 4 * t * t)
                stroke(from: previous, to: next, radius: radius)
                previous = next
            }
        }
    }

    private mutating func drawDust(_ generator: inout SeededGenerator) {
        let count = 3 + generator.index(below: Int(40 * max(1, size / 96)))
        for _ in 0..<count {
            let place = point(&generator)
            let radius = 0.5 * exp(generator.uniform(in: 0...log(7)))
            // Some specks are hairs.
            let reach = generator.happens(0.2) ? generator.uniform(in: 2...14) : generator.uniform(in: 0...1.5)
            let angle = generator.uniform(in: 0...2 * Double.pi)
            let end = place + SIMD2(cos(angle), sin(angle)) * reach
            stroke(from: place, to: end, radius: reach > 2 ? min(radius, 1) : radius)
        }
    }

    /// Lines of made-up letters, each of a few strokes between the corners and edges of its cell.
    private mutating func drawText(_ generator: inout SeededGenerator) {
        let letter = exp(generator.uniform(in: log(7)...log(30)))
        let advance = letter * generator.uniform(in: 0.55...0.8)
        let radius = max(0.5, letter * generator.uniform(in: 0.04...0.12))
        let angle = generator.happens(0.75) ? 0 : generator.uniform(in: -0.6...0.6)
        let along = SIMD2(cos(angle), sin(angle))
        let across = SIMD2(-along.y, along.x)
        let spacing = letter * generator.uniform(in: 1.15...1.8)
        let lines = 1 + generator.index(below: max(1, Int(size / spacing)))
        let origin = SIMD2(generator.uniform(in: -0.3...0.3) * size, generator.uniform(in: 0...1) * size)
        for line in 0..<lines {
            let start = origin + across * (spacing * (Double(line) - Double(lines) / 2))
            for column in 0..<Int(1.4 * size / advance) {
                if generator.happens(0.15) { continue }
                let corner = start + along * (advance * Double(column))
                drawLetter(at: corner, along * (0.8 * advance), across * letter, radius: radius, &generator)
            }
        }
    }

    private mutating func drawLetter(
        at corner: SIMD2<Double>, _ along: SIMD2<Double>, _ down: SIMD2<Double>, radius: Double,
        _ generator: inout SeededGenerator
    ) {
        func anchor() -> SIMD2<Double> {
            let (u, v) = (Double(generator.index(below: 3)) / 2, Double(generator.index(below: 3)) / 2)
            return corner + along * u + down * v
        }
        // Most letters have an upright.
        if generator.happens(0.7) { stroke(from: corner, to: corner + down, radius: radius) }
        for _ in 0..<(1 + generator.index(below: 3)) { stroke(from: anchor(), to: anchor(), radius: radius) }
    }

    // MARK: Holes

    private mutating func drawHoles(_ generator: inout SeededGenerator) {
        let count = 1 + generator.index(below: Int(4 * max(1, size / 96)))
        for _ in 0..<count {
            let center = point(&generator)
            let sizes = log(3.0)...log(22.0)
            let radii = SIMD2(exp(generator.uniform(in: sizes)), exp(generator.uniform(in: sizes)))
            let isBox = generator.happens(0.5)
            let angle = isBox && generator.happens(0.5) ? 0 : generator.uniform(in: 0...Double.pi)
            let axis = SIMD2(cos(angle), sin(angle))
            fill(around: center, reach: radii.x + radii.y) { offset in
                let u = (offset.x * axis.x + offset.y * axis.y) / radii.x
                let v = (offset.y * axis.x - offset.x * axis.y) / radii.y
                return isBox ? max(abs(u), abs(v)) <= 1 : u * u + v * v <= 1
            }
        }
    }

    private mutating func drawRectangle(_ generator: inout SeededGenerator) {
        let area = generator.uniform(in: 0.2...0.7) * Double(width * height)
        let shape = exp(generator.uniform(in: -0.5...0.5))
        let sides = SIMD2(
            min(Double(width), (area * shape).squareRoot()), min(Double(height), (area / shape).squareRoot()))
        let left = generator.uniform(in: 0...(Double(width) - sides.x))
        let top = generator.uniform(in: 0...(Double(height) - sides.y))
        for y in Int(top)..<Int(top + sides.y) {
            for x in Int(left)..<Int(left + sides.x) { values[y * width + x] = 1 }
        }
    }

    private mutating func drawHalf(_ generator: inout SeededGenerator) {
        let (isUpright, isFirst) = (generator.happens(0.5), generator.happens(0.5))
        for y in 0..<height {
            for x in 0..<width {
                let isInFirst = isUpright ? 2 * x < width : 2 * y < height
                if isInFirst == isFirst { values[y * width + x] = 1 }
            }
        }
    }

    // MARK: Drawing

    /// Marks the pixels whose centers are within `radius` of the segment.
    private mutating func stroke(from a: SIMD2<Double>, to b: SIMD2<Double>, radius: Double) {
        let axis = b - a
        let squaredLength = (axis * axis).sum()
        let middle = (a + b) * 0.5
        fill(around: middle, reach: 0.5 * squaredLength.squareRoot() + radius) { offset in
            let point = middle + offset - a
            let t = squaredLength == 0 ? 0 : min(1, max(0, (point * axis).sum() / squaredLength))
            let d = point - axis * t
            return (d * d).sum() <= radius * radius
        }
    }

    /// Marks the pixels within `reach` along either axis for which `isInside` holds of the offset of their center.
    private mutating func fill(
        around center: SIMD2<Double>, reach: Double, where isInside: (SIMD2<Double>) -> Bool
    ) {
        func span(_ middle: Double, _ count: Int) -> (first: Int, end: Int) {
            (max(0, Int(middle - reach)), min(count, max(0, Int(middle + reach + 1))))
        }
        let (rows, columns) = (span(center.y, height), span(center.x, width))
        guard rows.first < rows.end, columns.first < columns.end else { return }
        for y in rows.first..<rows.end {
            for x in columns.first..<columns.end where isInside(SIMD2(Double(x) + 0.5, Double(y) + 0.5) - center) {
                values[y * width + x] = 1
            }
        }
    }
}
