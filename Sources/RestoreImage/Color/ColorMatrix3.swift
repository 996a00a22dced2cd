/// A 3×3 matrix in double precision, stored by rows.
struct ColorMatrix3: Sendable, Equatable {
    var rows: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)

    init(columns a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) {
        rows = (SIMD3(a.x, b.x, c.x), SIMD3(a.y, b.y, c.y), SIMD3(a.z, b.z, c.z))
    }

    private init(rows a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) { rows = (a, b, c) }

    static func == (left: Self, right: Self) -> Bool {
        left.rows.0 == right.rows.0 && left.rows.1 == right.rows.1 && left.rows.2 == right.rows.2
    }

    func times(_ right: ColorMatrix3) -> ColorMatrix3 {
        func row(_ left: SIMD3<Double>) -> SIMD3<Double> {
            left.x * right.rows.0 + left.y * right.rows.1 + left.z * right.rows.2
        }
        return ColorMatrix3(rows: row(rows.0), row(rows.1), row(rows.2))
    }

    /// The inverse matrix; nil if there is none, or if it would amplify small differences a hundredfold.
    var inverse: ColorMatrix3? {
        let (a, b, c) = rows
        let first = Self.cross(b, c)
        let (second, third) = (Self.cross(c, a), Self.cross(a, b))
        let determinant = (a * first).sum()
        guard determinant.isFinite, abs(determinant) > 1e-4 else { return nil }
        let inverse = ColorMatrix3(columns: first / determinant, second / determinant, third / determinant)
        let entries = [inverse.rows.0, inverse.rows.1, inverse.rows.2]
        guard entries.allSatisfy({ row in (0..<3).allSatisfy { abs(row[$0]) < 100 } }) else { return nil }
        return inverse
    }

    private static func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
    }

    /// The nine elements, row by row.
    var floats: [Float] { [rows.0, rows.1, rows.2].flatMap { [Float($0.x), Float($0.y), Float($0.z)] } }
}
