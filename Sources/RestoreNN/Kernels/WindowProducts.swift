import RestoreConcurrency
import CKernels

// The three products that implement convolution, transposed convolution and all their gradients. With the column matrix
// `cols` (windows × K) of a picture, weights B (K × N) and values on the grid G (windows × N):
//
//   gather    G = cols · B                      convolution; data gradient of a transposed convolution
//   scatter   picture = G · Bᵀ added onto it    transposed convolution; data gradient of a strided convolution
//   weights   dB = colsᵀ · G                    weight gradient of both
//
// Only a cache-sized block of rows of the column matrix exists at a time, one per worker. `gather` and `scatter` use a
// product whose rounding does not depend on the position of a row (`docs/decisions/0002-own-matrix-product.md`), and
// add a pixel's windows in a fixed order: a pixel has the same bits in a picture, in a tile and in a batch.

/// How `gather` reads its left side.
enum ColumnMatrix: Sendable {
    /// Written out, one block at a time: the straightforward method, and the reference for `implicit`.
    case explicit
    /// Read directly from the picture, except for windows that extend beyond its edge.
    case implicit
}

/// Floats that each worker needs for `gather` and `scatter`.
func productScratch(_ geometry: WindowGeometry, shuffledChannels: Int = 0, tasks: Int? = nil) -> ScratchSize {
    ScratchSize(perWorker: geometry.blockRows * (geometry.columns + shuffledChannels), tasks: tasks)
}

/// The product from picture to grid: `output` (windows × `gridChannels`) = epilogue(cols · B), with B packed as
/// `WeightOrder.gather`.
struct Gather {
    let geometry: WindowGeometry
    let gridChannels: Int
    var matrix = ColumnMatrix.implicit
    /// The factor of a pixel shuffle that places the results.
    var shuffle = 1

    var scratch: ScratchSize {
        productScratch(
            geometry, shuffledChannels: shuffle > 1 ? gridChannels : 0,
            tasks: max(geometry.blockCount, geometry.batch * lineTasks(geometry.grid.height)))
    }

    /// Narrower runs do not justify a product of their own.
    private static let narrowestRun = 24

    /// Whether windows of a run that stay inside the edges form rows that can be read directly from the picture at a
    /// fixed stride.
    private var isImplicit: Bool {
        matrix == .implicit && geometry.grid.width >= Self.narrowestRun
            && (geometry.dilation.width == 1 || geometry.kernel.width == 1)
    }

    /// Grid rows of a task: enough for the windows at the edges to form products too, and to read the weights seldom.
    private var taskLines: Int { min(16, max(4, 480 / geometry.grid.width)) }

    private func lineTasks(_ lines: Int) -> Int { (lines + taskLines - 1) / taskLines }

    /// Grid rows `rows` of every picture of the batch.
    func run(
        picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        rows: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        let blockRows = geometry.blockRows
        func product(_ worker: Int) -> BlockProduct {
            let columns = scratch.worker(worker)
            return BlockProduct(
                gather: self, picture: picture, weights: weights, output: output, epilogue: epilogue, columns: columns,
                shuffled: columns + blockRows * geometry.columns)
        }
        if isImplicit && !geometry.isPointwise {
            let tasks = lineTasks(rows.count)
            pool.run(taskCount: geometry.batch * tasks) { task, worker in
                let (n, band) = task.quotientAndRemainder(dividingBy: tasks)
                let first = rows.lowerBound + band * taskLines
                multiplyLines(first..<min(first + taskLines, rows.upperBound), picture: n, product(worker))
            }
            return
        }
        let windows = geometry.windows(in: rows)
        pool.run(taskCount: (windows.count + blockRows - 1) / blockRows) { block, worker in
            let first = windows.lowerBound + block * blockRows
            let count = min(blockRows, windows.upperBound - first)
            if geometry.isPointwise {
                product(worker).multiply(rowsAt: picture + first * geometry.columns, first: first, count: count)
            } else {
                product(worker).multiplyExplicitly(first: first, count: count)
            }
        }
    }

    /// Some grid rows of a picture. Windows in the middle of each are read directly; those at its ends go through the
    /// column matrix, which has a column of the grid at a time: a product of as many windows as there are lines.
    private func multiplyLines(_ lines: Range<Int>, picture n: Int, _ product: BlockProduct) {
        let width = geometry.grid.width
        let interior = interiorRange(geometry, from: 0, count: width)
        let middle = interior.count >= Self.narrowestRun ? interior : 0..<0
        // A pixel shuffle places adjacent windows only.
        let isByColumns = !middle.isEmpty && shuffle == 1
        for oy in lines {
            let first = (n * geometry.grid.height + oy) * width
            if !isByColumns {
                product.multiplyPiecewise(windows: first..<(first + middle.lowerBound))
                product.multiplyPiecewise(windows: (first + middle.upperBound)..<(first + width))
            }
            if let taps = geometry.contiguousKernelRows(oy: oy) {
                product.multiplyImplicitly(picture: n, oy: oy, taps: taps, ox: middle)
            } else {
                product.multiplyPiecewise(windows: (first + middle.lowerBound)..<(first + middle.upperBound))
            }
        }
        guard isByColumns else { return }
        for ox in 0..<width where !middle.contains(ox) { product.multiplyColumn(ox, picture: n, lines: lines) }
    }
}

/// The products of one block of a `Gather`.
private struct BlockProduct {
    let gather: Gather
    let picture: UnsafePointer<Float>
    let weights: UnsafePointer<Float>
    let output: UnsafeMutablePointer<Float>
    let epilogue: Epilogue
    /// Working memory.
    let columns: UnsafeMutablePointer<Float>
    let shuffled: UnsafeMutablePointer<Float>

    func multiplyExplicitly(first: Int, count: Int) {
        guard count > 0 else { return }
        im2col(gather.geometry, picture: picture, firstWindow: first, rowCount: count, into: columns)
        multiply(rowsAt: columns, first: first, count: count)
    }

    /// Any number of adjacent windows, a block of the column matrix at a time.
    func multiplyPiecewise(windows: Range<Int>) {
        let most = gather.geometry.blockRows
        for first in stride(from: windows.lowerBound, to: windows.upperBound, by: most) {
            multiplyExplicitly(first: first, count: min(most, windows.upperBound - first))
        }
    }

    /// The windows at column `ox` of some grid rows, at most a block of them, without a pixel shuffle.
    func multiplyColumn(_ ox: Int, picture n: Int, lines: Range<Int>) {
        let g = gather.geometry
        let first = (n * g.grid.height + lines.lowerBound) * g.grid.width + ox
        for line in 0..<lines.count {
            im2col(
                g, picture: picture, firstWindow: first + line * g.grid.width, rowCount: 1,
                into: columns + line * g.columns)
        }
        let channels = gather.gridChannels
        let (place, stride) = (first * channels, g.grid.width * channels)
        RestoreNN.multiply(
            LeftRows(base: columns, stride: g.columns, depth: g.columns), packed: weights, panelDepth: g.columns,
            into: output + place, stride: stride, rows: lines.count, columns: channels,
            epilogue: epilogue.raw(offset: place, rowStride: stride))
        for line in 0..<lines.count { epilogue.applyRest(to: output + place + line * stride, count: channels) }
    }

    func multiply(rowsAt left: UnsafePointer<Float>, first: Int, count: Int) {
        let depth = gather.geometry.columns
        store(LeftRows(base: left, stride: depth, depth: depth), weights: weights, first: first, count: count)
    }

    /// Windows starting at `ox` of grid row `oy`, whose kernel rows `taps` are inside the picture; the other kernel
    /// rows cover zeros.
    func multiplyImplicitly(picture n: Int, oy: Int, taps: Range<Int>, ox: Range<Int>) {
        // The buffer of a pixel shuffle holds one block.
        let most = gather.shuffle > 1 ? gather.geometry.blockRows : ox.count
        for first in stride(from: ox.lowerBound, to: ox.upperBound, by: max(1, most)) {
            multiplyRun(picture: n, oy: oy, taps: taps, ox: first..<min(first + most, ox.upperBound))
        }
    }

    private func multiplyRun(picture n: Int, oy: Int, taps: Range<Int>, ox: Range<Int>) {
        let g = gather.geometry
        let line = g.picture.width * g.channels
        let top = oy * g.stride.height + taps.lowerBound * g.dilation.height - g.padTop
        let left = (ox.lowerBound * g.stride.width - g.padLeft) * g.channels
        let depth = g.kernel.width * g.channels
        let rows = LeftRows(
            base: picture + n * g.pictureCount + top * line + left, stride: g.stride.width * g.channels,
            segments: taps.count, segmentStride: g.dilation.height * line, depth: depth)
        store(
            rows, weights: weights + taps.lowerBound * depth * panelWidth,
            first: (n * g.grid.height + oy) * g.grid.width + ox.lowerBound, count: ox.count)
    }

    private func store(_ left: LeftRows, weights: UnsafePointer<Float>, first: Int, count: Int) {
        let channels = gather.gridChannels
        let depth = gather.geometry.columns
        guard gather.shuffle > 1 else {
            let rows = output + first * channels
            RestoreNN.multiply(
                left, packed: weights, panelDepth: depth, into: rows, stride: channels, rows: count, columns: channels,
                epilogue: epilogue.raw(offset: first * channels, rowStride: channels))
            epilogue.applyRest(to: rows, count: count * channels)
            return
        }
        RestoreNN.multiply(
            left, packed: weights, panelDepth: depth, into: shuffled, stride: channels, rows: count, columns: channels,
            epilogue: Epilogue(bias: epilogue.bias).raw(offset: 0, rowStride: 0))
        let width = gather.geometry.grid.width
        var window = first
        while window < first + count {
            let (y, x) = window.quotientAndRemainder(dividingBy: width)
            let run = min(first + count - window, width - x)
            placeShuffled(
                shuffled + (window - first) * channels, pixels: run, channels: channels, factor: gather.shuffle, y: y,
                x: x, width: width, into: output, epilogue: epilogue)
            window += run
        }
    }
}

/// `picture` = epilogue(the columns `grid` · Bᵀ added onto their pixels), with B packed as `WeightOrder.scatter`.
/// Overwrites picture rows `rows` of every picture of the batch.
func scatter(
    _ geometry: WindowGeometry, grid: UnsafePointer<Float>, weights: UnsafePointer<Float>, gridChannels: Int,
    into picture: UnsafeMutablePointer<Float>, rows: Range<Int>, epilogue: Epilogue, scratch: Scratch,
    pool: WorkerPool
) {
    if geometry.tilesPicture, rows.lowerBound % geometry.kernel.height == 0 {
        placeTiles(
            geometry, grid: grid, weights: weights, gridChannels: gridChannels, into: picture, rows: rows,
            epilogue: epilogue, scratch: scratch, pool: pool)
        return
    }
    // Windows overlap, so a worker owns a band of picture rows and adds, in order, every window that reaches into it.
    let bandRows = 32
    let bands = (rows.count + bandRows - 1) / bandRows
    let gridCount = geometry.grid.height * geometry.grid.width * gridChannels
    pool.run(taskCount: geometry.batch * bands) { task, worker in
        let (n, band) = (task / bands, task % bands)
        let first = rows.lowerBound + band * bandRows
        scatterBand(
            geometry, rows: first..<min(first + bandRows, rows.upperBound), n: n, grid: grid + n * gridCount,
            weights: weights, gridChannels: gridChannels, into: picture + n * geometry.pictureCount,
            epilogue: epilogue, columns: scratch.worker(worker))
    }
}

/// If windows tile the picture, each kernel row's product is a contiguous piece of a picture row.
private func placeTiles(
    _ geometry: WindowGeometry, grid: UnsafePointer<Float>, weights: UnsafePointer<Float>, gridChannels: Int,
    into picture: UnsafeMutablePointer<Float>, rows: Range<Int>, epilogue: Epilogue, scratch: Scratch,
    pool: WorkerPool
) {
    let g = geometry
    let columns = g.kernel.width * g.channels
    let line = g.picture.width * g.channels
    let lines = g.gridRows(coveredBy: rows)
    pool.run(taskCount: g.batch * lines.count) { task, worker in
        let (n, row) = task.quotientAndRemainder(dividingBy: lines.count)
        let oy = lines.lowerBound + row
        let source = grid + (n * g.grid.height + oy) * g.grid.width * gridChannels
        var stored = epilogue
        if let bias = epilogue.bias {
            // The columns of a product are the channels of several pixels.
            let repeated = scratch.worker(worker)
            for kx in 0..<g.kernel.width { (repeated + kx * g.channels).update(from: bias, count: g.channels) }
            stored.bias = UnsafePointer(repeated)
        }
        for ky in 0..<g.kernel.height where rows.contains(oy * g.kernel.height + ky) {
            let offset = n * g.pictureCount + (oy * g.kernel.height + ky) * line
            multiply(
                LeftRows(base: source, stride: gridChannels, depth: gridChannels),
                packed: weights + ky * panelCount(depth: gridChannels, columns: columns), panelDepth: gridChannels,
                into: picture + offset, stride: columns, rows: g.grid.width, columns: columns,
                epilogue: stored.raw(offset: offset, rowStride: columns))
            stored.applyRest(to: picture + offset, count: line)
        }
    }
}

private func scatterBand(
    _ geometry: WindowGeometry, rows: Range<Int>, n: Int, grid: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    gridChannels: Int, into picture: UnsafeMutablePointer<Float>, epilogue: Epilogue,
    columns: UnsafeMutablePointer<Float>
) {
    let line = geometry.picture.width * geometry.channels
    let band = picture + rows.lowerBound * line
    band.update(repeating: 0, count: rows.count * line)
    let touching = gridRows(geometry, touching: rows)
    let lastWindow = touching.upperBound * geometry.grid.width
    let kernelLine = geometry.kernel.width * geometry.channels
    var first = touching.lowerBound * geometry.grid.width
    while first < lastWindow {
        let rowCount = min(geometry.blockRows, lastWindow - first)
        for ky in 0..<geometry.kernel.height {
            multiply(
                LeftRows(base: grid + first * gridChannels, stride: gridChannels, depth: gridChannels),
                packed: weights + ky * panelCount(depth: gridChannels, columns: kernelLine), panelDepth: gridChannels,
                into: columns + ky * kernelLine, stride: geometry.columns, rows: rowCount, columns: kernelLine,
                epilogue: rk_epilogue())
        }
        col2im(
            geometry, columns: columns, firstWindow: first, rowCount: rowCount, ownedRows: rows, onto: picture)
        first += rowCount
    }
    epilogue.apply(
        to: band, offset: n * geometry.pictureCount + rows.lowerBound * line,
        pixels: rows.count * geometry.picture.width, channels: geometry.channels)
}

// MARK: - Weight gradient

/// Blocks are divided among this many partial sums, or fewer if the sums would take too much memory. The number depends
/// only on the layer and the batch, and the sums are added in order.
func sliceCount(_ geometry: WindowGeometry, gridChannels: Int) -> Int {
    let mostFloats = 4 * 1024 * 1024
    let floats = geometry.columns * gridChannels
    return max(1, min(8, geometry.blockCount, mostFloats / floats))
}

func weightGradientScratch(_ geometry: WindowGeometry, gridChannels: Int) -> ScratchSize {
    ScratchSize(
        perWorker: geometry.blockRows * geometry.columns,
        shared: sliceCount(geometry, gridChannels: gridChannels) * geometry.columns * gridChannels)
}

/// Adds colsᵀ · `grid` to `gradient`, in PyTorch's order (grid channel, channel, ky, kx).
func accumulateWeightGradient(
    _ geometry: WindowGeometry, picture: UnsafePointer<Float>, grid: UnsafePointer<Float>, gridChannels: Int,
    onto gradient: UnsafeMutablePointer<Float>, scratch: Scratch, pool: WorkerPool
) {
    let slices = sliceCount(geometry, gridChannels: gridChannels)
    let sumCount = geometry.columns * gridChannels
    let sums = scratch.shared
    pool.run(taskCount: slices) { slice, worker in
        let columns = scratch.worker(worker)
        let blocks = (slice * geometry.blockCount / slices)..<((slice + 1) * geometry.blockCount / slices)
        for block in blocks {
            let first = block * geometry.blockRows
            let rowCount = min(geometry.blockRows, geometry.windows - first)
            var left = picture + first * geometry.columns
            if !geometry.isPointwise {
                im2col(geometry, picture: picture, firstWindow: first, rowCount: rowCount, into: columns)
                left = UnsafePointer(columns)
            }
            multiplyTransposed(
                left, stride: geometry.columns, grid + first * gridChannels, stride: gridChannels,
                into: sums + slice * sumCount, stride: gridChannels, rows: geometry.columns, columns: gridChannels,
                depth: rowCount, accumulate: block > blocks.lowerBound)
        }
    }
    pool.runPieces(count: sumCount) { start, count in
        for slice in 1..<max(slices, 2) where slice < slices {
            add(sums + slice * sumCount + start, onto: sums + start, count: count)
        }
    }
    accumulateUnpacked(sums, geometry, gridChannels: gridChannels, onto: gradient, pool: pool)
}

/// `gradient` (grid channel, channel, ky, kx) += `packed` (ky, kx, channel, grid channel).
private func accumulateUnpacked(
    _ packed: UnsafePointer<Float>, _ geometry: WindowGeometry, gridChannels: Int,
    onto gradient: UnsafeMutablePointer<Float>, pool: WorkerPool
) {
    let taps = geometry.kernel.height * geometry.kernel.width
    let channels = geometry.channels
    pool.run(taskCount: gridChannels) { n, _ in
        let filter = gradient + n * channels * taps
        for tap in 0..<taps {
            let source = packed + tap * channels * gridChannels + n
            for c in 0..<channels { filter[c * taps + tap] += source[c * gridChannels] }
        }
    }
}

/// Adds each channel's sum over all `pixels` to `gradient`: the gradient of a bias.
func accumulateChannelSums(
    _ values: UnsafePointer<Float>, pixels: Int, channels: Int, onto gradient: UnsafeMutablePointer<Float>,
    scratch: Scratch, pool: WorkerPool
) {
    let slices = channelSumSlices
    let sums = scratch.shared
    pool.run(taskCount: slices) { slice, _ in
        let sum = sums + slice * channels
        sum.update(repeating: 0, count: channels)
        for pixel in (slice * pixels / slices)..<((slice + 1) * pixels / slices) {
            add(values + pixel * channels, onto: sum, count: channels)
        }
    }
    for slice in 0..<slices { add(sums + slice * channels, onto: gradient, count: channels) }
}

private let channelSumSlices = 16

func channelSumScratch(channels: Int) -> ScratchSize {
    ScratchSize(shared: channelSumSlices * channels)
}
