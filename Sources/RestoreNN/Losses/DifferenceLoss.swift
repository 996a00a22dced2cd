import RestoreConcurrency
import Glibc

/// A loss of the differences d between a prediction and a target of the same shape.
///
/// Inputs: the prediction and the target, N×H×W×C each. The terms of a piece are added in `Double`, and the pieces in order.
public struct DifferenceLoss: LossOperator, Hashable {
    public enum Measure: Hashable, Sendable {
        /// mean |d|; the gradient at d = 0 is 0.
        case l1
        /// mean d²
        case l2
        /// mean √(d² + ε²) (Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for computed
        /// imaging", ICIP 1994)
        case charbonnier(epsilon: Float)
        /// mean over the examples of the batch of 10 log₁₀(mean d² + 10⁻⁸): minus the mean PSNR of values in 0…1 (Chen et
        /// al., "HINet", CVPRW 2021, eq. 3). An example weighs the same whether it is hard or easy.
        case negativePSNR
    }

    public let measure: Measure

    public init(_ measure: Measure) {
        self.measure = measure
    }

    public var kind: String {
        switch measure {
        case .l1: "mean absolute error"
        case .l2: "mean squared error"
        case .charbonnier: "Charbonnier loss"
        case .negativePSNR: "negative PSNR"
        }
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.predictionAndTarget()
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let (prediction, target, shape) = (pass.inputs[0], pass.inputs[1], pass.inputShapes[0])
        if case .negativePSNR = measure {
            let errors = exampleErrors(prediction, target, shape, pool: pass.pool)
            return errors.reduce(0) { $0 + 10 * log10($1) } / Double(shape.batch)
        }
        let sum = pass.pool.sumOverPieces(count: shape.count) { start, count in
            sumOfTerms(measure, prediction + start, target + start, count: count)
        }
        return sum / Double(shape.count)
    }

    public func backward(_ pass: BackwardPass) {
        // The gradient of the target is that of the prediction with the opposite sign.
        guard let gradient = pass.inputGradients[0] ?? pass.inputGradients[1] else { return }
        writeGradient(pass, into: gradient)
        guard let targetGradient = pass.inputGradients[1] else { return }
        pass.pool.runPieces(count: pass.inputShapes[0].count) { start, count in
            for i in start..<(start + count) { targetGradient[i] = -gradient[i] }
        }
    }

    private func writeGradient(_ pass: BackwardPass, into gradient: UnsafeMutablePointer<Float>) {
        let (prediction, target, shape) = (pass.inputs[0], pass.inputs[1], pass.inputShapes[0])
        let incoming = pass.outputGradient[0]
        guard case .negativePSNR = measure else {
            let scale = 1 / Float(shape.count) * incoming
            pass.pool.runPieces(count: shape.count) { start, count in
                writeTermGradients(
                    measure, prediction + start, target + start, scale: scale, into: gradient + start, count: count)
            }
            return
        }
        // The derivative by a value is (10 / ln 10) · 2 d / (examples · values · (MSE + ε)).
        let errors = exampleErrors(prediction, target, shape, pool: pass.pool)
        let count = shape.count / shape.batch
        pass.pool.run(taskCount: shape.batch) { example, _ in
            let scale = Float(10 / log(10) / (Double(shape.count) * errors[example])) * incoming
            for i in (example * count)..<((example + 1) * count) {
                gradient[i] = 2 * (prediction[i] - target[i]) * scale
            }
        }
    }

    /// MSE + ε of each example.
    private func exampleErrors(
        _ prediction: UnsafePointer<Float>, _ target: UnsafePointer<Float>, _ shape: Shape, pool: WorkerPool
    ) -> [Double] {
        let count = shape.count / shape.batch
        return pool.map(taskCount: shape.batch) { example in
            let start = example * count
            return sumOfTerms(.l2, prediction + start, target + start, count: count) / Double(count) + 1e-8
        }
    }
}

// MARK: Kernels

/// Σ of the measure's terms; `negativePSNR` has the terms of `l2`.
private func sumOfTerms(
    _ measure: DifferenceLoss.Measure, _ prediction: UnsafePointer<Float>, _ target: UnsafePointer<Float>, count: Int
) -> Double {
    var sum = 0.0
    switch measure {
    case .l1:
        for i in 0..<count { sum += Double(abs(prediction[i] - target[i])) }
    case .l2, .negativePSNR:
        for i in 0..<count {
            let d = prediction[i] - target[i]
            sum += Double(d * d)
        }
    case .charbonnier(let epsilon):
        for i in 0..<count {
            let d = prediction[i] - target[i]
            sum += Double((d * d + epsilon * epsilon).squareRoot())
        }
    }
    return sum
}

/// `scale` times the derivative of each term by the prediction. A difference that is not a number shows in its gradient.
private func writeTermGradients(
    _ measure: DifferenceLoss.Measure, _ prediction: UnsafePointer<Float>, _ target: UnsafePointer<Float>,
    scale: Float, into gradient: UnsafeMutablePointer<Float>, count: Int
) {
    switch measure {
    case .l1:
        for i in 0..<count {
            let d = prediction[i] - target[i]
            gradient[i] = d > 0 ? scale : (d < 0 ? -scale : 0 * d)
        }
    case .l2, .negativePSNR:
        for i in 0..<count { gradient[i] = 2 * scale * (prediction[i] - target[i]) }
    case .charbonnier(let epsilon):
        for i in 0..<count {
            let d = prediction[i] - target[i]
            gradient[i] = scale * d / (d * d + epsilon * epsilon).squareRoot()
        }
    }
}
