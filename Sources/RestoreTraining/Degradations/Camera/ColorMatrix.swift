import Glibc
import RestoreNN

/// A linear map of colors, stored as its three columns.
package struct ColorMatrix: Equatable, Sendable {
    package var columns: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)

    package static let identity = ColorMatrix(columns: ([1, 0, 0], [0, 1, 0], [0, 0, 1]))

    package init(columns: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)) {
        self.columns = columns
    }

    package init(rows: (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)) {
        let (r, g, b) = rows
        self.init(columns: ([r.x, g.x, b.x], [r.y, g.y, b.y], [r.z, g.z, b.z]))
    }

    package static func diagonal(_ values: SIMD3<Float>) -> ColorMatrix {
        ColorMatrix(columns: ([values.x, 0, 0], [0, values.y, 0], [0, 0, values.z]))
    }

    @inline(__always)
    package static func * (matrix: ColorMatrix, color: SIMD3<Float>) -> SIMD3<Float> {
        matrix.columns.0 * color.x + matrix.columns.1 * color.y + matrix.columns.2 * color.z
    }

    package static func * (a: ColorMatrix, b: ColorMatrix) -> ColorMatrix {
        ColorMatrix(columns: (a * b.columns.0, a * b.columns.1, a * b.columns.2))
    }

    package static func == (a: ColorMatrix, b: ColorMatrix) -> Bool { a.columns == b.columns }

    package var transposed: ColorMatrix { ColorMatrix(rows: columns) }

    /// Uses the adjugate: its rows are the cross products of the columns.
    ///
    /// - Precondition: the matrix is invertible.
    package var inverse: ColorMatrix {
        let (a, b, c) = columns
        let determinant = (a * cross(b, c)).sum()
        precondition(determinant != 0, "singular matrix \(columns)")
        return ColorMatrix(rows: (cross(b, c) / determinant, cross(c, a) / determinant, cross(a, b) / determinant))
    }

    private func cross(_ a: SIMD3<Float>, _ b: SIMD3<Float>) -> SIMD3<Float> {
        [a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x]
    }

    /// The rotation of a unit quaternion; uniform over all rotations if the quaternion consists of normal deviates
    /// (Shoemake, "Uniform random rotations", Graphics Gems III, 1992).
    package static func randomRotation(using generator: inout SeededGenerator) -> ColorMatrix {
        var (w, x, y, z) = (generator.normal(), generator.normal(), generator.normal(), generator.normal())
        let length = (w * w + x * x + y * y + z * z).squareRoot()
        (w, x, y, z) = (w / length, x / length, y / length, z / length)
        func row(_ a: Double, _ b: Double, _ c: Double) -> SIMD3<Float> { [Float(a), Float(b), Float(c)] }
        return ColorMatrix(
            rows: (
                row(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
                row(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
                row(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y))
            ))
    }

    /// Turns noise with independent channels into noise with a random covariance VᵀDV, with V a random rotation and D
    /// uniform in 0…1, as in the degradations of Zhang et al. ("Designing a Practical Degradation Model for Deep Blind
    /// Image Super-Resolution", ICCV 2021, and its program). D is scaled to a mean of 1, so that the strength of the
    /// noise is preserved.
    package static func randomCorrelation(using generator: inout SeededGenerator) -> ColorMatrix {
        let rotation = randomRotation(using: &generator)
        let drawn = SIMD3<Double>(generator.uniform(), generator.uniform(), generator.uniform()) + 1e-6
        let scaled = (drawn / (drawn.sum() / 3)).squareRoot()
        return rotation.transposed * diagonal(SIMD3<Float>(scaled)) * rotation
    }
}
