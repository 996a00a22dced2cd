import RestoreConcurrency

/// A convolution computed directly from its definition, one product at a time. Weights are packed as
/// `WeightOrder.gather` or `.turned`; the parameters are those of `ConvolutionKernel.run`.
func naiveConvolution(
    _ g: WindowGeometry, outputs: Int, shuffle: Int, picture: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, rows: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
) {
    pool.run(taskCount: g.batch * rows.count) { task, worker in
        let (n, row) = task.quotientAndRemainder(dividingBy: rows.count)
        let oy = rows.lowerBound + row
        let line = scratch.worker(worker)
        for ox in 0..<g.grid.width {
            for o in 0..<outputs {
                line[ox * outputs + o] = naiveOutput(
                    g, picture: picture + n * g.pictureCount,
                    weights: weights + o / panelWidth * panelWidth * g.columns + o % panelWidth, oy: oy, ox: ox)
            }
        }
        Epilogue(bias: epilogue.bias).apply(to: line, offset: 0, pixels: g.grid.width, channels: outputs)
        // A shuffle by 1 only copies.
        placeShuffled(
            line, pixels: g.grid.width, channels: outputs, factor: shuffle, y: n * g.grid.height + oy, x: 0,
            width: g.grid.width, into: output, epilogue: epilogue)
    }
}

private func naiveOutput(
    _ g: WindowGeometry, picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, oy: Int, ox: Int
) -> Float {
    var sum: Float = 0
    for ky in 0..<g.kernel.height {
        for kx in 0..<g.kernel.width {
            let iy = WindowGeometry.source(
                oy * g.stride.height + ky * g.dilation.height - g.padTop, side: g.picture.height, mode: g.mode)
            let ix = WindowGeometry.source(
                ox * g.stride.width + kx * g.dilation.width - g.padLeft, side: g.picture.width, mode: g.mode)
            guard iy >= 0, ix >= 0 else { continue }
            let pixel = picture + (iy * g.picture.width + ix) * g.channels
            let tap = weights + (ky * g.kernel.width + kx) * g.channels * panelWidth
            for c in 0..<g.channels { sum += pixel[c] * tap[c * panelWidth] }
        }
    }
    return sum
}
