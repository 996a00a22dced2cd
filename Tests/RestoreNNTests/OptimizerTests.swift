import RestoreConcurrency
import Glibc
import RestoreNN
import TestSupport
import Testing

@Suite struct OptimizerTests {
    private let pool = WorkerPool(workerCount: 2)

    @Test func scheduleRisesThenFallsAlongACosine() {
        let schedule = LearningRateSchedule(peak: 0.8, warmupSteps: 4, totalSteps: 104)
        let rising: [Float] = [0.2, 0.4, 0.6, 0.8]
        expectClose((0..<4).map { schedule.learningRate(step: $0) }, rising, "warm-up")
        #expect(schedule.learningRate(step: 4) == 0.8)
        for (step, share) in [(29, 0.853553390593), (54, 0.5), (79, 0.146446609407), (103, 0.000246719817)] {
            expectClose(
                [schedule.learningRate(step: step)], [Float(0.8 * share)], "step \(step)",
                tolerance: Tolerance(absolute: 1e-8, relative: 1e-5))
        }
        #expect(schedule.learningRate(step: 104) == 0 && schedule.learningRate(step: 5000) == 0)
        let rates = (4...104).map { schedule.learningRate(step: $0) }
        #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 > $1 })
    }

    /// Where time is ahead of the steps the schedule follows it, and without a number of steps time alone.
    @Test func timeEndsASchedule() {
        let timed = LearningRateSchedule(peak: 0.8, warmupSteps: 4, totalSteps: nil)
        #expect(timed.learningRate(step: 1) == 0.4)
        // Also where the time is over before the warm-up is.
        #expect(timed.learningRate(step: 1, timeProgress: 1) == 0)
        #expect(timed.learningRate(step: 4) == 0.8 && timed.learningRate(step: 4000) == 0.8)
        #expect(abs(timed.learningRate(step: 50, timeProgress: 0.5) - 0.4) < 1e-6)
        #expect(timed.learningRate(step: 50, timeProgress: 1) == 0)
        let both = LearningRateSchedule(peak: 0.8, warmupSteps: 4, totalSteps: 104)
        #expect(both.learningRate(step: 54, timeProgress: 0.1) == both.learningRate(step: 54))
        #expect(both.learningRate(step: 54, timeProgress: 0.75) == both.learningRate(step: 79))
    }

    /// An optimizer and an average made of the state of others go on as they would.
    @Test func stateIsAllThatThereIs() {
        var generator = SeededGenerator(seed: 149)
        let gradients = (0..<6).map { _ in generator.values(40) }
        var parameters = generator.values(40)
        var optimizer = Optimizer.adamW(parameterCount: 40)
        var average = ExponentialMovingAverage(decay: 0.9, values: parameters)
        var (copy, copied): ([Float], (Optimizer, ExponentialMovingAverage)) = ([], (optimizer, average))
        for (index, gradient) in gradients.enumerated() {
            if index == 3 {
                copy = parameters
                copied.0 = Optimizer(
                    optimizer.groups, settings: optimizer.settings, firstMoments: optimizer.firstMoments,
                    secondMoments: optimizer.secondMoments, step: optimizer.step)
                copied.1 = ExponentialMovingAverage(decay: 0.9, values: average.values, step: average.step)
            }
            optimizer.update(&parameters, gradients: gradient, learningRate: 0.01, pool: pool)
            average.update(parameters, pool: pool)
            guard index >= 3 else { continue }
            copied.0.update(&copy, gradients: gradient, learningRate: 0.01, pool: pool)
            copied.1.update(copy, pool: pool)
        }
        #expect(copy == parameters && copied.1.values == average.values)
    }

    @Test func schedulesAtTheEdge() {
        #expect(LearningRateSchedule(peak: 1, warmupSteps: 0, totalSteps: 10).learningRate(step: 0) == 1)
        #expect(LearningRateSchedule(peak: 1, warmupSteps: 5, totalSteps: 5).learningRate(step: 4) == 1)
        #expect(LearningRateSchedule(peak: 1, warmupSteps: 0, totalSteps: 0).learningRate(step: 0).isFinite)
        #expect(LearningRateSchedule(peak: 1, warmupSteps: 9, totalSteps: 5).learningRate(step: 8) == 1)
    }

    @Test func averageForgetsTheStart() {
        var average = ExponentialMovingAverage(decay: 0.5, values: [10, -10])
        // The decays of the first updates are 2/11, 3/12, 4/13 … until they reach 0.5.
        var expected = [10.0, -10.0]
        for step in 1...20 {
            let parameters = [Float(step), 1]
            average.update(parameters, pool: pool)
            let decay = min(0.5, Double(1 + step) / Double(10 + step))
            for index in 0..<2 {
                expected[index] = decay * expected[index] + (1 - decay) * Double(parameters[index])
            }
            expectClose(average.values, expected.map { Float($0) }, "update \(step)")
            #expect(average.step == step)
        }
        #expect(average.decay == 0.5)
    }

    @Test func averageOfManyValues() {
        var generator = SeededGenerator(seed: 141)
        let (start, next) = (generator.values(50_001), generator.values(50_001))
        var average = ExponentialMovingAverage(decay: 0.9, values: start)
        average.update(next, pool: pool)
        expectClose(
            average.values, zip(start, next).map { $0 + (1 - 2 / 11) * ($1 - $0) }, "average", seed: 141)
    }

    @Test func gradientsAreClippedAtTheNorm() {
        var gradients: [Float] = [3, 0, -4]
        #expect(clipGradientNorm(&gradients, maximum: 5, pool: pool) == 5)
        #expect(gradients == [3, 0, -4])
        #expect(clipGradientNorm(&gradients, maximum: 1, pool: pool) == 5)
        expectClose(gradients, [0.6, 0, -0.8], "clipped", tolerance: Tolerance(absolute: 0, relative: 1e-6))
        #expect(clipGradientNorm(&gradients, maximum: 10, pool: pool).isFinite)
        var none: [Float] = []
        #expect(clipGradientNorm(&none, maximum: 1, pool: pool) == 0)
        var zeros: [Float] = [0, 0]
        #expect(clipGradientNorm(&zeros, maximum: 1, pool: pool) == 0)
        #expect(zeros == [0, 0])
    }

    @Test func normOfManyGradients() {
        var generator = SeededGenerator(seed: 142)
        var gradients = generator.values(100_003)
        let before = gradients
        let expected = norm(gradients)
        let found = clipGradientNorm(&gradients, maximum: 2, pool: pool)
        #expect(abs(Double(found) / expected - 1) < 1e-6)
        #expect(abs(norm(gradients) / 2 - 1) < 1e-5)
        expectClose(gradients, before.map { $0 * 2 / Float(expected) }, "clipped", seed: 142)
    }

    /// A gradient that is no number must be seen by whoever looks at the norm.
    @Test func aNaNShowsInTheNorm() {
        var gradients: [Float] = [1, .nan, 2]
        #expect(clipGradientNorm(&gradients, maximum: 1, pool: pool).isNaN)
        #expect(gradients[0] == 1 && gradients[2] == 2)
        gradients = [1, .infinity]
        #expect(clipGradientNorm(&gradients, maximum: 1, pool: pool) == .infinity)
        // Squares beyond single precision.
        gradients = [1e30, 1e30]
        #expect(abs(clipGradientNorm(&gradients, maximum: 1, pool: pool) / 1.4142136e30 - 1) < 1e-6)
        expectClose(gradients, [0.70710678, 0.70710678], "clipped")
    }

    /// Against the algorithm in double precision, over many steps and values.
    @Test func adamWFollowsItsDefinition() {
        var generator = SeededGenerator(seed: 143)
        let count = 20_000
        let settings = Optimizer.Settings(beta1: 0.8, beta2: 0.99, epsilon: 1e-6)
        let weightDecay: Float = 0.05
        var parameters = generator.values(count)
        var optimizer = Optimizer.adamW(parameterCount: count, weightDecay: weightDecay, settings: settings)
        let (beta1, beta2) = (Double(settings.beta1), Double(settings.beta2))
        var p = parameters.map(Double.init)
        var m = [Double](repeating: 0, count: count)
        var v = m
        for step in 1...10 {
            let gradients = generator.values(count)
            let rate = Float(0.1) / Float(step)
            optimizer.update(&parameters, gradients: gradients, learningRate: rate, pool: pool)
            for i in 0..<count {
                let g = Double(gradients[i])
                m[i] = beta1 * m[i] + (1 - beta1) * g
                v[i] = beta2 * v[i] + (1 - beta2) * g * g
                let mean = m[i] / (1 - pow(beta1, Double(step)))
                let square = v[i] / (1 - pow(beta2, Double(step)))
                p[i] -= Double(rate) * Double(weightDecay) * p[i]
                p[i] -= Double(rate) * mean / (square.squareRoot() + Double(settings.epsilon))
            }
            expectClose(parameters, p.map { Float($0) }, "step \(step)", seed: 143)
        }
        #expect(optimizer.step == 10 && optimizer.settings == settings)
        expectClose(optimizer.firstMoments, m.map { Float($0) }, "first moments", seed: 143)
        expectClose(optimizer.secondMoments, v.map { Float($0) }, "second moments", seed: 143)
    }

    @Test func aFreshAdamWLeavesWhatHasNoGradient() {
        var parameters: [Float] = [1, -2]
        var optimizer = Optimizer.adamW(parameterCount: 2, weightDecay: 0)
        optimizer.update(&parameters, gradients: [0, 0], learningRate: 1, pool: pool)
        #expect(parameters == [1, -2])
        // The first step has the length of the learning rate, whatever the gradient's size.
        optimizer = Optimizer.adamW(parameterCount: 2, weightDecay: 0)
        optimizer.update(&parameters, gradients: [1e-3, -1e3], learningRate: 0.25, pool: pool)
        expectClose(parameters, [0.75, -1.75], "first step")
    }
}
