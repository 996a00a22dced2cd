import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// An inference plan fuses activations, works in place and shares memory; a training plan does none of it. Both must give
/// the same bits.
@Suite struct FusionTests {
    private let pool = WorkerPool(workerCount: 2)
    private let shape = Shape(batch: 2, height: 6, width: 4, channels: 4)

    private func convolution() -> Convolution {
        Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1)
    }

    private func check(_ name: String, inputs count: Int = 1, _ network: Network) throws {
        var generator = SeededGenerator(seed: 101, path: stableHash(name))
        let inputs = (0..<count).map { _ in generator.tensor(shape) }
        let parameters = randomParameters(network, seed: 101)
        let expected = try train(network, inputs, parameters: parameters, pool: pool).outputs
        let found = try infer(network, inputs, parameters: parameters, pool: pool)
        #expect(found.count == expected.count)
        for (index, tensor) in expected.enumerated() {
            #expect(found[index].shape == tensor.shape)
            expectSameBits(found[index].values, tensor.values, "\(name), output \(index)", seed: 101)
        }
    }

    private func network(_ build: (inout Network, Network.Value) -> Void) -> Network {
        var network = Network()
        let input = network.input("x")
        build(&network, input)
        return network
    }

    private static let functions: [ActivationFunction] = [
        .identity, .relu, .leakyReLU(slope: 0.1), .silu, .tanh, .sigmoid, .softplus,
    ]

    @Test(arguments: functions) func activationAfterEveryOperator(_ function: ActivationFunction) throws {
        let operators: [any Operator] = [
            convolution(), TransposedConvolution(inputChannels: 4, outputChannels: 3, kernel: 2, stride: 2),
            TransposedConvolution(inputChannels: 4, outputChannels: 3, kernel: 3, stride: 2),
            Dense(inputFeatures: 96, outputFeatures: 5), GroupNormalization(channels: 4, groups: 2), Add(),
            Slice(channels: 0..<2), PixelShuffle(factor: 2), Pooling(.max, kernel: 2), Activation(.tanh),
        ]
        for operation in operators {
            try check(
                "\(operation.kind) and \(function)",
                network { network, x in
                    network.output(
                        network.add("active", Activation(function), network.add("before", operation, x)))
                })
        }
    }

    @Test func activationThatIsReadTwice() throws {
        try check(
            "the activation is read twice",
            network { network, x in
                let active = network.add("active", Activation(.silu), network.add("a", convolution(), x))
                network.output(network.add("sum", Add(), network.add("b", convolution(), active), active))
            })
        try check(
            "the source of the activation is read twice",
            network { network, x in
                let a = network.add("a", convolution(), x)
                let active = network.add("active", Activation(.relu), a)
                network.output(network.add("sum", Add(), network.add("b", convolution(), active), a))
            })
        try check(
            "two activations of one source",
            network { network, x in
                let a = network.add("a", convolution(), x)
                let both = network.add(
                    "join", Concatenate(), network.add("relu", Activation(.relu), a),
                    network.add("tanh", Activation(.tanh), a))
                network.output(both)
            })
    }

    @Test func activationsAtTheEdges() throws {
        try check(
            "activation of an input",
            network { network, x in
                let active = network.add("active", Activation(.tanh), x)
                network.output(network.add("sum", Add(), network.add("a", convolution(), active), x))
            })
        try check(
            "the source is also an output",
            network { network, x in
                let a = network.add("a", convolution(), x)
                network.output(a)
                network.output(network.add("active", Activation(.relu), a))
            })
        try check(
            "the activation and what follows are outputs",
            network { network, x in
                let active = network.add("active", Activation(.relu), network.add("a", convolution(), x))
                network.output(network.add("more", Activation(.sigmoid), active))
                network.output(active)
            })
        try check(
            "an input is an output",
            network { network, x in
                network.output(network.add("active", Activation(.relu), x))
                network.output(x)
            })
    }

    @Test func outputsAndActivationsInARow() throws {
        let twice = network { network, x in
            let a = network.add("a", convolution(), x)
            network.output(a)
            network.output(a)
        }
        let once = twice.subnetwork(to: [twice.outputs[0]])
        try check("one value is two outputs", once)
        var generator = SeededGenerator(seed: 102)
        let input = generator.tensor(shape)
        let parameters = randomParameters(twice, seed: 102)
        let expected = try infer(once, [input], parameters: parameters, pool: pool)
        #expect(try infer(twice, [input], parameters: parameters, pool: pool) == [expected[0], expected[0]])
        try check(
            "an activation of an activation",
            network { network, x in
                let active = network.add("active", Activation(.relu), network.add("a", convolution(), x))
                network.output(network.add("twice", Activation(.tanh), active))
            })
    }

    @Test func workInPlaceLeavesWhatIsReadLater() throws {
        try check(
            "the sum's first input is read later",
            network { network, x in
                let a = network.add("a", convolution(), x)
                let sum = network.add("sum", Add(), a, x)
                network.output(network.add("again", Add(), network.add("b", convolution(), sum), a))
            })
        try check(
            "the sum's second input is read later",
            network { network, x in
                let a = network.add("a", convolution(), x)
                let sum = network.add("sum", Add(), a, x)
                network.output(network.add("again", Add(), sum, x, sum))
            })
        try check(
            "a chain in place, whose beginning is an output",
            network { network, x in
                let a = network.add("a", GroupNormalization(channels: 4, groups: 1), x)
                var value = a
                for step in 0..<4 { value = network.add("step.\(step)", Activation(.silu), value) }
                network.output(network.add("sum", Add(), value, x))
                network.output(a)
            })
        try check(
            "a value added to itself",
            network { network, x in
                let a = network.add("a", convolution(), x)
                network.output(network.add("sum", Add(), a, a, a))
            })
    }

    @Test func randomNetworks() throws {
        for seed in UInt64(0)..<600 {
            let random = RandomNetwork(seed: seed, nodes: 2 + Int(seed % 23), smooth: false)
            try check("random network \(seed)", inputs: random.inputCount, random.network)
        }
    }

    @Test func aPlanRunsManyTimes() throws {
        let network = networkOfAllOperators(height: 8, width: 8)
        let parameters = randomParameters(network, seed: 102)
        let shape = Shape(batch: 1, height: 8, width: 8, channels: 4)
        let plan = try InferencePlan(
            network, inputShapes: [shape],
            parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pool)
        var generator = SeededGenerator(seed: 102)
        for _ in 0..<3 {
            let input = generator.tensor(shape)
            let fresh = try infer(network, [input], parameters: parameters, pool: pool)
            #expect(plan.run([input]) == fresh)
        }
    }
}
