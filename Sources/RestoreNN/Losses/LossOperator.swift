import RestoreConcurrency

/// A loss: an operator that maps a prediction and a target, and for some losses weights or further inputs, to a scalar.
/// Each loss documents its reduction: a mean or a sum, and over what.
///
/// The loss is computed in `Double`. As a node's output it is a `Float`; `TrainingPlan` reports it in full precision.
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
    /// The common shape of the inputs called `names`. One more input may hold weights: N×H×W×1, one per pixel, or one
    /// per value.
    func equalShapes(_ names: String..., weights: Bool = false) throws(ShapeError) -> Shape {
        guard count == names.count || (weights && count == names.count + 1), let shape = first else {
            let expected = names.joined(separator: ", ") + (weights ? " and optional weights" : "")
            throw ShapeError("expected \(expected); found \(count) inputs")
        }
        for (name, other) in zip(names, self) where other != shape {
            throw ShapeError("the \(names[0]) and the \(name) differ in shape")
        }
        if count > names.count && self[names.count] != shape && self[names.count] != shape.onePerPixel {
            throw ShapeError("the weights must be \(shape.onePerPixel) or \(shape)")
        }
        return shape
    }
}

extension Shape {
    /// The shape with one channel.
    var onePerPixel: Shape { Shape(batch: batch, height: height, width: width, channels: 1) }
}

extension BackwardPass {
    /// Sets the gradient to 0 for an input that a loss does not differentiate, such as a class or a weight.
    func writeZeros(input index: Int) {
        guard inputGradients.indices.contains(index), let gradient = inputGradients[index] else { return }
        gradient.update(repeating: 0, count: inputShapes[index].count)
    }
}

extension WorkerPool {
    /// The sum of the results of `body` for the pieces of `0 ..< count`, added in order, so that it does not depend on
    /// the number of workers.
    func sumOverPieces(
        count: Int, piece: Int = elementwisePiece, _ body: (_ start: Int, _ count: Int) -> Double
    ) -> Double {
        var sums = [Double](repeating: 0, count: (count + piece - 1) / piece)
        sums.withUnsafeMutableBufferPointer { sums in
            runPieces(count: count, piece: piece) { start, length in sums[start / piece] = body(start, length) }
        }
        return sums.reduce(0, +)
    }

    /// The sum of each channel over all pixels, added piece by piece in order.
    ///
    /// - Parameter body: adds the values of these pixels to `sums`, which has one element per channel.
    func channelSums(
        _ shape: Shape, _ body: (_ pixel: Int, _ count: Int, _ sums: UnsafeMutablePointer<Double>) -> Void
    ) -> [Double] {
        let piece = shape.pixelsPerPiece
        let pieces = (shape.pixels + piece - 1) / piece
        var partial = [Double](repeating: 0, count: pieces * shape.channels)
        var sums = [Double](repeating: 0, count: shape.channels)
        partial.withUnsafeMutableBufferPointer { partial in
            guard let base = partial.baseAddress else { return }
            runPieces(count: shape.pixels, piece: piece) { pixel, count in
                body(pixel, count, base + pixel / piece * shape.channels)
            }
            for i in 0..<partial.count { sums[i % shape.channels] += partial[i] }
        }
        return sums
    }
}

extension Shape {
    /// Pixels in a piece of elementwise work.
    var pixelsPerPiece: Int { Swift.max(1, elementwisePiece / channels) }
}
