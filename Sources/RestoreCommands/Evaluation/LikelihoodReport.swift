import RestoreConcurrency
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

/// How probable binarized pictures are for a variational autoencoder, in lines of text.
struct LikelihoodReport {
    let lines: [String]

    /// Of the binarization and of the codes: figures remain comparable.
    private static let seed: UInt64 = 1
    /// Pictures whose codes are compared with each other.
    private static let compared = 5000

    /// - Parameter samples: codes a picture for the estimate of the likelihood.
    /// - Throws: `UsageError` for another kind of model, `NetworkError`, `Interrupted` after a signal.
    init(
        _ autoencoder: Autoencoder, name: String, pictures: [PictureSet.Picture], samples: Int, pool: WorkerPool
    ) throws {
        guard let estimator = LikelihoodEstimator(autoencoder) else {
            throw UsageError(
                description: "--samples needs a variational autoencoder with a Bernoulli decoder; \(name) is none")
        }
        let inputs = pictures.enumerated().map { index, picture in
            var values = autoencoder.input(of: picture.image)
            var generator = SeededGenerator(seed: Self.seed, path: stableHash("binarization"), UInt64(index))
            binarize(&values, using: &generator)
            return values
        }
        let labels = pictures.map(\.label)
        let estimates = try estimator.estimates(of: inputs, labels: labels, samples: samples, seed: Self.seed) { _ in
            try Interruption.check()
        }
        func mean(_ value: (LikelihoodEstimator.Estimate) -> Double) -> String {
            decimals(estimates.reduce(0) { $0 + value($1) } / Double(max(1, estimates.count)), 2)
        }
        let posteriors =
            try autoencoder.posteriors(
                of: Array(inputs.prefix(Self.compared)), labels: Array(labels.prefix(Self.compared)))
            ?? []
        let split = RateSplit(posteriors, seed: Self.seed, pool: pool)
        lines = [
            """
            -ELBO \(mean(\.negativeBound)) nats = reconstruction \(mean(\.reconstruction)) + KL \(mean(\.divergence)); \
            -log p(x) at most \(mean(\.negativeLogLikelihood)) (\(samples) samples of each of \(estimates.count) pictures)
            """,
            """
            KL = mutual information \(decimals(split.mutualInformation, 2)) + KL(q(z) || p(z)) \
            \(decimals(split.marginalDivergence, 2)) (\(posteriors.count) pictures)
            """,
        ]
    }
}
