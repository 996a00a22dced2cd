import RestoreConcurrency
import Glibc

/// How far a prediction is from its target, as a mean over all values, and the gradient of that mean.
public enum Loss: Hashable, Sendable {
    /// mean |d|; the gradient at d = 0 is 0.
    case l1
    /// mean d²
    case l2
    /// mean √(d² + ε²) (Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for computed
    /// imaging", ICIP 1994)
    case charbonnier(epsilon: Float)
    /// mean over the `examples` of a batch of 10 log₁₀(mean d² + 10⁻⁸): minus the mean PSNR of values in 0…1 (Chen et al.,
    /// "HINet", CVPRW 2021, eq. 3). An example weighs the same whether it is hard or easy.
    case negativePSNR(examples: Int)

    /// Returns the loss of `count` values and writes its gradient with respect to the prediction.
    ///
    /// Terms are added in `Double`, in pieces of fixed size whose sums are added in order.
    public func evaluate(
        prediction: UnsafePointer<Float>, target: UnsafePointer<Float>, count: Int,
        gradient: UnsafeMutablePointer<Float>, pool: WorkerPool
    ) -> Double {
        if case .negativePSNR(let examples) = self {
            return evaluateNegativePSNR(
                prediction: prediction, target: target, examples: examples, count: count / examples,
                gradient: gradient, pool: pool)
        }
        let scale = 1 / Float(count)
        var sums = [Double](repeating: 0, count: (count + elementwisePiece - 1) / elementwisePiece)
        sums.withUnsafeMutableBufferPointer { sums in
            pool.runPieces(count: count) { start, length in
                sums[start / elementwisePiece] = sum(
                    prediction + start, target + start, count: length, scale: scale, gradient: gradient + start)
            }
        }
        return sums.reduce(0, +) / Double(count)
    }

    private func sum(
        _ prediction: UnsafePointer<Float>, _ target: UnsafePointer<Float>, count: Int, scale: Float,
        gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        var sum = 0.0
        switch self {
        case .l1:
            for i in 0..<count {
                let d = prediction[i] - target[i]
                sum += Double(abs(d))
                gradient[i] = d > 0 ? scale : (d < 0 ? -scale : 0 * d)
            }
        case .l2:
            for i in 0..<count {
                let d = prediction[i] - target[i]
                sum += Double(d * d)
                gradient[i] = 2 * scale * d
            }
        case .charbonnier(let epsilon):
            for i in 0..<count {
                let d = prediction[i] - target[i]
                let root = (d * d + epsilon * epsilon).squareRoot()
                sum += Double(root)
                gradient[i] = scale * d / root
            }
        case .negativePSNR:
            preconditionFailure("not a sum over values")
        }
        return sum
    }

    /// Mean over the examples of 10 log₁₀(MSE + ε); its derivative by a value is (10 / ln 10) · 2 d / (n · count · (MSE + ε)).
    private func evaluateNegativePSNR(
        prediction: UnsafePointer<Float>, target: UnsafePointer<Float>, examples: Int, count: Int,
        gradient: UnsafeMutablePointer<Float>, pool: WorkerPool
    ) -> Double {
        let epsilon = 1e-8
        var decibels = [Double](repeating: 0, count: examples)
        decibels.withUnsafeMutableBufferPointer { decibels in
            pool.run(taskCount: examples) { example, _ in
                let start = example * count
                let squares = Loss.l2.sum(
                    prediction + start, target + start, count: count, scale: 1, gradient: gradient + start)
                let error = squares / Double(count) + epsilon
                decibels[example] = 10 * log10(error)
                // The gradient holds 2 d by now.
                let scale = Float(10 / log(10) / (Double(examples * count) * error))
                for i in start..<(start + count) { gradient[i] *= scale }
            }
        }
        return decibels.reduce(0, +) / Double(examples)
    }
}
