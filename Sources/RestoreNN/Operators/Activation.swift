import RestoreConcurrency

/// A function applied element by element. Preserves the shape.
public struct Activation: PointwiseOperator {
    public let function: ActivationFunction

    public init(_ function: ActivationFunction) {
        self.function = function
    }

    public var kind: String { "activation" }
    public var inPlaceInput: Int? { 0 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        try inputs.only()
    }

    public func forward(_ pass: ForwardPass) {
        pass.pool.runPieces(of: pass.values) { start, count in
            activate(function, pass.inputs[0] + start, into: pass.output + start, count: count)
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        pass.pool.runPieces(count: pass.outputShape.count) { start, count in
            activationGradient(
                function, input: pass.inputs[0] + start, output: pass.output + start,
                gradient: pass.outputGradient + start, into: inputGradient + start, count: count)
        }
    }
}
