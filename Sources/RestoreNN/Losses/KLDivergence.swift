import RestoreConcurrency
import Glibc

/// The Kullback–Leibler divergence KL(q ‖ p) between diagonal normal distributions, in nats: for each latent value ½
/// (log σp² − log σq² + (σq² + (μq − μp)²) / σp² − 1), summed over the values of an image and averaged over the batch.
///
/// Inputs, in this order and of the same shape, N×H×W×C: the mean and the log variance of q, and those of p. With only
/// the first two, p is the standard normal distribution N(0, 1), as in the VAE of Kingma & Welling ("Auto-encoding
/// variational Bayes", ICLR 2014, appendix B). Every input has a gradient.
///
/// With free bits λ the loss is Σ_c max(λ, KL_c) over the channels, where KL_c is the sum over an image's pixels
/// averaged over the batch (Kingma et al., "Improved variational inference with inverse autoregressive flow", NIPS
/// 2016, appendix): a channel whose divergence is below λ has no gradient. For dense latents, N×1×1×C, a channel is one
/// dimension.
public struct KLDivergence: LossOperator, Hashable {
    /// λ, in nats per channel; 0 for none.
    public let freeBits: Double

    /// - Precondition: `freeBits` is finite and not negative.
    public init(freeBits: Double = 0) {
        precondition(freeBits >= 0 && freeBits.isFinite, "\(freeBits) free bits")
        self.freeBits = freeBits
    }

    public var kind: String { "KL divergence" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        if inputs.count == 4 {
            _ = try inputs.equalShapes("mean of q", "log variance of q", "mean of p", "log variance of p")
        } else {
            _ = try inputs.equalShapes("mean", "log variance")
        }
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let shape = pass.inputShapes[0]
        let pairs = NormalPairs(pass.inputs)
        guard freeBits == 0 else {
            // A comparison with NaN is false, so NaN propagates.
            return channelMeans(pairs, shape, pool: pass.pool).reduce(0) { $0 + ($1 < freeBits ? freeBits : $1) }
        }
        let sum = pass.pool.sumOverPieces(count: shape.count) { start, count in
            var sum = 0.0
            for i in start..<(start + count) { sum += pairs.divergence(i) }
            return sum
        }
        return sum / Double(shape.batch)
    }

    /// For each channel, the divergence summed over an image's pixels and averaged over the batch.
    private func channelMeans(_ pairs: NormalPairs, _ shape: Shape, pool: WorkerPool) -> [Double] {
        let sums = pool.channelSums(shape) { pixel, count, sums in
            for pixel in pixel..<(pixel + count) {
                for c in 0..<shape.channels { sums[c] += pairs.divergence(pixel * shape.channels + c) }
            }
        }
        return sums.map { $0 / Double(shape.batch) }
    }

    public func backward(_ pass: BackwardPass) {
        let shape = pass.inputShapes[0]
        let pairs = NormalPairs(pass.inputs)
        let scale = pass.outputGradient[0] / Float(shape.batch)
        var scales = [Float](repeating: scale, count: shape.channels)
        if freeBits > 0 {
            for (c, mean) in channelMeans(pairs, shape, pool: pass.pool).enumerated() where mean < freeBits {
                scales[c] = 0
            }
        }
        scales.withUnsafeBufferPointer { scales in
            for (input, gradient) in pass.inputGradients.enumerated() {
                guard let gradient, let scales = scales.baseAddress else { continue }
                pass.pool.runPieces(count: shape.pixels, piece: shape.pixelsPerPiece) { start, count in
                    let pixels = start..<(start + count)
                    switch input {
                    case 0: writeMeanGradients(pairs, 1, scales, into: gradient, pixels, shape.channels)
                    case 1: writeVarianceGradientsOfQ(pairs, scales, into: gradient, pixels, shape.channels)
                    case 2: writeMeanGradients(pairs, -1, scales, into: gradient, pixels, shape.channels)
                    default: writeVarianceGradientsOfP(pairs, scales, into: gradient, pixels, shape.channels)
                    }
                }
            }
        }
    }
}

// MARK: Kernels

/// The distributions q and p of each latent value.
private struct NormalPairs {
    let meanQ: UnsafePointer<Float>
    let logVarianceQ: UnsafePointer<Float>
    /// 0 if absent; likewise for the log variance.
    let meanP: UnsafePointer<Float>?
    let logVarianceP: UnsafePointer<Float>?

    init(_ inputs: [UnsafePointer<Float>]) {
        (meanQ, logVarianceQ) = (inputs[0], inputs[1])
        (meanP, logVarianceP) = inputs.count == 4 ? (inputs[2], inputs[3]) : (nil, nil)
    }

    /// μq − μp, log σq² − log σp² and 1 / σp².
    @inline(__always)
    func difference(_ i: Int) -> (mean: Double, logRatio: Double, precision: Double) {
        let logVarianceP = Double(logVarianceP?[i] ?? 0)
        return (
            Double(meanQ[i]) - Double(meanP?[i] ?? 0), Double(logVarianceQ[i]) - logVarianceP, exp(-logVarianceP)
        )
    }

    @inline(__always)
    func divergence(_ i: Int) -> Double {
        let d = difference(i)
        // e^x − 1 − x, without cancellation when the variances are nearly equal.
        return 0.5 * (expm1(d.logRatio) - d.logRatio + d.mean * d.mean * d.precision)
    }
}

private func writeMeanGradients(
    _ pairs: NormalPairs, _ sign: Float, _ scales: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
    _ pixels: Range<Int>, _ channels: Int
) {
    for pixel in pixels {
        for c in 0..<channels {
            let i = pixel * channels + c
            let d = pairs.difference(i)
            gradient[i] = sign * scales[c] * Float(d.mean * d.precision)
        }
    }
}

private func writeVarianceGradientsOfQ(
    _ pairs: NormalPairs, _ scales: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
    _ pixels: Range<Int>, _ channels: Int
) {
    for pixel in pixels {
        for c in 0..<channels {
            let i = pixel * channels + c
            gradient[i] = scales[c] * Float(0.5 * expm1(pairs.difference(i).logRatio))
        }
    }
}

private func writeVarianceGradientsOfP(
    _ pairs: NormalPairs, _ scales: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
    _ pixels: Range<Int>, _ channels: Int
) {
    for pixel in pixels {
        for c in 0..<channels {
            let i = pixel * channels + c
            let d = pairs.difference(i)
            gradient[i] = scales[c] * Float(-0.5 * (expm1(d.logRatio) + d.mean * d.mean * d.precision))
        }
    }
}
