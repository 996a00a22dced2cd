// The three products that convolution, transposed convolution and all their gradients are made of. With the column
// matrix `cols` (windows × K) of a picture, weights B (K × N) and values on the grid G (windows × N):
//
//   gather    G = cols · B                      convolution; data gradient of a transposed convolution
//   scatter   picture = G · Bᵀ added onto it    transposed convolution; data gradient of a strided convolution
//   weights   dB = colsᵀ · G                    weight gradient of both
//
// The column matrix exists a cache-sized block of rows at a time, one block a worker. `gather` and `scatter` use the
// product whose rounding does not depend on the place of a row (`docs/decisions/0002-own-matrix-product.md`), and add a
// pixel's windows in a fixed order: a pixel gets the same bits in a picture, in a tile and in a batch.

/// Floats that each worker needs for `gather` and `scatter`.
func productScratch(_ geometry: WindowGeometry) -> ScratchSize {
    ScratchSize(perWorker: geometry.blockRows * geometry.columns)
}

/// `output` (windows × `gridChannels`) = epilogue(cols · B), with B packed as `WeightOrder.gather`.
func gather(
    _ geometry: WindowGeometry, picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, gridChannels: Int,
    into output: UnsafeMutablePointer<Float>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
) {
    pool.run(taskCount: geometry.blockCount) { block, worker in
        let first = block * geometry.blockRows
        let rowCount = min(geometry.blockRows, geometry.windows - first)
        let rows = output + first * gridChannels
        var left = picture + first * geometry.columns
        if !geometry.isPointwise {
            let columns = scratch.worker(worker)
            im2col(geometry, picture: picture, firstWindow: first, rowCount: rowCount, into: columns)
            left = UnsafePointer(columns)
        }
        multiply(
            left, packed: weights, into: rows, rows: rowCount, columns: gridChannels, depth: geometry.columns)
        epilogue.apply(to: rows, pixels: rowCount, channels: gridChannels)
    }
}

/// `picture` = epilogue(the columns `grid` · Bᵀ added onto their pixels), with B packed as `WeightOrder.scatter`.
/// Overwrites the whole picture.
func scatter(
    _ geometry: WindowGeometry, grid: UnsafePointer<Float>, weights: UnsafePointer<Float>, gridChannels: Int,
    into picture: UnsafeMutablePointer<Float>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
) {
    if geometry.tilesPicture {
        pool.run(taskCount: geometry.blockCount) { block, worker in
            let first = block * geometry.blockRows
            let rowCount = min(geometry.blockRows, geometry.windows - first)
            let columns = scratch.worker(worker)
            multiply(
                grid + first * gridChannels, packed: weights, into: columns, rows: rowCount,
                columns: geometry.columns, depth: gridChannels)
            epilogue.apply(
                to: columns, pixels: rowCount * geometry.kernel.height * geometry.kernel.width,
                channels: geometry.channels)
            placeWindows(geometry, columns: columns, firstWindow: first, rowCount: rowCount, into: picture)
        }
        return
    }
    // Windows overlap: a worker owns a band of picture rows and adds up every window that reaches into it, in order.
    let bandRows = 32
    let bands = (geometry.picture.height + bandRows - 1) / bandRows
    let gridCount = geometry.grid.height * geometry.grid.width * gridChannels
    pool.run(taskCount: geometry.batch * bands) { task, worker in
        let (n, band) = (task / bands, task % bands)
        let rows = (band * bandRows)..<min((band + 1) * bandRows, geometry.picture.height)
        scatterBand(
            geometry, rows: rows, grid: grid + n * gridCount, weights: weights, gridChannels: gridChannels,
            into: picture + n * geometry.pictureCount, epilogue: epilogue, columns: scratch.worker(worker))
    }
}

private func scatterBand(
    _ geometry: WindowGeometry, rows: Range<Int>, grid: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    gridChannels: Int, into picture: UnsafeMutablePointer<Float>, epilogue: Epilogue,
    columns: UnsafeMutablePointer<Float>
) {
    let line = geometry.picture.width * geometry.channels
    let band = picture + rows.lowerBound * line
    band.update(repeating: 0, count: rows.count * line)
    let touching = gridRows(geometry, touching: rows)
    let lastWindow = touching.upperBound * geometry.grid.width
    var first = touching.lowerBound * geometry.grid.width
    while first < lastWindow {
        let rowCount = min(geometry.blockRows, lastWindow - first)
        multiply(
            grid + first * gridChannels, packed: weights, into: columns, rows: rowCount,
            columns: geometry.columns, depth: gridChannels)
        col2im(
            geometry, columns: columns, firstWindow: first, rowCount: rowCount, ownedRows: rows, onto: picture)
        first += rowCount
    }
    epilogue.apply(to: band, pixels: rows.count * geometry.picture.width, channels: geometry.channels)
}

// MARK: - Weight gradient

/// Blocks are shared out over this many sums, or fewer where the sums would take too much memory. The number depends on
/// the layer and the batch alone, and the sums are added in order.
private func sliceCount(_ geometry: WindowGeometry, gridChannels: Int) -> Int {
    let mostFloats = 4 * 1024 * 1024
    let floats = geometry.columns * gridChannels
    return max(1, min(8, geometry.blockCount, mostFloats / floats))
}

func weightGradientScratch(_ geometry: WindowGeometry, gridChannels: Int) -> ScratchSize {
    ScratchSize(
        perWorker: geometry.blockRows * geometry.columns,
        shared: sliceCount(geometry, gridChannels: gridChannels) * geometry.columns * gridChannels)
}

/// Adds colsᵀ · `grid` to `gradient`, which has PyTorch's order (grid channel, channel, ky, kx).
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
                left, grid + first * gridChannels, into: sums + slice * sumCount, rows: geometry.columns,
                columns: gridChannels, depth: rowCount, accumulate: block > blocks.lowerBound)
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

/// Adds the sum over all `pixels` of each channel to `gradient`: the gradient of a bias.
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
