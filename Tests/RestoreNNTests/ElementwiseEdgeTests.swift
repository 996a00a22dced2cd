import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// What operators without parameters cost, refuse and let pass.
@Suite struct ElementwiseEdgeTests {
    private let pool = WorkerPool(workerCount: 2)

    @Test func noneCountsAsMultiplyAccumulate() throws {
        for sample in ElementwiseSample.all {
            let cost = try sample.network.cost(inputs: sample.inputs)
            #expect(cost.multiplyAccumulates == 0 && cost.parameters == 0, "\(sample.name)")
        }
    }

    @Test func sizesArePositive() async {
        await #expect(processExitsWith: .failure) { _ = Reshape(height: 0, width: 1, channels: 1) }
        await #expect(processExitsWith: .failure) { _ = BroadcastPixels(height: 1, width: -1) }
        await #expect(processExitsWith: .failure) { _ = Logarithm(epsilon: -1) }
        await #expect(processExitsWith: .failure) { _ = Upsampling(factor: 0) }
        await #expect(processExitsWith: .failure) { _ = Softmax(temperature: 0) }
        await #expect(processExitsWith: .failure) { _ = TopK(k: 0) }
    }

    @Test func aNaNReachesWhatReadsIt() throws {
        var input = Tensor(zeros: Shape(batch: 2, height: 3, width: 4, channels: 5))
        input[1, 2, 1, 3] = .nan
        func spoilt(_ operation: some Operator) throws -> [Int] {
            let values = try infer(network(of: operation), [input], pool: pool)[0].values
            return values.indices.filter { values[$0].isNaN }
        }
        #expect(try spoilt(GlobalAveragePooling()) == [8])
        #expect(try spoilt(BatchMean()) == [48])
        #expect(try spoilt(Reshape(height: 1, width: 1, channels: 60)) == [60 + 3 * 12 + 9])
        #expect(try spoilt(Exponential()) == [108])
        #expect(try spoilt(Logarithm(epsilon: 1)) == [108])
        #expect(try spoilt(Softmax()) == Array(105..<110))
        #expect(try spoilt(TopK(k: 1)) == [108])
        #expect(try spoilt(Upsampling(factor: 2, .nearest)).count == 4)
        #expect(try spoilt(Upsampling(factor: 2)).count >= 9)
    }
}
