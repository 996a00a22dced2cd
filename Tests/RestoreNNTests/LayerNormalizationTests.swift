import RestoreNN
import TestSupport
import Testing

/// Layer normalization over the channels of each pixel against its definition in double precision.
@Suite struct LayerNormalizationTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]
    private static let channels = [1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 64, 100, 192]

    /// Forward pass and gradients as the definition says, in double precision.
    private func naive(
        _ input: Tensor, weight: [Float], bias: [Float], gradient: Tensor, epsilon: Double
    ) -> TrainingResult {
        let channels = input.shape.channels
        var (output, inputGradient) = (Tensor(zeros: input.shape), Tensor(zeros: input.shape))
        var (weightGradient, biasGradient) = (
            [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
        )
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(channels) }
        for pixel in 0..<input.shape.pixels {
            let places = (pixel * channels)..<((pixel + 1) * channels)
            let x = input.values[places].map(Double.init)
            let g = gradient.values[places].map(Double.init)
            let average = mean(x)
            let scale = 1 / (mean(x.map { ($0 - average) * ($0 - average) }) + epsilon).squareRoot()
            let normal = x.map { ($0 - average) * scale }
            let h = zip(g, weight).map { $0 * Double($1) }
            let (meanGradient, meanProduct) = (mean(h), mean(zip(h, normal).map { $0 * $1 }))
            for c in 0..<channels {
                output.values[places.lowerBound + c] = Float(normal[c] * Double(weight[c]) + Double(bias[c]))
                weightGradient[c] += g[c] * normal[c]
                biasGradient[c] += g[c]
                inputGradient.values[places.lowerBound + c] = Float(
                    scale * (h[c] - meanGradient - normal[c] * meanProduct))
            }
        }
        return TrainingResult(
            outputs: [output], inputGradients: [inputGradient],
            parameterGradients: (weightGradient + biasGradient).map { Float($0) })
    }

    @Test(arguments: channels, [0, 100, -3000] as [Float]) func agreesWithItsDefinition(channels: Int, offset: Float)
        throws
    {
        // More pixels than one task takes, and blocks of a slice that are cut.
        for shape in [
            Shape(batch: 1, height: 1, width: 1, channels: channels),
            Shape(batch: 3, height: 29, width: 31, channels: channels),
        ] {
            var generator = SeededGenerator(seed: 431, path: UInt64(channels))
            let input = Tensor(shape: shape, values: generator.tensor(shape).values.map { $0 + offset })
            let gradient = generator.tensor(shape)
            let parameters = generator.values(2 * channels)
            let network = network(of: LayerNormalization(channels: channels))
            let results = try pools.map {
                try train(network, [input], parameters: parameters, outputGradients: [gradient], pool: $0)
            }
            let expected = naive(
                input, weight: Array(parameters.prefix(channels)), bias: Array(parameters.suffix(channels)),
                gradient: gradient, epsilon: 1e-6)
            let what = "\(shape) around \(offset)"
            #expect(results[0] == results[1], "\(what), one worker and four")
            expectClose(
                results[0].outputs[0].values, expected.outputs[0].values, what,
                tolerance: Tolerance(absolute: 2e-6, relative: 2e-6), seed: 431)
            // Of few channels some pixels have next to no contrast, and the gradient what it is divided by.
            guard channels >= 5 else { continue }
            expectClose(
                results[0].inputGradients[0].values, expected.inputGradients[0].values, "\(what), input gradient",
                tolerance: Tolerance(absolute: 2e-5, relative: 1e-5), seed: 431)
            expectClose(
                results[0].parameterGradients, expected.parameterGradients, "\(what), parameter gradient",
                tolerance: Tolerance(absolute: 2e-4, relative: 1e-5), seed: 431)
        }
    }

    /// Inference may overwrite its input, and bands and pieces have the bits of the whole.
    @Test func plansAgree() throws {
        var network = Network()
        let x = network.input("x")
        let convolution = Convolution(inputChannels: 20, outputChannels: 20, kernel: 1)
        let y = network.add("norm", LayerNormalization(channels: 20), network.add("a", convolution, x))
        network.output(network.add("sum", Add(), network.add("last", LayerNormalization(channels: 20), y), x))
        let shape = Shape(batch: 1, height: 40, width: 33, channels: 20)
        for axis in Axis.allCases {
            #expect(try network.pieceRule(axis: axis, inputShape: shape) == PieceRule(step: 1, before: 0, after: 0))
        }
        var generator = SeededGenerator(seed: 432)
        let input = generator.tensor(shape)
        let parameters = randomParameters(network, seed: 432)
        let expected = try train(network, [input], parameters: parameters, pool: pools[0]).outputs[0]
        for pool in pools {
            let found = try infer(network, [input], parameters: parameters, pool: pool)[0]
            expectSameBits(found.values, expected.values, "\(pool.workerCount) workers", seed: 432)
            for rows in [1, 7] {
                let plan = try BandedPlan(
                    network, inputShapes: [shape],
                    parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pool,
                    bandRows: rows)
                plan.poison()
                expectSameBits(plan.run([input])[0].values, expected.values, "bands of \(rows)", seed: 432)
            }
        }
    }

    /// A pixel without contrast gives the bias, and NaN and infinity spoil their own pixel only.
    @Test func pixelsOfTheirOwn() throws {
        let network = network(of: LayerNormalization(channels: 18))
        var generator = SeededGenerator(seed: 433)
        let bias = generator.values(18)
        let parameters = generator.values(18) + bias
        var input = generator.tensor(Shape(batch: 1, height: 2, width: 3, channels: 18))
        for c in 0..<18 { input[0, 0, 1, c] = 0.7 }
        input[0, 1, 0, 17] = .nan
        input[0, 1, 2, 3] = .infinity
        let output = try infer(network, [input], parameters: parameters, pool: pools[0])[0]
        expectClose((0..<18).map { output[0, 0, 1, $0] }, bias, "no contrast")
        for pixel in 0..<6 {
            let values = output.values[(pixel * 18)..<((pixel + 1) * 18)]
            #expect(values.allSatisfy { $0.isNaN == (pixel == 3 || pixel == 5) }, "pixel \(pixel)")
        }
    }

    @Test func hasChannelsOfItsOwn() throws {
        let operation = LayerNormalization(channels: 6)
        #expect(operation.epsilon == 1e-6)
        #expect(operation.parameters.map(\.shape) == [[6], [6]])
        #expect(throws: ShapeError("expected 6 channels, found 5")) {
            try operation.outputShape([Shape(batch: 1, height: 2, width: 2, channels: 5)])
        }
    }
}
