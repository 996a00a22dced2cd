import Glibc
import RestoreConcurrency

/// The negative importance-weighted bound of a variational autoencoder with a Bernoulli decoder and a standard normal
/// prior, in nats, averaged over the batch: −log (1/K) Σ_k p(x | z_k) p(z_k) / q(z_k | x) (Burda, Grosse & Salakhutdinov,
/// "Importance weighted autoencoders", ICLR 2016, eq. 8). With K = 1 it is the negative evidence lower bound with its
/// divergence sampled.
///
/// Inputs, in this order:
/// 1. the decoder's logits of each code, N×K×1×F;
/// 2. the targets in 0…1, N×1×1×F;
/// 3. the codes z, N×K×1×C, drawn from q;
/// 4. and 5. the mean and the log variance of q, N×1×1×C.
///
/// All but the targets have gradients; theirs are set to 0. Sums are accumulated in `Double`.
public struct ImportanceWeightedBound: LossOperator, Hashable {
    public init() {}

    public var kind: String { "importance-weighted bound" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        guard inputs.count == 5 else {
            throw ShapeError("expected logits, targets, codes, means, log variances; found \(inputs.count) inputs")
        }
        let (logits, targets, codes) = (inputs[0], inputs[1], inputs[2])
        guard logits.width == 1, codes.width == 1, codes.height == logits.height, codes.batch == logits.batch else {
            throw ShapeError("the logits \(logits) and the codes \(codes) are not as many")
        }
        guard targets == Shape(batch: logits.batch, height: 1, width: 1, channels: logits.channels) else {
            throw ShapeError("the targets \(targets) are not those of the logits \(logits)")
        }
        let distribution = Shape(batch: codes.batch, height: 1, width: 1, channels: codes.channels)
        guard inputs[3] == distribution, inputs[4] == distribution else {
            throw ShapeError("the distribution \(inputs[3]), \(inputs[4]) is not that of the codes \(codes)")
        }
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let terms = BoundTerms(pass.inputs, pass.inputShapes)
        let bounds = terms.perPicture(pool: pass.pool) { -terms.bound($0) }
        return bounds.reduce(0, +) / Double(terms.batch)
    }

    public func backward(_ pass: BackwardPass) {
        pass.writeZeros(input: 1)
        let terms = BoundTerms(pass.inputs, pass.inputShapes)
        let scale = pass.outputGradient[0] / Float(terms.batch)
        pass.pool.run(taskCount: terms.batch) { picture, _ in
            // The normalized importance weights, which are the derivatives of the bound by the logarithms.
            let shares = terms.shares(picture).map { scale * Float($0) }
            terms.writeLogitGradients(picture, shares, into: pass.inputGradients[0])
            terms.writeCodeGradients(picture, shares, into: pass.inputGradients[2])
            terms.writeDistributionGradients(
                picture, shares, mean: pass.inputGradients[3], logVariance: pass.inputGradients[4])
        }
    }
}

/// The inputs of the bound.
private struct BoundTerms {
    let batch: Int
    /// K
    let samples: Int
    let features: Int
    let codeSize: Int
    let logits: UnsafePointer<Float>
    let targets: UnsafePointer<Float>
    let codes: UnsafePointer<Float>
    let mean: UnsafePointer<Float>
    let logVariance: UnsafePointer<Float>

    init(_ inputs: [UnsafePointer<Float>], _ shapes: [Shape]) {
        (batch, samples, features, codeSize) = (
            shapes[0].batch, shapes[0].height, shapes[0].channels, shapes[2].channels
        )
        (logits, targets, codes) = (inputs[0], inputs[1], inputs[2])
        (mean, logVariance) = (inputs[3], inputs[4])
    }

    func perPicture(pool: WorkerPool, _ body: (Int) -> Double) -> [Double] {
        var values = [Double](repeating: 0, count: batch)
        values.withUnsafeMutableBufferPointer { values in
            pool.run(taskCount: batch) { picture, _ in values[picture] = body(picture) }
        }
        return values
    }

    /// log p(x | z) + log p(z) − log q(z | x) of a code.
    private func logWeight(_ picture: Int, _ sample: Int) -> Double {
        let row = picture * samples + sample
        var sum = -bernoulliNegativeLogLikelihood(
            logits + row * features, targets + picture * features, count: features)
        let (z, m, v) = (codes + row * codeSize, mean + picture * codeSize, logVariance + picture * codeSize)
        for c in 0..<codeSize {
            let (value, deviation) = (Double(z[c]), Double(z[c]) - Double(m[c]))
            sum += 0.5 * (Double(v[c]) + deviation * deviation * exp(-Double(v[c])) - value * value)
        }
        return sum
    }

    private func logWeights(_ picture: Int) -> [Double] { (0..<samples).map { logWeight(picture, $0) } }

    /// log (1/K) Σ_k exp(log weight)
    func bound(_ picture: Int) -> Double {
        let values = logWeights(picture)
        // NaN is no maximum, so it stays in the sum.
        let greatest = values.max() ?? 0
        return greatest + log(values.reduce(0) { $0 + exp($1 - greatest) } / Double(samples))
    }

    func shares(_ picture: Int) -> [Double] {
        let values = logWeights(picture)
        let greatest = values.max() ?? 0
        let weights = values.map { exp($0 - greatest) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    func writeLogitGradients(_ picture: Int, _ shares: [Float], into gradient: UnsafeMutablePointer<Float>?) {
        guard let gradient else { return }
        let x = targets + picture * features
        for (sample, share) in shares.enumerated() {
            let start = (picture * samples + sample) * features
            writeSigmoids(logits + start, into: gradient + start, count: features)
            for i in 0..<features { gradient[start + i] = share * (gradient[start + i] - x[i]) }
        }
    }

    /// Of −log p(z) + log q(z | x).
    func writeCodeGradients(_ picture: Int, _ shares: [Float], into gradient: UnsafeMutablePointer<Float>?) {
        guard let gradient else { return }
        let (m, v) = (mean + picture * codeSize, logVariance + picture * codeSize)
        for (sample, share) in shares.enumerated() {
            let start = (picture * samples + sample) * codeSize
            for c in 0..<codeSize {
                let z = codes[start + c]
                gradient[start + c] = share * (z - (z - m[c]) * expf(-v[c]))
            }
        }
    }

    /// Of log q(z | x) for fixed codes; what passes through the codes is added by the graph.
    func writeDistributionGradients(
        _ picture: Int, _ shares: [Float], mean meanGradient: UnsafeMutablePointer<Float>?,
        logVariance varianceGradient: UnsafeMutablePointer<Float>?
    ) {
        for c in 0..<codeSize {
            let (m, precision) = (mean[picture * codeSize + c], expf(-logVariance[picture * codeSize + c]))
            var (first, second): (Float, Float) = (0, 0)
            for (sample, share) in shares.enumerated() {
                let deviation = codes[(picture * samples + sample) * codeSize + c] - m
                first += share * deviation * precision
                second += share * 0.5 * (deviation * deviation * precision - 1)
            }
            meanGradient?[picture * codeSize + c] = first
            varianceGradient?[picture * codeSize + c] = second
        }
    }
}
