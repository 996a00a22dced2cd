import RestoreConcurrency

/// The sum of one or more inputs of the same shape.
public struct Add: PointwiseOperator {
    public init() {}

    public var kind: String { "add" }
    public var inPlaceInput: Int? { 0 }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let first = try inputs.atLeastOne()
        guard inputs.allSatisfy({ $0 == first }) else { throw ShapeError("the shapes differ") }
        return first
    }

    public func forward(_ pass: ForwardPass) {
        pass.pool.runPieces(of: pass.values) { start, count in
            let output = pass.output + start
            let first = pass.inputs[0] + start
            if first != UnsafePointer(output) { output.update(from: first, count: count) }
            for input in pass.inputs.dropFirst() { add(input + start, onto: output, count: count) }
        }
    }

    public func backward(_ pass: BackwardPass) {
        pass.pool.runPieces(count: pass.outputShape.count) { start, count in
            for gradient in pass.inputGradients {
                if let gradient { (gradient + start).update(from: pass.outputGradient + start, count: count) }
            }
        }
    }
}
