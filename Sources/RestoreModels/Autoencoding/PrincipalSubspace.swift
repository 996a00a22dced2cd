import Glibc
import RestoreLinearAlgebra

/// Principal components of pictures as an autoencoder: the best linear one.
public struct PrincipalSubspace: Sendable {
    private let components: PrincipalComponents
    public let size: Int

    /// - Parameters:
    ///   - pictures: as many values each, at least two pictures.
    ///   - size: components, the length of a code.
    /// - Throws: `LinearAlgebraError`.
    public init(_ pictures: [[Float]], size: Int) throws(LinearAlgebraError) {
        let (features, values) = (pictures.first?.count ?? 1, pictures.flatMap { $0 })
        self.size = size
        components = try values.withUnsafeBufferPointer { values throws(LinearAlgebraError) in
            try principalComponents(values, featureCount: features, count: size)
        }
    }

    /// A picture's projection onto the subspace.
    public func reconstruction(of picture: [Float]) -> [Float] {
        var result = components.mean
        for index in 0..<size {
            let component = components.component(index)
            let start = component.startIndex
            var coordinate: Float = 0
            for i in picture.indices { coordinate += (picture[i] - components.mean[i]) * component[start + i] }
            for i in picture.indices { result[i] += coordinate * component[start + i] }
        }
        return result
    }

    /// The cosines of the principal angles between this subspace and another of the same dimension, ascending: all 1 if they
    /// are the same (Björck & Golub, "Numerical methods for computing angles between linear subspaces", Mathematics of
    /// Computation 27, 1973).
    ///
    /// - Parameter directions: a basis of the other, `size` vectors.
    public func cosines(to directions: [[Float]]) -> [Double] {
        let basis = orthonormalized(directions)
        guard basis.count == size else { return [Double](repeating: 0, count: size) }
        // The singular values of the products are the cosines; their squares are the eigenvalues of MᵀM.
        let products = basis.map { vector in
            (0..<size).map { index in
                zip(vector, components.component(index)).reduce(0) { $0 + $1.0 * Double($1.1) }
            }
        }
        var gram = [Double](repeating: 0, count: size * size)
        for row in 0..<size {
            for column in row..<size {
                gram[row * size + column] = products.reduce(0) { $0 + $1[row] * $1[column] }
            }
        }
        return SymmetricEigensystem.values(gram, order: size).map { max(0, $0).squareRoot() }
    }
}

/// Vectors of length 1 at right angles that span what `vectors` span (Gram & Schmidt, twice for accuracy); fewer if these
/// depend on each other.
private func orthonormalized(_ vectors: [[Float]]) -> [[Double]] {
    var basis: [[Double]] = []
    for vector in vectors {
        var rest = vector.map { Double($0) }
        let length = rest.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for _ in 0..<2 {
            for direction in basis {
                let product = zip(rest, direction).reduce(0) { $0 + $1.0 * $1.1 }
                for index in rest.indices { rest[index] -= product * direction[index] }
            }
        }
        let remaining = rest.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if remaining > 1e-9 * length { basis.append(rest.map { $0 / remaining }) }
    }
    return basis
}
