import RestoreNN
import TestSupport
import Testing

/// The iterations that make a matrix orthogonal, against their definition and their purpose.
@Suite struct NewtonSchulzTests {
    private func orthogonalized(
        _ matrix: [Float], rows: Int, columns: Int, variant: KernelVariant = .selected
    ) -> [Float] {
        var result = matrix
        // Whatever the working memory holds must not matter.
        var scratch = [Float](repeating: .nan, count: orthogonalizeScratch(rows: rows, columns: columns))
        orthogonalize(&result, rows: rows, columns: columns, scratch: &scratch, variant: variant)
        return result
    }

    /// X ← aX + b (X Xᵀ) X + c (X Xᵀ)² X in double precision, for the matrix as it is, wide or tall.
    private func naive(_ matrix: [Float], rows: Int, columns: Int) -> [Double] {
        func product(_ a: [Double], _ b: [Double], _ rows: Int, _ depth: Int, _ columns: Int) -> [Double] {
            var c = [Double](repeating: 0, count: rows * columns)
            for i in 0..<rows {
                for k in 0..<depth {
                    for j in 0..<columns { c[i * columns + j] += a[i * depth + k] * b[k * columns + j] }
                }
            }
            return c
        }
        let norm = max(norm(matrix), 1e-7)
        var x = matrix.map { Double($0) / norm }
        for _ in 0..<newtonSchulzIterations {
            var transposed = x
            for i in 0..<rows {
                for j in 0..<columns { transposed[j * rows + i] = x[i * columns + j] }
            }
            let gram = product(x, transposed, rows, columns, rows)
            let third = product(gram, x, rows, rows, columns)
            let fifth = product(gram, third, rows, rows, columns)
            for i in x.indices { x[i] = 3.4445 * x[i] - 4.7750 * third[i] + 2.0315 * fifth[i] }
        }
        return x
    }

    private static let sides = [
        (1, 1), (1, 9), (9, 1), (2, 2), (3, 17), (17, 3), (16, 16), (15, 33), (31, 15), (48, 50), (40, 432),
    ]

    @Test(arguments: sides) func followsItsDefinition(rows: Int, columns: Int) {
        var generator = SeededGenerator(seed: 171)
        let matrix = generator.values(rows * columns)
        let expected = naive(matrix, rows: rows, columns: columns).map { Float($0) }
        for variant in KernelVariant.allCases where variant.isSupported {
            // A singular value near zero grows by a factor of 485, and rounding errors with it.
            expectClose(
                orthogonalized(matrix, rows: rows, columns: columns, variant: variant), expected,
                "\(rows)×\(columns), \(variant)", tolerance: Tolerance(absolute: 1e-4, relative: 0), seed: 171)
        }
    }

    /// The published band. Of matrices much wider than high, or higher than wide, no singular value is near zero.
    @Test(arguments: [(1, 5), (6, 54), (48, 432), (64, 576), (288, 32), (96, 864)])
    func singularValuesEndNearOne(rows: Int, columns: Int) {
        var generator = SeededGenerator(seed: 172)
        for size: Float in [1e-6, 1, 1e12] {
            let matrix = (0..<rows * columns).map { _ in size * Float(generator.normal()) }
            let found = singularValues(
                orthogonalized(matrix, rows: rows, columns: columns).map { Double($0) }, rows: rows, columns: columns)
            #expect(found.count == min(rows, columns))
            #expect(found.allSatisfy { (0.68...1.2).contains($0) }, "\(rows)×\(columns), \(size)")
        }
    }

    /// Every singular value is mapped by the polynomial, and the singular vectors stay: here they are the axes.
    @Test func aDiagonalMatrixStaysDiagonal() {
        let side = 20
        var matrix = [Float](repeating: 0, count: side * side)
        for i in 0..<side { matrix[i * side + i] = Float(i) * (i % 2 == 0 ? 1 : -1) }
        let result = orthogonalized(matrix, rows: side, columns: side)
        let norm = norm(matrix)
        for i in 0..<side {
            var x = Double(matrix[i * side + i]) / norm
            for _ in 0..<5 { x = x * (3.4445 - 4.7750 * x * x + 2.0315 * x * x * x * x) }
            #expect(abs(Double(result[i * side + i]) - x) < 1e-4)
        }
        #expect(result.indices.allSatisfy { $0 % (side + 1) == 0 || result[$0] == 0 })
    }

    @Test func zerosStayZerosAndNaNsShow() {
        let zeros = [Float](repeating: 0, count: 6 * 10)
        #expect(orthogonalized(zeros, rows: 6, columns: 10) == zeros)
        var poisoned = zeros
        poisoned[13] = .nan
        #expect(orthogonalized(poisoned, rows: 6, columns: 10).allSatisfy { $0.isNaN })
    }
}
