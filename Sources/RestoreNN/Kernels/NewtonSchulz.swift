// Newton–Schulz iterations that bring a matrix X = U Σ Vᵀ close to U Vᵀ, its nearest matrix with orthonormal rows or
// columns. Each iteration computes X ← X P with P = a I + b G + c G² and G = Xᵀ X, which maps every singular value σ to
// aσ + bσ³ + cσ⁵ and leaves the singular vectors unchanged. X has at least as many rows as columns ("tall"), so that G
// is the smaller of the two Gram matrices, of `side` × `side`; a wide matrix is transposed first.
//
// P and G commute, so the next G is P G P: iterations can run on the small matrices alone, Q ← Q P, with X Q computed
// once at the end. Rounding errors of G grow faster than those of X (by a² per iteration where σ is near 0), so G is
// recomputed from X after some iterations.

/// Coefficients of K. Jordan ("Muon: An optimizer for hidden layers in neural networks", 2024): the steepest slope at 0
/// for which singular values end near 1. Five iterations map everything from 0.01 to 1 into 0.68…1.13; they do not
/// converge.
private let (slope, cubic, quintic): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)

/// Iterations before each product with X.
private let rounds = (first: 2, second: 3)
package let newtonSchulzIterations = rounds.first + rounds.second

/// Floats of working memory that `orthogonalize` needs.
package func orthogonalizeScratch(rows: Int, columns: Int) -> Int {
    let side = min(rows, columns)
    return 2 * rows * columns + 4 * side * side + panelCount(depth: side, columns: side)
}

/// Replaces `matrix`, row-major, by the result of the iterations, starting from the matrix divided by its Frobenius
/// norm so that no singular value exceeds 1. The norm is taken to be at least 10⁻⁷, so a zero matrix stays zero.
///
/// Cost: 8 · rows · columns · side + 28 · side³ operations, where `side` is the smaller of the two dimensions.
package func orthogonalize(
    _ matrix: UnsafeMutablePointer<Float>, rows: Int, columns: Int, scratch: UnsafeMutablePointer<Float>,
    variant: KernelVariant = .selected
) {
    let (count, side) = (rows * columns, min(rows, columns))
    let scale = Float(1 / max(frobeniusNorm(matrix, count: count), 1e-7))
    let (x, next) = (scratch, scratch + count)
    if rows < columns {
        transpose(matrix, rows: rows, columns: columns, scale: scale, into: x)
    } else {
        for i in 0..<count { x[i] = scale * matrix[i] }
    }
    let small = next + count
    iterate(rounds.first, x, into: next, height: count / side, side: side, scratch: small, variant: variant)
    iterate(rounds.second, next, into: x, height: count / side, side: side, scratch: small, variant: variant)
    if rows < columns {
        transpose(x, rows: columns, columns: rows, scale: 1, into: matrix)
    } else {
        matrix.update(from: x, count: count)
    }
}

/// `result` ← X after `iterations` iterations (at least 1); both are height × side.
private func iterate(
    _ iterations: Int, _ x: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>, height: Int, side: Int,
    scratch: UnsafeMutablePointer<Float>, variant: KernelVariant
) {
    let area = side * side
    let (gram, factor) = (scratch, scratch + area)
    var (product, spare) = (factor + area, factor + 2 * area)
    let packed = factor + 3 * area

    /// Aᵀ · B for two small matrices, which is A · B if A is symmetric.
    func multiply(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>) {
        multiplyTransposed(
            a, stride: side, b, stride: side, into: c, stride: side, rows: side, columns: side, depth: side,
            accumulate: false, variant: variant)
    }

    multiplyTransposed(
        x, stride: side, x, stride: side, into: gram, stride: side, rows: side, columns: side, depth: height,
        accumulate: false, variant: variant)
    multiply(gram, gram, into: product)
    addPolynomial(gram: gram, side: side, onto: product)
    factor.update(from: product, count: area)
    for _ in 1..<max(iterations, 1) {
        multiply(gram, factor, into: spare)
        multiply(factor, spare, into: gram)
        multiply(gram, gram, into: factor)
        addPolynomial(gram: gram, side: side, onto: factor)
        multiply(product, factor, into: spare)
        swap(&product, &spare)
    }
    pack(product, side: side, into: packed)
    RestoreNN.multiply(
        x, packed: packed, into: result, rows: height, columns: side, depth: side, variant: variant)
}

/// `square` ← a I + b G + c `square`.
private func addPolynomial(gram: UnsafePointer<Float>, side: Int, onto square: UnsafeMutablePointer<Float>) {
    for i in 0..<(side * side) { square[i] = cubic * gram[i] + quintic * square[i] }
    for i in 0..<side { square[i * side + i] += slope }
}

/// Packs a square matrix as the right side of a product.
private func pack(_ matrix: UnsafePointer<Float>, side: Int, into packed: UnsafeMutablePointer<Float>) {
    var destination = packed
    for first in stride(from: 0, to: side, by: panelWidth) {
        let width = min(panelWidth, side - first)
        for row in 0..<side {
            destination.update(from: matrix + row * side + first, count: width)
            if width < panelWidth { (destination + width).update(repeating: 0, count: panelWidth - width) }
            destination += panelWidth
        }
    }
}

/// `destination` (columns × rows) ← scale · `source`ᵀ (rows × columns).
private func transpose(
    _ source: UnsafePointer<Float>, rows: Int, columns: Int, scale: Float,
    into destination: UnsafeMutablePointer<Float>
) {
    // Each block touches one cache line per column and reuses the lines it reads.
    let block = 16
    for first in stride(from: 0, to: rows, by: block) {
        let last = min(rows, first + block)
        for column in 0..<columns {
            for row in first..<last { destination[column * rows + row] = scale * source[row * columns + column] }
        }
    }
}

/// Euclidean norm of all values. Squares are added in `Double`, in eight partial sums that are added at the end.
private func frobeniusNorm(_ values: UnsafePointer<Float>, count: Int) -> Double {
    var sums = SIMD8<Double>(repeating: 0)
    let whole = count / 8 * 8
    for i in stride(from: 0, to: whole, by: 8) {
        let lanes = SIMD8<Double>(UnsafeRawPointer(values + i).loadUnaligned(as: SIMD8<Float>.self))
        sums += lanes * lanes
    }
    var sum = sums.sum()
    for i in whole..<count { sum += Double(values[i]) * Double(values[i]) }
    return sum.squareRoot()
}
