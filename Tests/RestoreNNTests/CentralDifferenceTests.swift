import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Gradients against central differences: for the scalar f = Σ output · r with random r and a random direction d,
/// (f(x + h·d) − f(x − h·d)) / 2h must be ⟨gradient, d⟩. The sum is in double precision.
@Suite struct CentralDifferenceTests {
    private let pool = WorkerPool(workerCount: 2)

    /// An operator, its inputs, and how the step is chosen.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let operation: any Operator
        let inputs: [Shape]
        /// Linear operators have no truncation error and take a large step.
        var step: Float = 0.01

        var testDescription: String { name }
    }

    private static let side = Shape(batch: 2, height: 5, width: 6, channels: 4)

    private static func convolution(_ name: String, _ naive: NaiveConvolution) -> Case {
        Case(name: name, operation: naive.fast, inputs: [naive.input], step: 0.5)
    }

    private static let linear: [Case] = [
        convolution("3×3", NaiveConvolution(input: side, outputChannels: 5, kernel: 3, padding: 1)),
        convolution("pointwise", NaiveConvolution(input: side, outputChannels: 17, kernel: 1)),
        convolution(
            "strided", NaiveConvolution(input: side, outputChannels: 3, kernel: 4, stride: 2, padding: 1)),
        convolution("tiling", NaiveConvolution(input: side, outputChannels: 3, kernel: 2, stride: 2)),
        convolution(
            "dilated", NaiveConvolution(input: side, outputChannels: 3, kernel: 3, dilation: 2, padding: 2)),
        convolution(
            "asymmetric",
            NaiveConvolution(
                input: side, outputChannels: 3, kernel: 3,
                padding: Padding(top: 0, bottom: 2, left: 1, right: 0))),
        convolution(
            "padded beyond the kernel",
            NaiveConvolution(input: side, outputChannels: 3, kernel: 2, padding: 4)),
        convolution(
            "replicate",
            NaiveConvolution(input: side, outputChannels: 3, kernel: 5, padding: 3, mode: .replicate)),
        convolution(
            "reflect", NaiveConvolution(input: side, outputChannels: 3, kernel: 5, padding: 3, mode: .reflect)
        ),
        Case(
            name: "depthwise", operation: GroupedConvolution(depthwise: 4, kernel: 3, padding: 1), inputs: [side],
            step: 0.5),
        Case(
            name: "depthwise, strided", operation: GroupedConvolution(depthwise: 4, kernel: 3, stride: 2, padding: 1),
            inputs: [side], step: 0.5),
        Case(
            name: "depthwise, reflect",
            operation: GroupedConvolution(depthwise: 4, kernel: 5, padding: 2, paddingMode: .reflect), inputs: [side],
            step: 0.5),
        Case(
            name: "two groups, convolution",
            operation: GroupedConvolution(inputChannels: 4, outputChannels: 6, groups: 2, kernel: 3, padding: 1),
            inputs: [side], step: 0.5),
        Case(
            name: "two groups, strided",
            operation: GroupedConvolution(inputChannels: 4, outputChannels: 6, groups: 2, kernel: 3, stride: 2),
            inputs: [side], step: 0.5),
        Case(
            name: "transposed, tiling",
            operation: TransposedConvolution(inputChannels: 4, outputChannels: 3, kernel: 2, stride: 2),
            inputs: [side], step: 0.5),
        Case(
            name: "transposed, overlapping",
            operation: TransposedConvolution(
                inputChannels: 4, outputChannels: 3, kernel: 3, stride: 2, padding: 1, outputPadding: 1),
            inputs: [side], step: 0.5),
        Case(
            name: "transposed, dilated",
            operation: TransposedConvolution(inputChannels: 4, outputChannels: 3, kernel: 3, dilation: 2),
            inputs: [side], step: 0.5),
        Case(
            name: "dense", operation: Dense(inputFeatures: 120, outputFeatures: 7), inputs: [side], step: 0.5),
        Case(name: "add", operation: Add(), inputs: [side, side, side], step: 0.5),
        Case(
            name: "concatenate", operation: Concatenate(),
            inputs: [side, Shape(batch: 2, height: 5, width: 6, channels: 1), side], step: 0.5),
        Case(name: "slice", operation: Slice(channels: 1..<3), inputs: [side], step: 0.5),
        Case(
            name: "average, overlapping", operation: Pooling(.average, kernel: 3, stride: 2), inputs: [side],
            step: 0.5),
        Case(name: "shuffle", operation: PixelShuffle(factor: 2), inputs: [side], step: 0.5),
        Case(
            name: "unshuffle", operation: PixelUnshuffle(factor: 2),
            inputs: [Shape(batch: 2, height: 4, width: 6, channels: 3)], step: 0.5),
    ]

    private static let curved: [Case] = [
        Case(name: "one group", operation: GroupNormalization(channels: 4, groups: 1), inputs: [side]),
        Case(name: "two groups", operation: GroupNormalization(channels: 4, groups: 2), inputs: [side]),
        Case(name: "four groups", operation: GroupNormalization(channels: 4, groups: 4), inputs: [side]),
        Case(name: "channels of a pixel", operation: LayerNormalization(channels: 4), inputs: [side]),
        Case(name: "max", operation: Pooling(.max, kernel: 2), inputs: [side]),
        Case(name: "max, overlapping", operation: Pooling(.max, kernel: 3, stride: 1), inputs: [side]),
        Case(name: "relu", operation: Activation(.relu), inputs: [side]),
        Case(name: "leaky relu", operation: Activation(.leakyReLU(slope: 0.3)), inputs: [side]),
        Case(name: "silu", operation: Activation(.silu), inputs: [side]),
        Case(name: "tanh", operation: Activation(.tanh), inputs: [side]),
        Case(name: "sigmoid", operation: Activation(.sigmoid), inputs: [side]),
        Case(name: "softplus", operation: Activation(.softplus), inputs: [side]),
        Case(name: "identity", operation: Activation(.identity), inputs: [side]),
    ]

    @Test(arguments: linear + curved) func operatorGradients(_ sample: Case) throws {
        var generator = SeededGenerator(seed: 61, path: stableHash(sample.name))
        let network = network(of: sample.operation, inputCount: sample.inputs.count)
        let inputs = sample.inputs.map { distinctValues($0, &generator) }
        let parameters = generator.values(ParameterLayout(network).count)
        try check(network, inputs, parameters, step: sample.step, name: sample.name, seed: 61)
    }

    /// Values no two of which are closer than the steps made here can bring together, and none of them near zero: the
    /// greatest of a window stays the greatest, and no activation's kink is crossed.
    private func distinctValues(_ shape: Shape, _ generator: inout SeededGenerator) -> Tensor {
        let ranks = (0..<shape.count).shuffled(using: &generator)
        return Tensor(shape: shape, values: ranks.map { 0.025 * (Float($0) + 0.5 - Float(shape.count) / 2) })
    }

    @Test func networksThatReadValuesManyTimes() throws {
        for (name, network) in manyReaders() {
            var generator = SeededGenerator(seed: 62, path: stableHash(name))
            let input = generator.tensor(Self.side)
            let parameters = randomParameters(network, seed: 62)
            try check(network, [input], parameters, step: 0.01, name: name, seed: 62)
        }
    }

    private func nestedSkips(
        _ network: inout Network, _ x: Network.Value, _ convolution: Convolution
    ) -> Network.Value {
        var values = [x]
        for level in 0..<3 {
            let y = network.add("down.\(level)", convolution, values[level])
            values.append(network.add("active.\(level)", Activation(.tanh), y))
        }
        var y = values[3]
        for level in (0..<3).reversed() {
            y = network.add("skip.\(level)", Add(), network.add("up.\(level)", convolution, y), values[level])
        }
        return y
    }

    private func manyReaders() -> [(String, Network)] {
        func make(_ build: (inout Network, Network.Value) -> Network.Value) -> Network {
            var network = Network()
            let input = network.input("x")
            network.output(build(&network, input))
            return network
        }
        let convolution = Convolution(inputChannels: 4, outputChannels: 4, kernel: 3, padding: 1)
        return [
            ("x + x", make { $0.add("sum", Add(), $1, $1) }),
            ("x + x + x", make { $0.add("sum", Add(), $1, $1, $1) }),
            ("x joined with x", make { $0.add("join", Concatenate(), $1, $1) }),
            (
                "x used twice",
                make { network, x in
                    let a = network.add("a", convolution, x)
                    let b = network.add("b", Activation(.silu), network.add("c", convolution, x))
                    return network.add("sum", Add(), a, b)
                }
            ),
            ("nested skip connections", make { nestedSkips(&$0, $1, convolution) }),
            (
                "a square by way of doubling",
                make { network, x in
                    let two = network.add("two", Add(), x, x)
                    let active = network.add("active", Activation(.softplus), two)
                    return network.add("sum", Add(), active, two, x)
                }
            ),
        ]
    }

    @Test func randomNetworks() throws {
        for seed in UInt64(0)..<150 {
            let random = RandomNetwork(seed: seed, nodes: 3 + Int(seed % 9), smooth: true)
            var generator = SeededGenerator(seed: seed, path: 63)
            let shape = Shape(batch: 2, height: 4, width: 6, channels: 4)
            let inputs = (0..<random.inputCount).map { _ in generator.tensor(shape) }
            let parameters = randomParameters(random.network, seed: seed)
            try check(random.network, inputs, parameters, step: 0.002, name: "random network", seed: seed)
        }
    }

    /// Four random directions for every input and for the parameters.
    private func check(
        _ network: Network, _ inputs: [Tensor], _ parameters: [Float], step: Float, name: String, seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed, path: 64)
        let weights = try train(network, inputs, parameters: parameters, pool: pool).outputs
            .map { generator.tensor($0.shape) }
        let result = try train(network, inputs, parameters: parameters, outputGradients: weights, pool: pool)

        func difference(along directions: [[Float]], _ direction: [Float]) throws -> Double {
            func value(_ step: Float) throws -> Double {
                let moved = zip(inputs, directions).map { input, direction in
                    Tensor(shape: input.shape, values: zip(input.values, direction).map { $0 + step * $1 })
                }
                let parameters = zip(parameters, direction).map { $0 + step * $1 }
                let outputs = try train(network, moved, parameters: parameters, pool: pool).outputs
                return zip(outputs, weights).reduce(0) { $0 + dot($1.0.values, $1.1.values) }
            }
            return (try value(step) - value(-step)) / Double(2 * step)
        }
        let still = inputs.map { [Float](repeating: 0, count: $0.values.count) }
        let fixed = [Float](repeating: 0, count: parameters.count)
        for _ in 0..<4 {
            for index in inputs.indices {
                var directions = still
                directions[index] = generator.values(inputs[index].values.count)
                let expected = try difference(along: directions, fixed)
                let gradient = result.inputGradients[index].values
                expectNear(
                    dot(gradient, directions[index]), expected, norm(gradient),
                    "\(name), input \(index), seed \(seed)")
            }
            guard !parameters.isEmpty else { continue }
            let direction = generator.values(parameters.count)
            let expected = try difference(along: still, direction)
            expectNear(
                dot(result.parameterGradients, direction), expected, norm(result.parameterGradients),
                "\(name), parameters, seed \(seed)")
        }
    }

    private func expectNear(_ found: Double, _ expected: Double, _ scale: Double, _ configuration: String) {
        #expect(
            abs(found - expected) <= 2e-3 * scale + 1e-4,
            "\(configuration): gradient gives \(found), differences \(expected), norm \(scale)")
    }
}
