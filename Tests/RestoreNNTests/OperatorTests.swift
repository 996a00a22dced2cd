import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Operators other than convolutions, against naive twins and at their edges.
@Suite struct OperatorTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    @Test(arguments: [(1, 1, 1, 1), (3, 2, 5, 7), (7, 4, 3, 17), (600, 1, 1, 33), (2, 9, 11, 48)])
    func denseAgreesWithNaiveTwin(_ size: (batch: Int, height: Int, width: Int, channels: Int)) throws {
        let shape = Shape(batch: size.batch, height: size.height, width: size.width, channels: size.channels)
        let features = shape.count / shape.batch
        for outputs in [1, 16, 19] {
            var generator = SeededGenerator(seed: 171, path: UInt64(features), UInt64(outputs))
            let input = generator.tensor(shape)
            let weight = generator.values(outputs * features)
            let bias = generator.values(outputs)
            // Features are numbered channel, row, column.
            let rows = (0..<shape.batch).map { valuesInNCHW(input.picture($0)) }
            let expected = rows.flatMap { row in
                (0..<outputs).map { o in
                    Float(Double(bias[o]) + dot(row, Array(weight[(o * features)..<((o + 1) * features)])))
                }
            }
            let network = network(of: Dense(inputFeatures: features, outputFeatures: outputs))
            let results = try pools.map {
                try infer(network, [input], parameters: weight + bias, pool: $0)[0]
            }
            #expect(results[0] == results[1])
            expectClose(
                results[0].values, expected, "dense \(shape) → \(outputs)",
                tolerance: Tolerance(absolute: 1e-6 + 3e-8 * Float(features), relative: 2e-6), seed: 171)
        }
    }

    /// Also where the mean is a thousand times the deviation.
    @Test(arguments: [1, 2, 3, 6], [Float(0), 1000])
    func groupNormalizationAgreesWithNaiveTwin(groups: Int, offset: Float) throws {
        let shape = Shape(batch: 3, height: 9, width: 13, channels: 6)
        var generator = SeededGenerator(seed: 172, path: UInt64(groups))
        let input = generator.tensor(shape, in: (offset - 1)...(offset + 1))
        let (weight, bias) = (generator.values(6), generator.values(6))
        var expected = Tensor(zeros: shape)
        for n in 0..<3 {
            for group in 0..<groups {
                let channels = (group * 6 / groups)..<((group + 1) * 6 / groups)
                let places = (0..<9).flatMap { y in (0..<13).flatMap { x in channels.map { (y, x, $0) } } }
                let values = places.map { Double(input[n, $0.0, $0.1, $0.2]) }
                let mean = values.reduce(0, +) / Double(values.count)
                let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
                for (place, value) in zip(places, values) {
                    let (y, x, c) = place
                    let normal = (value - mean) / (variance + 1e-5).squareRoot()
                    expected[n, y, x, c] = Float(normal * Double(weight[c]) + Double(bias[c]))
                }
            }
        }
        let network = network(of: GroupNormalization(channels: 6, groups: groups))
        let results = try pools.map { try infer(network, [input], parameters: weight + bias, pool: $0)[0] }
        #expect(results[0] == results[1])
        expectClose(
            results[0].values, expected.values, "\(groups) groups around \(offset)",
            tolerance: Tolerance(absolute: offset == 0 ? 2e-6 : 3e-4, relative: 2e-6), seed: 172)
    }

    @Test func ofEqualGreatestValuesTheFirstGetsTheGradient() throws {
        let input = Tensor(
            shape: Shape(batch: 1, height: 2, width: 4, channels: 1), values: [3, 3, -1, 2, 3, 1, 2, 2])
        let gradient = Tensor(shape: Shape(batch: 1, height: 1, width: 2, channels: 1), values: [10, 20])
        let result = try train(
            network(of: Pooling(.max, kernel: 2)), [input], outputGradients: [gradient], pool: pools[0])
        #expect(result.outputs[0].values == [3, 2])
        #expect(result.inputGradients[0].values == [10, 0, 0, 20, 0, 0, 0, 0])
    }

    /// What is no number must reach the output, whatever the function, and touch nothing else.
    @Test func aNaNPassesThroughEveryOperator() throws {
        let functions: [ActivationFunction] = [
            .identity, .relu, .leakyReLU(slope: 0.1), .silu, .tanh, .sigmoid, .softplus,
        ]
        let shape = Shape(batch: 2, height: 2, width: 2, channels: 4)
        for place in 0..<16 {
            var input = Tensor(zeros: shape)
            input.values[place] = .nan
            for function in functions {
                let output = try infer(network(of: Activation(function)), [input], pool: pools[0])[0]
                #expect(
                    output.values.indices.allSatisfy { output.values[$0].isNaN == ($0 == place) },
                    "\(function)")
            }
            for operation in [
                Pooling(.max, kernel: 2), Pooling(.average, kernel: 2), PixelShuffle(factor: 2),
                PixelUnshuffle(factor: 2), Add(), Concatenate(), Slice(channels: 0..<4),
            ] as [any Operator] {
                let output = try infer(network(of: operation), [input], pool: pools[0])[0]
                #expect(output.values.filter(\.isNaN).count == 1, "\(operation.kind), place \(place)")
            }
        }
    }

    @Test func activationsFarFromZero() throws {
        let far: [Float] = [-1e30, -200, -90, 90, 200, 1e30, .infinity]
        let input = Tensor(shape: Shape(batch: 1, height: 1, width: 7, channels: 1), values: far)
        func values(_ function: ActivationFunction) throws -> [Float] {
            try infer(network(of: Activation(function)), [input], pool: pools[0])[0].values
        }
        #expect(try values(.relu) == [0, 0, 0, 90, 200, 1e30, .infinity])
        #expect(try values(.tanh) == [-1, -1, -1, 1, 1, 1, 1])
        expectClose(try values(.sigmoid), [0, 0, 0, 1, 1, 1, 1], "sigmoid")
        expectClose(try values(.silu), [0, 0, 0, 90, 200, 1e30, .infinity], "silu")
        expectClose(try values(.softplus), [0, 0, 0, 90, 200, 1e30, .infinity], "softplus")
        for function in [ActivationFunction.silu, .tanh, .sigmoid, .softplus, .relu] {
            let finite = Tensor(
                shape: Shape(batch: 1, height: 1, width: 6, channels: 1), values: Array(far.prefix(6)))
            let ones = Tensor(shape: finite.shape, values: [Float](repeating: 1, count: 6))
            let gradients = try train(
                network(of: Activation(function)), [finite], outputGradients: [ones], pool: pools[0]
            ).inputGradients[0].values
            #expect(gradients.allSatisfy { $0 >= -1e-6 && $0 <= 1.000001 }, "\(function): \(gradients)")
        }
    }

    @Test(arguments: [1, 2, 3, 4]) func shufflingUndoesUnshuffling(factor: Int) throws {
        var network = Network()
        let input = network.input("x")
        let coarse = network.add("coarse", PixelUnshuffle(factor: factor), input)
        network.output(network.add("fine", PixelShuffle(factor: factor), coarse))
        var generator = SeededGenerator(seed: 173)
        let picture = generator.tensor(Shape(batch: 2, height: 3 * factor, width: 5 * factor, channels: 3))
        #expect(try infer(network, [picture], pool: pools[1]) == [picture])
    }

    @Test func slicesOfWhatWasJoinedComeBack() throws {
        var network = Network()
        let (a, b) = (network.input("a"), network.input("b"))
        let joined = network.add("joined", Concatenate(), a, b)
        network.output(network.add("first", Slice(channels: 0..<3), joined))
        network.output(network.add("second", Slice(channels: 3..<8), joined))
        var generator = SeededGenerator(seed: 174)
        // More pixels than one task takes.
        let inputs = [3, 5].map { generator.tensor(Shape(batch: 2, height: 65, width: 70, channels: $0)) }
        #expect(try infer(network, inputs, pool: pools[1]) == inputs)
    }
}
