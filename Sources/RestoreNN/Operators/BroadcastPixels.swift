import RestoreConcurrency

/// Repeats the single pixel of each image over all pixels of a larger one: N×1×1×C → N×H×W×C.
///
/// The size is given explicitly or by a second input, N×H×W×C′, of which only the shape is used; its gradient is 0.
/// Gradients are summed in `Double`, in an order that depends only on the shape.
public struct BroadcastPixels: PiecewiseOperator {
    /// `nil` if a second input determines the size.
    public let sides: Extent?

    /// Broadcasts to the size of a second input.
    public init() {
        sides = nil
    }

    /// Broadcasts to the given size.
    ///
    /// - Precondition: both sides are positive.
    public init(height: Int, width: Int) {
        precondition(min(height, width) > 0, "a picture of \(height)×\(width)")
        sides = Extent(height: height, width: width)
    }

    public var kind: String { "broadcast over pixels" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let expected = sides == nil ? 2 : 1
        guard inputs.count == expected else { throw ShapeError("expected \(expected) inputs, found \(inputs.count)") }
        var shape = inputs[0]
        guard shape.height == 1, shape.width == 1 else { throw ShapeError("expected one pixel a picture") }
        if let sides {
            (shape.height, shape.width) = (sides.height, sides.width)
        } else {
            guard inputs[1].batch == shape.batch else { throw ShapeError("the batches differ") }
            (shape.height, shape.width) = (inputs[1].height, inputs[1].width)
        }
        return shape
    }

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    public func scale(axis: Axis) -> Ratio { Ratio(sides?.side(axis) ?? 1, 1) }

    /// The second input is not read. Its range follows the output's, so that none of its rows are retained.
    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        index == 1 ? range : 0..<1
    }

    public func forward(_ pass: ForwardPass) {
        repeatPixels(
            pass.inputs[0], shape: pass.outputShape, pixels: pass.pixels, into: pass.output, pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize { PictureSums(output).scratch }

    public func backward(_ pass: BackwardPass) {
        if pass.inputGradients.count == 2, let unused = pass.inputGradients[1] {
            pass.pool.runPieces(count: pass.inputShapes[1].count) { start, count in
                (unused + start).update(repeating: 0, count: count)
            }
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        PictureSums(pass.outputShape).run(
            pass.outputGradient, into: inputGradient, scratch: pass.scratch, pool: pass.pool)
    }
}
