import RestoreConcurrency

/// Resizes images from one size to another. The weights of both axes are computed once, for any number of images.
///
/// Samples are points at the centers of their pixels, and both sizes cover the same rectangle. Rows are resampled
/// first, then columns. The work is divided into bands of output rows that depend only on the sizes, so results do not
/// depend on the runner. A band stores only the input rows it needs, resampled to the output's width.
public struct Resizing: Sendable {
    public let sourceWidth: Int
    public let sourceHeight: Int
    public let width: Int
    public let height: Int
    private let columns: AxisWeights
    private let rows: AxisWeights

    /// - Precondition: all sides are at least 1.
    public init(
        fromWidth sourceWidth: Int, height sourceHeight: Int, toWidth width: Int, height: Int, filter: ResamplingFilter
    ) {
        (self.sourceWidth, self.sourceHeight) = (sourceWidth, sourceHeight)
        (self.width, self.height) = (width, height)
        columns = AxisWeights(from: sourceWidth, to: width, filter: filter)
        rows = AxisWeights(from: sourceHeight, to: height, filter: filter)
    }

    /// Resizes interleaved floats of any range; a plane has one channel. Nothing is clamped, so `lanczos3` may
    /// overshoot the range of the input. A non-finite value affects every output pixel whose window contains it.
    ///
    /// - Parameters:
    ///   - values: `sourceHeight · sourceWidth · channels` floats, row by row.
    ///   - channels: floats per pixel, at least 1.
    /// - Returns: `height · width · channels` floats.
    public func resized(
        _ values: [Float], channels: Int = 1, pool: WorkerPool = .serial
    ) -> [Float] {
        let expected = sourceWidth * sourceHeight * channels
        precondition(values.count == expected, "expected \(expected) floats, found \(values.count)")
        return [Float](unsafeUninitializedCapacity: width * height * channels) { target, count in
            count = width * height * channels
            values.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                resize(source, channels: channels, to: target, pool: pool)
            }
        }
    }

    /// The same for caller-provided memory, which may be part of a larger buffer.
    ///
    /// - Parameters:
    ///   - source: pixel (x, y) begins at `source[y · sourceRowStride + x · channels]`.
    ///   - sourceRowStride: at least `sourceWidth · channels`, which is the default.
    ///   - target: must not overlap `source`.
    ///   - targetRowStride: at least `width · channels`, which is the default.
    public func resize(
        _ source: UnsafePointer<Float>, channels: Int = 1, sourceRowStride: Int? = nil,
        to target: UnsafeMutablePointer<Float>, targetRowStride: Int? = nil,
        pool: WorkerPool = .serial
    ) {
        precondition(channels >= 1, "channels must be at least 1, found \(channels)")
        let strides = (sourceRowStride ?? sourceWidth * channels, targetRowStride ?? width * channels)
        precondition(
            strides.0 >= sourceWidth * channels && strides.1 >= width * channels,
            "rows of \(sourceWidth) and \(width) pixels are longer than the strides \(strides)")
        resize(
            FloatPixels(
                channels: channels, source: source, sourceRowStride: strides.0, sourceWidth: sourceWidth,
                target: target, targetRowStride: strides.1, width: width),
            pool: pool)
    }

    // MARK: Bands

    /// Output rows per band: large enough that few input rows are needed by two bands, and small enough to keep 16
    /// threads busy.
    private var bandHeight: Int { min(max(height / 16, 8), 64) }

    func resize(_ pixels: some ResizablePixels, pool: WorkerPool) {
        let bandHeight = bandHeight
        pool.run(taskCount: (height + bandHeight - 1) / bandHeight) { task, _ in
            resize(pixels, rows: (task * bandHeight)..<min((task + 1) * bandHeight, height))
        }
    }

    private func resize(_ pixels: some ResizablePixels, rows range: Range<Int>) {
        let (lanes, inputs) = (pixels.lanes, rows.inputs(of: range))
        let (inputLength, length) = (sourceWidth * lanes, width * lanes)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: inputLength + (inputs.count + 1) * length) { buffer in
            guard let input = buffer.baseAddress else { return }
            let output = input + inputLength
            let narrowed = output + length
            for row in inputs {
                pixels.load(row: row, into: input)
                resampleColumns(input, lanes: lanes, to: narrowed + (row - inputs.lowerBound) * length)
            }
            rows.weights.withUnsafeBufferPointer { weights in
                guard let weights = weights.baseAddress else { return }
                for row in range {
                    weightedSum(
                        ofRows: narrowed + (rows.firsts[row] - inputs.lowerBound) * length, length: length,
                        weights: weights + row * rows.tapCount, count: rows.counts[row], to: output)
                    pixels.store(row: row, from: output)
                }
            }
        }
    }

    private func resampleColumns(_ source: UnsafePointer<Float>, lanes: Int, to target: UnsafeMutablePointer<Float>) {
        columns.firsts.withUnsafeBufferPointer { firsts in
            columns.counts.withUnsafeBufferPointer { counts in
                columns.weights.withUnsafeBufferPointer { weights in
                    guard let firsts = firsts.baseAddress, let counts = counts.baseAddress,
                        let weights = weights.baseAddress
                    else { return }
                    if lanes == 1 {
                        resampleRow(
                            source, firsts: firsts, counts: counts, weights: weights, tapCount: columns.tapCount,
                            to: target, count: width)
                    } else {
                        resampleInterleavedRow(
                            source, lanes: lanes, firsts: firsts, counts: counts, weights: weights,
                            tapCount: columns.tapCount, to: target, count: width)
                    }
                }
            }
        }
    }
}

/// Pixels that can be resized: converts rows to floats and back. One channel is one lane; several are padded to a
/// multiple of four.
protocol ResizablePixels {
    /// Floats per pixel.
    var lanes: Int { get }
    /// Writes an input row to `target`.
    func load(row: Int, into target: UnsafeMutablePointer<Float>)
    /// Receives an output row.
    func store(row: Int, from source: UnsafePointer<Float>)
}

/// Interleaved floats in caller-provided memory.
private struct FloatPixels: ResizablePixels {
    let channels: Int
    let source: UnsafePointer<Float>
    let sourceRowStride: Int
    let sourceWidth: Int
    let target: UnsafeMutablePointer<Float>
    let targetRowStride: Int
    let width: Int

    var lanes: Int { channels == 1 ? 1 : (channels + 3) / 4 * 4 }

    func load(row: Int, into target: UnsafeMutablePointer<Float>) {
        let (channels, lanes, start) = (channels, lanes, source + row * sourceRowStride)
        if channels == lanes {
            target.update(from: start, count: sourceWidth * channels)
            return
        }
        for x in 0..<sourceWidth {
            for lane in 0..<lanes { target[x * lanes + lane] = lane < channels ? start[x * channels + lane] : 0 }
        }
    }

    func store(row: Int, from source: UnsafePointer<Float>) {
        let (channels, lanes, start) = (channels, lanes, target + row * targetRowStride)
        if channels == lanes {
            start.update(from: source, count: width * channels)
            return
        }
        for x in 0..<width {
            for channel in 0..<channels { start[x * channels + channel] = source[x * lanes + channel] }
        }
    }
}
