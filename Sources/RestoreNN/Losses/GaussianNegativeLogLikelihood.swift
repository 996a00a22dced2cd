import Glibc

/// The negative log likelihood of targets t under normal distributions with means μ and variances σ², value by value: ½
/// log σ² + (t − μ)² / 2σ², plus ½ log 2π if the constant is included.
///
/// Inputs: the mean, the log variance log σ² and the target, N×H×W×C each, and optional weights: N×H×W×1, one per
/// pixel, or N×H×W×C.
///
/// `LossReduction` defines the reduction. Mean, log variance and target have gradients; the gradient of the weights is
/// set to 0. Without a floor the loss is unbounded below as the variance tends to 0, and the gradient overflows below
/// log σ² = −88.
public struct GaussianNegativeLogLikelihood: LossOperator, Hashable {
    public let reduction: LossReduction
    public let includesConstant: Bool
    /// Lower bound of σ; below it the log variance has no gradient. 0 for no floor. Ivanov, Figurnov & Vetrov
    /// ("Variational autoencoder with arbitrary conditioning", ICLR 2019) use 0.01.
    public let deviationFloor: Float

    /// - Precondition: the floor is finite and not negative.
    public init(
        reduction: LossReduction = .sumPerPicture, includesConstant: Bool = true, deviationFloor: Float = 0
    ) {
        precondition(deviationFloor >= 0 && deviationFloor.isFinite, "σ at least \(deviationFloor)")
        self.reduction = reduction
        self.includesConstant = includesConstant
        self.deviationFloor = deviationFloor
    }

    public var kind: String { "Gaussian negative log-likelihood" }

    private var logVarianceFloor: Float { Float(2 * log(Double(deviationFloor))) }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.equalShapes("mean", "log variance", "target", weights: true)
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let (mean, logVariance, target) = (pass.inputs[0], pass.inputs[1], pass.inputs[2])
        let floor = logVarianceFloor
        let constant = includesConstant ? 0.5 * log(2 * Double.pi) : 0
        return WeightedValues(pass, weights: 3).reduced(reduction) { start, count in
            sumOfNegativeLogLikelihoods(
                mean + start, logVariance + start, target + start, floor: floor, count: count)
                + constant * Double(count)
        }
    }

    public func backward(_ pass: BackwardPass) {
        pass.writeZeros(input: 3)
        let (mean, logVariance, target) = (pass.inputs[0], pass.inputs[1], pass.inputs[2])
        let floor = logVarianceFloor
        let values = WeightedValues(pass, weights: 3)
        let scale = values.gradientScale(reduction, incoming: pass.outputGradient[0])
        // d = ±(μ − t) / σ² for mean and target.
        for (input, sign) in [(0, Float(1)), (2, -1)] {
            guard let gradient = pass.inputGradients[input] else { continue }
            values.forEachRun { start, count, weight in
                let factor = sign * scale * weight
                for i in start..<(start + count) {
                    let precision = expf(-floored(logVariance[i], floor))
                    gradient[i] = factor * (mean[i] - target[i]) * precision
                }
            }
        }
        guard let gradient = pass.inputGradients[1] else { return }
        values.forEachRun { start, count, weight in
            let factor = 0.5 * scale * weight
            for i in start..<(start + count) {
                let d = mean[i] - target[i]
                let slope = factor * (1 - d * d * expf(-floored(logVariance[i], floor)))
                // A comparison with NaN is false, so NaN propagates.
                gradient[i] = logVariance[i] < floor ? 0 * slope : slope
            }
        }
    }
}

/// At least `floor`. Propagates NaN.
@inline(__always)
private func floored(_ x: Float, _ floor: Float) -> Float { x < floor ? floor : x }

private func sumOfNegativeLogLikelihoods(
    _ mean: UnsafePointer<Float>, _ logVariance: UnsafePointer<Float>, _ target: UnsafePointer<Float>, floor: Float,
    count: Int
) -> Double {
    var sum = 0.0
    for i in 0..<count {
        let d = Double(mean[i]) - Double(target[i])
        let logarithm = Double(floored(logVariance[i], floor))
        sum += 0.5 * (logarithm + d * d * exp(-logarithm))
    }
    return sum
}
