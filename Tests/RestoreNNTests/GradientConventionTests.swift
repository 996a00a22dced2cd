import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// `backward` adds to the gradients of parameters and overwrites the gradients of inputs. `train` fills the memory of
/// activations and gradients with NaN before each pass, so that what is added to or left unwritten shows.
@Suite struct GradientConventionTests {
    private let pool = WorkerPool(workerCount: 3)

    private static let shape = Shape(batch: 2, height: 6, width: 8, channels: 4)

    private static let operators: [any Operator & Sendable] = [
        Convolution(inputChannels: 4, outputChannels: 5, kernel: 3, padding: 1),
        Convolution(inputChannels: 4, outputChannels: 5, kernel: 2, stride: 2),
        Convolution(
            inputChannels: 4, outputChannels: 5, kernel: 3, stride: 2, padding: 2, paddingMode: .reflect),
        Convolution(inputChannels: 4, outputChannels: 5, kernel: 1),
        TransposedConvolution(inputChannels: 4, outputChannels: 3, kernel: 2, stride: 2),
        TransposedConvolution(inputChannels: 4, outputChannels: 3, kernel: 3, stride: 2, padding: 1),
        Dense(inputFeatures: 192, outputFeatures: 7), GroupNormalization(channels: 4, groups: 2),
        Activation(.silu), Slice(channels: 1..<3), Pooling(.average, kernel: 2),
        Pooling(.max, kernel: 3, stride: 2), PixelShuffle(factor: 2), PixelUnshuffle(factor: 2),
    ]

    @Test(arguments: operators.indices) func calledTwice(index: Int) throws {
        let operation = Self.operators[index]
        let network = network(of: operation)
        var generator = SeededGenerator(seed: 71, path: UInt64(index))
        let input = generator.tensor(Self.shape)
        let parameters = randomParameters(network, seed: 71)
        let output = try train(network, [input], parameters: parameters, pool: pool).outputs[0]
        let gradient = generator.tensor(output.shape)
        func pass(_ accumulated: [Float], rounds: Int) throws -> TrainingResult {
            try train(
                network, [input], parameters: parameters, outputGradients: [gradient],
                accumulated: accumulated,
                rounds: rounds, pool: pool)
        }
        let zeros = [Float](repeating: 0, count: parameters.count)
        let once = try pass(zeros, rounds: 1)
        let twice = try pass(zeros, rounds: 2)
        #expect(
            once.inputGradients == twice.inputGradients, "\(operation.kind): input gradients are overwritten")
        let exact = Tolerance(absolute: 1e-6, relative: 1e-6)
        expectClose(
            twice.parameterGradients, once.parameterGradients.map { 2 * $0 }, "\(operation.kind), twice",
            tolerance: exact, seed: 71)
        let before = generator.values(parameters.count)
        expectClose(
            try pass(before, rounds: 1).parameterGradients, zip(before, once.parameterGradients).map(+),
            "\(operation.kind), onto other gradients", tolerance: exact, seed: 71)
        #expect(operation.parameters.isEmpty || norm(once.parameterGradients) > 0.1)
    }

    // MARK: Several inputs

    /// The numbers of the network's inputs that an operator reads, in the order in which it reads them.
    private static let readings = [
        [0], [0, 1], [0, 1, 2], [0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 1, 2], [2, 2, 0, 1],
    ]

    /// Several pieces of elementwise work: 4 channels of 2·97·61 pixels.
    private static let large = Shape(batch: 2, height: 97, width: 61, channels: 4)

    /// Each input of a sum gets the gradient of the output, as often as it is read.
    @Test(arguments: readings) func gradientsOfASum(order: [Int]) throws {
        var generator = SeededGenerator(seed: 73)
        let network = network(of: Add(), reading: order)
        let inputs = network.inputs.map { _ in generator.tensor(Self.large) }
        let gradient = generator.tensor(Self.large)
        for rounds in [1, 2] {
            let found = try train(network, inputs, outputGradients: [gradient], rounds: rounds, pool: pool)
            let sums = order.map { inputs[$0].values }
            expectClose(
                found.outputs[0].values, gradient.values.indices.map { i in sums.reduce(0) { $0 + $1[i] } },
                "sum of \(order)", seed: 73)
            for (index, inputGradient) in found.inputGradients.enumerated() {
                let times = Float(order.count { $0 == index })
                expectClose(
                    inputGradient.values, gradient.values.map { times * $0 },
                    "input \(index) of \(order), \(rounds) rounds", tolerance: Tolerance(absolute: 0, relative: 1e-6),
                    seed: 73)
            }
        }
    }

    /// Each input of a concatenation gets its own channels of the output's gradient, and the sum of them where it is
    /// read more than once.
    @Test(arguments: readings) func gradientsOfAConcatenation(order: [Int]) throws {
        var generator = SeededGenerator(seed: 74)
        let network = network(of: Concatenate(), reading: order)
        let inputs = network.inputs.indices.map { index in
            var shape = Self.large
            shape.channels = [3, 1, 4][index]
            return generator.tensor(shape)
        }
        let widths = order.map { inputs[$0].shape.channels }
        var shape = Self.large
        shape.channels = widths.reduce(0, +)
        let gradient = generator.tensor(shape)
        /// The channels that reading number `place` gives, pixel by pixel.
        func part(_ values: [Float], _ place: Int) -> [Float] {
            let first = widths.prefix(place).reduce(0, +)
            return (0..<shape.pixels).flatMap { pixel -> ArraySlice<Float> in
                let start = pixel * shape.channels + first
                return values[start..<(start + widths[place])]
            }
        }
        for rounds in [1, 2] {
            let found = try train(network, inputs, outputGradients: [gradient], rounds: rounds, pool: pool)
            for (place, index) in order.enumerated() {
                expectSameBits(
                    part(found.outputs[0].values, place), inputs[index].values, "reading \(place) of \(order)", seed: 74
                )
            }
            for (index, inputGradient) in found.inputGradients.enumerated() {
                let parts = order.indices.filter { order[$0] == index }.map { part(gradient.values, $0) }
                let expected = inputGradient.values.indices.map { i in parts.reduce(0) { $0 + $1[i] } }
                expectClose(
                    inputGradient.values, expected, "input \(index) of \(order), \(rounds) rounds",
                    tolerance: Tolerance(absolute: 0, relative: 1e-6), seed: 74)
            }
        }
    }

    @Test func wholeNetworkCalledTwice() throws {
        let network = networkOfAllOperators(height: 16, width: 12)
        var generator = SeededGenerator(seed: 72)
        let input = generator.tensor(Shape(batch: 2, height: 16, width: 12, channels: 4))
        let parameters = randomParameters(network, seed: 72)
        let outputs = try train(network, [input], parameters: parameters, pool: pool).outputs
        let gradients = outputs.map { generator.tensor($0.shape) }
        let once = try train(network, [input], parameters: parameters, outputGradients: gradients, pool: pool)
        let twice = try train(
            network, [input], parameters: parameters, outputGradients: gradients, rounds: 2, pool: pool)
        #expect(once.inputGradients == twice.inputGradients)
        expectClose(
            twice.parameterGradients, once.parameterGradients.map { 2 * $0 }, "whole network", seed: 72)
    }
}
