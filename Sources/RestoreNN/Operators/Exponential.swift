import RestoreConcurrency

/// e^(scale · x), value by value. Preserves the shape.
///
/// With a scale of ½ it turns a log variance into a standard deviation. For scale · x above about 88.7 the result is
/// infinite; below −104 it is 0. Propagates NaN.
public struct Exponential: PointwiseOperator {
    public let scale: Float

    public init(scale: Float = 1) {
        self.scale = scale
    }

    public var kind: String { "exponential" }
    public var inPlaceInput: Int? { 0 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        try inputs.only()
    }

    public func forward(_ pass: ForwardPass) {
        pass.pool.runPieces(of: pass.values) { start, count in
            let output = pass.output + start
            let input = pass.inputs[0] + start
            if input != UnsafePointer(output) { output.update(from: input, count: count) }
            exponentiate(output, scale: scale, count: count)
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        pass.pool.runPieces(count: pass.outputShape.count) { start, count in
            let (y, incoming, gradient) = (pass.output + start, pass.outputGradient + start, inputGradient + start)
            for i in 0..<count { gradient[i] = scale * incoming[i] * y[i] }
        }
    }
}
