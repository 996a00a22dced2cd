import RestoreConcurrency

/// A loss: an operator from a prediction and a target, and for some losses weights or further inputs, to one number. Each
/// loss documents its reduction: a mean or a sum, and over what.
///
/// The number is computed in `Double`. As a node's output it is a `Float`; `TrainingPlan` reports it in full.
public protocol LossOperator: Operator {
    /// The loss of a whole batch.
    func evaluate(_ pass: ForwardPass) -> Double
}

extension LossOperator {
    public func forward(_ pass: ForwardPass) { pass.output[0] = Float(evaluate(pass)) }
}

extension Shape {
    /// The shape of a loss.
    public static let scalar = Shape(batch: 1, height: 1, width: 1, channels: 1)
}

extension [Shape] {
    /// The prediction's shape, where the target has the same.
    func predictionAndTarget() throws(ShapeError) -> Shape {
        guard count == 2 else { throw ShapeError("expected a prediction and a target, found \(count) inputs") }
        guard self[0] == self[1] else { throw ShapeError("the prediction and the target differ") }
        return self[0]
    }
}

extension WorkerPool {
    /// The sum of what `body` returns for the pieces of `0 ..< count`, added in order: the same whatever the number of
    /// workers.
    func sumOverPieces(count: Int, _ body: (_ start: Int, _ count: Int) -> Double) -> Double {
        var sums = [Double](repeating: 0, count: (count + elementwisePiece - 1) / elementwisePiece)
        sums.withUnsafeMutableBufferPointer { sums in
            runPieces(count: count) { start, length in sums[start / elementwisePiece] = body(start, length) }
        }
        return sums.reduce(0, +)
    }
}
