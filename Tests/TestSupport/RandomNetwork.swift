import RestoreNN

/// A network drawn at random, for tests of what plans do with any network: values read many times, sums of a value with
/// itself, branches that lead nowhere, outputs that are also read, activations that can and cannot be fused.
///
/// Inputs are N×H×W×4 with even sides; every other value is of that shape too.
package struct RandomNetwork {
    package private(set) var network = Network()
    private var generator: SeededGenerator
    private var values: [Network.Value] = []

    package var inputCount: Int { network.inputs.count }

    /// - Parameter smooth: only functions whose derivative is continuous.
    package init(seed: UInt64, nodes: Int, smooth: Bool) {
        generator = SeededGenerator(seed: seed)
        values.append(network.input("input"))
        for _ in 0..<nodes {
            // An input may come late, when operators have worked already.
            let isInput = generator.index(below: 8) == 0
            values.append(isInput ? network.input("input.\(values.count)") : addNode(smooth: smooth))
        }
        // Every input takes part; a value in the middle or an input may be an output as well.
        var last = values[values.count - 1]
        for input in network.inputs { last = network.add("sum.\(input.index)", Add(), last, input) }
        network.output(last)
        for _ in 0..<generator.index(below: 3) {
            let value = generator.choice(of: values)
            if !network.outputs.contains(value) { network.output(value) }
        }
    }

    /// Late values more often, so that the network is deep.
    private mutating func source() -> Network.Value {
        let recent = Array(values.suffix(3))
        return generator.index(below: 4) == 0 ? generator.choice(of: values) : generator.choice(of: recent)
    }

    private mutating func addNode(smooth: Bool) -> Network.Value {
        let name = "node.\(values.count)"
        let source = source()
        switch generator.index(below: 9) {
        case 0:
            return network.add(
                name, Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1), source)
        case 1:
            return network.add(name, Convolution(inputChannels: 4, outputChannels: 4, kernel: 1), source)
        case 2:
            return network.add(
                name, TransposedConvolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1),
                source)
        case 3:
            return network.add(name, GroupNormalization(channels: 4, groups: 2), source)
        case 4:
            return network.add(name, Add(), source, self.source())
        case 5:
            let both = network.add("\(name).both", Concatenate(), source, self.source())
            let from = generator.index(below: 5)
            return network.add(name, Slice(channels: from..<(from + 4)), both)
        case 6:
            let small = network.add("\(name).small", PixelUnshuffle(factor: 2), source)
            let active = network.add("\(name).active", Activation(activation(smooth)), small)
            return network.add(name, PixelShuffle(factor: 2), active)
        default:
            return network.add(name, Activation(activation(smooth)), source)
        }
    }

    private mutating func activation(_ smooth: Bool) -> ActivationFunction {
        let functions: [ActivationFunction] = [
            .silu, .tanh, .sigmoid, .softplus, .relu, .leakyReLU(slope: 0.2),
        ]
        return generator.choice(of: smooth ? Array(functions.prefix(4)) : functions)
    }
}

/// A network with every operator, whose layers are large enough to be cut into many tasks.
///
/// - Returns: the network; its input is N×H×W×4 with sides that are multiples of 4, its outputs N×H×W×4 and N×1×1×3.
package func networkOfAllOperators(height: Int, width: Int) -> Network {
    var network = Network()
    let input = network.input("input")
    let first = network.add(
        "first", Convolution(inputChannels: 4, outputChannels: 9, kernel: 3, padding: 1), input)
    let active = network.add("active", Activation(.silu), first)
    let normal = network.add("normal", GroupNormalization(channels: 9, groups: 3), active)
    let down = network.add(
        "down", Convolution(inputChannels: 9, outputChannels: 16, kernel: 2, stride: 2), normal)
    let pooled = network.add("pooled", Pooling(.max, kernel: 2), normal)
    let mean = network.add("mean", Pooling(.average, kernel: 2), normal)
    let joined = network.add("joined", Concatenate(), down, pooled, mean)
    let wide = Convolution(
        inputChannels: 34, outputChannels: 18, kernel: 3, dilation: 2, padding: 2, paddingMode: .reflect)
    let dilated = network.add("dilated", wide, joined)
    let leaky = network.add("leaky", Activation(.leakyReLU(slope: 0.1)), dilated)
    let up = TransposedConvolution(inputChannels: 18, outputChannels: 9, kernel: 4, stride: 2, padding: 1)
    let raised = network.add("raised", up, leaky)
    let tiles = network.add(
        "tiles", TransposedConvolution(inputChannels: 18, outputChannels: 9, kernel: 2, stride: 2), leaky)
    let sum = network.add("sum", Add(), raised, normal, tiles)
    let small = network.add("small", PixelUnshuffle(factor: 2), sum)
    let mixed = network.add("mixed", Convolution(inputChannels: 36, outputChannels: 20, kernel: 1), small)
    let relu = network.add("relu", Activation(.relu), mixed)
    let large = network.add("large", PixelShuffle(factor: 2), relu)
    let part = network.add("part", Slice(channels: 1..<5), large)
    let last = network.add(
        "last",
        Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1, paddingMode: .replicate), part
    )
    network.output(network.add("clean", Add(), last, input))
    let features = network.add("features", Pooling(.average, kernel: 4), part)
    let count = (height / 4) * (width / 4) * 4
    let dense = network.add("dense", Dense(inputFeatures: count, outputFeatures: 3), features)
    network.output(network.add("softplus", Activation(.softplus), dense))
    return network
}
