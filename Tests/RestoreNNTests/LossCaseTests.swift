import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// What holds for every loss: its value and gradients are those of its formula, whatever the number of workers, and
/// what is not a number shows.
@Suite struct LossCaseTests {
    private let pool = WorkerPool(workerCount: 2)

    private func inputs(_ sample: LossCase, large: Bool = false, seed: UInt64) -> [Tensor] {
        var generator = SeededGenerator(seed: seed, path: stableHash(sample.name))
        return sample.inputs(sample.shape(large: large), &generator)
    }

    private func reference(_ sample: LossCase, _ inputs: [[Double]]) -> Double {
        sample.reference(inputs, sample.shape(large: false))
    }

    /// Every partial derivative is compared with the central difference of the formula in double precision.
    @Test(arguments: LossCase.all) func isItsFormula(_ sample: LossCase) throws {
        let inputs = inputs(sample, seed: 161)
        let (value, gradients) = try evaluate(sample.loss, inputs, weight: 0.7, pool: pool)
        var moved = inputs.map { $0.values.map(Double.init) }
        let expected = reference(sample, moved)
        #expect(abs(value - expected) <= 1e-6 * abs(expected) + 1e-7, "\(value), expected \(expected)")
        for index in inputs.indices {
            guard sample.differentiable.contains(index) else {
                #expect(gradients[index].values.allSatisfy { $0 == 0 }, "input \(index) has a gradient")
                continue
            }
            let slopes = moved[index].indices.map { place in
                let (center, step) = (moved[index][place], 1e-5)
                moved[index][place] = center + step
                let above = reference(sample, moved)
                moved[index][place] = center - step
                let below = reference(sample, moved)
                moved[index][place] = center
                return Float(0.7 * (above - below) / (2 * step))
            }
            let scale = slopes.map(abs).max() ?? 0
            expectClose(
                gradients[index].values, slopes, "\(sample.name), gradient of input \(index)",
                tolerance: Tolerance(absolute: 1e-6 * scale + 1e-8, relative: 1e-5), seed: 161)
        }
    }

    /// Along random directions, through the plan.
    @Test(arguments: LossCase.all) func gradientsAreSlopes(_ sample: LossCase) throws {
        let inputs = inputs(sample, seed: 162)
        let gradients = try evaluate(sample.loss, inputs, weight: 1.3, pool: pool).gradients
        var generator = SeededGenerator(seed: 162, path: stableHash(sample.name))
        for index in sample.differentiable {
            let direction = generator.values(inputs[index].values.count)
            // Small enough that hardly any kink is crossed and that activations stay within 0…1.
            let step: Float = 0.001
            func value(_ step: Float) throws -> Double {
                var moved = inputs
                moved[index].values = zip(inputs[index].values, direction).map { $0 + step * $1 }
                return try evaluate(sample.loss, moved, pool: pool).value
            }
            let slope = try 1.3 * (value(step) - value(-step)) / Double(2 * step)
            let expected = dot(gradients[index].values, direction)
            #expect(
                abs(slope - expected) <= 5e-3 * norm(gradients[index].values) + 1e-4,
                "\(sample.name), input \(index): gradient gives \(expected), differences \(slope)")
        }
    }

    @Test(arguments: LossCase.all) func workersDoNotChangeTheBits(_ sample: LossCase) throws {
        let inputs = inputs(sample, large: true, seed: 163)
        let expected = try evaluate(sample.loss, inputs, weight: 0.7, pool: WorkerPool(workerCount: 1))
        #expect(expected.value.isFinite && expected.gradients.allSatisfy { $0.values.allSatisfy(\.isFinite) })
        for workers in [2, 3, 8] {
            let found = try evaluate(sample.loss, inputs, weight: 0.7, pool: WorkerPool(workerCount: workers))
            #expect(found.value.bitPattern == expected.value.bitPattern, "\(sample.name), \(workers) workers")
            for (index, gradient) in found.gradients.enumerated() {
                expectSameBits(
                    gradient.values, expected.gradients[index].values,
                    "\(sample.name), \(workers) workers, gradient of input \(index)", seed: 163)
            }
        }
    }

    /// In any input: a NaN in place of a class or a weight too.
    @Test(arguments: LossCase.all) func aNaNShows(_ sample: LossCase) throws {
        let intact = inputs(sample, seed: 164)
        for index in intact.indices {
            var inputs = intact
            // The first pixel counts.
            for other in 1..<max(1, inputs.count) where !sample.differentiable.contains(other) {
                inputs[other].values[0] = 0.5
            }
            inputs[index].values[0] = .nan
            let (value, gradients) = try evaluate(sample.loss, inputs, pool: pool)
            #expect(value.isNaN, "\(sample.name), input \(index)")
            let shows = sample.differentiable.contains { gradients[$0].values.contains(where: \.isNaN) }
            #expect(shows, "\(sample.name), gradients of a NaN in input \(index)")
        }
    }

    @Test(arguments: LossCase.all, [Float.infinity, -.infinity])
    func anInfinityShows(_ sample: LossCase, infinity: Float) throws {
        for index in sample.differentiable {
            var inputs = inputs(sample, seed: 165)
            // A class may well be impossible.
            if sample.loss is SoftmaxCrossEntropy { inputs[1].values[0] = 0 }
            // A variance of 0 is clamped to the floor.
            if let gaussian = sample.loss as? GaussianNegativeLogLikelihood, gaussian.deviationFloor > 0, index == 1,
                infinity < 0
            {
                continue
            }
            inputs[index].values[0] = infinity
            let value = try evaluate(sample.loss, inputs, pool: pool).value
            #expect(!value.isFinite, "\(sample.name), input \(index)")
        }
    }

    @Test(arguments: LossCase.all.filter { $0.weights != nil })
    func weightsOfZeroGiveZero(_ sample: LossCase) throws {
        var inputs = inputs(sample, seed: 166)
        guard let weights = sample.weights else { return }
        inputs[weights] = Tensor(zeros: inputs[weights].shape)
        let (value, gradients) = try evaluate(sample.loss, inputs, pool: pool)
        #expect(value == 0)
        #expect(gradients.allSatisfy { $0.values.allSatisfy { $0 == 0 } })
        // A NaN shows all the same.
        inputs[0].values[0] = .nan
        if sample.loss is SoftmaxCrossEntropy { inputs[1].values[0] = 0 }
        #expect(try evaluate(sample.loss, inputs, pool: pool).value.isNaN)
    }

    /// Up to rounding.
    @Test(arguments: LossCase.all.filter { $0.weights != nil }) func weightsOfOneChangeNothing(_ sample: LossCase)
        throws
    {
        var inputs = inputs(sample, seed: 167)
        guard let weights = sample.weights else { return }
        inputs[weights].values = inputs[weights].values.map { _ in 1 }
        let weighted = try evaluate(sample.loss, inputs, pool: pool)
        inputs.remove(at: weights)
        let plain = try evaluate(sample.loss, inputs, pool: pool)
        #expect(abs(weighted.value - plain.value) <= 1e-12 * abs(plain.value) + 1e-15)
        for index in sample.differentiable {
            expectClose(
                weighted.gradients[index].values, plain.gradients[index].values, sample.name,
                tolerance: Tolerance(absolute: 0, relative: 1e-6), seed: 167)
        }
    }
}
