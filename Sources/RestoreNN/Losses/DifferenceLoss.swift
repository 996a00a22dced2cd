import RestoreConcurrency
import Glibc

/// A loss of the differences d between a prediction and a target of the same shape.
///
/// Inputs: the prediction and the target, N×H×W×C each, and optional weights: N×H×W×1, one per pixel, or N×H×W×C.
///
/// The loss is the mean of the measure's terms over all values of the batch; with weights it is Σ w·term / Σ w over all
/// values, and 0 with a gradient of 0 if all weights are 0. The gradient of the weights is set to 0. Terms are summed
/// in `Double` within each piece, and the pieces are added in order.
public struct DifferenceLoss: LossOperator, Hashable {
    public enum Measure: Hashable, Sendable {
        /// mean |d|; the gradient at d = 0 is 0.
        case l1
        /// mean d²
        case l2
        /// mean d²/2 where |d| ≤ δ, else δ·(|d| − δ/2) (Huber, "Robust estimation of a location parameter", Annals of
        /// Mathematical Statistics 35(1), 1964)
        case huber(delta: Float)
        /// mean √(d² + ε²) (Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for
        /// computed imaging", ICIP 1994)
        case charbonnier(epsilon: Float)
        /// mean over the examples of the batch of 10 log₁₀(mean d² + 10⁻⁸): minus the mean PSNR of values in 0…1 (Chen
        /// et al., "HINet", CVPRW 2021, eq. 3). Hard and easy examples weigh the same. Does not accept weights.
        case negativePSNR
    }

    public let measure: Measure

    /// - Precondition: Huber's δ is positive.
    public init(_ measure: Measure) {
        if case .huber(let delta) = measure { precondition(delta > 0, "a Huber loss with δ = \(delta)") }
        self.measure = measure
    }

    public var kind: String {
        switch measure {
        case .l1: "mean absolute error"
        case .l2: "mean squared error"
        case .huber: "Huber loss"
        case .charbonnier: "Charbonnier loss"
        case .negativePSNR: "negative PSNR"
        }
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.equalShapes("prediction", "target", weights: measure != .negativePSNR)
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let (prediction, target, shape) = (pass.inputs[0], pass.inputs[1], pass.inputShapes[0])
        if case .negativePSNR = measure {
            let errors = exampleErrors(prediction, target, shape, pool: pass.pool)
            return errors.reduce(0) { $0 + 10 * log10($1) } / Double(shape.batch)
        }
        return WeightedValues(pass, weights: 2).reduced(.mean) { start, count in
            sumOfTerms(measure, prediction + start, target + start, count: count)
        }
    }

    public func backward(_ pass: BackwardPass) {
        pass.writeZeros(input: 2)
        // The gradient of the target is the negated gradient of the prediction.
        guard let gradient = pass.inputGradients[0] ?? pass.inputGradients[1] else { return }
        if case .negativePSNR = measure {
            writePSNRGradient(pass, into: gradient)
        } else {
            let (prediction, target) = (pass.inputs[0], pass.inputs[1])
            let values = WeightedValues(pass, weights: 2)
            let scale = values.gradientScale(.mean, incoming: pass.outputGradient[0])
            values.forEachRun { start, count, weight in
                writeTermGradients(
                    measure, prediction + start, target + start, scale: scale * weight, into: gradient + start,
                    count: count)
            }
        }
        guard let targetGradient = pass.inputGradients[1] else { return }
        pass.pool.runPieces(count: pass.inputShapes[0].count) { start, count in
            for i in start..<(start + count) { targetGradient[i] = -gradient[i] }
        }
    }

    /// The derivative with respect to a value is (10 / ln 10) · 2 d / (examples · values · (MSE + ε)).
    private func writePSNRGradient(_ pass: BackwardPass, into gradient: UnsafeMutablePointer<Float>) {
        let (prediction, target, shape) = (pass.inputs[0], pass.inputs[1], pass.inputShapes[0])
        let incoming = pass.outputGradient[0]
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

/// Σ of the measure's terms; `negativePSNR` uses the terms of `l2`.
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
    case .huber(let delta):
        for i in 0..<count {
            let d = abs(prediction[i] - target[i])
            sum += Double(d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta))
        }
    case .charbonnier(let epsilon):
        for i in 0..<count {
            let d = prediction[i] - target[i]
            sum += Double((d * d + epsilon * epsilon).squareRoot())
        }
    }
    return sum
}

/// `scale` times the derivative of each term with respect to the prediction. A NaN difference gives a NaN gradient.
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
    case .huber(let delta):
        for i in 0..<count {
            let d = prediction[i] - target[i]
            gradient[i] = scale * (d < -delta ? -delta : (d > delta ? delta : d))
        }
    case .charbonnier(let epsilon):
        for i in 0..<count {
            let d = prediction[i] - target[i]
            gradient[i] = scale * d / (d * d + epsilon * epsilon).squareRoot()
        }
    }
}
