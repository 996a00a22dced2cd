import RestoreConcurrency
import Glibc
import RestoreNN
import TestSupport
import Testing

/// Exponential and logarithm over their whole range and at its ends.
@Suite struct ExponentialTests {
    private let pools = [WorkerPool(workerCount: 1), WorkerPool(workerCount: 4)]

    /// All over the range of the exponential, subnormal results included, where a unit in the last place is absolute.
    @Test func exponentialIsAccurate() throws {
        let count = 200_001
        let values = (0..<count).map { -104 + 193 * Float($0) / Float(count - 1) } + [0, -0.0, 1e-30, -1e-8]
        let input = Tensor(
            shape: Shape(batch: 1, height: 1, width: values.count, channels: 1), values: values)
        let found = try infer(network(of: Exponential()), [input], pool: pools[1])[0].values
        var worst = 0.0
        for (x, y) in zip(values, found) {
            let expected = exp(Double(x))
            guard expected < Double(Float.greatestFiniteMagnitude) else {
                #expect(y == .infinity || y > 3.4e38, "exp(\(x)) = \(y)")
                continue
            }
            let unit = Double(max(Float(expected).ulp, Float.leastNonzeroMagnitude))
            worst = max(worst, abs(Double(y) - expected) / unit)
        }
        #expect(worst < 2, "\(worst) units in the last place")
        #expect(worst > 0.3, "the measure sees rounding")
        #expect(found[count] == 1 && found[count + 1] == 1 && found[count + 2] == 1)
    }

    @Test func exponentialAtTheEdges() throws {
        let far: [Float] = [-.infinity, -1e30, -200, 89, 1e30, .infinity, .nan, -.nan, .signalingNaN]
        let input = Tensor(shape: Shape(batch: 1, height: 1, width: far.count, channels: 1), values: far)
        let found = try infer(network(of: Exponential()), [input], pool: pools[0])[0].values
        #expect(Array(found.prefix(6)) == [0, 0, 0, .infinity, .infinity, .infinity])
        #expect(found.suffix(3).allSatisfy { $0.isNaN })
    }

    @Test func logarithmAtTheEdges() throws {
        func logarithms(_ values: [Float], epsilon: Float = 0) throws -> [Float] {
            let shape = Shape(batch: 1, height: 1, width: values.count, channels: 1)
            return try infer(
                network(of: Logarithm(epsilon: epsilon)), [Tensor(shape: shape, values: values)], pool: pools[0])[0]
                .values
        }
        #expect(try logarithms([0, 1, .infinity]) == [-.infinity, 0, .infinity])
        #expect(try logarithms([-1, -.infinity, .nan]).allSatisfy { $0.isNaN })
        #expect(try logarithms([0.5, 0], epsilon: 0.5)[0] == 0)
        #expect(try logarithms([0], epsilon: 1e-8)[0].isFinite)
    }
}
