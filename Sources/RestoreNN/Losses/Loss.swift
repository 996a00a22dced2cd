/// How far a prediction is from its target, as a mean over all values, and the gradient of that mean.
public enum Loss: Hashable, Sendable {
    /// mean |d|; the gradient at d = 0 is 0.
    case l1
    /// mean d²
    case l2
    /// mean √(d² + ε²) (Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for computed
    /// imaging", ICIP 1994)
    case charbonnier(epsilon: Float)

    /// Returns the loss of `count` values and writes its gradient with respect to the prediction.
    ///
    /// Terms are added in `Double`, in pieces of fixed size whose sums are added in order.
    public func evaluate(
        prediction: UnsafePointer<Float>, target: UnsafePointer<Float>, count: Int,
        gradient: UnsafeMutablePointer<Float>, pool: WorkerPool
    ) -> Double {
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
        }
        return sum
    }
}
