import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Bias, sum, activation and pixel shuffle while a convolution stores its results: which networks are fused, and that none
/// of them gives other bits than node after node, by any algorithm.
@Suite struct FusedConvolutionTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 3)]
    /// Sides that leave something over of every tile; wide enough to be read where they lie.
    private static let shapes = [
        Shape(batch: 1, height: 9, width: 31, channels: 12), Shape(batch: 3, height: 5, width: 6, channels: 12),
        Shape(batch: 2, height: 1, width: 2, channels: 12), Shape(batch: 1, height: 3, width: 197, channels: 12),
    ]

    private static let activations: [ActivationFunction] = [.relu, .leakyReLU(slope: 0.2), .silu]

    /// - Parameter nodes: those that are left when the network is fused, inputs among them.
    private func check(
        _ name: String, nodes: Int, inputs count: Int = 1, _ build: (inout Network, [Network.Value]) -> Network.Value
    ) throws {
        var network = Network()
        let values = (0..<count).map { network.input("input.\($0)") }
        network.output(build(&network, values))
        #expect(network.fused().nodes.count == nodes, "\(name)")
        let parameters = randomParameters(network, seed: 103)
        for shape in Self.shapes {
            var generator = SeededGenerator(seed: 103, path: UInt64(shape.width))
            let inputs = (0..<count).map { _ in generator.tensor(shape) }
            for algorithm in ConvolutionAlgorithm.own {
                let forced = network.computing(by: algorithm)
                let expected = try train(forced, inputs, parameters: parameters, pool: pools[0]).outputs[0]
                for pool in pools {
                    let found = try infer(forced, inputs, parameters: parameters, pool: pool)[0]
                    expectSameBits(
                        found.values, expected.values, "\(name), \(shape), \(algorithm), \(pool.workerCount) workers",
                        seed: 103)
                }
            }
        }
    }

    private func convolution(_ outputs: Int = 12, hasBias: Bool = true) -> Convolution {
        Convolution(inputChannels: 12, outputChannels: outputs, kernel: 3, padding: 1, hasBias: hasBias)
    }

    @Test(arguments: [true, false]) func sums(hasBias: Bool) throws {
        try check("convolution + input", nodes: 2) { network, x in
            network.add("sum", Add(), network.add("a", convolution(hasBias: hasBias), x[0]), x[0])
        }
        try check("input + convolution", nodes: 2) { network, x in
            network.add("sum", Add(), x[0], network.add("a", convolution(hasBias: hasBias), x[0]))
        }
        for activation in Self.activations {
            try check("convolution + input, \(activation)", nodes: 2) { network, x in
                let a = network.add("a", convolution(hasBias: hasBias), x[0])
                return network.add("active", Activation(activation), network.add("sum", Add(), a, x[0]))
            }
            try check("residual block, \(activation)", nodes: 3) { network, x in
                let a = network.add("a", convolution(hasBias: hasBias), x[0])
                let b = network.add("b", convolution(), network.add("active", Activation(activation), a))
                return network.add("sum", Add(), b, x[0])
            }
        }
    }

    @Test func sumsOfTransposedConvolutions() throws {
        for (kernel, stride, padding) in [(Extent(2), Extent(2), Extent(0)), (4, 2, 1)] {
            let up = TransposedConvolution(
                inputChannels: 24, outputChannels: 12, kernel: kernel, stride: stride, padding: padding)
            let down = Convolution(inputChannels: 12, outputChannels: 48, kernel: 3, padding: 1)
            // Back to the sides of the input by a shuffle, to something to add that is twice as large.
            try check("transposed + shuffled", nodes: 4) { network, x in
                let large = network.add("large", PixelShuffle(factor: 2), network.add("b", down, x[0]))
                let raised = network.add("up", up, network.add("a", convolution(24), x[0]))
                return network.add("active", Activation(.relu), network.add("sum", Add(), raised, large))
            }
        }
    }

    @Test(arguments: [(12, 2), (18, 3), (48, 4), (64, 2)]) func pixelShuffle(channels: Int, factor: Int) throws {
        try check("shuffled by \(factor)", nodes: 2) { network, x in
            network.add("shuffle", PixelShuffle(factor: factor), network.add("a", convolution(channels), x[0]))
        }
        try check("shuffled by \(factor), active", nodes: 2) { network, x in
            let a = network.add("a", convolution(channels), x[0])
            let large = network.add("shuffle", PixelShuffle(factor: factor), a)
            return network.add("active", Activation(.leakyReLU(slope: 0.3)), large)
        }
        for activation in Self.activations {
            try check("shuffled by \(factor) + shuffled, \(activation)", nodes: 3) { network, x in
                let a = network.add("a", convolution(channels), x[0])
                let b = network.add("b", convolution(channels, hasBias: false), x[0])
                let large = network.add("shuffle.a", PixelShuffle(factor: factor), a)
                let other = network.add("shuffle.b", PixelShuffle(factor: factor), b)
                return network.add("active", Activation(activation), network.add("sum", Add(), large, other))
            }
        }
    }

    @Test func sumsOfTwoConvolutions() throws {
        try check("a + b", nodes: 3) { network, x in
            let a = network.add("a", convolution(), x[0])
            return network.add("sum", Add(), a, network.add("b", convolution(), x[0]))
        }
        try check("b + a", nodes: 3) { network, x in
            let a = network.add("a", convolution(), x[0])
            return network.add("sum", Add(), network.add("b", convolution(), x[0]), a)
        }
        // The sum goes to the later of the two, which here is none that can take it.
        try check("a + a later activation", nodes: 5) { network, x in
            let a = network.add("a", convolution(), x[0])
            let late = network.add("late", Activation(.silu), x[0])
            return network.add("active", Activation(.relu), network.add("sum", Add(), a, late))
        }
        try check("a + a later input", nodes: 4, inputs: 1) { network, x in
            let a = network.add("a", convolution(), x[0])
            let late = network.add("late", Slice(channels: 0..<12), x[0])
            return network.add("sum", Add(), a, late)
        }
    }

    /// What must not be fused, or only in part.
    @Test func outputsThatAreReadTwice() throws {
        try check("x + x", nodes: 3) { network, x in
            let a = network.add("a", convolution(), x[0])
            return network.add("sum", Add(), a, a)
        }
        try check("three inputs", nodes: 4, inputs: 2) { network, x in
            network.add("sum", Add(), network.add("a", convolution(), x[0]), x[0], x[1])
        }
        try check("the convolution is read again", nodes: 4) { network, x in
            let a = network.add("a", convolution(), x[0])
            let sum = network.add("sum", Add(), a, x[0])
            // The last sum is taken by nobody: both it adds are older.
            return network.add("again", Concatenate(), sum, a)
        }
        try check("the sum is read twice", nodes: 4) { network, x in
            let sum = network.add("sum", Add(), network.add("a", convolution(), x[0]), x[0])
            let active = network.add("active", Activation(.relu), sum)
            return network.add("both", Concatenate(), active, sum)
        }
        try check("a sum of a sum", nodes: 4, inputs: 2) { network, x in
            let sum = network.add("sum", Add(), network.add("a", convolution(), x[0]), x[0])
            return network.add("again", Add(), sum, x[1])
        }
        try check("shuffled and read as it is", nodes: 5) { network, x in
            let a = network.add("a", convolution(48), x[0])
            let large = network.add("shuffle", PixelShuffle(factor: 2), a)
            return network.add("both", Concatenate(), network.add("small", PixelUnshuffle(factor: 2), large), a)
        }
    }

    /// The activation comes before the sum: neither may overtake the other.
    @Test func theOrderStays() throws {
        try check("active, then a sum", nodes: 3) { network, x in
            let active = network.add("active", Activation(.relu), network.add("a", convolution(), x[0]))
            return network.add("sum", Add(), active, x[0])
        }
        try check("active, then shuffled", nodes: 3) { network, x in
            let active = network.add("active", Activation(.relu), network.add("a", convolution(), x[0]))
            return network.add("shuffle", PixelShuffle(factor: 2), active)
        }
        try check("a sum, then shuffled", nodes: 3) { network, x in
            let sum = network.add("sum", Add(), network.add("a", convolution(), x[0]), x[0])
            return network.add("shuffle", PixelShuffle(factor: 2), sum)
        }
        try check("shuffled twice", nodes: 3) { network, x in
            let once = network.add("once", PixelShuffle(factor: 2), network.add("a", convolution(16), x[0]))
            return network.add("twice", PixelShuffle(factor: 2), once)
        }
    }

    @Test(arguments: ConvolutionAlgorithm.own) func randomNetworks(algorithm: ConvolutionAlgorithm) throws {
        for seed in UInt64(0)..<150 {
            let random = RandomNetwork(seed: 5000 + seed, nodes: 2 + Int(seed % 23), smooth: false)
            let network = random.network.computing(by: algorithm)
            var generator = SeededGenerator(seed: seed, path: 104)
            let shape = Shape(batch: 1 + Int(seed % 2), height: 6, width: seed % 3 == 0 ? 30 : 10, channels: 4)
            let inputs = (0..<random.inputCount).map { _ in generator.tensor(shape) }
            let parameters = randomParameters(network, seed: seed)
            let expected = try train(network, inputs, parameters: parameters, pool: pools[1]).outputs
            let found = try infer(network, inputs, parameters: parameters, pool: pools[1])
            for (index, tensor) in expected.enumerated() {
                expectSameBits(
                    found[index].values, tensor.values, "random network, \(algorithm), output \(index)", seed: seed)
            }
        }
    }
}
