import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Reshaping and broadcasting against naive twins.
@Suite struct ReshapeTests {
    private let pool = WorkerPool(workerCount: 4)

    /// The number of each feature within its picture is what PyTorch's order gives.
    @Test(
        arguments: [
            ((4, 5, 3), (1, 1, 60)), ((1, 1, 60), (4, 5, 3)), ((4, 6, 5), (10, 3, 4)), ((6, 4, 1), (3, 8, 1)),
            ((1, 1, 7), (7, 1, 1)), ((5, 7, 3), (5, 7, 3)), ((90, 70, 6), (35, 60, 18)),
        ])
    func keepsTheOrderOfPyTorch(_ from: (Int, Int, Int), _ to: (Int, Int, Int)) throws {
        var generator = SeededGenerator(seed: 331)
        let input = generator.tensor(Shape(batch: 3, height: from.0, width: from.1, channels: from.2))
        let operation = Reshape(height: to.0, width: to.1, channels: to.2)
        let output = try infer(network(of: operation), [input], pool: pool)[0]
        #expect(output.shape == Shape(batch: 3, height: to.0, width: to.1, channels: to.2))
        #expect(valuesInNCHW(output) == valuesInNCHW(input))
        // There and back.
        let back = Reshape(height: from.0, width: from.1, channels: from.2)
        #expect(try infer(network(of: back), [output], pool: pool)[0] == input)
    }

    /// A dense layer numbers features in the same way, so that flattening before it changes nothing.
    @Test func flatteningBeforeADenseLayer() throws {
        let dense = Dense(inputFeatures: 60, outputFeatures: 7)
        var flattened = Network()
        let x = flattened.input("x")
        flattened.output(
            flattened.add("dense", dense, flattened.add("flat", Reshape(height: 1, width: 1, channels: 60), x)))
        var generator = SeededGenerator(seed: 332)
        let input = generator.tensor(Shape(batch: 2, height: 4, width: 5, channels: 3))
        let parameters = generator.values(60 * 7 + 7)
        expectClose(
            try infer(flattened, [input], parameters: parameters, pool: pool)[0].values,
            try infer(network(of: dense), [input], parameters: parameters, pool: pool)[0].values, "flattened",
            tolerance: Tolerance(absolute: 1e-5, relative: 1e-6), seed: 332)
    }

    @Test func shapesThatDoNotFit() {
        let shape = Shape(batch: 2, height: 4, width: 5, channels: 3)
        let pixel = Shape(batch: 2, height: 1, width: 1, channels: 3)
        #expect(throws: ShapeError.self) { try Reshape(height: 2, width: 5, channels: 3).outputShape([shape]) }
        #expect(throws: ShapeError.self) { try Reshape(height: 8, width: 5, channels: 3).outputShape([shape]) }
        #expect(throws: ShapeError.self) { try BroadcastPixels().outputShape([pixel]) }
        #expect(throws: ShapeError.self) { try BroadcastPixels().outputShape([shape, shape]) }
        #expect(throws: ShapeError.self) { try BroadcastPixels(height: 2, width: 2).outputShape([pixel, shape]) }
        #expect(throws: ShapeError.self) {
            try BroadcastPixels().outputShape([pixel, Shape(batch: 1, height: 4, width: 5, channels: 3)])
        }
    }

    @Test(arguments: [1, 3, 48, 3000]) func broadcastingRepeatsThePixel(channels: Int) throws {
        var generator = SeededGenerator(seed: 333)
        let pixel = generator.tensor(Shape(batch: 2, height: 1, width: 1, channels: channels))
        let reference = generator.tensor(Shape(batch: 2, height: 37, width: 53, channels: 1))
        let output = try infer(network(of: BroadcastPixels(), inputCount: 2), [pixel, reference], pool: pool)[0]
        let expected = (0..<2).flatMap { n in
            (0..<(37 * 53)).flatMap { _ in pixel.values[(n * channels)..<((n + 1) * channels)] }
        }
        #expect(output.values == expected)
        let given = BroadcastPixels(height: 37, width: 53)
        #expect(try infer(network(of: given), [pixel], pool: pool)[0] == output)
    }
}
