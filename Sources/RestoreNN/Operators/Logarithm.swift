import RestoreConcurrency
import Glibc

/// ln(x + ε), value by value. Preserves the shape.
///
/// Defined for x > −ε. As in PyTorch, the result is −∞ at x = −ε, where the gradient is infinite too, and NaN below.
/// Propagates NaN.
public struct Logarithm: PointwiseOperator {
    public let epsilon: Float

    /// - Precondition: `epsilon` is not negative.
    public init(epsilon: Float = 0) {
        precondition(epsilon >= 0, "epsilon \(epsilon)")
        self.epsilon = epsilon
    }

    public var kind: String { "logarithm" }
    public var inPlaceInput: Int? { 0 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        try inputs.only()
    }

    public func forward(_ pass: ForwardPass) {
        pass.pool.runPieces(of: pass.values) { start, count in
            let (x, y) = (pass.inputs[0] + start, pass.output + start)
            for i in 0..<count { y[i] = logf(x[i] + epsilon) }
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        pass.pool.runPieces(count: pass.outputShape.count) { start, count in
            let (x, incoming, gradient) = (pass.inputs[0] + start, pass.outputGradient + start, inputGradient + start)
            for i in 0..<count { gradient[i] = incoming[i] / (x[i] + epsilon) }
        }
    }
}
