import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// The greatest values of a picture, against a full sort.
@Suite struct TopKTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    /// Numbers of the features that a full sort keeps, channel by channel.
    private func kept(_ x: Tensor, picture n: Int, k: Int, by order: TopOrder) -> Set<Int> {
        let features = valuesInNCHW(x.picture(n))
        func key(_ value: Float) -> Float {
            if value.isNaN { return .infinity }
            return order == .value ? value : abs(value)
        }
        let sorted = features.indices.sorted { a, b in
            let (first, second) = (key(features[a]), key(features[b]))
            return first == second ? a < b : first > second
        }
        return Set(sorted.prefix(k))
    }

    /// Coarse values, so that many are equal; zeros of both signs among them.
    @Test(arguments: [(1, 1, 1, 1), (3, 1, 1, 40), (2, 4, 5, 3), (2, 7, 9, 16)], [TopOrder.value, .magnitude])
    func keepsWhatASortKeeps(
        _ size: (batch: Int, height: Int, width: Int, channels: Int), order: TopOrder
    ) throws {
        let shape = Shape(batch: size.batch, height: size.height, width: size.width, channels: size.channels)
        let count = shape.count / shape.batch
        for (round, levels) in [Float(2), 7, 1e6].enumerated() {
            var generator = SeededGenerator(seed: 352, path: UInt64(round))
            var input = generator.tensor(shape)
            input.values = input.values.map { ($0 * levels).rounded() / levels }
            let incoming = generator.tensor(shape)
            for k in Set([1, 2, count / 3, count / 2, count - 1, count]).filter({ (1...count).contains($0) }) {
                let result = try train(
                    network(of: TopK(k: k, by: order)), [input], outputGradients: [incoming], pool: pools[1])
                for n in 0..<shape.batch {
                    let kept = kept(input, picture: n, k: k, by: order)
                    func masked(_ tensor: Tensor) -> [Float] {
                        valuesInNCHW(tensor.picture(n)).enumerated().map { kept.contains($0) ? $1 : 0 }
                    }
                    let name = "\(k) of \(shape), \(order), picture \(n), \(levels) levels"
                    expectSameBits(valuesInNCHW(result.outputs[0].picture(n)), masked(input), name, seed: 352)
                    expectSameBits(
                        valuesInNCHW(result.inputGradients[0].picture(n)), masked(incoming), "\(name), gradient",
                        seed: 352)
                }
            }
        }
    }

    @Test func moreThanThereAre() {
        let shape = Shape(batch: 2, height: 1, width: 1, channels: 6)
        #expect(throws: ShapeError.self) { try TopK(k: 7).outputShape([shape]) }
        #expect((try? TopK(k: 6).outputShape([shape])) == shape)
    }

    /// A NaN is above all, whatever its sign; then infinity.
    @Test func whatIsNoNumberIsKept() throws {
        let values: [Float] = [3, .infinity, -.nan, 5, -.infinity, .nan, 0, 1]
        let input = Tensor(shape: Shape(batch: 1, height: 1, width: 1, channels: 8), values: values)
        for order in [TopOrder.value, .magnitude] {
            func nonzero(_ k: Int) throws -> [Int] {
                let found = try infer(network(of: TopK(k: k, by: order)), [input], pool: pools[0])[0].values
                return found.indices.filter { found[$0] != 0 }
            }
            #expect(try nonzero(1) == [2])
            #expect(try nonzero(2) == [2, 5])
            #expect(try nonzero(3) == [1, 2, 5])
            #expect(try nonzero(4) == (order == .value ? [1, 2, 3, 5] : [1, 2, 4, 5]))
        }
    }
}
