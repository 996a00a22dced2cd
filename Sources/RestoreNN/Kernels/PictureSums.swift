import RestoreConcurrency

/// Sums over the pixels of each picture, channel by channel, in double precision.
///
/// A picture is cut into slices whose number depends only on its size. Within a slice, values are accumulated into a
/// row of running sums several pixels long, so that the loop is vectorized for any number of channels. The rows are
/// then added in order.
struct PictureSums {
    let batch: Int
    let pixels: Int
    let channels: Int

    /// - Parameter shape: shape of the array to be summed.
    init(_ shape: Shape) {
        batch = shape.batch
        pixels = shape.height * shape.width
        channels = shape.channels
    }

    private var slices: Int { max(1, min(64, pixels / 1024)) }

    private var period: Int { channels * ((63 + channels) / channels) }

    /// Shared working memory of both functions, for running sums in `Double` (two floats each).
    var scratch: ScratchSize { ScratchSize(shared: 2 * batch * slices * period) }

    /// destination (N × C) ← scale · Σ x
    func run(
        _ x: UnsafePointer<Float>, scale: Double = 1, into destination: UnsafeMutablePointer<Float>, scratch: Scratch,
        pool: WorkerPool
    ) {
        let sums = runningSums(scratch)
        forEachRow(of: sums, pool) { sums, start, count in
            let x = x + start
            for i in 0..<count { sums[i] += Double(x[i]) }
        }
        addUp(sums, scale: scale, into: destination)
    }

    /// destination (N × C) ← Σ x·y
    func run(
        products x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>,
        scratch: Scratch, pool: WorkerPool
    ) {
        let sums = runningSums(scratch)
        forEachRow(of: sums, pool) { sums, start, count in
            let (x, y) = (x + start, y + start)
            for i in 0..<count { sums[i] += Double(x[i]) * Double(y[i]) }
        }
        addUp(sums, scale: 1, into: destination)
    }

    private func runningSums(_ scratch: Scratch) -> UnsafeMutablePointer<Double> {
        UnsafeMutableRawPointer(scratch.shared).bindMemory(to: Double.self, capacity: batch * slices * period)
    }

    /// Calls `body` with the running sums of a slice and an equal number of values, or as many as are left.
    @inline(__always)
    private func forEachRow(
        of sums: UnsafeMutablePointer<Double>, _ pool: WorkerPool,
        _ body: (_ sums: UnsafeMutablePointer<Double>, _ start: Int, _ count: Int) -> Void
    ) {
        let (slices, period) = (slices, period)
        pool.run(taskCount: batch * slices) { task, _ in
            let (n, slice) = (task / slices, task % slices)
            let own = sums + task * period
            own.update(repeating: 0, count: period)
            let start = (n * pixels + slice * pixels / slices) * channels
            let end = (n * pixels + (slice + 1) * pixels / slices) * channels
            for row in stride(from: start, to: end, by: period) { body(own, row, min(period, end - row)) }
        }
    }

    private func addUp(
        _ sums: UnsafeMutablePointer<Double>, scale: Double, into destination: UnsafeMutablePointer<Float>
    ) {
        let lanes = slices * period
        for n in 0..<batch {
            let first = sums + n * lanes
            for lane in channels..<max(channels, lanes) { first[lane % channels] += first[lane] }
            for c in 0..<channels { destination[n * channels + c] = Float(scale * first[c]) }
        }
    }
}
