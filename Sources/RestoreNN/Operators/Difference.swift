import RestoreConcurrency

/// scale · (first − second), of two inputs of the same shape.
public struct Difference: PointwiseOperator {
    public let scale: Float

    public init(scale: Float = 1) {
        self.scale = scale
    }

    public var kind: String { "difference" }
    public var inPlaceInput: Int? { 0 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        guard inputs.count == 2 else { throw ShapeError("expected 2 inputs, found \(inputs.count)") }
        guard inputs[0] == inputs[1] else { throw ShapeError("the shapes differ") }
        return inputs[0]
    }

    public func forward(_ pass: ForwardPass) {
        pass.pool.runPieces(of: pass.values) { start, count in
            let (first, second, output) = (pass.inputs[0] + start, pass.inputs[1] + start, pass.output + start)
            for i in 0..<count { output[i] = scale * (first[i] - second[i]) }
        }
    }

    public func backward(_ pass: BackwardPass) {
        pass.pool.runPieces(count: pass.outputShape.count) { start, count in
            for (gradient, factor) in zip(pass.inputGradients, [scale, -scale]) {
                guard let gradient else { continue }
                let incoming = pass.outputGradient + start
                for i in 0..<count { gradient[start + i] = factor * incoming[i] }
            }
        }
    }
}
