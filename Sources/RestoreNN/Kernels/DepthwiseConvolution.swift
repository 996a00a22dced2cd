import CKernels
import RestoreConcurrency

/// A depthwise convolution: forward pass and gradients, one row of the picture at a time, on vectors of channels.
/// Weights are packed as in `GroupedWeights`.
struct DepthwiseConvolution {
    let geometry: WindowGeometry
    private let windows: DepthwiseWindows

    init(_ geometry: WindowGeometry) {
        self.geometry = geometry
        windows = DepthwiseWindows(geometry)
    }

    private var channels: Int { geometry.channels }
    private var taps: Int { geometry.kernel.height * geometry.kernel.width }
    /// Floats in a row of the grid.
    private var gridLine: Int { geometry.grid.width * channels }
    /// Grid rows of all pictures.
    private var lineCount: Int { geometry.batch * geometry.grid.height }

    var scratch: ScratchSize { ScratchSize(perWorker: windows.scratchCount, tasks: lineCount) }

    /// `output` = epilogue(the windows' sums), for rows of the grid, numbered across the batch.
    func gather(
        picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        lines: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        let piece = max(1, elementwisePiece / gridLine)
        pool.run(taskCount: (lines.count + piece - 1) / piece) { task, worker in
            let first = lines.lowerBound + task * piece
            for line in first..<min(first + piece, lines.upperBound) {
                let (n, oy) = line.quotientAndRemainder(dividingBy: geometry.grid.height)
                windows.forEachRun(
                    oy: oy, picture: picture + n * geometry.pictureCount, scratch: scratch.worker(worker)
                ) { run, ox, firstTap in
                    var run = run
                    let offset = line * gridLine + ox * channels
                    var stored = epilogue.raw(offset: offset, rowStride: 0)
                    rk_depthwise(
                        KernelVariant.selected.raw, &run, weights + firstTap * channels, output + offset, &stored)
                }
                epilogue.applyRest(to: output + line * gridLine, count: gridLine)
            }
        }
    }

    // MARK: Scatter

    /// Picture rows that a task owns.
    private static let bandRows = 32

    /// The gradient of the picture, which is overwritten. The gradient of every window is added to its pixels, ordered
    /// by the windows' rows, then by taps, then by the windows of a row.
    func scatter(
        grid: UnsafePointer<Float>, weights: UnsafePointer<Float>, into picture: UnsafeMutablePointer<Float>,
        pool: WorkerPool
    ) {
        let g = geometry
        let bands = (g.picture.height + Self.bandRows - 1) / Self.bandRows
        pool.run(taskCount: g.batch * bands) { task, _ in
            let (n, band) = task.quotientAndRemainder(dividingBy: bands)
            let first = band * Self.bandRows
            let rows = first..<min(first + Self.bandRows, g.picture.height)
            let pixels = picture + n * g.pictureCount
            let line = g.picture.width * channels
            (pixels + rows.lowerBound * line).update(repeating: 0, count: rows.count * line)
            for oy in gridRows(g, touching: rows) {
                for ky in 0..<g.kernel.height {
                    let iy = WindowGeometry.source(
                        oy * g.stride.height + ky * g.dilation.height - g.padTop, side: g.picture.height, mode: g.mode)
                    guard rows.contains(iy) else { continue }
                    scatterLine(
                        grid + (n * g.grid.height + oy) * gridLine, weights + ky * g.kernel.width * channels,
                        onto: pixels + iy * line)
                }
            }
        }
    }

    /// Adds a row of windows to the picture row that one kernel row covers.
    private func scatterLine(
        _ gradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, onto line: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        for kx in 0..<g.kernel.width {
            let left = kx * g.dilation.width - g.padLeft
            // The windows whose pixel lies inside the picture.
            let first = min(g.grid.width, left < 0 ? (-left + g.stride.width - 1) / g.stride.width : 0)
            let room = g.picture.width - 1 - left
            let end = max(first, room < 0 ? 0 : min(g.grid.width, room / g.stride.width + 1))
            func add(_ windows: Range<Int>, onto ix: Int) {
                rk_depthwise_scatter(
                    KernelVariant.selected.raw, gradient + windows.lowerBound * channels, weights + kx * channels,
                    line + ix * channels, g.stride.width * channels, channels, windows.count)
            }
            if first < end { add(first..<end, onto: left + first * g.stride.width) }
            guard g.mode != .zero else { continue }
            for ox in 0..<g.grid.width where !(first..<end).contains(ox) {
                let ix = WindowGeometry.source(left + ox * g.stride.width, side: g.picture.width, mode: g.mode)
                add(ox..<(ox + 1), onto: ix)
            }
        }
    }

    // MARK: Weight gradient

    /// Rows of the grid are divided among this many partial sums, which are added in order.
    private var slices: Int { min(16, lineCount) }

    var weightGradientScratch: ScratchSize {
        ScratchSize(perWorker: windows.scratchCount, shared: slices * taps * channels, tasks: slices)
    }

    /// Adds to `gradient`, in PyTorch's order (channel, ky, kx).
    func accumulateWeightGradient(
        picture: UnsafePointer<Float>, grid: UnsafePointer<Float>, onto gradient: UnsafeMutablePointer<Float>,
        scratch: Scratch, pool: WorkerPool
    ) {
        let slices = slices
        let count = taps * channels
        let sums = scratch.shared
        pool.run(taskCount: slices) { slice, worker in
            let sum = sums + slice * count
            sum.update(repeating: 0, count: count)
            for line in (slice * lineCount / slices)..<((slice + 1) * lineCount / slices) {
                let (n, oy) = line.quotientAndRemainder(dividingBy: geometry.grid.height)
                windows.forEachRun(
                    oy: oy, picture: picture + n * geometry.pictureCount, scratch: scratch.worker(worker)
                ) { run, ox, firstTap in
                    var run = run
                    rk_depthwise_weight_gradient(
                        KernelVariant.selected.raw, &run, grid + line * gridLine + ox * channels,
                        sum + firstTap * channels)
                }
            }
        }
        for slice in 1..<max(slices, 2) where slice < slices { add(sums + slice * count, onto: sums, count: count) }
        for tap in 0..<taps {
            for c in 0..<channels { gradient[c * taps + tap] += sums[tap * channels + c] }
        }
    }
}
