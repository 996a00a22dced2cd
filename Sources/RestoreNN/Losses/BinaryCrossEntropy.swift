import Glibc

/// The cross-entropy between sigmoid(x) of logits x and targets t in 0…1, value by value: −t·log sigmoid(x) − (1 −
/// t)·log(1 − sigmoid(x)) = max(x, 0) − x·t + log(1 + e^−|x|).
///
/// Inputs: the logits and the targets, N×H×W×C each, and optional weights: N×H×W×1, one per pixel, or N×H×W×C. A mask
/// that is 1 where pixels are missing, with `.sumPerPicture`, gives the reconstruction term of a conditional VAE for
/// inpainting (Sohn, Lee & Yan, "Learning structured output representation using deep conditional generative models",
/// NIPS 2015).
///
/// `LossReduction` defines the reduction. Logits and targets have gradients; the gradient of the weights is set to 0.
public struct BinaryCrossEntropy: LossOperator, Hashable {
    public let reduction: LossReduction

    public init(reduction: LossReduction = .mean) {
        self.reduction = reduction
    }

    public var kind: String { "binary cross-entropy" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.equalShapes("logits", "targets", weights: true)
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let (logits, targets) = (pass.inputs[0], pass.inputs[1])
        return WeightedValues(pass, weights: 2).reduced(reduction) { start, count in
            bernoulliNegativeLogLikelihood(logits + start, targets + start, count: count)
        }
    }

    public func backward(_ pass: BackwardPass) {
        pass.writeZeros(input: 2)
        let (logits, targets) = (pass.inputs[0], pass.inputs[1])
        let values = WeightedValues(pass, weights: 2)
        let scale = values.gradientScale(reduction, incoming: pass.outputGradient[0])
        if let gradient = pass.inputGradients[0] {
            values.forEachRun { start, count, weight in
                let factor = scale * weight
                writeSigmoids(logits + start, into: gradient + start, count: count)
                for i in start..<(start + count) { gradient[i] = factor * (gradient[i] - targets[i]) }
            }
        }
        if let gradient = pass.inputGradients[1] {
            values.forEachRun { start, count, weight in
                let factor = scale * weight
                for i in start..<(start + count) { gradient[i] = -factor * logits[i] }
            }
        }
    }
}

/// Σ max(x, 0) − x·t + log(1 + e^−|x|) over logits x and targets t: the negative log-likelihood of the targets if they
/// are 0 or 1. Propagates NaN.
///
/// A logarithm of a product replaces sixteen logarithms: its factors are between 1 and 2.
func bernoulliNegativeLogLikelihood(
    _ logits: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, count: Int
) -> Double {
    let group = 16
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, count)) { buffer in
        guard let decays = buffer.baseAddress else { return 0 }
        for i in 0..<count { decays[i] = -abs(logits[i]) }
        exponentiate(decays, scale: 1, count: count)
        var sum = 0.0
        for start in stride(from: 0, to: count, by: group) {
            var (linear, product) = (0.0, 1.0)
            for i in start..<min(start + group, count) {
                let (x, t) = (Double(logits[i]), Double(targets[i]))
                linear += (x > 0 ? x : 0) - x * t
                product *= 1 + Double(decays[i])
            }
            sum += linear + log(product)
        }
        return sum
    }
}

/// 1 / (1 + e⁻ˣ) of each value. Propagates NaN.
func writeSigmoids(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { y[i] = -x[i] }
    exponentiate(y, scale: 1, count: count)
    for i in 0..<count { y[i] = 1 / (1 + y[i]) }
}
