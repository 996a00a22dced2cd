import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Means over pixels and over pictures against naive twins.
@Suite struct MeanTests {
    private let pool = WorkerPool(workerCount: 4)

    /// Also of pictures in many slices, far from zero, where sums in single precision would lose digits.
    @Test(
        arguments: [(1, 1, 1, 1), (2, 3, 5, 4), (3, 1, 1, 70), (2, 150, 140, 3), (1, 300, 300, 1), (2, 70, 60, 65)],
        [Float(0), 1000])
    func globalMeansAgreeWithNaiveTwin(
        _ size: (batch: Int, height: Int, width: Int, channels: Int), offset: Float
    ) throws {
        let shape = Shape(batch: size.batch, height: size.height, width: size.width, channels: size.channels)
        var generator = SeededGenerator(seed: 334)
        let input = generator.tensor(shape, in: (offset - 1)...(offset + 1))
        var sums = [Double](repeating: 0, count: shape.batch * shape.channels)
        let pixels = shape.height * shape.width
        for (i, value) in input.values.enumerated() {
            sums[i / shape.channels / pixels * shape.channels + i % shape.channels] += Double(value)
        }
        let output = try infer(network(of: GlobalAveragePooling()), [input], pool: pool)[0]
        #expect(output.shape == Shape(batch: shape.batch, height: 1, width: 1, channels: shape.channels))
        expectClose(
            output.values, sums.map { Float($0 / Double(pixels)) }, "mean of \(shape) around \(offset)",
            tolerance: Tolerance(absolute: 1e-8, relative: 1e-7), seed: 334)
    }

    @Test(arguments: [1, 2, 7]) func batchMeansAgreeWithNaiveTwin(batch: Int) throws {
        var generator = SeededGenerator(seed: 335)
        let input = generator.tensor(Shape(batch: batch, height: 33, width: 25, channels: 7))
        let count = 33 * 25 * 7
        let expected = (0..<count).map { i in
            Float((0..<batch).reduce(0.0) { $0 + Double(input.values[$1 * count + i]) } / Double(batch))
        }
        let output = try infer(network(of: BatchMean()), [input], pool: pool)[0]
        #expect(output.shape == Shape(batch: 1, height: 33, width: 25, channels: 7))
        #expect(output.values == expected)
    }
}
