import RestoreConcurrency
import RestoreLinearAlgebra

/// The plain engine of the textbooks: im2col and OpenBLAS's matrix product (Chellapilla, Puri & Simard 2006). An
/// independent reference for the engine's own products, in tests and benchmarks.
///
/// The weights are one matrix W in `WeightOrder.plain`, grid channels × columns of the column matrix. With `cols` and `G`
/// as in `WindowProducts.swift`:
///
///     gather     G = cols · Wᵀ                      convolution; data gradient of a transposed convolution
///     scatter    picture = G · W added onto it      transposed convolution; data gradient of a convolution
///     weights    dW = Gᵀ · cols                     weight gradient of both
///
/// Work is divided into the same blocks for any number of threads, so their number changes no bits. The bits of a value do
/// depend on its position in the block, because OpenBLAS computes the rows of a product in different ways: a tile differs
/// from the whole picture by rounding.
struct PlainProducts {
    let geometry: WindowGeometry
    let gridChannels: Int

    /// Loaded when the plan was made, which reports a missing library.
    private var library: OpenBLAS {
        guard let library = try? OpenBLAS.load() else { preconditionFailure("the plan did not load OpenBLAS") }
        return library
    }

    var packing: WeightPacking {
        WeightPacking(kernel: geometry.kernel, channels: geometry.channels, gridChannels: gridChannels)
    }

    /// For `gather` and `scatter`.
    var scratch: ScratchSize { ScratchSize(perWorker: geometry.blockRows * (geometry.columns + gridChannels)) }

    var weightGradientScratch: ScratchSize { RestoreNN.weightGradientScratch(geometry, gridChannels: gridChannels) }

    /// Rows of the column matrix: written to `buffer`, or the picture itself.
    private func columns(
        _ picture: UnsafePointer<Float>, first: Int, count: Int, _ buffer: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        if geometry.isPointwise { return picture + first * geometry.columns }
        im2col(geometry, picture: picture, firstWindow: first, rowCount: count, into: buffer)
        return UnsafePointer(buffer)
    }

    // MARK: Gather

    /// Grid rows `rows` of every picture of the batch.
    ///
    /// - Parameter shuffle: the factor of a pixel shuffle that places the results.
    func gather(
        picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        rows: Range<Int>, shuffle: Int, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        let windows = geometry.windows(in: rows)
        let blockRows = geometry.blockRows
        let library = library
        pool.run(taskCount: (windows.count + blockRows - 1) / blockRows) { block, worker in
            let first = windows.lowerBound + block * blockRows
            let count = min(blockRows, windows.upperBound - first)
            let buffer = scratch.worker(worker)
            let results = buffer + blockRows * geometry.columns
            library.multiply(
                OpenBLAS.Operand(
                    columns(picture, first: first, count: count, buffer), stride: geometry.columns),
                OpenBLAS.Operand(weights, stride: geometry.columns, isTransposed: true), into: results,
                stride: gridChannels, rows: count, columns: gridChannels, depth: geometry.columns)
            Epilogue(bias: epilogue.bias).apply(to: results, offset: 0, pixels: count, channels: gridChannels)
            place(results, first: first, count: count, shuffle: shuffle, into: output, epilogue: epilogue)
        }
    }

    /// Stores the results of some windows, a row of the grid at a time.
    private func place(
        _ results: UnsafePointer<Float>, first: Int, count: Int, shuffle: Int, into output: UnsafeMutablePointer<Float>,
        epilogue: Epilogue
    ) {
        var window = first
        while window < first + count {
            let (y, x) = window.quotientAndRemainder(dividingBy: geometry.grid.width)
            let run = min(first + count - window, geometry.grid.width - x)
            // A shuffle by 1 only copies.
            placeShuffled(
                results + (window - first) * gridChannels, pixels: run, channels: gridChannels, factor: shuffle, y: y,
                x: x, width: geometry.grid.width, into: output, epilogue: epilogue)
            window += run
        }
    }

    // MARK: Scatter

    /// Picture rows that a task owns: it adds up every window that reaches into them, in order.
    private static let bandRows = 32

    /// Picture rows `rows` of every picture of the batch, which are overwritten.
    func scatter(
        grid: UnsafePointer<Float>, weights: UnsafePointer<Float>, into picture: UnsafeMutablePointer<Float>,
        rows: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        let bands = (rows.count + Self.bandRows - 1) / Self.bandRows
        let gridCount = geometry.grid.height * geometry.grid.width * gridChannels
        let library = library
        pool.run(taskCount: geometry.batch * bands) { task, worker in
            let (n, band) = task.quotientAndRemainder(dividingBy: bands)
            let first = rows.lowerBound + band * Self.bandRows
            scatterBand(
                rows: first..<min(first + Self.bandRows, rows.upperBound), n: n, grid: grid + n * gridCount,
                weights: weights, into: picture + n * geometry.pictureCount, epilogue: epilogue,
                columns: scratch.worker(worker), library)
        }
    }

    private func scatterBand(
        rows: Range<Int>, n: Int, grid: UnsafePointer<Float>, weights: UnsafePointer<Float>,
        into picture: UnsafeMutablePointer<Float>, epilogue: Epilogue, columns: UnsafeMutablePointer<Float>,
        _ library: OpenBLAS
    ) {
        let line = geometry.picture.width * geometry.channels
        let band = picture + rows.lowerBound * line
        band.update(repeating: 0, count: rows.count * line)
        let touching = gridRows(geometry, touching: rows)
        let end = touching.upperBound * geometry.grid.width
        for first in stride(from: touching.lowerBound * geometry.grid.width, to: end, by: geometry.blockRows) {
            let count = min(geometry.blockRows, end - first)
            library.multiply(
                OpenBLAS.Operand(grid + first * gridChannels, stride: gridChannels),
                OpenBLAS.Operand(weights, stride: geometry.columns), into: columns, stride: geometry.columns,
                rows: count, columns: geometry.columns, depth: gridChannels)
            col2im(geometry, columns: columns, firstWindow: first, rowCount: count, ownedRows: rows, onto: picture)
        }
        epilogue.apply(
            to: band, offset: n * geometry.pictureCount + rows.lowerBound * line,
            pixels: rows.count * geometry.picture.width, channels: geometry.channels)
    }

    // MARK: Weight gradient

    /// Adds Gᵀ · cols to `gradient`, which has PyTorch's order (grid channel, channel, ky, kx).
    func accumulateWeightGradient(
        picture: UnsafePointer<Float>, grid: UnsafePointer<Float>, onto gradient: UnsafeMutablePointer<Float>,
        scratch: Scratch, pool: WorkerPool
    ) {
        let slices = sliceCount(geometry, gridChannels: gridChannels)
        let sumCount = geometry.columns * gridChannels
        let sums = scratch.shared
        let library = library
        pool.run(taskCount: slices) { slice, worker in
            let blocks = (slice * geometry.blockCount / slices)..<((slice + 1) * geometry.blockCount / slices)
            for block in blocks {
                let first = block * geometry.blockRows
                let count = min(geometry.blockRows, geometry.windows - first)
                library.multiply(
                    OpenBLAS.Operand(grid + first * gridChannels, stride: gridChannels, isTransposed: true),
                    OpenBLAS.Operand(
                        columns(picture, first: first, count: count, scratch.worker(worker)),
                        stride: geometry.columns),
                    into: sums + slice * sumCount, stride: geometry.columns, rows: gridChannels,
                    columns: geometry.columns, depth: count, accumulates: block > blocks.lowerBound)
            }
        }
        for slice in 1..<max(slices, 2) where slice < slices {
            add(sums + slice * sumCount, onto: sums, count: sumCount)
        }
        let taps = geometry.kernel.height * geometry.kernel.width
        for filter in 0..<gridChannels {
            for tap in 0..<taps {
                let source = sums + filter * geometry.columns + tap * geometry.channels
                let destination = gradient + filter * geometry.columns + tap
                for c in 0..<geometry.channels { destination[c * taps] += source[c] }
            }
        }
    }
}
