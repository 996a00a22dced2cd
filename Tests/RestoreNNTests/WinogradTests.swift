import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// How exact fast convolution is.
@Suite struct WinogradTests {
    private let pool = WorkerPool(workerCount: 2)

    private func normal(_ shape: Shape, _ generator: inout SeededGenerator) -> Tensor {
        Tensor(shape: shape, values: (0..<shape.count).map { _ in Float(generator.normal()) })
    }

    /// The table of `docs/operators/winograd.md`: 64 channels, normal inputs and weights, against double precision.
    @Test func theErrorIsAsSmallAsStated() throws {
        var generator = SeededGenerator(seed: 81)
        let naive = NaiveConvolution(
            input: Shape(batch: 1, height: 42, width: 42, channels: 64), outputChannels: 64, kernel: 3, hasBias: false)
        let input = normal(naive.input, &generator)
        let weight = (0..<naive.weightCount).map { _ in Float(generator.normal()) }
        let expected = doubleForward(naive, input.values, weight)
        let strength = (expected.reduce(0) { $0 + $1 * $1 } / Double(expected.count)).squareRoot()
        for algorithm in ConvolutionAlgorithm.own {
            let network = network(of: naive.fast(by: algorithm))
            let found = try infer(network, [input], parameters: weight, pool: pool)[0].values
            let squares = zip(found, expected).reduce(0.0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            let error = (squares / Double(expected.count)).squareRoot() / strength
            #expect(error < 1.1 * algorithm.statedError, "\(algorithm)")
            let worst = worstError(found, expected, side: naive.output.width) / strength
            // Rows of Aᵀ are not of one size.
            #expect(worst < 1.6 * algorithm.statedError, "\(algorithm)")
            // A statement that is far too careful is wrong, too.
            #expect(error > 0.8 * algorithm.statedError, "\(algorithm)")
        }
    }

    /// The root mean square error at that place of a tile of 4×4 where it is greatest.
    private func worstError(_ found: [Float], _ expected: [Double], side: Int) -> Double {
        var squares = [Double](repeating: 0, count: 16)
        for index in found.indices {
            let pixel = index / (found.count / (side * side))
            let difference = Double(found[index]) - expected[index]
            squares[pixel / side % 4 * 4 + pixel % side % 4] += difference * difference
        }
        return ((squares.max() ?? 0) / Double(expected.count / 16)).squareRoot()
    }

    /// The gradients are no less exact, where their sums are no longer.
    @Test func theErrorOfGradientsIsOfThatSize() throws {
        var generator = SeededGenerator(seed: 82)
        let naive = NaiveConvolution(
            input: Shape(batch: 1, height: 16, width: 16, channels: 32), outputChannels: 32, kernel: 3, padding: 1,
            hasBias: false)
        let input = normal(naive.input, &generator)
        let gradient = normal(naive.output, &generator)
        let weight = (0..<naive.weightCount).map { _ in Float(generator.normal()) }
        let inputGradient = naive.inputGradient(gradient.values, weight: weight)
        let weightGradient = naive.weightGradient(gradient.values, input.values)
        for algorithm in naive.algorithms {
            let result = try train(
                network(of: naive.fast(by: algorithm)), [input], parameters: weight, outputGradients: [gradient],
                pool: pool)
            for (found, expected) in [
                (result.inputGradients[0].values, inputGradient), (result.parameterGradients, weightGradient),
            ] {
                let error = rootMeanSquareError(found, expected) / rootMeanSquare(expected)
                #expect(error < 1.1 * algorithm.statedError, "\(algorithm)")
            }
        }
    }

    private func doubleForward(_ naive: NaiveConvolution, _ input: [Float], _ weight: [Float]) -> [Double] {
        var sums = [Double](repeating: 0, count: naive.output.count)
        sums.withUnsafeMutableBufferPointer { sums in
            naive.forEachProduct { sums[$0] += Double(weight[$1]) * Double(input[$2]) }
        }
        return sums
    }

    /// Twenty layers of 64 channels, as in DnCNN (Zhang et al. 2017), whose signals keep their strength from layer to
    /// layer and whose output is of the range 0…1.
    private static let deepNetwork: Network = {
        var network = Network()
        let input = network.input("input")
        var value = input
        for index in 0..<20 {
            let layer = Convolution(
                inputChannels: index == 0 ? 3 : 64, outputChannels: index == 19 ? 3 : 64, kernel: 3, padding: 1)
            value = network.add("layer.\(index)", layer, value)
            if index < 19 { value = network.add("active.\(index)", Activation(.relu), value) }
        }
        network.output(network.add("sum", Add(), value, input))
        return network
    }()

    /// He's initialization; zeros as biases.
    private func deepParameters() -> [Float] {
        var generator = SeededGenerator(seed: 83)
        return ParameterLayout(Self.deepNetwork).entries.flatMap { entry -> [Float] in
            let shape = entry.specification.shape
            guard shape.count == 4 else { return [Float](repeating: 0, count: entry.range.count) }
            let deviation = (2 / Double(shape[1] * 9)).squareRoot()
            return entry.range.map { _ in Float(generator.normal() * deviation) }
        }
    }

    @Test func aDeepNetworkDiffersByLessThanAThousandthOfAStep() throws {
        var generator = SeededGenerator(seed: 84)
        let input = generator.tensor(Shape(batch: 1, height: 45, width: 50, channels: 3), in: 0...1)
        let parameters = deepParameters()
        func output(_ algorithm: ConvolutionAlgorithm?) throws -> [Float] {
            try infer(Self.deepNetwork.computing(by: algorithm), [input], parameters: parameters, pool: pool)[0].values
        }
        let plain = try output(.im2col)
        let change = zip(plain, input.values).map { $0 - $1 }
        #expect((0.1...3).contains(rootMeanSquare(change)), "signals keep their strength")
        for algorithm in [ConvolutionAlgorithm.implicit, .winograd2, .winograd4, nil] {
            let found = try output(algorithm)
            let difference = zip(found, plain).map { abs($0 - $1) }.max() ?? .nan
            #expect(difference < 1e-4, "\(algorithm?.rawValue ?? "chosen")")
            // Errors of the layers add up like those of independent ones.
            let error = rootMeanSquareError(found, plain) / rootMeanSquare(change)
            let stated = (algorithm ?? .winograd4).statedError
            #expect(error < 20.0.squareRoot() * 2 * stated, "\(algorithm?.rawValue ?? "chosen")")
        }
    }
}
