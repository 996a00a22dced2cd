import Glibc
import RestoreNN

/// What a leaf or a whole synthetic picture looks like: a color for every sample.
enum Surface {
    case flat(SIMD3<Float>)
    case shaded(Shading)
    case waves(Waves)
    case lattice(Lattice)
    case text(Text)

    /// - Parameters:
    ///   - size: of what it covers, in samples.
    ///   - isPatterned: whether it has more than a color or a slope.
    init(palette: Palette, size: Double, isPatterned: Bool, using generator: inout SeededGenerator) {
        guard isPatterned else {
            self =
                generator.happens(0.5)
                ? .flat(palette.color(using: &generator))
                : .shaded(Shading(palette: palette, size: size, using: &generator))
            return
        }
        switch generator.index(below: 8) {
        case 0...2: self = .waves(Waves(palette: palette, using: &generator))
        case 3...5: self = .lattice(Lattice(palette: palette, using: &generator))
        case 6: self = .text(Text(palette: palette, using: &generator))
        default: self = .shaded(Shading(palette: palette, size: size, using: &generator))
        }
    }

    @inline(__always)
    func color(_ x: Float, _ y: Float) -> SIMD3<Float> {
        switch self {
        case .flat(let color): color
        case .shaded(let shading): shading.color(x, y)
        case .waves(let waves): waves.color(x, y)
        case .lattice(let lattice): lattice.color(x, y)
        case .text(let text): text.color(x, y)
        }
    }
}

/// A plane seen from an angle: turned coordinates whose scale may change across the picture.
struct Plane {
    private let right: SIMD2<Float>
    private let origin: SIMD2<Float>
    /// Perspective: what the coordinates are divided by grows with the position.
    private let tilt: SIMD2<Float>

    /// - Parameter upright: the share of planes that are not turned.
    init(upright: Double, using generator: inout SeededGenerator) {
        let angle = generator.happens(upright) ? 0 : generator.uniform(in: 0...Double.pi)
        right = SIMD2(Float(cos(angle)), Float(sin(angle)))
        origin = SIMD2(Float(generator.uniform() * 64), Float(generator.uniform() * 64))
        tilt =
            generator.happens(0.5)
            ? SIMD2(Float(generator.uniform(in: 0...0.004)), Float(generator.uniform(in: 0...0.004))) : SIMD2()
    }

    @inline(__always)
    func place(_ x: Float, _ y: Float) -> SIMD2<Float> {
        let (dx, dy) = (x + origin.x, y + origin.y)
        let depth = 1 / (1 + tilt.x * x + tilt.y * y)
        return SIMD2(dx * right.x + dy * right.y, dy * right.x - dx * right.y) * depth
    }
}

/// One color fading into another.
struct Shading {
    private let start: SIMD3<Float>
    private let slope: SIMD3<Float>
    private let direction: SIMD2<Float>

    init(palette: Palette, size: Double, using generator: inout SeededGenerator) {
        start = palette.color(using: &generator)
        slope = palette.color(using: &generator) - start
        let angle = generator.uniform(in: 0...(2 * Double.pi))
        let length = max(size, 16) * generator.uniform(in: 1...3)
        direction = SIMD2(Float(cos(angle) / length), Float(sin(angle) / length))
    }

    @inline(__always)
    func color(_ x: Float, _ y: Float) -> SIMD3<Float> {
        // Back and forth: a triangle wave of the position.
        let position = x * direction.x + y * direction.y
        let phase = position - 2 * (position / 2).rounded(.down)
        return start + (phase < 1 ? phase : 2 - phase) * slope
    }
}

/// One grating or a sum of several: stripes, ripples, and, with many of random directions, a rough texture.
struct Waves {
    private let plane: Plane
    private let mean: SIMD3<Float>
    private let waves: [(frequency: SIMD2<Float>, phase: Float, amplitude: SIMD3<Float>)]
    /// Whether the waves are cut off to two colors.
    private let isSquare: Bool

    /// Wavelengths in samples, on a log scale.
    private static let lengths = log(4.0)...log(48)

    init(palette: Palette, using generator: inout SeededGenerator) {
        plane = Plane(upright: 0, using: &generator)
        let mean = palette.color(using: &generator)
        let count = generator.happens(0.5) ? 1 : 2 + generator.index(below: 4)
        self.mean = mean
        isSquare = count == 1 && generator.happens(0.5)
        waves = (0..<count).map { _ in
            let length = exp(generator.uniform(in: Self.lengths))
            let angle = count == 1 ? 0 : generator.uniform(in: 0...Double.pi)
            let frequency = 2 * Double.pi / length
            let other = palette.color(using: &generator)
            return (
                SIMD2(Float(frequency * cos(angle)), Float(frequency * sin(angle))),
                Float(generator.uniform(in: 0...6.3)), (other - mean) / Float(count).squareRoot()
            )
        }
    }

    @inline(__always)
    func color(_ x: Float, _ y: Float) -> SIMD3<Float> {
        let place = plane.place(x, y)
        var color = mean
        for wave in waves {
            let value = sin(place.x * wave.frequency.x + place.y * wave.frequency.y + wave.phase)
            color += (isSquare ? (value > 0 ? 1 : -1) : value) * wave.amplitude
        }
        return color
    }
}

/// Rows of equal cells: bricks, tiles, windows, checkerboards, fences, dots.
struct Lattice {
    private let plane: Plane
    private let cell: SIMD2<Float>
    /// How far every second row is shifted, in cells.
    private let shift: Float
    /// The part of a cell, along either axis, that belongs to the gap between cells.
    private let gap: SIMD2<Float>
    private let isRound: Bool
    private let ground: SIMD3<Float>
    private let colors: [SIMD3<Float>]
    private let seed: UInt64
    /// Whether the colors of the cells alternate instead of being random.
    private let alternates: Bool

    private static let sides = log(4.0)...log(40)

    init(palette: Palette, using generator: inout SeededGenerator) {
        plane = Plane(upright: 0.3, using: &generator)
        let side = exp(generator.uniform(in: Self.sides))
        let aspect = generator.happens(0.5) ? 1 : generator.uniform(in: 0.4...3)
        cell = SIMD2(Float(side * aspect), Float(side))
        shift = generator.happens(0.3) ? 0.5 : 0
        // A gap of one axis only leaves bars.
        gap = SIMD2(
            Float(generator.happens(0.75) ? generator.uniform(in: 0.1...0.7) : 0),
            Float(generator.happens(0.75) ? generator.uniform(in: 0.1...0.7) : 0))
        isRound = generator.happens(0.2)
        ground = palette.color(using: &generator)
        colors = (0..<(1 + generator.index(below: 4))).map { _ in palette.color(using: &generator) }
        alternates = generator.happens(0.5)
        seed = generator.next()
    }

    @inline(__always)
    func color(_ x: Float, _ y: Float) -> SIMD3<Float> {
        let place = plane.place(x, y) / cell
        let row = place.y.rounded(.down)
        let along = place.x + (Int(row) & 1 == 0 ? 0 : shift)
        let column = along.rounded(.down)
        let (u, v) = (along - column, place.y - row)
        if isRound {
            let (du, dv) = (u - 0.5, v - 0.5)
            if du * du + dv * dv > 0.25 * (1 - gap.x) * (1 - gap.x) { return ground }
        } else if u < gap.x || v < gap.y {
            return ground
        }
        let (i, j) = (Int(column), Int(row))
        let index = alternates ? abs(i &+ j) : Int(cellHash(i, j, seed: seed) >> 33)
        return colors[index % colors.count]
    }
}

/// Lines of characters made of straight strokes, like those of a display with sixteen segments.
struct Text {
    private let plane: Plane
    private let paper: SIMD3<Float>
    private let ink: SIMD3<Float>
    /// Width and height of a character, in samples.
    private let size: SIMD2<Float>
    /// Distances between characters and between lines, in characters.
    private let pitch: SIMD2<Float>
    /// Half the width of a stroke, in heights of a character.
    private let stroke: Float
    private let seed: UInt64

    /// Share of the characters that are blank, as between words.
    private static let blank = 0.18

    /// Strokes in a character's square, from (0, 0) above left to (1, 1) below right.
    private static let strokes: [(SIMD2<Float>, SIMD2<Float>)] = [
        ([0, 0], [0.5, 0]), ([0.5, 0], [1, 0]), ([0, 0.5], [0.5, 0.5]), ([0.5, 0.5], [1, 0.5]), ([0, 1], [0.5, 1]),
        ([0.5, 1], [1, 1]), ([0, 0], [0, 0.5]), ([0, 0.5], [0, 1]), ([1, 0], [1, 0.5]), ([1, 0.5], [1, 1]),
        ([0.5, 0], [0.5, 0.5]), ([0.5, 0.5], [0.5, 1]), ([0, 0], [0.5, 0.5]), ([1, 0], [0.5, 0.5]),
        ([0, 1], [0.5, 0.5]), ([1, 1], [0.5, 0.5]),
    ]

    init(palette: Palette, using generator: inout SeededGenerator) {
        plane = Plane(upright: 0.7, using: &generator)
        let isPrint = generator.happens(0.5)
        let (light, dark) = (SIMD3<Float>(repeating: 1), SIMD3<Float>())
        paper = isPrint ? light : palette.color(using: &generator)
        ink = isPrint ? dark : palette.color(using: &generator)
        let height = exp(generator.uniform(in: log(10.0)...log(44)))
        size = SIMD2(Float(height * generator.uniform(in: 0.4...0.8)), Float(height))
        pitch = SIMD2(Float(generator.uniform(in: 1.3...1.6)), Float(generator.uniform(in: 1.4...2)))
        stroke = Float(generator.uniform(in: 0.04...0.12))
        seed = generator.next()
    }

    @inline(__always)
    func color(_ x: Float, _ y: Float) -> SIMD3<Float> {
        let place = plane.place(x, y) / (size * pitch)
        let (column, line) = (place.x.rounded(.down), place.y.rounded(.down))
        let hash = cellHash(Int(column), Int(line), seed: seed)
        if Double(hash >> 11) * 0x1p-53 < Self.blank { return paper }
        // In the character's square, with a margin around it for the strokes.
        let u = (place.x - column) * pitch.x - 0.15
        let v = (place.y - line) * pitch.y - 0.15
        return isInk(u, v, strokes: UInt16(truncatingIfNeeded: hash) & UInt16(truncatingIfNeeded: hash >> 16))
            ? ink : paper
    }

    /// Whether a point is on one of a character's strokes.
    private func isInk(_ u: Float, _ v: Float, strokes: UInt16) -> Bool {
        // About a quarter of the strokes is set; a character without any gets an upright one.
        let strokes = strokes == 0 ? 0b1100_0000_0000 : strokes
        let aspect = size.x / size.y
        return Self.strokes.withUnsafeBufferPointer { table in
            for index in 0..<16 where strokes >> index & 1 == 1 {
                let (start, end) = table[index]
                // In heights of a character along both axes, so that strokes are equally wide in all directions.
                let scale = SIMD2<Float>(aspect, 1)
                let (point, line) = ((SIMD2(u, v) - start) * scale, (end - start) * scale)
                let along = min(max((point * line).sum() / (line * line).sum(), 0), 1)
                let distance = point - along * line
                if (distance * distance).sum() < stroke * stroke { return true }
            }
            return false
        }
    }
}

/// A hash of a cell's column and row.
@inline(__always)
private func cellHash(_ column: Int, _ row: Int, seed: UInt64) -> UInt64 {
    var z = seed ^ (UInt64(bitPattern: Int64(column)) &* 0x9E37_79B9_7F4A_7C15)
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z ^= UInt64(bitPattern: Int64(row)) &* 0xC2B2_AE3D_27D4_EB4F
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}
