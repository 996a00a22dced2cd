import CKernels
import RestoreConcurrency

// The products of `WindowProducts.swift` for convolutions whose channels are divided into independent groups: one
// product per group, using the group's columns of the column matrix. A group's channels are contiguous within a tap, so
// the product reads a row of its left side in as many pieces as there are taps. The rules given there for the order of
// sums and blocks also apply here.

struct GroupedProducts {
    /// With the channels of all groups.
    let geometry: WindowGeometry
    let weights: GroupedWeights
    /// Whether this computes the gradient of the input: weights are rotated by 180°, and inputs and outputs exchanged.
    var isTurned = false

    private var order: WeightOrder { isTurned ? .turned : .gather }
    private var groups: Int { weights.groups }
    /// Channels of one group.
    private var channels: Int { isTurned ? weights.groupOutputs : weights.groupInputs }
    private var gridChannels: Int { isTurned ? weights.groupInputs : weights.groupOutputs }
    private var allGridChannels: Int { groups * gridChannels }

    var scratch: ScratchSize { productScratch(geometry, tasks: geometry.blockCount) }

    /// The left side of the product of `group`, for rows of the column matrix at `columns`.
    private func left(_ columns: UnsafePointer<Float>, group: Int) -> LeftRows {
        LeftRows(
            base: columns + group * channels, stride: geometry.columns, segments: weights.taps,
            segmentStride: geometry.channels, depth: channels)
    }

    /// `output` (windows × grid channels) = epilogue(cols · B) for grid rows `rows` of every picture of the batch.
    func gather(
        picture: UnsafePointer<Float>, packed: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        rows: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        let windows = geometry.windows(in: rows)
        let blockRows = geometry.blockRows
        pool.run(taskCount: (windows.count + blockRows - 1) / blockRows) { block, worker in
            let first = windows.lowerBound + block * blockRows
            let count = min(blockRows, windows.upperBound - first)
            let columns = columns(picture, first: first, count: count, scratch.worker(worker))
            let offset = first * allGridChannels
            for group in 0..<groups {
                let channel = group * gridChannels
                var stored = epilogue
                stored.bias = epilogue.bias.map { $0 + channel }
                multiply(
                    left(columns, group: group), packed: packed + group * weights.groupCount(order),
                    panelDepth: weights.taps * channels, into: output + offset + channel, stride: allGridChannels,
                    rows: count, columns: gridChannels,
                    epilogue: stored.raw(offset: offset + channel, rowStride: allGridChannels))
            }
            epilogue.applyRest(to: output + offset, count: count * allGridChannels)
        }
    }

    /// Rows of the column matrix, either written to `buffer` or read from the picture itself.
    private func columns(
        _ picture: UnsafePointer<Float>, first: Int, count: Int, _ buffer: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        if geometry.isPointwise { return picture + first * geometry.columns }
        im2col(geometry, picture: picture, firstWindow: first, rowCount: count, into: buffer)
        return UnsafePointer(buffer)
    }

    // MARK: Scatter

    /// Picture rows that a task owns.
    private static let bandRows = 32

    /// `picture` = the columns `grid` · Bᵀ added onto their pixels, with B packed as `WeightOrder.scatter`.
    func scatter(
        grid: UnsafePointer<Float>, packed: UnsafePointer<Float>, into picture: UnsafeMutablePointer<Float>,
        scratch: Scratch, pool: WorkerPool
    ) {
        let bands = (geometry.picture.height + Self.bandRows - 1) / Self.bandRows
        let gridCount = geometry.grid.height * geometry.grid.width * allGridChannels
        pool.run(taskCount: geometry.batch * bands) { task, worker in
            let (n, band) = task.quotientAndRemainder(dividingBy: bands)
            let first = band * Self.bandRows
            scatterBand(
                rows: first..<min(first + Self.bandRows, geometry.picture.height), grid: grid + n * gridCount,
                packed: packed, into: picture + n * geometry.pictureCount, columns: scratch.worker(worker))
        }
    }

    private func scatterBand(
        rows: Range<Int>, grid: UnsafePointer<Float>, packed: UnsafePointer<Float>,
        into picture: UnsafeMutablePointer<Float>, columns: UnsafeMutablePointer<Float>
    ) {
        let line = geometry.picture.width * geometry.channels
        (picture + rows.lowerBound * line).update(repeating: 0, count: rows.count * line)
        let touching = gridRows(geometry, touching: rows)
        let lastWindow = touching.upperBound * geometry.grid.width
        var first = touching.lowerBound * geometry.grid.width
        while first < lastWindow {
            let count = min(geometry.blockRows, lastWindow - first)
            for group in 0..<groups {
                multiplyBack(grid + first * allGridChannels, packed: packed, group: group, count: count, into: columns)
            }
            col2im(geometry, columns: columns, firstWindow: first, rowCount: count, ownedRows: rows, onto: picture)
            first += count
        }
    }

    /// The columns of `group` of some windows' gradients.
    private func multiplyBack(
        _ grid: UnsafePointer<Float>, packed: UnsafePointer<Float>, group: Int, count: Int,
        into columns: UnsafeMutablePointer<Float>
    ) {
        let matrix = panelCount(depth: gridChannels, columns: channels)
        let left = LeftRows(base: grid + group * gridChannels, stride: allGridChannels, depth: gridChannels)
        for tap in 0..<weights.taps {
            multiply(
                left, packed: packed + group * weights.groupCount(.scatter) + tap * matrix, panelDepth: gridChannels,
                into: columns + tap * geometry.channels + group * channels, stride: geometry.columns, rows: count,
                columns: channels, epilogue: rk_epilogue())
        }
    }

    // MARK: Weight gradient

    var weightGradientScratch: ScratchSize {
        RestoreNN.weightGradientScratch(geometry, gridChannels: gridChannels)
    }

    /// Adds colsᵀ · `grid`, group by group, to `gradient`, which has PyTorch's order.
    func accumulateWeightGradient(
        picture: UnsafePointer<Float>, grid: UnsafePointer<Float>, onto gradient: UnsafeMutablePointer<Float>,
        scratch: Scratch, pool: WorkerPool
    ) {
        let slices = sliceCount(geometry, gridChannels: gridChannels)
        // (ky, kx, channels of all groups) × grid channels of a group.
        let sumCount = geometry.columns * gridChannels
        let sums = scratch.shared
        pool.run(taskCount: slices) { slice, worker in
            let blocks = (slice * geometry.blockCount / slices)..<((slice + 1) * geometry.blockCount / slices)
            for block in blocks {
                let first = block * geometry.blockRows
                let count = min(geometry.blockRows, geometry.windows - first)
                let columns = columns(picture, first: first, count: count, scratch.worker(worker))
                for place in 0..<(weights.taps * groups) {
                    multiplyTransposed(
                        columns + place * channels, stride: geometry.columns,
                        grid + first * allGridChannels + place % groups * gridChannels, stride: allGridChannels,
                        into: sums + slice * sumCount + place * channels * gridChannels, stride: gridChannels,
                        rows: channels, columns: gridChannels, depth: count, accumulate: block > blocks.lowerBound)
                }
            }
        }
        pool.runPieces(count: sumCount) { start, count in
            for slice in 1..<max(slices, 2) where slice < slices {
                add(sums + slice * sumCount + start, onto: sums + start, count: count)
            }
        }
        accumulateUnpacked(sums, onto: gradient)
    }

    private func accumulateUnpacked(_ sums: UnsafePointer<Float>, onto gradient: UnsafeMutablePointer<Float>) {
        for output in 0..<allGridChannels {
            let (group, o) = output.quotientAndRemainder(dividingBy: gridChannels)
            let filter = gradient + output * channels * weights.taps
            for tap in 0..<weights.taps {
                let source = sums + (tap * geometry.channels + group * channels) * gridChannels + o
                for c in 0..<channels { filter[c * weights.taps + tap] += source[c * gridChannels] }
            }
        }
    }
}
