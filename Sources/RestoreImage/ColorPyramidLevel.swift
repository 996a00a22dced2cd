import RestoreConcurrency

/// One level of a pyramid of weighted colors: R, G, B (sRGB), and a weight in 0…1 for how much of the color is known.
struct ColorPyramidLevel: Sendable {
    let width: Int
    let height: Int
    private(set) var cells: [SIMD4<Float>]

    /// Approximate number of cells computed by a task.
    private static let cellsOfTask = 8192

    /// Weighted means of 2×2 pixels. The weight is the sum of the pixels' weights, at most 1: a single visible pixel
    /// makes its cell known.
    init(halving image: Image, pool: WorkerPool) {
        let (sourceWidth, sourceHeight) = (image.width, image.height)
        self.init(width: (sourceWidth + 1) / 2, height: (sourceHeight + 1) / 2, pool: pool) { y, row, width in
            let rows = (2 * y)..<min(2 * y + 2, sourceHeight)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * sourceWidth) { colors in
                guard let colors = colors.baseAddress else { return }
                for x in 0..<width { row[x] = .zero }
                for sourceRow in rows {
                    let place = ImageRegion(x: 0, y: sourceRow, width: sourceWidth, height: 1)
                    image.copyColors(of: place, to: colors)
                    image.forEachOpacity(in: place) { x, opacity in
                        let color = colors + 3 * x
                        row[x / 2] += VisibleColors.weight(ofOpacity: opacity) * SIMD4(color[0], color[1], color[2], 1)
                    }
                }
            }
            normalize(row, width)
        }
    }

    /// Weighted means of 2×2 cells of the next finer level.
    init(halving finer: ColorPyramidLevel, pool: WorkerPool) {
        let (finerWidth, finerHeight) = (finer.width, finer.height)
        self.init(width: (finerWidth + 1) / 2, height: (finerHeight + 1) / 2, pool: pool) { y, row, width in
            finer.cells.withUnsafeBufferPointer { source in
                for x in 0..<width {
                    var sum = SIMD4<Float>.zero
                    for sourceY in (2 * y)..<min(2 * y + 2, finerHeight) {
                        for sourceX in (2 * x)..<min(2 * x + 2, finerWidth) {
                            let cell = source[sourceY * finerWidth + sourceX]
                            sum += cell.w * SIMD4(cell.x, cell.y, cell.z, 1)
                        }
                    }
                    row[x] = sum
                }
            }
            normalize(row, width)
        }
    }

    private init(
        width: Int, height: Int, pool: WorkerPool,
        _ makeRow: (_ y: Int, _ row: UnsafeMutablePointer<SIMD4<Float>>, _ width: Int) -> Void
    ) {
        (self.width, self.height) = (width, height)
        cells = [SIMD4<Float>](unsafeUninitializedCapacity: width * height) { cells, count in
            count = width * height
            guard let base = cells.baseAddress else { return }
            let rows = max(1, Self.cellsOfTask / width)
            pool.run(taskCount: (height + rows - 1) / rows) { task, _ in
                for y in (task * rows)..<min((task + 1) * rows, height) { makeRow(y, base + y * width, width) }
            }
        }
    }

    /// Fills unknown cells from the next coarser level, which must already be filled.
    mutating func fill(from coarse: ColorPyramidLevel, pool: WorkerPool) {
        let (width, height) = (self.width, self.height)
        cells.withUnsafeMutableBufferPointer { cells in
            guard let base = cells.baseAddress else { return }
            coarse.cells.withUnsafeBufferPointer { source in
                let rows = max(1, Self.cellsOfTask / width)
                pool.run(taskCount: (height + rows - 1) / rows) { task, _ in
                    for place in (task * rows * width)..<(min((task + 1) * rows, height) * width) {
                        let cell = base[place]
                        guard cell.w < 1 else { continue }
                        var filled = coarse.interpolated(source, x: place % width, y: place / width)
                        if cell.w > 0 { filled += cell.w * (cell - filled) }
                        filled.w = 1
                        base[place] = filled
                    }
                }
            }
        }
    }

    /// The color at a position of the next finer level, interpolated linearly between the centers of the four
    /// surrounding cells.
    ///
    /// - Parameter cells: the cells of this level.
    @inline(__always)
    func interpolated(_ cells: UnsafeBufferPointer<SIMD4<Float>>, x: Int, y: Int) -> SIMD4<Float> {
        // A finer center is a quarter of a cell away from the center of its cell.
        let (column, row) = (x / 2, y / 2)
        let besideColumn = min(max(column + (x % 2 == 0 ? -1 : 1), 0), width - 1)
        let besideRow = min(max(row + (y % 2 == 0 ? -1 : 1), 0), height - 1)
        let here = 0.75 * cells[row * width + column] + 0.25 * cells[row * width + besideColumn]
        let beside = 0.75 * cells[besideRow * width + column] + 0.25 * cells[besideRow * width + besideColumn]
        return 0.75 * here + 0.25 * beside
    }
}

/// Divides sums of weighted colors by their weights, and limits the weights to 1.
private func normalize(_ row: UnsafeMutablePointer<SIMD4<Float>>, _ width: Int) {
    for x in 0..<width {
        let sum = row[x]
        guard sum.w > 0 else { continue }
        let mean = sum / sum.w
        row[x] = SIMD4(mean.x, mean.y, mean.z, min(1, sum.w))
    }
}
