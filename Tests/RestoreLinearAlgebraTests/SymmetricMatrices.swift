import RestoreLinearAlgebra
import RestoreNN
import TestSupport
import Testing

/// Square matrices, row by row.
struct Matrix {
    let order: Int
    var elements: [Double]

    init(_ rows: [[Double]]) {
        order = rows.count
        elements = rows.flatMap { $0 }
    }

    init(order: Int, _ element: (Int, Int) -> Double) {
        self.order = order
        elements = (0..<order * order).map { element($0 / order, $0 % order) }
    }

    subscript(row: Int, column: Int) -> Double { elements[row * order + column] }

    static func symmetric(order: Int, seed: UInt64) -> Matrix {
        var generator = SeededGenerator(seed: seed, path: UInt64(order))
        let half = Matrix(order: order) { _, _ in generator.normal() }
        return Matrix(order: order) { half[min($0, $1), max($0, $1)] }
    }

    /// V · diag(values) · Vᵀ, where V is a product of `order` random reflections.
    init(spectrum values: [Double], seed: UInt64) {
        var matrix = Matrix(order: values.count) { $0 == $1 ? values[$0] : 0 }
        var generator = SeededGenerator(seed: seed)
        for _ in values {
            let axis = values.map { _ in generator.normal() }
            let square = axis.reduce(0) { $0 + $1 * $1 }
            let reflection = Matrix(order: values.count) { ($0 == $1 ? 1 : 0) - 2 * axis[$0] * axis[$1] / square }
            matrix = reflection * matrix * reflection
        }
        // Symmetric to the last bit.
        self.init(order: values.count) { matrix[min($0, $1), max($0, $1)] }
    }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        Matrix(order: a.order) { row, column in
            (0..<a.order).reduce(0) { $0 + a[row, $1] * b[$1, column] }
        }
    }

    func applied(to vector: some Collection<Double>) -> [Double] {
        let vector = Array(vector)
        return (0..<order).map { row in (0..<order).reduce(0) { $0 + self[row, $1] * vector[$1] } }
    }

    /// √ Σ of squares: at least the magnitude of every eigenvalue.
    var norm: Double { elements.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

/// A · v = λ · v for every pair, vectors orthonormal, values ascending.
func expectEigensystem(
    _ found: SymmetricEigensystem, of matrix: Matrix, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    let allowed = 1e-14 * Double(matrix.order)
    #expect(
        zip(found.values, found.values.dropFirst()).allSatisfy { $0 <= $1 }, "\(what)", sourceLocation: sourceLocation)
    for i in 0..<matrix.order {
        let image = matrix.applied(to: found.vector(i))
        let worst = zip(image, found.vector(i)).map { abs($0 - found.values[i] * $1) }.max() ?? 0
        #expect(worst <= allowed * matrix.norm, "\(what), value \(i)", sourceLocation: sourceLocation)
        for j in 0...i {
            let product = zip(found.vector(i), found.vector(j)).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(
                abs(product - (i == j ? 1 : 0)) <= allowed, "\(what), vectors \(i) and \(j)",
                sourceLocation: sourceLocation)
        }
    }
}
