import RestoreConcurrency

/// How a loss reduces the terms t of its values to a scalar. The weights w are non-negative, and 1 if none are given.
public enum LossReduction: Hashable, Sendable {
    /// Σ w·t / Σ w, both over all values of the batch; 0 if all weights are 0.
    case mean
    /// The sum over the values of an image, averaged over the batch of N: Σ w·t / N.
    case sumPerPicture
}

/// The values of a loss in runs that share a weight: the channels of a pixel, or single values. Without weights a run
/// is any range of values.
///
/// Weights multiply: a value that is not finite affects the loss even if its weight is 0.
struct WeightedValues {
    private let shape: Shape
    private let weights: UnsafePointer<Float>?
    private let runLength: Int
    private let pool: WorkerPool

    init(_ pass: ForwardPass, weights index: Int) {
        self.init(pass.inputs, pass.inputShapes, index, pass.pool)
    }

    init(_ pass: BackwardPass, weights index: Int) {
        self.init(pass.inputs, pass.inputShapes, index, pass.pool)
    }

    private init(_ inputs: [UnsafePointer<Float>], _ shapes: [Shape], _ index: Int, _ pool: WorkerPool) {
        shape = shapes[0]
        weights = shapes.indices.contains(index) ? inputs[index] : nil
        runLength = weights == nil ? 1 : shape.count / shapes[index].count
        self.pool = pool
    }

    private var runsPerPiece: Int { max(1, elementwisePiece / runLength) }

    /// The loss. `terms` returns the unweighted sum of the terms of the values `start ..< start + count`.
    @inline(__always)
    func reduced(_ reduction: LossReduction, _ terms: (_ start: Int, _ count: Int) -> Double) -> Double {
        let divisor = divisor(reduction)
        // If all weights are 0, the sum is 0 or NaN.
        return divisor == 0 ? sum(terms) : sum(terms) / divisor
    }

    @inline(__always)
    private func sum(_ terms: (_ start: Int, _ count: Int) -> Double) -> Double {
        guard let weights else { return pool.sumOverPieces(count: shape.count, terms) }
        return pool.sumOverPieces(count: shape.count / runLength, piece: runsPerPiece) { start, count in
            var sum = 0.0
            for run in start..<(start + count) {
                sum += Double(weights[run]) * terms(run * runLength, runLength)
            }
            return sum
        }
    }

    /// The common factor of all terms' gradients, excluding their weights, for the gradient `incoming` of the loss.
    func gradientScale(_ reduction: LossReduction, incoming: Float) -> Float {
        if weights == nil && reduction == .mean { return 1 / Float(shape.count) * incoming }
        let divisor = divisor(reduction)
        return divisor == 0 ? 0 : Float(Double(incoming) / divisor)
    }

    private func divisor(_ reduction: LossReduction) -> Double {
        guard reduction == .mean else { return Double(shape.batch) }
        guard let weights else { return Double(shape.count) }
        let sum = pool.sumOverPieces(count: shape.count / runLength) { start, count in
            var sum = 0.0
            for i in start..<(start + count) { sum += Double(weights[i]) }
            return sum
        }
        return sum * Double(runLength)
    }

    /// Calls `body` for ranges that cover all values, each with a single weight.
    @inline(__always)
    func forEachRun(_ body: (_ start: Int, _ count: Int, _ weight: Float) -> Void) {
        guard let weights else {
            return pool.runPieces(count: shape.count) { start, count in body(start, count, 1) }
        }
        pool.runPieces(count: shape.count / runLength, piece: runsPerPiece) { start, count in
            for run in start..<(start + count) { body(run * runLength, runLength, weights[run]) }
        }
    }
}
