import RestoreConcurrency
import Glibc

/// Keeps the parameters of a learned prior bounded: for each latent value μ² / 2σ_μ² + σ_σ (σ − log σ), minus the log
/// density of a normal-gamma hyperprior, summed over the values of an image and averaged over the batch (Ivanov,
/// Figurnov & Vetrov, "Variational autoencoder with arbitrary conditioning", ICLR 2019, "Prior in latent space").
///
/// Inputs: the mean μ and the log variance log σ² of the prior, N×H×W×C each. Both have gradients.
public struct PriorRegularization: LossOperator, Hashable {
    /// σ_μ
    public let meanDeviation: Double
    /// σ_σ
    public let deviationStrength: Double

    /// The defaults are the paper's.
    ///
    /// - Precondition: σ_μ is positive.
    public init(meanDeviation: Double = 1e4, deviationStrength: Double = 1e-4) {
        precondition(meanDeviation > 0, "σ_μ = \(meanDeviation)")
        self.meanDeviation = meanDeviation
        self.deviationStrength = deviationStrength
    }

    public var kind: String { "prior regularization" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.equalShapes("mean", "log variance")
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let (mean, logVariance) = (pass.inputs[0], pass.inputs[1])
        let meanFactor = 0.5 / (meanDeviation * meanDeviation)
        let sum = pass.pool.sumOverPieces(count: pass.inputShapes[0].count) { start, count in
            var sum = 0.0
            for i in start..<(start + count) {
                let (m, logDeviation) = (Double(mean[i]), 0.5 * Double(logVariance[i]))
                sum += meanFactor * m * m + deviationStrength * (exp(logDeviation) - logDeviation)
            }
            return sum
        }
        return sum / Double(pass.inputShapes[0].batch)
    }

    public func backward(_ pass: BackwardPass) {
        let scale = Double(pass.outputGradient[0]) / Double(pass.inputShapes[0].batch)
        let (mean, logVariance) = (pass.inputs[0], pass.inputs[1])
        if let gradient = pass.inputGradients[0] {
            let factor = Float(scale / (meanDeviation * meanDeviation))
            pass.pool.runPieces(count: pass.inputShapes[0].count) { start, count in
                for i in start..<(start + count) { gradient[i] = factor * mean[i] }
            }
        }
        if let gradient = pass.inputGradients[1] {
            let factor = Float(0.5 * deviationStrength * scale)
            pass.pool.runPieces(count: pass.inputShapes[0].count) { start, count in
                for i in start..<(start + count) { gradient[i] = factor * expm1f(0.5 * logVariance[i]) }
            }
        }
    }
}
