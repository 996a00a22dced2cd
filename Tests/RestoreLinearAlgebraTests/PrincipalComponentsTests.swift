import RestoreLinearAlgebra
import RestoreNN
import TestSupport
import Testing

/// These tests need OpenBLAS, which `make deps` installs; without it they fail with the message of `OpenBLAS.load`.
@Suite struct PrincipalComponentsTests {
    private func find(_ rows: [[Float]], count: Int) throws -> PrincipalComponents {
        try rows.flatMap { $0 }.withUnsafeBufferPointer {
            try principalComponents($0, featureCount: rows[0].count, count: count)
        }
    }

    @Test func aKnownCovariance() throws {
        // Points of a cross: variances 8 along (1, 1)/√2 and 2 along (1, −1)/√2, times 2 / 3, around (10, −5).
        let found = try find([[12, -3], [8, -7], [11, -6], [9, -4]], count: 2)
        #expect(found.mean == [10, -5])
        #expect(found.featureCount == 2)
        #expect(abs(found.explainedVariance[0] - 16 / 3.0) < 1e-14)
        #expect(abs(found.explainedVariance[1] - 4 / 3.0) < 1e-14)
        #expect(abs(found.totalVariance - 20 / 3.0) < 1e-14)
        let half = Float(0.5).squareRoot()
        expectClose(found.component(0), [half, half], "first")
        expectClose(found.component(1).map { abs($0) }, [half, half], "second")
    }

    /// Data with given variances along given axes: of many rows, within the error of a sample.
    @Test func drawnFromAKnownCovariance() throws {
        var generator = SeededGenerator(seed: 11)
        let deviations = [0.5, 3, 1]
        let rows = (0..<20_000).map { _ in deviations.map { Float($0 * generator.normal() + 100) } }
        let found = try find(rows, count: 3)
        for (variance, deviation) in zip(found.explainedVariance, [3, 1, 0.5]) {
            #expect(abs(variance / (deviation * deviation) - 1) < 0.04)
        }
        for (index, axis) in [1, 2, 0].enumerated() {
            #expect(found.component(index)[index * 3 + axis] > 0.999)
        }
        for mean in found.mean { #expect(abs(mean - 100) < 0.1) }
    }

    /// Against the covariance as it is defined, and Jacobi's method.
    @Test(arguments: [(2, 1), (3, 5), (10, 4), (40, 40), (600, 12), (256, 30), (257, 3)])
    func agreesWithJacobi(rowCount: Int, featureCount: Int) throws {
        var generator = SeededGenerator(seed: 12, path: UInt64(rowCount))
        let mixing = (0..<featureCount).map { _ in generator.values(featureCount) }
        let rows = (0..<rowCount).map { _ in
            let source = (0..<featureCount).map { _ in Float(generator.normal()) }
            return mixing.map { Float(dot($0, source)) + 3 }
        }
        let mean = (0..<featureCount).map { feature in
            rows.reduce(0) { $0 + Double($1[feature]) } / Double(rowCount)
        }
        let covariance = Matrix(order: featureCount) { i, j in
            rows.reduce(0) { $0 + (Double($1[i]) - mean[i]) * (Double($1[j]) - mean[j]) } / Double(rowCount - 1)
        }
        let expected = SymmetricEigensystem(covariance.elements, order: featureCount)

        let found = try find(rows, count: featureCount)
        expectClose(found.mean, mean.map { Float($0) }, "mean")
        for index in 0..<featureCount {
            let (value, variance) = (expected.values[featureCount - 1 - index], found.explainedVariance[index])
            #expect(abs(max(0, value) - variance) <= 1e-13 * covariance.norm, "variance \(index)")
            let component = found.component(index)
            #expect(abs(norm(Array(component)) - 1) < 1e-6)
            // In single precision: A · v = λ · v.
            let image = covariance.applied(to: component.map { Double($0) })
            for (a, v) in zip(image, component) {
                #expect(abs(a - variance * Double(v)) <= 3e-7 * covariance.norm, "component \(index)")
            }
        }
        let sum = found.explainedVariance.reduce(0, +)
        #expect(abs(sum - found.totalVariance) <= 1e-12 * found.totalVariance)

        // Fewer are the first of all, and nothing depends on chance.
        let few = try find(rows, count: 1)
        #expect(few.components == Array(found.component(0)))
        #expect(few.explainedVariance == Array(found.explainedVariance.prefix(1)))
        #expect(few.totalVariance == found.totalVariance)
        #expect(try find(rows, count: featureCount) == found)
    }

    /// The greatest entry is positive whichever way LAPACK points.
    @Test func signs() throws {
        for seed in UInt64(0)..<20 {
            var generator = SeededGenerator(seed: seed)
            let found = try find((0..<30).map { _ in generator.values(6) }, count: 6)
            for index in 0..<6 {
                let component = found.component(index)
                let largest = component.max { abs($0) < abs($1) }
                #expect((largest ?? 0) > 0, "seed \(seed), component \(index)")
            }
        }
    }

    @Test func constantData() throws {
        let found = try find([[1, 2, 3], [1, 2, 3]], count: 2)
        #expect(found.mean == [1, 2, 3] && found.explainedVariance == [0, 0] && found.totalVariance == 0)
    }

    @Test func refusals() {
        #expect(throws: LinearAlgebraError.tooFewRows(1)) { try find([[1, 2]], count: 1) }
        for count in [-1, 0, 3] {
            #expect(throws: LinearAlgebraError.tooManyComponents(count, features: 2)) {
                try find([[1, 2], [3, 4]], count: count)
            }
        }
        for value in [Float.nan, .infinity, -.infinity] {
            #expect(throws: LinearAlgebraError.notFinite(feature: 1)) {
                try find([[1, 2], [3, value], [5, 6]], count: 2)
            }
        }
    }
}
