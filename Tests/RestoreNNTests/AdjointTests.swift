import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// ⟨conv(x), y⟩ = ⟨x, convᵀ(y)⟩: the input gradient of a convolution is its adjoint, the transposed convolution is the
/// same map, and the weight gradient is the adjoint in the weights.
@Suite struct AdjointTests {
    private let pool = WorkerPool(workerCount: 2)

    /// Every combination of padding, stride and dilation.
    private static let sweep: [NaiveConvolution] = {
        var all: [NaiveConvolution] = []
        for mode in PaddingMode.allCases {
            for padding in [
                Padding(0), Padding(1), Padding(3), Padding(top: 0, bottom: 2, left: 3, right: 1),
            ] {
                for stride in [Extent(1), 2, 3, Extent(height: 1, width: 4), Extent(height: 3, width: 2)] {
                    for dilation in [Extent(1), 2, Extent(height: 3, width: 1)] {
                        for kernel in [Extent(1), 3, Extent(height: 2, width: 4)] {
                            all.append(
                                NaiveConvolution(
                                    input: Shape(batch: 2, height: 9, width: 11, channels: 5),
                                    outputChannels: 6,
                                    kernel: kernel, stride: stride, dilation: dilation, padding: padding,
                                    mode: mode, hasBias: false))
                        }
                    }
                }
            }
        }
        return all.filter(\.isPossible)
    }()

    @Test func sweepIsWide() {
        #expect(Self.sweep.count > 500)
    }

    @Test(arguments: ConvolutionAlgorithm.allCases)
    func inputAndWeightGradientAreAdjoints(algorithm: ConvolutionAlgorithm) throws {
        for (index, naive) in Self.sweep.enumerated() where naive.algorithms.contains(algorithm) {
            var generator = SeededGenerator(seed: 41, path: UInt64(index))
            let x = generator.tensor(naive.input)
            let y = generator.tensor(naive.output)
            let weight = generator.values(naive.weightCount)
            let result = try train(
                network(of: naive.fast(by: algorithm)), [x], parameters: weight, outputGradients: [y], pool: pool)
            let product = dot(result.outputs[0].values, y.values)
            let scale = norm(result.outputs[0].values) * norm(y.values)
            let byInput = dot(x.values, result.inputGradients[0].values)
            let byWeight = dot(weight, result.parameterGradients)
            let configuration = "\(naive), \(algorithm)"
            #expect(abs(product - byInput) <= 1e-6 * scale, "\(configuration), input: \(product), \(byInput)")
            #expect(abs(product - byWeight) <= 1e-6 * scale, "\(configuration), weight: \(product), \(byWeight)")
        }
    }

    @Test(arguments: ConvolutionAlgorithm.allCases)
    func transposedConvolutionIsTheAdjoint(algorithm: ConvolutionAlgorithm) throws {
        for (index, naive) in Self.sweep.enumerated()
        where naive.mode == .zero && naive.padding.top == naive.padding.bottom
            && naive.padding.left == naive.padding.right && naive.algorithms.contains(algorithm)
        {
            var generator = SeededGenerator(seed: 42, path: UInt64(index))
            let x = generator.tensor(naive.input)
            let y = generator.tensor(naive.output)
            let weight = generator.values(naive.weightCount)
            let adjoint = try train(
                network(of: naive.fast(by: algorithm)), [x], parameters: weight, outputGradients: [y], pool: pool
            ).inputGradients[0]
            let back = try infer(network(of: transposed(naive)), [y], parameters: weight, pool: pool)[0]
            #expect(back.shape == naive.input)
            // Both may be wrong by it.
            let terms = naive.outputChannels * naive.kernel.height * naive.kernel.width
            expectClose(
                back.values, adjoint.values, "transposed \(naive), \(algorithm)",
                tolerance: algorithm.tolerance(terms: terms), seed: 42)
        }
    }
}
