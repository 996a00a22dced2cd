import RestoreNN
import TestSupport
import Testing

/// What a network says about itself, and how its parameters start.
@Suite struct NetworkTests {
    @Test func namesAndShapesOfParametersFollowTheNodes() {
        let names = residualUNet(widths: [8, 12], blocks: 1, factor: 2).parameterSpecifications.map {
            "\($0.name) \($0.shape)"
        }
        #expect(
            names == [
                "head.weight [8, 16, 3, 3]", "head.bias [8]", "encoder.0.block.0.conv1.weight [8, 8, 3, 3]",
                "encoder.0.block.0.conv2.weight [8, 8, 3, 3]", "encoder.0.down.weight [12, 8, 2, 2]",
                "bottom.block.0.conv1.weight [12, 12, 3, 3]", "bottom.block.0.conv2.weight [12, 12, 3, 3]",
                "decoder.0.up.weight [12, 8, 2, 2]", "decoder.0.block.0.conv1.weight [8, 8, 3, 3]",
                "decoder.0.block.0.conv2.weight [8, 8, 3, 3]", "tail.weight [12, 8, 3, 3]", "tail.bias [12]",
            ])
    }

    @Test func costCountsDirectProducts() throws {
        let shape = Shape(batch: 2, height: 8, width: 6, channels: 3)
        func cost(_ operation: some Operator) throws -> [Int] {
            let cost = try network(of: operation).cost(inputs: [shape])
            return [cost.multiplyAccumulates, cost.parameters]
        }
        #expect(
            try cost(Convolution(inputChannels: 3, outputChannels: 5, kernel: 3, padding: 1))
                == [2 * 8 * 6 * 5 * 27, 140])
        #expect(
            try cost(Convolution(inputChannels: 3, outputChannels: 5, kernel: 2, stride: 2, hasBias: false))
                == [2 * 4 * 3 * 5 * 12, 60])
        #expect(
            try cost(TransposedConvolution(inputChannels: 3, outputChannels: 5, kernel: 2, stride: 2))
                == [2 * 8 * 6 * 3 * 5 * 4, 65])
        #expect(
            try cost(Dense(inputFeatures: 144, outputFeatures: 10))
                == [2 * 144 * 10, 1450])
        #expect(
            try cost(GroupNormalization(channels: 3, groups: 1))
                == [0, 6])
    }

    @Test func parametersStartAsTheirOperatorsAsk() throws {
        var network = Network()
        let x = network.input("x")
        let wide = network.add("wide", Convolution(inputChannels: 16, outputChannels: 64, kernel: 3), x)
        network.output(network.add("normal", GroupNormalization(channels: 64, groups: 8), wide))
        let parameters = Parameters(initializing: network, seed: 1)
        #expect(parameters.values.count == 64 * 144 + 64 + 128)
        let weight = try #require(parameters["wide.weight"])
        let bound = Float(1) / 12
        #expect(weight.allSatisfy { abs($0) <= bound })
        #expect((weight.max() ?? 0) > 0.99 * bound && (weight.min() ?? 0) < -0.99 * bound)
        let variance = weight.reduce(0) { $0 + Double($1 * $1) } / Double(weight.count)
        #expect(abs(variance * 3 / Double(bound * bound) - 1) < 0.05)
        #expect(parameters["wide.bias"].map { $0.allSatisfy { $0 == 0 } } == true)
        #expect(parameters["normal.weight"].map { $0.allSatisfy { $0 == 1 } } == true)
        #expect(parameters["normal.bias"].map { $0.allSatisfy { $0 == 0 } } == true)
        #expect(parameters["wide"] == nil)
    }

    @Test func aParameterStartsTheSameWhateverStandsBesideIt() throws {
        func build(extra: Bool) -> Network {
            var network = Network()
            var value = network.input("x")
            let convolution = Convolution(inputChannels: 3, outputChannels: 3, kernel: 3, padding: 1)
            if extra { value = network.add("extra", convolution, value) }
            network.output(network.add("kept", convolution, value))
            return network
        }
        let alone = Parameters(initializing: build(extra: false), seed: 5)
        let together = Parameters(initializing: build(extra: true), seed: 5)
        #expect(alone["kept.weight"] == together["kept.weight"].map { ArraySlice(Array($0)) })
        #expect(alone["kept.weight"].map(Array.init) != together["extra.weight"].map(Array.init))
        #expect(Parameters(initializing: build(extra: false), seed: 6)["kept.weight"] != alone["kept.weight"])
        #expect(Parameters(initializing: build(extra: false), seed: 5) == alone)
    }

    @Test func descriptions() {
        #expect(Shape(batch: 2, height: 3, width: 4, channels: 5).description == "2×3×4×5")
        #expect(NetworkError.noOutput.description == "the network has no output")
        #expect(
            NetworkError.inputCount(expected: 1, found: 2).description
                == "the network has 1 inputs, 2 were given")
    }
}
