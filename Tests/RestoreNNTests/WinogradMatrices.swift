/// A small matrix in double precision.
struct Matrix: Equatable {
    let rows: Int
    let columns: Int
    private(set) var values: [Double]

    init(_ rows: Int, _ columns: Int, _ value: (_ row: Int, _ column: Int) -> Double) {
        self.rows = rows
        self.columns = columns
        values = (0..<(rows * columns)).map { value($0 / columns, $0 % columns) }
    }

    init(_ lines: [[Double]]) {
        self.init(lines.count, lines[0].count) { lines[$0][$1] }
    }

    subscript(row: Int, column: Int) -> Double { values[row * columns + column] }

    var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        Matrix(a.rows, b.columns) { row, column in
            (0..<a.columns).reduce(0.0) { $0 + a[row, $1] * b[$1, column] }
        }
    }

    /// M x Mᵀ.
    func applied(to x: Matrix) -> Matrix { self * x * transposed }
}

/// The matrices of F(m×m, 3×3) as `docs/operators/winograd.md` writes them.
struct WinogradMatrices {
    /// Bᵀ
    let inputs: Matrix
    /// G
    let filters: Matrix
    /// Aᵀ
    let outputs: Matrix

    init(m: Int) {
        if m == 4 {
            inputs = Matrix([
                [1, -1.5, -2, 1.5, 1, 0],
                [0, -1, 0.5, 2.5, 1, 0],
                [0, 1, -2.5, 0.5, 1, 0],
                [0, -2, -1, 2, 1, 0],
                [0, 0.5, -1, -0.5, 1, 0],
                [0, 1, -1.5, -2, 1.5, 1],
            ])
            filters = Matrix([
                [1, 0, 0],
                [1.0 / 3, 1.0 / 3, 1.0 / 3],
                [-1.0 / 3, 1.0 / 3, -1.0 / 3],
                [-16.0 / 15, -8.0 / 15, -4.0 / 15],
                [1.0 / 15, -2.0 / 15, 4.0 / 15],
                [0, 0, 1],
            ])
            outputs = Matrix([
                [1, 1, 1, 1, 1, 0],
                [0, 1, -1, 0.5, -2, 0],
                [0, 1, 1, 0.25, 4, 0],
                [0, 1, -1, 0.125, -8, 1],
            ])
        } else {
            inputs = Matrix([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]])
            filters = Matrix([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
            outputs = Matrix([[1, 1, 1, 0], [0, 1, -1, 1]])
        }
    }
}
