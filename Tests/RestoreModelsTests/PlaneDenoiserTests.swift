import RestoreConcurrency
import RestoreModels
import RestoreNN
import Testing

/// The vector field of a denoising autoencoder in the plane.
@Suite struct PlaneDenoiserTests {
    private let pool = WorkerPool(workerCount: 2)

    private func noisy(_ density: PlaneDensity, _ count: Int, noise: Double, seed: UInt64) -> [SIMD2<Double>] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            density.draw(using: &generator) + noise * SIMD2(generator.normal(), generator.normal())
        }
    }

    /// Stein's identity, E[s(x)·xᵀ] = −I and E[s(x)] = 0, holds for the score s of what x is drawn from, and only for that.
    @Test(arguments: [0.0, 0.2]) func theScoreIsThatOfTheMixture(noise: Double) throws {
        let points = noisy(.mixture, 200_000, noise: noise, seed: 4)
        var (sum, products) = (SIMD2<Double>.zero, [SIMD2<Double>.zero, SIMD2<Double>.zero])
        for point in points {
            let score = try #require(PlaneDensity.mixture.score(at: point, noise: noise))
            sum += score
            for axis in 0..<2 { products[axis] += score[axis] * point }
        }
        let count = Double(points.count)
        #expect(abs(sum.x / count) < 0.03 && abs(sum.y / count) < 0.03, "\(sum / count)")
        for axis in 0..<2 {
            for other in 0..<2 {
                let value = products[axis][other] / count
                #expect(abs(value - (axis == other ? -1 : 0)) < 0.03, "\(axis) \(other): \(value)")
            }
        }
        #expect(PlaneDensity.circle.score(at: .zero, noise: noise) == nil)
    }

    /// g(f(x)) − x = σ²∇log p_σ(x), as far as a network of this size learns it.
    @Test func itsFieldIsTheScoreOfTheMixture() throws {
        let settings = PlaneDenoiser.Settings()
        let denoiser = try PlaneDenoiser(.mixture, settings: settings, pool: pool)
        let points = noisy(.mixture, 2000, noise: settings.noise, seed: 9)
        let field = try denoiser.field(at: points)
        let agreement = try #require(
            FieldAgreement(field, points: points, density: .mixture, noise: settings.noise))
        #expect(agreement.cosine > 0.99 && agreement.relativeError < 0.1, "\(agreement)")
        // Not with the score of a density that is smoothed more or less than it is.
        let other = try #require(FieldAgreement(field, points: points, density: .mixture, noise: 0.4))
        #expect(other.relativeError > 0.3, "\(other)")
    }

    @Test(arguments: [PlaneDensity.circle, .spiral]) func itPointsBackToTheManifold(density: PlaneDensity) throws {
        var settings = PlaneDenoiser.Settings()
        (settings.steps, settings.noise) = (2000, 0.1)
        let denoiser = try PlaneDenoiser(density, settings: settings, pool: pool)
        let points = noisy(density, 400, noise: settings.noise, seed: 9)
        let moved = zip(points, try denoiser.field(at: points)).map { $0 + $1 }
        func mean(_ points: [SIMD2<Double>]) throws -> Double {
            let distances = points.compactMap { density.distance(to: $0) }
            try #require(distances.count == points.count)
            return distances.reduce(0, +) / Double(distances.count)
        }
        let (before, after) = (try mean(points), try mean(moved))
        // The distance of a normal variable from 0 is 0.8 of its deviation.
        #expect(before > 0.05 && after < 0.5 * before, "\(before), \(after)")
    }
}
