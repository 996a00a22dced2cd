import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Gradients of operators without parameters: by differences, as adjoints, written over what was there.
@Suite struct ElementwiseGradientTests {
    private let pool = WorkerPool(workerCount: 2)

    @Test(arguments: ElementwiseSample.all) func differences(_ sample: ElementwiseSample) throws {
        let isLinear = !sample.linearInputs.isEmpty && !(sample.operation is TopK)
        try CentralDifferenceTests().operatorGradients(
            CentralDifferenceTests.Case(
                name: sample.name, operation: sample.operation, inputs: sample.inputs, step: isLinear ? 0.5 : 0.01))
    }

    /// Where values must be positive, or may not come near each other's negatives.
    @Test func differencesOfOtherValues() throws {
        let shape = Shape(batch: 2, height: 5, width: 6, channels: 4)
        var generator = SeededGenerator(seed: 301)
        for epsilon in [Float(0), 0.25] {
            try CentralDifferenceTests().check(
                network(of: Logarithm(epsilon: epsilon)), [generator.tensor(shape, in: 0.5...4)], [], step: 0.01,
                name: "logarithm", seed: 301)
        }
        let ranks = (0..<shape.count).shuffled(using: &generator)
        let apart = ranks.map { rank in
            let magnitude = 0.025 * Float(rank + 1)
            return rank % 3 == 0 ? magnitude : -magnitude
        }
        try CentralDifferenceTests().check(
            network(of: TopK(k: 31, by: .magnitude)), [Tensor(shape: shape, values: apart)], [], step: 0.01,
            name: "top k by magnitude", seed: 301)
    }

    /// ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for each input that the output is linear in.
    @Test(arguments: ElementwiseSample.all) func adjoints(_ sample: ElementwiseSample) throws {
        var generator = SeededGenerator(seed: 302, path: stableHash(sample.name))
        let inputs = sample.inputs.map { generator.tensor($0) }
        let output = try infer(sample.network, inputs, pool: pool)[0]
        let y = generator.tensor(output.shape)
        let result = try train(sample.network, inputs, outputGradients: [y], pool: pool)
        let product = dot(output.values, y.values)
        for index in sample.linearInputs {
            let back = dot(inputs[index].values, result.inputGradients[index].values)
            let scale = norm(output.values) * norm(y.values)
            #expect(abs(product - back) <= 1e-6 * scale, "\(sample.name), input \(index): \(product), \(back)")
        }
    }

    @Test(arguments: ElementwiseSample.all) func inputGradientsAreOverwritten(_ sample: ElementwiseSample) throws {
        var generator = SeededGenerator(seed: 303, path: stableHash(sample.name))
        let inputs = sample.inputs.map { generator.tensor($0) }
        let y = generator.tensor(try infer(sample.network, inputs, pool: pool)[0].shape)
        let once = try train(sample.network, inputs, outputGradients: [y], pool: pool)
        let twice = try train(sample.network, inputs, outputGradients: [y], rounds: 2, pool: pool)
        #expect(once == twice, "\(sample.name)")
    }

    /// A value times itself gets both gradients: 2x.
    @Test func aSquare() throws {
        var network = Network()
        let x = network.input("x")
        network.output(network.add("square", Multiply(), x, x))
        var generator = SeededGenerator(seed: 304)
        let input = generator.tensor(Shape(batch: 2, height: 3, width: 5, channels: 7))
        let ones = Tensor(shape: input.shape, values: input.values.map { _ in 1 })
        let result = try train(network, [input], outputGradients: [ones], pool: pool)
        #expect(result.outputs[0].values == input.values.map { $0 * $0 })
        #expect(result.inputGradients[0].values == input.values.map { 2 * $0 })
        #expect(try infer(network, [input], pool: pool)[0] == result.outputs[0])
    }

    /// The draw of a variational autoencoder, μ + e^(½ log σ²) · ε, with ε an ordinary input (Kingma & Welling 2014).
    @Test func aReparameterizedDraw() throws {
        var network = Network()
        let features = network.input("features")
        let noise = network.input("epsilon")
        let mean = network.add("mean", Dense(inputFeatures: 24, outputFeatures: 5), features)
        let logVariance = network.add("logVariance", Dense(inputFeatures: 24, outputFeatures: 5), features)
        let deviation = network.add("deviation", Exponential(scale: 0.5), logVariance)
        let change = network.add("change", Multiply(), deviation, noise)
        network.output(network.add("draw", Add(), mean, change))
        var generator = SeededGenerator(seed: 305)
        let inputs = [
            generator.tensor(Shape(batch: 3, height: 2, width: 3, channels: 4)),
            generator.tensor(Shape(batch: 3, height: 1, width: 1, channels: 5), in: -2...2),
        ]
        try CentralDifferenceTests().check(
            network, inputs, randomParameters(network, seed: 305), step: 0.01, name: "reparameterized draw", seed: 305)
    }

    /// A network whose gates, masks and pyramids use each operator with others before and behind it.
    @Test func aNetworkOfAll() throws {
        let network = elementwiseNetwork()
        var generator = SeededGenerator(seed: 306)
        let input = generator.tensor(Shape(batch: 3, height: 4, width: 6, channels: 4))
        try CentralDifferenceTests().check(
            network, [input], randomParameters(network, seed: 306), step: 0.005, name: "network of all", seed: 306)
    }

    /// The mean activity of a layer over a batch, beside the network's output.
    @Test func aBatchStatistic() throws {
        var network = Network()
        let input = network.input("x")
        let hidden = network.add(
            "active", Activation(.sigmoid),
            network.add("hidden", Convolution(inputChannels: 4, outputChannels: 6, kernel: 3, padding: 1), input))
        let rate = network.add("rate", BatchMean(), network.add("mean", GlobalAveragePooling(), hidden))
        network.output(network.add("out", Convolution(inputChannels: 6, outputChannels: 3, kernel: 1), hidden))
        network.output(network.add("log", Logarithm(epsilon: 1e-3), rate))
        var generator = SeededGenerator(seed: 307)
        let batch = generator.tensor(Shape(batch: 5, height: 4, width: 6, channels: 4))
        let parameters = randomParameters(network, seed: 307)
        try CentralDifferenceTests().check(
            network, [batch], parameters, step: 0.01, name: "batch statistic", seed: 307)
        let inferred = try infer(network, [batch], parameters: parameters, pool: pool)
        #expect(inferred.map(\.shape.batch) == [5, 1])
        #expect(inferred == (try train(network, [batch], parameters: parameters, pool: pool)).outputs)
    }
}

/// Squeeze-and-excitation gates, a mask, features broadcast over the picture, and a decoder of upsamplings.
///
/// - Returns: a network whose input is N×H×W×4 with even sides and whose output is N×H×W×5.
func elementwiseNetwork() -> Network {
    var network = Network()
    let input = network.input("input")
    let first = network.add("first", Convolution(inputChannels: 4, outputChannels: 6, kernel: 3, padding: 1), input)
    let small = network.add(
        "small", Convolution(inputChannels: 6, outputChannels: 8, kernel: 2, stride: 2),
        network.add("silu", Activation(.silu), first))
    let squeezed = network.add("squeezed", GlobalAveragePooling(), small)
    let gate = network.add(
        "gate", Activation(.sigmoid),
        network.add("excited", Convolution(inputChannels: 8, outputChannels: 8, kernel: 1), squeezed))
    let gated = network.add("gated", Multiply(), small, gate)
    let spread = network.add("spread", BroadcastPixels(), squeezed, gated)
    let joined = network.add("joined", Concatenate(), gated, spread)
    let nearest = network.add("nearest", Upsampling(factor: 2, .nearest), joined)
    let narrow = network.add("narrow", Convolution(inputChannels: 16, outputChannels: 6, kernel: 1), joined)
    let bilinear = network.add("bilinear", Upsampling(factor: 2), narrow)
    let mask = network.add(
        "mask", Exponential(scale: 0.5),
        network.add("logits", Convolution(inputChannels: 16, outputChannels: 1, kernel: 3, padding: 1), nearest))
    let masked = network.add("masked", Multiply(), network.add("sum", Add(), bilinear, first), mask)
    let last = network.add("last", Convolution(inputChannels: 6, outputChannels: 5, kernel: 3, padding: 1), masked)
    network.output(network.add("classes", Softmax(temperature: 2), last))
    return network
}
