import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Its gradients, bands and threads are tested with those of all elementwise operators.
@Suite struct DifferenceTests {
    private let shape = Shape(batch: 1, height: 1, width: 2, channels: 2)

    @Test func itIsTheFirstLessTheSecond() throws {
        let inputs = [Tensor(shape: shape, values: [3, 1, -2, 0]), Tensor(shape: shape, values: [1, 4, -2, 0.5])]
        let network = network(of: Difference(scale: 8), inputCount: 2)
        #expect(try infer(network, inputs, pool: WorkerPool(workerCount: 1))[0].values == [16, -24, 0, -4])
    }

    @Test func theShapesMustBeEqual() {
        #expect(throws: ShapeError.self) { try Difference().outputShape([shape]) }
        #expect(throws: ShapeError.self) { try Difference().outputShape([shape, shape, shape]) }
        var other = shape
        other.channels = 1
        #expect(throws: ShapeError.self) { try Difference().outputShape([shape, other]) }
    }
}
