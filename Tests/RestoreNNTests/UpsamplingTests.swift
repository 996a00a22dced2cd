import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Enlarging pictures, against a naive twin in double precision.
@Suite struct UpsamplingTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    private static let interpolations: [Upsampling.Interpolation] = [
        .nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true),
    ]

    /// The share of each input value in each sample of a line.
    private func weights(_ input: Int, factor: Int, _ interpolation: Upsampling.Interpolation) -> [[Double]] {
        (0..<(input * factor)).map { sample in
            var weights = [Double](repeating: 0, count: input)
            let position: Double
            switch interpolation {
            case .nearest:
                weights[sample / factor] = 1
                return weights
            case .bilinear(alignsCorners: true):
                let last = Double(input * factor - 1)
                position = last == 0 ? 0 : Double(sample) * Double(input - 1) / last
            case .bilinear:
                position = (Double(sample) + 0.5) / Double(factor) - 0.5
            }
            let inside = min(max(position, 0), Double(input - 1))
            let lower = min(Int(inside), max(0, input - 2))
            weights[lower] += 1 - (inside - Double(lower))
            if input > 1 { weights[lower + 1] += inside - Double(lower) }
            return weights
        }
    }

    private func enlarged(_ x: Tensor, _ rows: [[Double]], _ columns: [[Double]]) -> Tensor {
        let shape = Shape(
            batch: x.shape.batch, height: rows.count, width: columns.count, channels: x.shape.channels)
        var result = Tensor(zeros: shape)
        for n in 0..<shape.batch {
            for oy in 0..<shape.height {
                for ox in 0..<shape.width {
                    for c in 0..<shape.channels {
                        var sum = 0.0
                        for y in 0..<x.shape.height where rows[oy][y] > 0 {
                            for xx in 0..<x.shape.width where columns[ox][xx] > 0 {
                                sum += rows[oy][y] * columns[ox][xx] * Double(x[n, y, xx, c])
                            }
                        }
                        result[n, oy, ox, c] = Float(sum)
                    }
                }
            }
        }
        return result
    }

    @Test(
        arguments: [(1, 1, 1, 1), (2, 1, 7, 3), (2, 6, 1, 4), (3, 5, 4, 1), (1, 13, 9, 3), (2, 4, 5, 17)],
        [1, 2, 3, 4, 7])
    func agreesWithNaiveTwin(
        _ size: (batch: Int, height: Int, width: Int, channels: Int), factor: Int
    ) throws {
        let shape = Shape(batch: size.batch, height: size.height, width: size.width, channels: size.channels)
        for interpolation in Self.interpolations {
            var generator = SeededGenerator(seed: 341)
            let input = generator.tensor(shape)
            let rows = weights(shape.height, factor: factor, interpolation)
            let columns = weights(shape.width, factor: factor, interpolation)
            let expected = enlarged(input, rows, columns)
            let incoming = generator.tensor(expected.shape)
            // The adjoint is the same sum with the weights transposed.
            let expectedGradient = enlarged(incoming, transposed(rows), transposed(columns))
            let results = try pools.map {
                try train(
                    network(of: Upsampling(factor: factor, interpolation)), [input], outputGradients: [incoming],
                    pool: $0)
            }
            #expect(results[0] == results[1])
            let name = "\(shape) by \(factor), \(interpolation)"
            let tight = Tolerance(absolute: 1e-6, relative: 1e-6)
            expectClose(results[0].outputs[0].values, expected.values, name, tolerance: tight, seed: 341)
            expectClose(
                results[0].inputGradients[0].values, expectedGradient.values, "\(name), gradient",
                tolerance: Tolerance(absolute: 2e-6 * Float(factor), relative: 2e-6), seed: 341)
        }
    }

    private func transposed(_ weights: [[Double]]) -> [[Double]] {
        weights[0].indices.map { column in weights.map { $0[column] } }
    }

    /// A constant picture stays what it is, and a ramp stays a ramp away from the edges.
    @Test func constantsAndRamps() throws {
        let constant = Tensor(
            shape: Shape(batch: 1, height: 4, width: 5, channels: 2), values: [Float](repeating: 0.7, count: 40))
        for interpolation in Self.interpolations {
            let output = try infer(network(of: Upsampling(factor: 3, interpolation)), [constant], pool: pools[0])[0]
            expectClose(
                output.values, [Float](repeating: 0.7, count: 360), "\(interpolation)",
                tolerance: Tolerance(absolute: 1e-7, relative: 0))
        }
        let ramp = Tensor(
            shape: Shape(batch: 1, height: 1, width: 8, channels: 1), values: (0..<8).map { Float($0) })
        let edges = try infer(network(of: Upsampling(factor: 4)), [ramp], pool: pools[0])[0]
        for x in 2..<30 { #expect(edges[0, 1, x, 0] == (Float(x) + 0.5) / 4 - 0.5) }
        #expect(edges[0, 0, 0, 0] == 0 && edges[0, 0, 31, 0] == 7)
    }
}
