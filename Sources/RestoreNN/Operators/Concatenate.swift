import RestoreConcurrency

/// Concatenates its inputs along the channels: N×H×W×C₁, N×H×W×C₂ … → N×H×W×ΣC.
public struct Concatenate: PointwiseOperator {
    public init() {}

    public var kind: String { "concatenate" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        var result = try inputs.atLeastOne()
        result.channels = 0
        for input in inputs {
            guard (input.batch, input.height, input.width) == (result.batch, result.height, result.width) else {
                throw ShapeError("batch or sides differ")
            }
            result.channels += input.channels
        }
        return result
    }

    public func forward(_ pass: ForwardPass) {
        forEachPiece(pass.inputShapes, pass.outputShape, pass.pixels, pool: pass.pool) {
            input, pixel, offset, channels in
            (pass.output + offset).update(from: pass.inputs[input] + pixel * channels, count: channels)
        }
    }

    public func backward(_ pass: BackwardPass) {
        forEachPiece(pass.inputShapes, pass.outputShape, 0..<pass.outputShape.pixels, pool: pass.pool) {
            input, pixel, offset, channels in
            guard let gradient = pass.inputGradients[input] else { return }
            (gradient + pixel * channels).update(from: pass.outputGradient + offset, count: channels)
        }
    }

    @inline(__always)
    private func forEachPiece(
        _ inputs: [Shape], _ output: Shape, _ pixels: Range<Int>, pool: WorkerPool,
        _ body: (_ input: Int, _ pixel: Int, _ offset: Int, _ channels: Int) -> Void
    ) {
        pool.runPieces(of: pixels, piece: 4096) { start, count in
            var before = 0
            for (index, shape) in inputs.enumerated() {
                for pixel in start..<(start + count) {
                    body(index, pixel, pixel * output.channels + before, shape.channels)
                }
                before += shape.channels
            }
        }
    }
}
