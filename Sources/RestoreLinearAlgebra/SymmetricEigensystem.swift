/// Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's method: A · vᵢ = λᵢ · vᵢ.
///
/// Plane rotations make one element beside the diagonal zero after the other, row by row, until none is left; each sweep
/// about squares what remains (Jacobi, Crelle 30, 1846; the formulas are those of Rutishauser, "The Jacobi Method for Real
/// Symmetric Matrices", Numer. Math. 9, 1966; convergence: Forsythe & Henrici, Trans. AMS 94, 1960). The work is about
/// 30 n³; beyond n = 100 LAPACK (`OpenBLAS`) is much faster.
///
/// One thread, one order of operations: the same matrix gives the same bits.
public struct SymmetricEigensystem: Equatable, Sendable {
    public let order: Int

    /// λ, ascending.
    public let values: [Double]

    /// Orthonormal, order × order; row i belongs to `values[i]`. The sign of a vector is arbitrary, and so is the choice
    /// among those of equal values.
    public let vectors: [Double]

    /// - Parameters:
    ///   - matrix: order × order. Only the diagonal and what is above it are read (row by row). If it contains NaN
    ///     or infinity, the result is meaningless, and some of it NaN.
    ///   - order: At least 0.
    public init(_ matrix: [Double], order: Int) {
        var iteration = JacobiIteration(matrix, order: order, findsVectors: true)
        iteration.run()
        let ranks = iteration.ranks
        self.order = order
        values = ranks.map { iteration.value($0) }
        vectors = ranks.flatMap { iteration.vectors[$0 * order..<($0 + 1) * order] }
    }

    /// The eigenvalues alone, ascending; parameters as for `init`.
    public static func values(_ matrix: [Double], order: Int) -> [Double] {
        var iteration = JacobiIteration(matrix, order: order, findsVectors: false)
        iteration.run()
        return iteration.ranks.map { iteration.value($0) }
    }

    /// Vector `index`.
    public func vector(_ index: Int) -> ArraySlice<Double> { vectors[index * order..<(index + 1) * order] }
}

/// Glossary: a the matrix on its way to a diagonal one; p < q the rows of a rotation, which has the tangent t, the sine s,
/// the cosine c, and τ = s / (1 + c).
private struct JacobiIteration {
    private let order: Int
    private var a: [Double]
    /// Row i belongs to diagonal element i.
    private(set) var vectors: [Double]
    /// A power of two by which the matrix was divided, so that no square overflows or vanishes.
    private let scale: Double

    /// What remains is squared by each sweep: 6 to 10 are usual.
    private static let mostSweeps = 60

    /// Elements up to this are zero beside a largest one of about 1: 2⁻¹⁰⁶, the square of a rounding error.
    private static let negligible = 0x1p-106

    init(_ matrix: [Double], order: Int, findsVectors: Bool) {
        precondition(order >= 0 && matrix.count == order * order, "\(matrix.count) elements of order \(order)")
        self.order = order
        let largest = matrix.reduce(0) { max($0, abs($1)) }
        let scale = largest.isNormal ? largest.binade : 1
        self.scale = scale
        a = matrix.map { $0 / scale }
        vectors = []
        guard findsVectors else { return }
        vectors = [Double](repeating: 0, count: order * order)
        for i in 0..<order { vectors[i * (order + 1)] = 1 }
    }

    func value(_ index: Int) -> Double { a[index * (order + 1)] * scale }

    /// The places of the values in ascending order, NaN last, equal ones in their own order.
    var ranks: [Int] {
        (0..<order).sorted { i, j in
            let (x, y) = (value(i), value(j))
            return x < y || (y.isNaN && !x.isNaN) || (!(y < x) && x.isNaN == y.isNaN && i < j)
        }
    }

    mutating func run() {
        for _ in 0..<Self.mostSweeps {
            var isDiagonal = true
            // Negated so that a NaN is not mistaken for zero but spreads.
            for p in 0..<order {
                for q in (p + 1)..<order where !(abs(a[p * order + q]) <= Self.negligible) {
                    rotate(p, q)
                    isDiagonal = false
                }
            }
            if isDiagonal { return }
        }
    }

    /// Makes element (p, q) zero.
    private mutating func rotate(_ p: Int, _ q: Int) {
        let element = a[p * order + q]
        let (pp, qq) = (p * (order + 1), q * (order + 1))
        let theta = (a[qq] - a[pp]) / (2 * element)
        // The smaller root of t² + 2θt − 1 = 0, an angle of at most 45°. Where θ² overflows, t is 0, as it should be.
        let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        let tau = s / (1 + c)
        a[pp] -= t * element
        a[qq] += t * element
        a[p * order + q] = 0
        for r in 0..<order where r != p && r != q {
            // The upper triangle alone is kept.
            turn(&a, min(r, p) * order + max(r, p), min(r, q) * order + max(r, q), s, tau)
        }
        guard !vectors.isEmpty else { return }
        for k in 0..<order { turn(&vectors, p * order + k, q * order + k, s, tau) }
    }

    /// x ← c·x − s·y, y ← s·x + c·y, for the elements at these places.
    private func turn(_ elements: inout [Double], _ x: Int, _ y: Int, _ s: Double, _ tau: Double) {
        let (g, h) = (elements[x], elements[y])
        elements[x] = g - s * (h + g * tau)
        elements[y] = h + s * (g - h * tau)
    }
}
