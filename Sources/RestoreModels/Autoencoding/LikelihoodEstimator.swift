import Glibc
import RestoreNN

/// How probable pictures are for a variational autoencoder with a Bernoulli decoder, in nats.
///
/// Pictures are binary: values of 0 and 1. −log p(x) is estimated by importance sampling, −log (1/K) Σ_k p(x | z_k) p(z_k)
/// / q(z_k | x) with z_k from q (Burda, Grosse & Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, section 5:
/// K = 5,000). The expectation of the estimate is an upper bound, which approaches −log p(x) as K grows.
public final class LikelihoodEstimator {
    private let autoencoder: Autoencoder

    /// Codes that are decoded together.
    private static let chunk = 500

    /// Fails unless the autoencoder is variational with a Bernoulli decoder.
    public init?(_ autoencoder: Autoencoder) {
        guard autoencoder.architecture.likelihood == .bernoulli else { return nil }
        self.autoencoder = autoencoder
    }

    /// What is known of one picture.
    public struct Estimate: Sendable {
        /// −log p(x | z), the mean over the codes.
        public let reconstruction: Double
        /// KL(q(z | x) ‖ p(z)).
        public let divergence: Double
        /// The estimate of −log p(x).
        public let negativeLogLikelihood: Double

        /// −ELBO: reconstruction + divergence.
        public var negativeBound: Double { reconstruction + divergence }
    }

    /// - Parameters:
    ///   - pictures: of zeros and ones.
    ///   - labels: of a conditional autoencoder, as for `Autoencoder.apply`.
    ///   - samples: K, at least 1.
    ///   - seed: of the codes; each picture has its own.
    /// - Throws: `NetworkError`, and what `progress` throws.
    public func estimates(
        of pictures: [[Float]], labels: [Int?]? = nil, samples: Int, seed: UInt64,
        progress: (_ done: Int) throws -> Void = { _ in }
    ) throws -> [Estimate] {
        let posteriors = try autoencoder.posteriors(of: pictures, labels: labels) ?? []
        return try zip(pictures, posteriors).enumerated().map { index, pair in
            try progress(index)
            var generator = SeededGenerator(seed: seed, path: UInt64(index))
            return try estimate(pair.0, pair.1, labels?[index], samples: max(1, samples), using: &generator)
        }
    }

    private func estimate(
        _ picture: [Float], _ posterior: NormalCode, _ label: Int?, samples: Int,
        using generator: inout SeededGenerator
    ) throws -> Estimate {
        var (reconstruction, logWeights) = (0.0, [Double]())
        for start in stride(from: 0, to: samples, by: Self.chunk) {
            var (codes, ratios): ([[Float]], [Double]) = ([], [])
            for _ in start..<min(start + Self.chunk, samples) {
                let draw = posterior.draw(using: &generator)
                codes.append(draw.code)
                ratios.append(draw.logRatio)
            }
            let decoded = try autoencoder.pictures(of: codes, labels: codes.map { _ in label })
            for (probabilities, ratio) in zip(decoded, ratios) {
                let likelihood = Self.logLikelihood(of: picture, probabilities)
                reconstruction -= likelihood
                logWeights.append(likelihood + ratio)
            }
        }
        let greatest = logWeights.max() ?? 0
        let sum = logWeights.reduce(0) { $0 + exp($1 - greatest) }
        return Estimate(
            reconstruction: reconstruction / Double(samples), divergence: posterior.divergence,
            negativeLogLikelihood: -(greatest + log(sum / Double(samples))))
    }

    /// log p(x | z) of binary values.
    private static func logLikelihood(of picture: [Float], _ probabilities: [Float]) -> Double {
        // A product of eight probabilities of at least 10⁻⁷ is no subnormal Double.
        var (sum, product, factors) = (0.0, 1.0, 0)
        for (x, p) in zip(picture, probabilities) {
            product *= Double(max(1e-7, x > 0.5 ? p : 1 - p))
            factors += 1
            if factors == 8 {
                sum += log(product)
                (product, factors) = (1, 0)
            }
        }
        return sum + log(product)
    }
}

extension NormalCode {
    /// KL(q ‖ N(0, 1)), in nats.
    public var divergence: Double {
        zip(mean, logVariance).reduce(0) { sum, value in
            let (m, v) = (Double(value.0), Double(value.1))
            return sum + 0.5 * (m * m + expm1(v) - v)
        }
    }

    /// A code from q, and log p(z) − log q(z) of it, where p is standard normal.
    func draw(using generator: inout SeededGenerator) -> (code: [Float], logRatio: Double) {
        var (code, ratio): ([Float], Double) = ([], 0)
        for (m, v) in zip(mean, logVariance) {
            let noise = generator.normal()
            let z = Double(m) + exp(0.5 * Double(v)) * noise
            code.append(Float(z))
            ratio += 0.5 * (Double(v) + noise * noise - z * z)
        }
        return (code, ratio)
    }
}
