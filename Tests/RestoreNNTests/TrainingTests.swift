import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// A small convolutional autoencoder learns to take noise away, and does so in the same way every time.
@Suite struct TrainingTests {
    private let pool = WorkerPool(workerCount: 3)
    private let shape = Shape(batch: 4, height: 16, width: 16, channels: 1)
    private let steps = 120
    private let loss = DifferenceLoss(.charbonnier(epsilon: 0.03))

    /// 16×16×1 → 8×8×12 → 4×4×16 and back.
    private var autoencoder: Network {
        var network = Network()
        var value = network.input("noisy")
        let layers: [(String, any Operator)] = [
            ("head", Convolution(inputChannels: 1, outputChannels: 8, kernel: 3, padding: 1)),
            ("active.0", Activation(.silu)),
            ("down.0", Convolution(inputChannels: 8, outputChannels: 12, kernel: 2, stride: 2)),
            ("active.1", Activation(.leakyReLU(slope: 0.1))),
            ("down.1", Convolution(inputChannels: 12, outputChannels: 16, kernel: 3, stride: 2, padding: 1)),
            ("normal", GroupNormalization(channels: 16, groups: 4)),
            ("active.2", Activation(.silu)),
            ("up.0", TransposedConvolution(inputChannels: 16, outputChannels: 12, kernel: 2, stride: 2)),
            ("active.3", Activation(.relu)),
            (
                "up.1",
                TransposedConvolution(inputChannels: 12, outputChannels: 8, kernel: 4, stride: 2, padding: 1)
            ),
            (
                "tail",
                Convolution(inputChannels: 8, outputChannels: 1, kernel: 3, padding: 1, paddingMode: .reflect)
            ),
        ]
        for (name, operation) in layers { value = network.add(name, operation, value) }
        network.output(value)
        return network
    }

    /// Smooth waves, and the same with noise.
    private func batch() -> (noisy: Tensor, clean: Tensor) {
        var generator = SeededGenerator(seed: 161)
        var clean = Tensor(zeros: shape)
        for n in 0..<shape.batch {
            let (along, across) = (0.2 + 0.4 * generator.uniform(), 0.2 + 0.4 * generator.uniform())
            let phase = 6 * generator.uniform()
            for y in 0..<shape.height {
                for x in 0..<shape.width {
                    clean[n, y, x, 0] = 0.5 + 0.4 * wave(phase + along * Double(x) + across * Double(y))
                }
            }
        }
        let noisy = clean.values.map { $0 + Float(0.1 * generator.normal()) }
        return (Tensor(shape: shape, values: noisy), clean)
    }

    /// A triangle of height ±1 and period 4.
    private func wave(_ position: Double) -> Float {
        let rest = position.truncatingRemainder(dividingBy: 4)
        return Float(rest < 2 ? rest - 1 : 3 - rest)
    }

    private func curve(pool: WorkerPool) throws -> [Float] {
        let graph = TrainingGraph(autoencoder, loss: loss, name: "loss")
        let network = graph.network
        let (noisy, clean) = batch()
        var parameters = Parameters(initializing: network, seed: 162)
        let plan = try TrainingPlan(
            network, inputShapes: [shape, shape], objective: graph.objective, pool: pool)
        let schedule = LearningRateSchedule(peak: 0.006, warmupSteps: 10, totalSteps: steps)
        var optimizer = Optimizer.adamW(parameterCount: parameters.values.count)
        var losses: [Float] = []
        for step in 0..<steps {
            plan.input(0).update(from: noisy.values, count: noisy.values.count)
            plan.input(1).update(from: clean.values, count: clean.values.count)
            plan.forward(parameters: parameters.values)
            losses.append(Float(plan.termValues[0]))
            var gradients = [Float](repeating: 0, count: parameters.values.count)
            plan.backward(weights: [1], parameters: parameters.values, parameterGradients: &gradients)
            _ = clipGradientNorm(&gradients, maximum: 1, pool: pool)
            optimizer.update(
                &parameters.values, gradients: gradients, learningRate: schedule.learningRate(step: step),
                pool: pool)
        }
        return losses
    }

    /// The losses of every tenth step, recorded from this program.
    private static let recorded: [Float] = [
        0.5225242, 0.2687769, 0.14702427, 0.09029758, 0.07330558, 0.062101386, 0.057745486, 0.05475323,
        0.05312025,
        0.052171413, 0.051675953, 0.051486142,
    ]

    @Test func theLossFollowsTheRecordedCurve() throws {
        let losses = try curve(pool: pool)
        expectClose(
            stride(from: 0, to: steps, by: 10).map { losses[$0] }, Self.recorded, "training curve",
            tolerance: Tolerance(absolute: 0, relative: 2e-4))
        // It ends far below where it started, and nearer to the clean pictures than the noisy ones are.
        let (noisy, clean) = batch()
        let untreated = try evaluate(loss, noisy.values, clean.values, pool: pool).value
        #expect(losses[steps - 1] < losses[0] / 8)
        #expect(Double(losses[steps - 1]) < 0.7 * untreated)
    }

    @Test func theCurveDoesNotDependOnTheWorkers() throws {
        expectSameBits(
            try curve(pool: WorkerPool(workerCount: 1)), try curve(pool: WorkerPool(workerCount: 7)),
            "training curve")
    }
}
