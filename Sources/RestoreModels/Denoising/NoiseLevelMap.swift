import RestoreImage

/// How strong the noise of a picture is, place by place: its standard deviation in units of 1/255 of the full range, at
/// least 0.
///
/// The levels belong to the centers of square cells, counted from the picture's top left corner; in between they are
/// interpolated bilinearly, and beyond the outermost centers the nearest ones hold. The level of a pixel depends on its
/// place alone, so a picture that is processed in pieces gets the levels of the whole.
public struct NoiseLevelMap: Equatable, Sendable {
    /// Noise below this level is none: the picture is left as it is. Rounding to 8 bits alone adds noise of 0.29.
    public static let leastLevel = 0.25
    /// The level from which the denoiser's result is taken wholly; in between it fades in.
    static let fullLevel = 2 * leastLevel

    /// Cells in a row, at least 1.
    public let columns: Int
    /// Rows of cells, at least 1.
    public let rows: Int
    /// Width and height of a cell in pixels, at least 1.
    public let cellSize: Int
    /// The levels of the cells, row by row from the top left.
    public let levels: [Float]

    /// - Parameters:
    ///   - levels: `columns` · `rows` levels, row by row, finite and at least 0.
    ///   - cellSize: in pixels, at least 1. Cells that lie beyond the picture's edge have a part in the levels before it.
    public init(levels: [Float], columns: Int, rows: Int, cellSize: Int) {
        precondition(columns >= 1 && rows >= 1 && cellSize >= 1, "\(columns)×\(rows) cells of \(cellSize) pixels")
        precondition(levels.count == columns * rows, "\(levels.count) levels for \(columns)×\(rows) cells")
        precondition(levels.allSatisfy { $0.isFinite && $0 >= 0 }, "a level is finite and at least 0")
        (self.levels, self.columns, self.rows, self.cellSize) = (levels, columns, rows, cellSize)
    }

    /// The same level everywhere.
    public init(uniform level: Double) {
        self.init(levels: [Float(level)], columns: 1, rows: 1, cellSize: 1)
    }

    public var least: Double { Double(levels.min() ?? 0) }
    public var greatest: Double { Double(levels.max() ?? 0) }
    /// Of the cells.
    public var mean: Double { levels.reduce(0) { $0 + Double($1) } / Double(levels.count) }

    /// Whether there is no noise anywhere, and thus nothing to remove.
    public var isClean: Bool { greatest < Self.leastLevel }

    /// All levels times a factor of at least 0.
    func scaled(by factor: Float) -> NoiseLevelMap {
        NoiseLevelMap(levels: levels.map { $0 * factor }, columns: columns, rows: rows, cellSize: cellSize)
    }

    /// None above `limit`.
    public func limited(to limit: Double) -> NoiseLevelMap {
        NoiseLevelMap(
            levels: levels.map { min($0, Float(limit)) }, columns: columns, rows: rows, cellSize: cellSize)
    }

    /// Copies the levels of a rectangle of pixels, row by row.
    ///
    /// - Parameters:
    ///   - stride: floats from one pixel's level to the next one's, also from the end of a row to the next row.
    public func copyLevels(of region: ImageRegion, to target: UnsafeMutablePointer<Float>, stride: Int = 1) {
        if levels.count == 1 {
            for pixel in 0..<(region.width * region.height) { target[pixel * stride] = levels[0] }
            return
        }
        levels.withUnsafeBufferPointer { levels in
            for y in 0..<region.height {
                let across = Place(region.y + y, cellSize: cellSize, count: rows)
                let (upper, lower) = (across.first * columns, across.second * columns)
                let row = target + y * region.width * stride
                for x in 0..<region.width {
                    let along = Place(region.x + x, cellSize: cellSize, count: columns)
                    let above = along.mixed(levels[upper + along.first], levels[upper + along.second])
                    let below = along.mixed(levels[lower + along.first], levels[lower + along.second])
                    row[x * stride] = across.mixed(above, below)
                }
            }
        }
    }

    /// The level at the center of a pixel.
    public func level(x: Int, y: Int) -> Float {
        var level: Float = 0
        copyLevels(of: ImageRegion(x: x, y: y, width: 1, height: 1), to: &level)
        return level
    }

    /// How much of the denoiser's result is taken where the noise has this level, 0…1.
    @inline(__always)
    static func share(ofLevel level: Float) -> Float {
        max(0, min(1, (level - Float(leastLevel)) / Float(fullLevel - leastLevel)))
    }
}

/// The two cells between whose centers a pixel's center lies, in one direction, and how far it is from the first.
private struct Place {
    let first: Int
    let second: Int
    let fraction: Float

    @inline(__always)
    init(_ pixel: Int, cellSize: Int, count: Int) {
        // In half pixels, from the center of the first cell.
        let distance = max(0, 2 * pixel + 1 - cellSize)
        first = min(distance / (2 * cellSize), count - 1)
        second = min(first + 1, count - 1)
        fraction = Float(distance - 2 * cellSize * first) / Float(2 * cellSize)
    }

    @inline(__always)
    func mixed(_ a: Float, _ b: Float) -> Float { a == b ? a : a + fraction * (b - a) }
}
