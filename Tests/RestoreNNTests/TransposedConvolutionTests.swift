import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Transposed convolution against the naive twin: it is the input gradient of the convolution that goes the other way.
@Suite struct TransposedConvolutionTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    @Test(arguments: 0..<8) func agreesWithNaiveTwinOnRandomSizes(part: Int) throws {
        var generator = SeededGenerator(seed: 32, path: UInt64(part))
        var round = 0
        while round < 80 {
            let naive = NaiveConvolution.random(&generator)
            guard naive.mode == .zero, isSymmetric(naive.padding) else { continue }
            try check(naive, seed: UInt64(1000 * part + round))
            round += 1
        }
    }

    private static let corners: [NaiveConvolution] = [
        NaiveConvolution(
            input: Shape(batch: 1, height: 1, width: 1, channels: 1), outputChannels: 1, kernel: 1),
        // Windows that tile, in several blocks, and with rows left over.
        NaiveConvolution(
            input: Shape(batch: 3, height: 50, width: 44, channels: 5), outputChannels: 6, kernel: 2,
            stride: 2),
        NaiveConvolution(
            input: Shape(batch: 1, height: 7, width: 9, channels: 3), outputChannels: 4, kernel: 2, stride: 2),
        NaiveConvolution(
            input: Shape(batch: 2, height: 9, width: 6, channels: 3), outputChannels: 4,
            kernel: Extent(height: 3, width: 2), stride: Extent(height: 3, width: 2)),
        // Windows that overlap, in several bands of rows.
        NaiveConvolution(
            input: Shape(batch: 2, height: 72, width: 18, channels: 3), outputChannels: 5, kernel: 4,
            stride: 2,
            padding: 1),
        NaiveConvolution(
            input: Shape(batch: 1, height: 70, width: 40, channels: 3), outputChannels: 2, kernel: 3,
            padding: 1),
        // Pixels that no window reaches.
        NaiveConvolution(
            input: Shape(batch: 1, height: 13, width: 14, channels: 3), outputChannels: 5, kernel: 1,
            stride: 4),
        NaiveConvolution(
            input: Shape(batch: 1, height: 6, width: 6, channels: 530), outputChannels: 5, kernel: 3,
            stride: 2,
            padding: 1),
    ]

    @Test(arguments: corners) func agreesWithNaiveTwinAtCorners(_ naive: NaiveConvolution) throws {
        try check(naive, seed: 7)
    }

    private func isSymmetric(_ padding: Padding) -> Bool {
        padding.top == padding.bottom && padding.left == padding.right
    }

    /// Takes the values of `naive`'s output to values of its input, with gradients by every algorithm that can compute them.
    private func check(_ naive: NaiveConvolution, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let input = generator.tensor(naive.output)
        let gradient = generator.tensor(naive.input)
        let weight = generator.values(naive.weightCount)
        let bias = generator.values(naive.hasBias ? naive.input.channels : 0)
        let expected = expected(naive, input, gradient, weight, bias)
        for algorithm in naive.algorithms {
            let name = "transposed \(naive), \(algorithm)"
            let network = network(of: transposed(naive)).computing(by: algorithm)
            let results = try pools.map {
                try train(network, [input], parameters: weight + bias, outputGradients: [gradient], pool: $0)
            }
            #expect(results[0] == results[1], "\(name), one worker and four")
            compare(results[0], expected, naive, algorithm, seed: seed)
            let inferred = try infer(network, [input], parameters: weight + bias, pool: pools[1])[0]
            expectSameBits(
                inferred.values, results[0].outputs[0].values, "\(name), inference and training", seed: seed)
        }
    }

    /// What the twin computes, in double precision.
    private func expected(
        _ naive: NaiveConvolution, _ input: Tensor, _ gradient: Tensor, _ weight: [Float], _ bias: [Float]
    ) -> TrainingResult {
        var forward = naive.inputGradient(input.values, weight: weight)
        if naive.hasBias {
            for index in forward.indices { forward[index] += bias[index % naive.input.channels] }
        }
        var biasGradient = [Double](repeating: 0, count: naive.input.channels)
        for (index, value) in gradient.values.enumerated() {
            biasGradient[index % naive.input.channels] += Double(value)
        }
        return TrainingResult(
            outputs: [Tensor(shape: naive.input, values: forward)],
            inputGradients: [
                Tensor(shape: naive.output, values: naive.forward(gradient.values, weight: weight, bias: nil))
            ],
            parameterGradients: naive.weightGradient(input.values, gradient.values)
                + (naive.hasBias ? biasGradient.map { Float($0) } : []))
    }

    private func compare(
        _ found: TrainingResult, _ expected: TrainingResult, _ naive: NaiveConvolution,
        _ algorithm: ConvolutionAlgorithm, seed: UInt64
    ) {
        let name = "transposed \(naive), \(algorithm)"
        let taps = naive.kernel.height * naive.kernel.width
        #expect(found.outputs[0].shape == naive.input, "\(name)")
        // Forward, columns are added onto the picture, whatever the algorithm.
        expectClose(
            found.outputs[0].values, expected.outputs[0].values, name,
            tolerance: ConvolutionAlgorithm.im2col.tolerance(terms: naive.outputChannels * taps), seed: seed)
        expectClose(
            found.inputGradients[0].values, expected.inputGradients[0].values, "\(name), input gradient",
            tolerance: algorithm.tolerance(terms: naive.input.channels * taps), seed: seed)
        let pixels = max(naive.output.pixels, naive.hasBias ? naive.input.pixels : 0)
        expectClose(
            found.parameterGradients, expected.parameterGradients, "\(name), parameter gradient",
            tolerance: algorithm.tolerance(terms: pixels), seed: seed)
    }
}

/// The transposed convolution that goes back from `naive`'s output to its input; its padding must be symmetric.
func transposed(_ naive: NaiveConvolution) -> TransposedConvolution {
    let padding = naive.padding
    func rest(_ side: Int, _ pads: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Int {
        (side + pads - dilation * (kernel - 1) - 1) % stride
    }
    return TransposedConvolution(
        inputChannels: naive.outputChannels, outputChannels: naive.input.channels, kernel: naive.kernel,
        stride: naive.stride, dilation: naive.dilation,
        padding: Extent(height: padding.top, width: padding.left),
        outputPadding: Extent(
            height: rest(
                naive.input.height, padding.top + padding.bottom, naive.kernel.height, naive.stride.height,
                naive.dilation.height),
            width: rest(
                naive.input.width, padding.left + padding.right, naive.kernel.width, naive.stride.width,
                naive.dilation.width)),
        hasBias: naive.hasBias)
}
