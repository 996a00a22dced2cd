import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Products against naive twins, and the shapes that have none.
@Suite struct MultiplyTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    /// One channel and many, one pixel and more than a task takes.
    @Test(
        arguments: [
            (1, 1, 1, 1), (2, 3, 5, 2), (3, 4, 7, 3), (2, 5, 3, 16), (2, 1, 1, 300), (3, 70, 90, 3), (2, 41, 33, 17),
            (1, 9, 11, 1000),
        ])
    func agreesWithNaiveTwin(_ size: (batch: Int, height: Int, width: Int, channels: Int)) throws {
        let shape = Shape(batch: size.batch, height: size.height, width: size.width, channels: size.channels)
        let channelGate = Shape(batch: size.batch, height: 1, width: 1, channels: size.channels)
        let pixelGate = Shape(batch: size.batch, height: size.height, width: size.width, channels: 1)
        for (index, other) in [shape, channelGate, pixelGate].enumerated() {
            var generator = SeededGenerator(seed: 321, path: UInt64(index))
            let (x, y, incoming) = (generator.tensor(shape), generator.tensor(other), generator.tensor(shape))
            let expected = naiveProduct(x, y, incoming)
            for pool in pools {
                let network = network(of: Multiply(), inputCount: 2)
                let result = try train(network, [x, y], outputGradients: [incoming], pool: pool)
                #expect(try infer(network, [x, y], pool: pool) == result.outputs)
                let name = "\(shape) times \(other)"
                #expect(result.outputs[0] == expected.output, "\(name)")
                #expect(result.inputGradients[0] == expected.first, "\(name)")
                expectClose(
                    result.inputGradients[1].values, expected.second.values, name,
                    tolerance: Tolerance(absolute: 1e-6, relative: 2e-7), seed: 321)
            }
        }
    }

    private func naiveProduct(_ x: Tensor, _ y: Tensor, _ incoming: Tensor) -> (
        output: Tensor, first: Tensor, second: Tensor
    ) {
        var (output, first) = (x, x)
        var sums = [Double](repeating: 0, count: y.values.count)
        for i in x.values.indices {
            let (c, pixel) = (i % x.shape.channels, i / x.shape.channels)
            let n = pixel / (x.shape.height * x.shape.width)
            let place =
                if y.shape == x.shape {
                    i
                } else if y.shape.channels == 1, y.shape.height == x.shape.height, y.shape.width == x.shape.width {
                    pixel
                } else {
                    n * x.shape.channels + c
                }
            output.values[i] = x.values[i] * y.values[place]
            first.values[i] = incoming.values[i] * y.values[place]
            sums[place] += Double(incoming.values[i]) * Double(x.values[i])
        }
        return (output, first, Tensor(shape: y.shape, values: sums.map { Float($0) }))
    }

    @Test func shapesThatDoNotFit() {
        let picture = Shape(batch: 2, height: 4, width: 5, channels: 3)
        for (batch, height, width, channels) in [
            (1, 4, 5, 3), (2, 4, 5, 2), (2, 1, 5, 3), (2, 4, 1, 1), (1, 1, 1, 3), (2, 1, 1, 1), (2, 5, 4, 3),
        ] {
            let other = Shape(batch: batch, height: height, width: width, channels: channels)
            #expect(throws: ShapeError.self) { try Multiply().outputShape([picture, other]) }
        }
        #expect(throws: ShapeError.self) { try Multiply().outputShape([picture]) }
        #expect(throws: ShapeError.self) { try Multiply().outputShape([picture, picture, picture]) }
    }
}
