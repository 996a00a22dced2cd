import RestoreConcurrency
import Glibc
import RestoreNN
import TestSupport
import Testing

/// Softmax against a naive twin, and where exponentials would overflow.
@Suite struct SoftmaxTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    @Test(
        arguments: [(1, 1, 1, 1), (2, 3, 5, 2), (1, 60, 70, 3), (2, 5, 3, 15), (3, 2, 2, 16), (2, 9, 11, 313)],
        [Float(0.25), 1, 5])
    func agreesWithNaiveTwin(
        _ size: (batch: Int, height: Int, width: Int, channels: Int), temperature: Float
    ) throws {
        let shape = Shape(batch: size.batch, height: size.height, width: size.width, channels: size.channels)
        var generator = SeededGenerator(seed: 351)
        let input = generator.tensor(shape, in: -6...6)
        let incoming = generator.tensor(shape)
        var (expected, gradient): ([Float], [Float]) = ([], [])
        for start in stride(from: 0, to: shape.count, by: shape.channels) {
            let pixel = start..<(start + shape.channels)
            let powers = input.values[pixel].map { exp(Double($0) / Double(temperature)) }
            let y = powers.map { $0 / powers.reduce(0, +) }
            let mean = zip(y, incoming.values[pixel]).reduce(0.0) { $0 + $1.0 * Double($1.1) }
            expected += y.map { Float($0) }
            gradient += zip(y, incoming.values[pixel]).map { y, g in
                Float(y * (Double(g) - mean) / Double(temperature))
            }
        }
        for pool in pools {
            let network = network(of: Softmax(temperature: temperature))
            let result = try train(network, [input], outputGradients: [incoming], pool: pool)
            #expect(try infer(network, [input], pool: pool) == result.outputs)
            let name = "\(shape), temperature \(temperature)"
            let tight = Tolerance(absolute: 1e-7, relative: 1e-5)
            expectClose(result.outputs[0].values, expected, name, tolerance: tight, seed: 351)
            expectClose(
                result.inputGradients[0].values, gradient, "\(name), gradient",
                tolerance: Tolerance(absolute: 2e-6, relative: 1e-5), seed: 351)
        }
    }

    /// Inputs that would overflow without the subtraction, and those that are no numbers.
    @Test func farFromZero() throws {
        let values: [Float] = [
            1e30, 0, -1e30, 3e38, -3e38, -3e38, -200, -200, -.infinity, .infinity, 0, 0, 0, .nan, 1,
        ]
        let input = Tensor(shape: Shape(batch: 1, height: 1, width: 5, channels: 3), values: values)
        let found = try infer(network(of: Softmax()), [input], pool: pools[0])[0].values
        #expect(Array(found.prefix(9)) == [1, 0, 0, 1, 0, 0, 0.5, 0.5, 0])
        #expect(found.suffix(6).allSatisfy { $0.isNaN })
    }
}
