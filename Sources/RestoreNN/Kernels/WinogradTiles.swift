import CKernels

/// Adjacent tiles in one row of tiles of one picture.
struct TileRun {
    let picture: Int
    /// The output row at which the tiles begin; negative if it is above the picture.
    let y: Int
    let tx: Int
    let count: Int
    /// Position of the first one in its block.
    let place: Int
    /// The tiles' rows and columns that are inside the output.
    let rows: Range<Int>
    let width: Int
}

/// The tiles that cover some rows of the output of every picture, numbered by picture, row and column.
struct TileBand {
    private let m: Int
    private let rows: Range<Int>
    /// The row at which the first tiles begin.
    private let top: Int
    private let width: Int
    private let across: Int
    private let down: Int
    let count: Int

    /// - Parameter rows: start at a tile or at row 0.
    init(_ convolution: WinogradConvolution, rows: Range<Int>) {
        m = convolution.tile.rawValue
        top = rows.lowerBound == 0 ? convolution.firstTileRow : rows.lowerBound
        precondition((top - convolution.firstTileRow) % m == 0, "rows \(rows) do not begin at a tile of \(m)")
        self.rows = rows
        width = convolution.windows.grid.width
        across = convolution.tilesAcross
        down = (rows.upperBound - top + m - 1) / m
        count = convolution.windows.batch * down * across
    }

    /// Calls `body` for the runs that make up tiles `first ..< first + count`.
    @inline(__always)
    func forEachRun(first: Int, count: Int, _ body: (TileRun) -> Void) {
        var place = 0
        while place < count {
            let (line, tx) = (first + place).quotientAndRemainder(dividingBy: across)
            let (picture, row) = line.quotientAndRemainder(dividingBy: down)
            let y = top + row * m
            let tiles = min(count - place, across - tx)
            body(
                TileRun(
                    picture: picture, y: y, tx: tx, count: tiles, place: place,
                    rows: max(0, -y)..<min(m, rows.upperBound - y), width: min(tiles * m, width - tx * m)))
            place += tiles
        }
    }
}

/// Provides the inputs of tiles: in the picture itself if a tile is inside it, otherwise in a padded copy.
struct TileReader {
    private let windows: WindowGeometry
    private let m: Int
    /// n × n pixels, and a row of zeros.
    private let patch: UnsafeMutablePointer<Float>
    private let zeros: UnsafeMutablePointer<Float>
    private var n: Int { m + 2 }

    static func scratchCount(_ convolution: WinogradConvolution) -> Int {
        let n = convolution.tile.rawValue + 2
        return (n * n + n) * convolution.inputs
    }

    init(_ convolution: WinogradConvolution, patch: UnsafeMutablePointer<Float>) {
        windows = convolution.windows
        m = convolution.tile.rawValue
        self.patch = patch
        zeros = patch + (m + 2) * (m + 2) * windows.channels
        zeros.update(repeating: 0, count: (m + 2) * windows.channels)
    }

    /// Calls `body` with the rows of inputs of some tiles, the number of tiles, and the position of the first in its
    /// block.
    @inline(__always)
    func read(
        _ run: TileRun, picture: UnsafePointer<Float>,
        _ body: (_ rows: UnsafePointer<UnsafePointer<Float>?>, _ tiles: Int, _ place: Int) -> Void
    ) {
        let c = windows.channels
        let lines = (0..<n).map { row(run.y + $0) }
        let isInside = lines.allSatisfy { $0 >= 0 }
        // Tiles whose columns are all inside the picture.
        let firstInside = (windows.padLeft + m - 1) / m
        let endInside = (windows.picture.width + windows.padLeft - n) / m + 1
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: n) { rows in
            guard let base = rows.baseAddress else { return }
            var tile = 0
            while tile < run.count {
                let tx = run.tx + tile
                let left = tx * m - windows.padLeft
                var tiles = 1
                if tx >= firstInside, tx < endInside, windows.picture.width >= n {
                    for (y, line) in lines.enumerated() {
                        rows[y] =
                            line < 0
                            ? UnsafePointer(zeros) : picture + (line * windows.picture.width + left) * c
                    }
                    // The row of zeros is as long as one tile.
                    if isInside { tiles = min(run.count - tile, endInside - tx) }
                } else {
                    for (y, line) in lines.enumerated() {
                        let row = patch + y * n * c
                        copyRow(line < 0 ? nil : picture + line * windows.picture.width * c, left: left, into: row)
                        rows[y] = UnsafePointer(row)
                    }
                }
                body(base, tiles, run.place + tile)
                tile += tiles
            }
        }
    }

    /// n pixels of a row starting at column `left`, with padding.
    private func copyRow(_ line: UnsafePointer<Float>?, left: Int, into row: UnsafeMutablePointer<Float>) {
        let c = windows.channels
        guard let line else {
            row.update(repeating: 0, count: n * c)
            return
        }
        let inside = max(left, 0)..<max(max(left, 0), min(left + n, windows.picture.width))
        (row + (inside.lowerBound - left) * c).update(
            from: line + inside.lowerBound * c, count: inside.count * c)
        for x in 0..<n where !inside.contains(left + x) {
            let column = column(left + windows.padLeft + x)
            if column < 0 {
                (row + x * c).update(repeating: 0, count: c)
            } else {
                (row + x * c).update(from: line + column * c, count: c)
            }
        }
    }

    private func row(_ place: Int) -> Int {
        source(place, padding: windows.padTop, side: windows.picture.height, grid: windows.grid.height)
    }

    private func column(_ place: Int) -> Int {
        source(place, padding: windows.padLeft, side: windows.picture.width, grid: windows.grid.width)
    }

    /// Like `WindowGeometry.source`, for a position counted from the start of the padding. Also −1 beyond the padding,
    /// which only outputs that are not stored depend on: in a band, rows reflected from that far may not be present,
    /// and even unused inputs affect the rounding of the others.
    private func source(_ place: Int, padding: Int, side: Int, grid: Int) -> Int {
        0..<(grid + 2) ~= place ? WindowGeometry.source(place - padding, side: side, mode: windows.mode) : -1
    }
}

/// Transforms products back and stores the results.
struct TileStore {
    let convolution: WinogradConvolution
    let output: UnsafeMutablePointer<Float>
    let shuffle: Int
    let epilogue: Epilogue
    /// Working memory for the outputs of a run, if they are shuffled.
    let block: UnsafeMutablePointer<Float>

    @inline(__always)
    func store(_ run: TileRun, products: UnsafePointer<Float>, pointStride: Int) {
        let m = convolution.tile.rawValue
        let grid = convolution.windows.grid
        let channels = convolution.outputs
        let line = grid.width * channels
        let y = run.picture * grid.height + run.y
        if shuffle == 1 {
            let place = y * line + run.tx * m * channels
            var stored = epilogue.raw(offset: place, rowStride: line)
            rk_winograd_output(
                KernelVariant.selected.raw, Int32(m), products, pointStride, convolution.outputStride, channels,
                run.count, output + place, line, run.rows.lowerBound, run.rows.upperBound, run.width, &stored)
            for row in run.rows {
                epilogue.applyRest(to: output + place + row * line, count: run.width * channels)
            }
            return
        }
        var bias = Epilogue(bias: epilogue.bias).raw(offset: 0, rowStride: 0)
        let blockLine = run.count * m * channels
        rk_winograd_output(
            KernelVariant.selected.raw, Int32(m), products, pointStride, convolution.outputStride, channels, run.count,
            block, blockLine, run.rows.lowerBound, run.rows.upperBound, run.width, &bias)
        for row in run.rows {
            placeShuffled(
                block + row * blockLine, pixels: run.width, channels: channels, factor: shuffle, y: y + row,
                x: run.tx * m, width: grid.width, into: output, epilogue: epilogue)
        }
    }
}
