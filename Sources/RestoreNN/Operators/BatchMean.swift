import RestoreConcurrency

/// The mean over the images of a batch, value by value: N×H×W×C → 1×H×W×C.
///
/// Images are added in order, in `Double`. The result mixes all images of the batch, so the operator is meant for
/// training, where batch statistics are penalized, as in sparse autoencoders.
public struct BatchMean: PointwiseOperator {
    public init() {}

    public var kind: String { "batch mean" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        var shape = try inputs.only()
        shape.batch = 1
        return shape
    }

    /// Number of values summed at a time.
    private static let piece = 2048

    /// Sums are in `Double`, which takes two floats each.
    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        ScratchSize(perWorker: 2 * Self.piece)
    }

    public func forward(_ pass: ForwardPass) {
        let (batch, pictureCount) = (pass.inputShapes[0].batch, pass.outputShape.count)
        let values = pass.values
        pass.pool.run(taskCount: (values.count + Self.piece - 1) / Self.piece) { task, worker in
            let start = values.lowerBound + task * Self.piece
            let count = min(Self.piece, values.upperBound - start)
            let sums = UnsafeMutableRawPointer(pass.scratch.worker(worker))
                .bindMemory(to: Double.self, capacity: Self.piece)
            sums.update(repeating: 0, count: count)
            for n in 0..<batch {
                let source = pass.inputs[0] + n * pictureCount + start
                for i in 0..<count { sums[i] += Double(source[i]) }
            }
            let output = pass.output + start
            for i in 0..<count { output[i] = Float(sums[i] / Double(batch)) }
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        let (batch, pictureCount) = (pass.inputShapes[0].batch, pass.outputShape.count)
        pass.pool.runPieces(count: pictureCount) { start, count in
            let (first, incoming) = (inputGradient + start, pass.outputGradient + start)
            for i in 0..<count { first[i] = incoming[i] / Float(batch) }
            for n in 1..<max(1, batch) { (first + n * pictureCount).update(from: first, count: count) }
        }
    }
}
