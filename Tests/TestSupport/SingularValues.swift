/// The singular values of a row-major matrix, in no order, by one-sided Jacobi rotations (Hestenes 1958): columns are turned
/// in pairs until all are orthogonal, and their lengths are the values.
package func singularValues(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
    precondition(matrix.count == rows * columns)
    // The shorter side as vectors, of the longer one's length.
    let (count, length) = (min(rows, columns), max(rows, columns))
    var vectors = (0..<count).map { index in
        (0..<length).map { rows < columns ? matrix[index * columns + $0] : matrix[$0 * columns + index] }
    }
    func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    for _ in 0..<60 {
        var isDone = true
        for i in 0..<count {
            for j in 0..<i {
                let (a, b, c) = (
                    product(vectors[i], vectors[i]), product(vectors[j], vectors[j]), product(vectors[i], vectors[j])
                )
                guard abs(c) > 1e-14 * (a * b).squareRoot(), c != 0 else { continue }
                isDone = false
                let slope = (b - a) / (2 * c)
                let tangent = (slope < 0 ? -1 : 1) / (abs(slope) + (1 + slope * slope).squareRoot())
                let cosine = 1 / (1 + tangent * tangent).squareRoot()
                let sine = cosine * tangent
                for k in 0..<length {
                    let (x, y) = (vectors[i][k], vectors[j][k])
                    vectors[i][k] = cosine * x - sine * y
                    vectors[j][k] = sine * x + cosine * y
                }
            }
        }
        if isDone { break }
    }
    return vectors.map { product($0, $0).squareRoot() }
}
