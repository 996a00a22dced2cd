import RestoreNN
import TestSupport
import Testing

/// Convolution and all its gradients against the naive twin.
@Suite struct ConvolutionTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    @Test(arguments: 0..<8) func agreesWithNaiveTwinOnRandomSizes(part: Int) throws {
        var generator = SeededGenerator(seed: 31, path: UInt64(part))
        for round in 0..<100 {
            try check(NaiveConvolution.random(&generator), seed: UInt64(1000 * part + round))
        }
    }

    /// Sizes at which the code takes another way: one pixel, pointwise, windows that tile, strides above the kernel,
    /// padding above it, several blocks of windows, several bands of rows, a column matrix too wide for a block.
    private static let corners: [NaiveConvolution] = [
        NaiveConvolution(
            input: Shape(batch: 1, height: 1, width: 1, channels: 1), outputChannels: 1, kernel: 1),
        NaiveConvolution(
            input: Shape(batch: 2, height: 1, width: 1, channels: 3), outputChannels: 17, kernel: 3,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 2, height: 25, width: 31, channels: 7), outputChannels: 5, kernel: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 7, width: 9, channels: 3), outputChannels: 4, kernel: 1, stride: 3),
        NaiveConvolution(
            input: Shape(batch: 1, height: 4, width: 4, channels: 2), outputChannels: 3, kernel: 1,
            padding: Padding(top: 0, bottom: 2, left: 0, right: 1)),
        NaiveConvolution(
            input: Shape(batch: 3, height: 24, width: 32, channels: 5), outputChannels: 6, kernel: 2,
            stride: 2),
        NaiveConvolution(
            input: Shape(batch: 1, height: 9, width: 11, channels: 3), outputChannels: 4, kernel: 2, stride: 5
        ),
        NaiveConvolution(
            input: Shape(batch: 1, height: 3, width: 4, channels: 3), outputChannels: 4, kernel: 3, padding: 7
        ),
        NaiveConvolution(
            input: Shape(batch: 2, height: 64, width: 51, channels: 3), outputChannels: 5, kernel: 3,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 2, height: 71, width: 37, channels: 2), outputChannels: 3, kernel: 3,
            stride: 2,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 67, width: 9, channels: 2), outputChannels: 3, kernel: 5,
            padding: 2,
            mode: .reflect),
        NaiveConvolution(
            input: Shape(batch: 1, height: 66, width: 7, channels: 2), outputChannels: 3, kernel: 3,
            dilation: 17,
            padding: 17, mode: .replicate),
        NaiveConvolution(
            input: Shape(batch: 1, height: 7, width: 7, channels: 520), outputChannels: 5, kernel: 3,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 9, width: 8, channels: 5), outputChannels: 260, kernel: 5,
            stride: 2,
            padding: 2),
    ]

    @Test(arguments: corners) func agreesWithNaiveTwinAtCorners(_ naive: NaiveConvolution) throws {
        try check(naive, seed: 7)
    }

    private func check(_ naive: NaiveConvolution, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let input = generator.tensor(naive.input)
        let gradient = generator.tensor(naive.output)
        let weight = generator.values(naive.weightCount)
        let bias = generator.values(naive.hasBias ? naive.outputChannels : 0)
        let network = network(of: naive.fast)
        let results = try pools.map {
            try train(network, [input], parameters: weight + bias, outputGradients: [gradient], pool: $0)
        }
        #expect(results[0] == results[1], "\(naive), one worker and four")
        let result = results[0]
        #expect(result.outputs[0].shape == naive.output)

        let forward = naive.forward(input.values, weight: weight, bias: naive.hasBias ? bias : nil)
        let fanIn = naive.input.channels * naive.kernel.height * naive.kernel.width
        expectClose(
            result.outputs[0].values, forward, "\(naive)", tolerance: tolerance(terms: fanIn), seed: seed)
        // Outside zero padding a pixel of the edge stands for many.
        let fanOut =
            naive.outputChannels * naive.kernel.height * naive.kernel.width * (naive.mode == .zero ? 1 : 16)
        expectClose(
            result.inputGradients[0].values, naive.inputGradient(gradient.values, weight: weight),
            "\(naive), input gradient", tolerance: tolerance(terms: fanOut), seed: seed)
        let parameterGradient =
            naive.weightGradient(gradient.values, input.values)
            + (naive.hasBias ? naive.biasGradient(gradient.values) : [])
        expectClose(
            result.parameterGradients, parameterGradient, "\(naive), parameter gradient",
            tolerance: tolerance(terms: naive.output.pixels), seed: seed)
        let inferred = try infer(network, [input], parameters: weight + bias, pool: pools[1])[0]
        expectSameBits(
            inferred.values, result.outputs[0].values, "\(naive), inference and training", seed: seed)
    }

    /// Sums of `terms` products of values up to 1 in single precision.
    private func tolerance(terms: Int) -> Tolerance {
        Tolerance(absolute: 1e-6 + 3e-8 * Float(terms), relative: 2e-6)
    }

    @Test func aNaNReachesWhatReadsItAndNothingElse() throws {
        let naive = NaiveConvolution(
            input: Shape(batch: 1, height: 6, width: 7, channels: 3), outputChannels: 4, kernel: 3, padding: 1
        )
        var generator = SeededGenerator(seed: 2)
        var input = generator.tensor(naive.input)
        input[0, 2, 4, 1] = .nan
        let weight = generator.values(naive.weightCount + 4)
        let output = try infer(network(of: naive.fast), [input], parameters: weight, pool: pools[1])[0]
        for y in 0..<6 {
            for x in 0..<7 {
                let touched = abs(y - 2) <= 1 && abs(x - 4) <= 1
                #expect((0..<4).allSatisfy { output[0, y, x, $0].isNaN == touched }, "row \(y), column \(x)")
            }
        }
    }
}
