import Glibc
import RestoreConcurrency
import RestoreNN

/// What the rate of a variational autoencoder, the mean of KL(q(z | x) ‖ p(z)) over pictures, consists of: the mutual
/// information of pictures and codes, and KL(q(z) ‖ p(z)), where q(z) is the mean of q(z | x) over the pictures (Hoffman &
/// Johnson, "ELBO surgery", NIPS workshop 2016). In nats, estimated with one code a picture.
public struct RateSplit: Sendable {
    public let rate: Double
    /// At most the logarithm of the number of pictures.
    public let mutualInformation: Double

    public var marginalDivergence: Double { rate - mutualInformation }

    /// - Parameters:
    ///   - posteriors: q(z | x) of each picture, at least one.
    ///   - seed: of the codes.
    public init(_ posteriors: [NormalCode], seed: UInt64, pool: WorkerPool) {
        let count = posteriors.count
        precondition(count > 0, "no posteriors")
        let size = posteriors[0].mean.count
        rate = posteriors.reduce(0) { $0 + $1.divergence } / Double(count)
        let means = posteriors.flatMap(\.mean)
        let precisions = posteriors.flatMap { $0.logVariance.map { exp(-$0) } }
        // −½ Σ log σ²; what is common to all densities is left out.
        let offsets = posteriors.map { -0.5 * $0.logVariance.reduce(0) { $0 + Double($1) } }
        let terms = pool.map(taskCount: count) { index -> Double in
            var generator = SeededGenerator(seed: seed, path: UInt64(index))
            let code = posteriors[index].draw(using: &generator).code
            let logDensities = (0..<count).map { other -> Double in
                var sum: Float = 0
                for axis in 0..<size {
                    let deviation = code[axis] - means[other * size + axis]
                    sum += deviation * deviation * precisions[other * size + axis]
                }
                return offsets[other] - 0.5 * Double(sum)
            }
            let greatest = logDensities.max() ?? 0
            let mean = logDensities.reduce(0) { $0 + exp($1 - greatest) } / Double(count)
            return logDensities[index] - greatest - log(mean)
        }
        mutualInformation = terms.reduce(0, +) / Double(count)
    }
}
