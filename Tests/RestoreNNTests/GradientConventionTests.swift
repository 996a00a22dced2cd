import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// `backward` adds to the gradients of parameters and overwrites the gradients of inputs.
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
        Activation(.silu), Add(), Concatenate(), Slice(channels: 1..<3), Pooling(.average, kernel: 2),
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
