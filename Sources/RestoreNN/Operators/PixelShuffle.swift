import RestoreConcurrency

/// Moves channels into pixels (Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient
/// Sub-Pixel Convolutional Neural Network", CVPR 2016): N×H×W×(C·r²) → N×(H·r)×(W·r)×C, with channel c·r² + dy·r + dx
/// of a pixel going to channel c of the pixel (dy, dx) in its r×r square, as in PyTorch.
public struct PixelShuffle: PiecewiseOperator {
    public let factor: Int

    /// - Precondition: `factor` is positive.
    public init(factor: Int) {
        precondition(factor > 0, "factor \(factor)")
        self.factor = factor
    }

    public var kind: String { "pixel shuffle" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.channels % (factor * factor) == 0 else {
            throw ShapeError("\(input.channels) channels are no multiple of \(factor * factor)")
        }
        return Shape(
            batch: input.batch, height: input.height * factor, width: input.width * factor,
            channels: input.channels / (factor * factor))
    }

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { factor }

    public func scale(axis: Axis) -> Ratio { Ratio(factor, 1) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        (range.lowerBound / factor)..<((range.upperBound + factor - 1) / factor)
    }

    public func forward(_ pass: ForwardPass) {
        let lines = (pass.lines.lowerBound / factor)..<(pass.lines.upperBound / factor)
        shuffle(pass.inputs[0], pass.inputShapes[0], lines, into: pass.output, factor: factor, pool: pass.pool)
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let coarse = pass.inputShapes[0]
        unshuffle(
            pass.outputGradient, coarse, 0..<(coarse.batch * coarse.height), into: inputGradient, factor: factor,
            pool: pass.pool)
    }
}

/// The inverse of `PixelShuffle`: N×H×W×C → N×(H/r)×(W/r)×(C·r²).
public struct PixelUnshuffle: PiecewiseOperator {
    public let factor: Int

    /// - Precondition: `factor` is positive.
    public init(factor: Int) {
        precondition(factor > 0, "factor \(factor)")
        self.factor = factor
    }

    public var kind: String { "pixel unshuffle" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.height % factor == 0, input.width % factor == 0 else {
            throw ShapeError("a side is no multiple of \(factor)")
        }
        return Shape(
            batch: input.batch, height: input.height / factor, width: input.width / factor,
            channels: input.channels * factor * factor)
    }

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    public func scale(axis: Axis) -> Ratio { Ratio(1, factor) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        (range.lowerBound * factor)..<(range.upperBound * factor)
    }

    public func forward(_ pass: ForwardPass) {
        unshuffle(pass.inputs[0], pass.outputShape, pass.lines, into: pass.output, factor: factor, pool: pass.pool)
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let coarse = pass.outputShape
        shuffle(
            pass.outputGradient, coarse, 0..<(coarse.batch * coarse.height), into: inputGradient, factor: factor,
            pool: pass.pool)
    }
}

/// From `lines` of the coarse image (shape `coarse`) to the fine one.
private func shuffle(
    _ source: UnsafePointer<Float>, _ coarse: Shape, _ lines: Range<Int>,
    into destination: UnsafeMutablePointer<Float>, factor r: Int, pool: WorkerPool
) {
    let channels = coarse.channels / (r * r)
    pool.run(taskCount: lines.count) { task, _ in
        let line = lines.lowerBound + task
        for x in 0..<coarse.width {
            let pixel = source + (line * coarse.width + x) * coarse.channels
            for dy in 0..<r {
                let row = destination + ((line * r + dy) * coarse.width + x) * r * channels
                for dx in 0..<r {
                    for c in 0..<channels { row[dx * channels + c] = pixel[(c * r + dy) * r + dx] }
                }
            }
        }
    }
}

/// From the fine image to `lines` of the coarse one (shape `coarse`).
private func unshuffle(
    _ source: UnsafePointer<Float>, _ coarse: Shape, _ lines: Range<Int>,
    into destination: UnsafeMutablePointer<Float>, factor r: Int, pool: WorkerPool
) {
    let channels = coarse.channels / (r * r)
    pool.run(taskCount: lines.count) { task, _ in
        let line = lines.lowerBound + task
        for x in 0..<coarse.width {
            let pixel = destination + (line * coarse.width + x) * coarse.channels
            for dy in 0..<r {
                let row = source + ((line * r + dy) * coarse.width + x) * r * channels
                for dx in 0..<r {
                    for c in 0..<channels { pixel[(c * r + dy) * r + dx] = row[dx * channels + c] }
                }
            }
        }
    }
}
