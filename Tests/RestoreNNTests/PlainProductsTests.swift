import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// The plain engine, im2col and OpenBLAS, beyond what the tests of all algorithms check: dense layers, what is fused, and
/// whole networks against the engine's own products. These tests need OpenBLAS, which `make deps` installs.
@Suite struct PlainProductsTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    @Test func isNeverTheRulesChoice() {
        #expect(!ConvolutionAlgorithm.own.contains(.openblas))
        guard ConvolutionAlgorithm.forced == nil else { return }
        for channels in [1, 3, 16, 64, 512] {
            for kernel in [Extent(1), 3, 5] {
                let operation = Convolution(inputChannels: channels, outputChannels: channels, kernel: kernel)
                for side in [1, 8, 100] {
                    let input = Shape(batch: 1, height: side + 5, width: side + 5, channels: channels)
                    #expect(operation.chosenAlgorithm(input) != .openblas)
                }
            }
        }
    }

    /// Pictures to features: as a convolution whose window is the picture, which the naive twin computes.
    @Test(arguments: [(1, 1, 1, 1, 1), (7, 1, 1, 12, 5), (50, 28, 28, 1, 30), (3, 4, 5, 6, 17), (600, 2, 1, 3, 4)])
    func dense(batch: Int, height: Int, width: Int, channels: Int, outputs: Int) throws {
        let naive = NaiveConvolution(
            input: Shape(batch: batch, height: height, width: width, channels: channels), outputChannels: outputs,
            kernel: Extent(height: height, width: width))
        var generator = SeededGenerator(seed: 111, path: UInt64(batch))
        let (input, gradient) = (generator.tensor(naive.input), generator.tensor(naive.output))
        let (weight, bias) = (generator.values(naive.weightCount), generator.values(outputs))
        let dense = network(of: Dense(inputFeatures: height * width * channels, outputFeatures: outputs))
        for algorithm in [ConvolutionAlgorithm.openblas, nil] {
            let name = "dense, \(naive.input) to \(outputs), \(algorithm?.rawValue ?? "own")"
            let results = try pools.map {
                try train(
                    dense.computing(by: algorithm), [input], parameters: weight + bias, outputGradients: [gradient],
                    pool: $0)
            }
            #expect(results[0] == results[1], "\(name), one worker and four")
            let tolerance = ConvolutionAlgorithm.openblas.tolerance(terms: height * width * channels)
            expectClose(
                results[0].outputs[0].values, naive.forward(input.values, weight: weight, bias: bias), name,
                tolerance: tolerance)
            expectClose(
                results[0].inputGradients[0].values, naive.inputGradient(gradient.values, weight: weight),
                "\(name), input gradient", tolerance: ConvolutionAlgorithm.openblas.tolerance(terms: outputs))
            expectClose(
                results[0].parameterGradients,
                naive.weightGradient(gradient.values, input.values) + naive.biasGradient(gradient.values),
                "\(name), parameter gradient", tolerance: ConvolutionAlgorithm.openblas.tolerance(terms: batch))
        }
    }

    /// Sums, activations and pixel shuffles that convolutions take over, in inference, against node after node.
    @Test(arguments: 0..<40) func fusedNetworks(index: Int) throws {
        let seed = UInt64(index)
        let random = RandomNetwork(seed: 5000 + seed, nodes: 2 + index % 10, smooth: true)
        var generator = SeededGenerator(seed: seed, path: 112)
        let shape = Shape(batch: 1 + index % 2, height: 6, width: index % 3 == 0 ? 30 : 10, channels: 4)
        let inputs = (0..<random.inputCount).map { _ in generator.tensor(shape) }
        let parameters = randomParameters(random.network, seed: seed)
        let plain = random.network.computing(by: .openblas)
        let expected = try train(random.network, inputs, parameters: parameters, pool: pools[0]).outputs
        let found = try infer(plain, inputs, parameters: parameters, pool: pools[1])
        for (output, tensor) in expected.enumerated() {
            let scale = Float(rootMeanSquare(tensor.values))
            expectClose(
                found[output].values, tensor.values, "random network, output \(output)",
                tolerance: Tolerance(absolute: 1e-5 * max(1, scale), relative: 1e-4), seed: seed)
        }
    }

    /// A whole denoiser and all its gradients: within rounding of the engine's own products, and of no other bits for more
    /// threads.
    @Test func aDenoiser() throws {
        let network = residualUNet(widths: [16, 24, 32], blocks: 2, factor: 2)
        let parameters = randomParameters(network, seed: 113)
        var generator = SeededGenerator(seed: 113)
        let input = generator.tensor(Shape(batch: 2, height: 48, width: 64, channels: 4), in: 0...1)
        let gradient = generator.tensor(Shape(batch: 2, height: 48, width: 64, channels: 3))
        let own = try train(network, [input], parameters: parameters, outputGradients: [gradient], pool: pools[1])
        let results = try pools.map {
            try train(
                network.computing(by: .openblas), [input], parameters: parameters, outputGradients: [gradient], pool: $0
            )
        }
        #expect(results[0] == results[1], "one worker and four")
        func compare(_ found: [Float], _ expected: [Float], _ what: String) {
            #expect(found != expected, "\(what): the same bits come from the same engine")
            let error = rootMeanSquareError(found, expected) / rootMeanSquare(expected)
            #expect(error < 5e-6, "\(what)")
        }
        compare(results[0].outputs[0].values, own.outputs[0].values, "output")
        compare(results[0].inputGradients[0].values, own.inputGradients[0].values, "input gradient")
        compare(results[0].parameterGradients, own.parameterGradients, "parameter gradient")
    }
}
