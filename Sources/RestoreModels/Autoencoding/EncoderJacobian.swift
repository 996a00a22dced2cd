import RestoreLinearAlgebra
import RestoreNN

/// The singular value decomposition of ∂f/∂x, the Jacobian of an encoder f at a picture x: how far the code moves with the
/// picture, and in which directions. Where few singular values are large, the code follows the data's manifold alone, and
/// their right singular vectors are its tangents (Rifai et al., "The manifold tangent classifier", NIPS 2011, sec. 3).
public struct EncoderJacobian: Sendable {
    /// Descending, as many as the smaller of the code's and the picture's sizes.
    public let singularValues: [Double]
    /// Right singular vectors of the greatest singular values, each height × width × channels values of length 1. Their
    /// signs are arbitrary.
    public let tangents: [[Double]]

    /// Half the distance of the two pictures of a difference: float values in 0…1, of which this is a small part.
    static let step: Float = 1 / 64

    /// By central differences of the codes, (f(x + hδ) − f(x − hδ)) / 2h for every value of the picture.
    ///
    /// - Parameters:
    ///   - label: of a conditional autoencoder, as for `Autoencoder.apply`.
    ///   - tangentCount: vectors to keep.
    /// - Throws: `NetworkError` if the machine has too little memory, `LinearAlgebraError`.
    public init(_ autoencoder: Autoencoder, at picture: [Float], label: Int? = nil, tangentCount: Int = 0) throws {
        let rows = try Self.columns(autoencoder, at: picture, label: label)
        try self.init(transposed: rows, tangentCount: tangentCount)
    }

    /// - Parameter rows: of the transposed Jacobian, ∂f/∂xᵢ for every i.
    init(transposed rows: [[Double]], tangentCount: Int) throws(LinearAlgebraError) {
        let (features, units) = (rows.count, rows.first?.count ?? 0)
        let isWide = units <= features
        let order = min(units, features)
        // The Gram matrix of the shorter side: J·Jᵀ, or Jᵀ·J where the code is longer than the picture.
        let flat = isWide ? rows.flatMap { $0 } : (0..<units).flatMap { unit in rows.map { $0[unit] } }
        var gram = [Double](repeating: 0, count: order * order)
        let library = try OpenBLAS.load()
        library.addGram(flat, rows: max(units, features), columns: order, onto: &gram)
        let ascending = try library.symmetricEigensystem(&gram, order: order)
        singularValues = ascending.reversed().map { max(0, $0).squareRoot() }
        tangents = (0..<min(tangentCount, order)).map { index in
            let vector = gram[((order - 1 - index) * order)..<((order - index) * order)]
            guard isWide else { return Array(vector) }
            // v = Jᵀ·u / σ
            let direction = rows.map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } }
            let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return direction.map { length > 0 ? $0 / length : 0 }
        }
    }

    /// ∂f/∂xᵢ for every value i of the picture.
    private static func columns(
        _ autoencoder: Autoencoder, at picture: [Float], label: Int?
    ) throws(NetworkError) -> [[Double]] {
        var columns: [[Double]] = []
        for start in stride(from: 0, to: picture.count, by: chunk) {
            let part = start..<min(start + chunk, picture.count)
            let moved = part.flatMap { index in
                [step, -step].map { change in
                    var moved = picture
                    moved[index] += change
                    return moved
                }
            }
            let codes = try autoencoder.codes(of: moved, labels: moved.map { _ in label })
            for (place, index) in part.enumerated() {
                // What float values are apart, not what was asked for.
                let distance = Double(moved[2 * place][index]) - Double(moved[2 * place + 1][index])
                let (above, below) = (codes[2 * place], codes[2 * place + 1])
                columns.append(zip(above, below).map { (Double($0) - Double($1)) / distance })
            }
        }
        return columns
    }

    /// Values of the picture that are moved together.
    private static let chunk = 250
}

extension Autoencoder {
    /// What the units of the first layer respond to: their weights, as pictures.
    public struct Filters: Sendable {
        public let height: Int
        public let width: Int
        public let channels: Int
        /// Height × width × channels values of each unit.
        public let weights: [[Float]]
    }

    /// The weights of the encoder's first layer: of the size of the picture or, in a convolutional one, of its kernels.
    public var filters: Filters {
        guard let entry = parameters.layout.entries.first(where: { $0.specification.shape.count >= 2 }) else {
            return Filters(height: 0, width: 0, channels: 0, weights: [])
        }
        let values = parameters.values[entry.range]
        let shape = entry.specification.shape
        let (height, width) = shape.count == 4 ? (shape[2], shape[3]) : (architecture.height, architecture.width)
        let (channels, size) = (architecture.channels, height * width)
        let weights = (0..<shape[0]).map { unit in
            // Stored channel, row, column.
            let start = entry.range.lowerBound + unit * size * channels
            return (0..<(size * channels)).map { values[start + ($0 % channels) * size + $0 / channels] }
        }
        return Filters(height: height, width: width, channels: channels, weights: weights)
    }
}
