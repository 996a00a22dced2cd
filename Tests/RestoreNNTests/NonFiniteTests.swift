import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// A NaN is not swallowed: it reaches all that reads it, and of a fast convolution at most the tiles that read it.
@Suite struct NonFiniteTests {
    private let pool = WorkerPool(workerCount: 2)
    private let shape = Shape(batch: 1, height: 14, width: 35, channels: 17)

    /// The output pixels along a side of `count` that see input pixel `place`, and those that may.
    private func range(_ place: Int, _ algorithm: ConvolutionAlgorithm, count: Int) -> (
        must: ClosedRange<Int>, may: ClosedRange<Int>
    ) {
        let must = max(0, place - 1)...min(count - 1, place + 1)
        let side =
            switch algorithm {
            case .winograd2: 2
            case .winograd4: 4
            default: 1
            }
        // A tile reads one pixel more on each side, whatever of it is cut off.
        return (must, (must.lowerBound / side * side)...(must.upperBound / side * side + side - 1))
    }

    private func check(
        _ output: Tensor, y: Int, x: Int, _ algorithm: ConvolutionAlgorithm, _ configuration: String
    ) {
        let rows = range(y, algorithm, count: shape.height)
        let columns = range(x, algorithm, count: shape.width)
        for oy in 0..<shape.height {
            for ox in 0..<shape.width {
                let values = (0..<output.shape.channels).map { output[0, oy, ox, $0] }
                if rows.must.contains(oy), columns.must.contains(ox) {
                    #expect(values.allSatisfy { $0.isNaN }, "\(configuration): row \(oy), column \(ox) reads it")
                } else if !rows.may.contains(oy) || !columns.may.contains(ox) {
                    #expect(
                        values.allSatisfy { $0.isFinite }, "\(configuration): row \(oy), column \(ox)")
                }
            }
        }
    }

    /// Places in the middle, beside the edges of tiles, at the picture's edges and corners.
    private static let places = [
        (2, 4), (3, 3), (4, 8), (7, 12), (0, 0), (13, 34), (0, 17), (12, 0), (13, 20), (5, 33), (11, 31),
    ]

    private static let activations: [ActivationFunction?] = [
        nil, .relu, .leakyReLU(slope: 0.2), .silu, .tanh, .sigmoid, .softplus,
    ]

    @Test(arguments: ConvolutionAlgorithm.allCases) func aPixel(algorithm: ConvolutionAlgorithm) throws {
        for (index, (y, x)) in Self.places.enumerated() {
            var generator = SeededGenerator(seed: 2, path: UInt64(index))
            var input = generator.tensor(shape)
            input[0, y, x, index] = .nan
            let outputs = index % 2 == 0 ? 5 : 19
            for activation in Self.activations {
                var network = Network()
                var value = network.input("x")
                let operation = Convolution(inputChannels: 17, outputChannels: outputs, kernel: 3, padding: 1)
                value = network.add("convolution", operation, value)
                if let activation { value = network.add("active", Activation(activation), value) }
                network.output(value)
                let parameters = generator.values(17 * outputs * 9 + outputs)
                let output = try infer(network.computing(by: algorithm), [input], parameters: parameters, pool: pool)[0]
                check(output, y: y, x: x, algorithm, "\(algorithm), \(activation ?? .identity), NaN at \(y), \(x)")
            }
        }
    }

    /// What is added while results are stored spoils its own place and no other.
    @Test(arguments: ConvolutionAlgorithm.allCases) func aPixelOfWhatIsAdded(algorithm: ConvolutionAlgorithm) throws {
        for activation in Self.activations {
            for factor in [1, 2] {
                var network = Network()
                let input = network.input("x")
                let other = network.input("other")
                let operation = Convolution(inputChannels: 17, outputChannels: 12, kernel: 3, padding: 1)
                var value = network.add("convolution", operation, input)
                if factor == 2 { value = network.add("shuffle", PixelShuffle(factor: 2), value) }
                value = network.add("sum", Add(), value, other)
                if let activation { value = network.add("active", Activation(activation), value) }
                network.output(value)
                #expect(network.fused().nodes.count == 3)
                var generator = SeededGenerator(seed: 3)
                let inputs = generator.tensor(shape)
                var added = generator.tensor(
                    Shape(batch: 1, height: 14 * factor, width: 35 * factor, channels: 12 / (factor * factor)))
                let spoilt = [0, 1, 500, added.values.count / 2 + 1, added.values.count - 1]
                for place in spoilt { added.values[place] = .nan }
                let output = try infer(
                    network.computing(by: algorithm), [inputs, added],
                    parameters: generator.values(17 * 12 * 9 + 12), pool: pool)[0]
                let found = output.values.indices.filter { output.values[$0].isNaN }
                #expect(found == spoilt, "\(algorithm), \(activation ?? .identity), shuffle by \(factor)")
            }
        }
    }
}
