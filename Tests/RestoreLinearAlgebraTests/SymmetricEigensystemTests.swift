import Glibc
import RestoreLinearAlgebra
import RestoreNN
import Testing

@Suite struct SymmetricEigensystemTests {
    private func expectValues(
        _ matrix: Matrix, _ expected: [Double], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = SymmetricEigensystem(matrix.elements, order: matrix.order)
        expectEigensystem(found, of: matrix, what, sourceLocation: sourceLocation)
        let worst = zip(found.values, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(found.values.count == expected.count, "\(what)", sourceLocation: sourceLocation)
        #expect(worst <= 1e-14 * Double(matrix.order) * matrix.norm, "\(what)", sourceLocation: sourceLocation)
        // The rotations are the same whether vectors are wanted or not.
        #expect(
            SymmetricEigensystem.values(matrix.elements, order: matrix.order) == found.values, "\(what)",
            sourceLocation: sourceLocation)
    }

    @Test func knownSpectra() {
        expectValues(Matrix([[2, 1], [1, 2]]), [1, 3], "2×2")
        expectValues(Matrix([[0, 1], [1, 0]]), [-1, 1], "equal diagonal elements")
        expectValues(Matrix([[1, 2, 2], [2, 1, 2], [2, 2, 1]]), [-1, -1, 5], "3×3")
        expectValues(Matrix([[4, 0, 0], [0, -1, 0], [0, 0, 2.5]]), [-1, 2.5, 4], "diagonal")
        // Second differences: 2 − 2 cos(kπ / (n + 1)).
        for order in [1, 2, 3, 7, 20] {
            let matrix = Matrix(order: order) { $0 == $1 ? 2 : abs($0 - $1) == 1 ? -1 : 0 }
            let expected = (1...order).map { 2 - 2 * cos(Double($0) * .pi / Double(order + 1)) }
            expectValues(matrix, expected, "second differences of order \(order)")
        }
        // Wilkinson's W₂₁⁺, whose largest values agree in 14 digits.
        let pairs = Matrix(order: 21) { $0 == $1 ? abs(Double($0) - 10) : abs($0 - $1) == 1 ? 1 : 0 }
        let found = SymmetricEigensystem(pairs.elements, order: 21)
        expectEigensystem(found, of: pairs, "Wilkinson")
        #expect(abs(found.values[20] - 10.746194182903393) < 1e-13)
        #expect(abs(found.values[19] - 10.746194182903322) < 1e-13)
    }

    @Test func degenerateValues() {
        let spectra: [[Double]] = [
            [0, 0, 0], [1, 1, 1], [-2, 3, 3], [0, 0, 5], [1, 1, 1, 1, 1, 2], [1, 1 + 1e-15, 1 + 1e-12],
            [1e-12, 1, 1, 1e12],
        ]
        for (index, spectrum) in spectra.enumerated() {
            expectValues(Matrix(spectrum: spectrum, seed: UInt64(index)), spectrum.sorted(), "\(spectrum)")
        }
    }

    /// Of equal channels, as noise that they share makes them: the covariance has rank 1.
    @Test func rankOne() {
        for factors in [[1.0, 1, 1], [1, -2, 3], [1e-3, 1, 1e3]] {
            let square = factors.reduce(0) { $0 + $1 * $1 }
            expectValues(Matrix(order: 3) { factors[$0] * factors[$1] }, [0, 0, square], "\(factors)")
        }
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 8, 13, 40]) func randomMatrices(order: Int) {
        for seed in UInt64(0)..<(order < 10 ? 100 : 5) {
            let matrix = Matrix.symmetric(order: order, seed: seed)
            expectEigensystem(
                SymmetricEigensystem(matrix.elements, order: order), of: matrix, "order \(order), seed \(seed)")
        }
    }

    /// Nothing overflows or vanishes, and a power of two changes no digit.
    @Test func scales() {
        let matrix = Matrix.symmetric(order: 5, seed: 3)
        let expected = SymmetricEigensystem(matrix.elements, order: 5)
        for exponent in [-1000, -500, 500, 1000] {
            let factor = scalbn(1, exponent)
            let found = SymmetricEigensystem(matrix.elements.map { $0 * factor }, order: 5)
            #expect(found.values == expected.values.map { $0 * factor }, "2^\(exponent)")
            #expect(found.vectors == expected.vectors, "2^\(exponent)")
        }
        let least = Double.leastNonzeroMagnitude
        #expect(SymmetricEigensystem.values([least, 0, 0, least], order: 2) == [least, least])
    }

    @Test func onlyTheUpperTriangleIsRead() {
        let matrix = Matrix.symmetric(order: 4, seed: 4)
        let upper = Matrix(order: 4) { $0 <= $1 ? matrix[$0, $1] : .nan }
        let found = SymmetricEigensystem(upper.elements, order: 4)
        #expect(found.values.allSatisfy { $0.isFinite })
        #expect(found == SymmetricEigensystem(matrix.elements, order: 4))
    }

    /// It ends, and a NaN is not lost.
    @Test func whatIsNotFinite() {
        for value in [Double.nan, .infinity, -.infinity] {
            for place in [0, 1, 5] {
                var matrix = Matrix.symmetric(order: 3, seed: 5).elements
                matrix[place] = value
                let values = SymmetricEigensystem.values(matrix, order: 3)
                #expect(values.count == 3 && !values.allSatisfy { $0.isFinite }, "\(value) at \(place): \(values)")
            }
        }
    }
}
