import RestoreConcurrency
import Glibc
import RestoreNN
import TestSupport
import Testing

/// What is particular to the losses of distributions and of hidden units.
@Suite struct LatentLossTests {
    private let pool = WorkerPool(workerCount: 2)

    private func latents(_ values: [Float], examples: Int) -> Tensor {
        Tensor(
            shape: Shape(batch: examples, height: 1, width: 1, channels: values.count / examples), values: values)
    }

    // MARK: Gaussian likelihood

    /// Below the floor the variance is the floor's and has no gradient; the mean still has one.
    @Test func aFloorHoldsTheDeviation() throws {
        let loss = GaussianNegativeLogLikelihood(includesConstant: false, deviationFloor: 0.01)
        let inputs = [[0.5, 0.5], [-20, 0], [0.52, 0.52]].map { latents($0, examples: 1) }
        let (value, gradients) = try evaluate(loss, inputs, pool: pool)
        let terms = [log(0.01) + 0.5 * pow(0.02 / 0.01, 2), 0.5 * 0.02 * 0.02]
        #expect(abs(value - terms[0] - terms[1]) < 1e-5)
        expectClose(
            gradients[0].values, [-0.02 / 1e-4, -0.02], "mean", tolerance: Tolerance(absolute: 1e-6, relative: 1e-5))
        #expect(gradients[1].values[0] == 0)
        expectClose([gradients[1].values[1]], [0.5 * (1 - 0.02 * 0.02)], "log variance")
    }

    // MARK: Divergence

    @Test func equalDistributionsDoNotDiverge() throws {
        var generator = SeededGenerator(seed: 181)
        let shape = Shape(batch: 2, height: 1, width: 1, channels: 9)
        let (mean, logVariance) = (generator.tensor(shape), generator.tensor(shape))
        let (value, gradients) = try evaluate(
            KLDivergence(), [mean, logVariance, mean, logVariance], pool: pool)
        #expect(value == 0 && gradients.allSatisfy { $0.values.allSatisfy { $0 == 0 } })
        let zeros = Tensor(zeros: shape)
        #expect(try evaluate(KLDivergence(), [zeros, zeros], pool: pool).value == 0)
        let standard = try evaluate(KLDivergence(), [mean, logVariance], pool: pool)
        let pair = try evaluate(KLDivergence(), [mean, logVariance, zeros, zeros], pool: pool)
        #expect(standard.value == pair.value)
    }

    /// The mean over the batch decides, dimension by dimension.
    @Test func freeBitsHoldBackTheGradient() throws {
        // Means whose divergence is ½ μ²: 0.5 and 0.02 on average, and 2 and 0 in the third dimension.
        let mean = latents([1, 0.2, 2, 1, -0.2, 0], examples: 2)
        let logVariance = Tensor(zeros: mean.shape)
        let (value, gradients) = try evaluate(KLDivergence(freeBits: 0.1), [mean, logVariance], pool: pool)
        #expect(abs(value - (0.5 + 0.1 + 1)) < 1e-6)
        expectClose(gradients[0].values, [0.5, 0, 1, 0.5, 0, 0], "mean")
    }

    // MARK: Sparsity

    @Test func unitsAtTheirActivityCostNothing() throws {
        let (value, gradients) = try evaluate(
            SparsityKL(activity: 0.25), [latents([0, 0.25, 0.5, 0.25], examples: 2)], pool: pool)
        #expect(abs(value) < 1e-12 && gradients[0].values.allSatisfy { abs($0) < 1e-6 })
    }

    /// A unit that is never or always active is pushed back, with a finite gradient that is the slope.
    @Test func aDeadUnitIsPushed() throws {
        func divergence(_ a: Float) throws -> (Double, Float) {
            let found = try evaluate(SparsityKL(activity: 0.05), [latents([a], examples: 1)], pool: pool)
            return (found.value, found.gradients[0].values[0])
        }
        for (dead, sign) in [(Float(0), Float(-1)), (1, 1)] {
            let (value, slope) = try divergence(dead)
            #expect(value.isFinite && slope.isFinite && slope * sign > 1e4)
            let difference = try divergence(dead + 0.25).0 - divergence(dead - 0.25).0
            #expect(difference.isFinite)
        }
        let slope = try divergence(0).1
        let difference = try (divergence(-0.5).0 - divergence(-1).0) / 0.5
        #expect(abs(difference - Double(slope)) < 1e-3 * abs(difference))
    }

    @Test func aSilentUnitHasNoPenalty() throws {
        let (value, gradients) = try evaluate(ActivityPenalty(), [latents([0, -3, 2, 0], examples: 2)], pool: pool)
        #expect(value == 2.5 && gradients[0].values == [0, -0.5, 0.5, 0])
    }
}
