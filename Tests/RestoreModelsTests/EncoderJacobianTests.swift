import Glibc
import RestoreConcurrency
import RestoreModels
import RestoreLinearAlgebra
import RestoreNN
import TestSupport
import Testing

/// The encoder's Jacobian and its first layer, as pictures.
@Suite struct EncoderJacobianTests {
    private let pool = WorkerPool(workerCount: 2)

    private func model(code: Int, channels: Int = 1) -> Model<AutoencoderArchitecture> {
        let architecture = AutoencoderArchitecture(
            kind: .contractive, height: 3, width: 4, channels: channels, hidden: [], codeSize: code)
        return Model(
            architecture: architecture, parameters: Parameters(initializing: architecture.network, seed: 2))
    }

    /// ∂f/∂x of h = sigmoid(W·x + b): row j is h_j (1 − h_j) W_j. For one channel, pixels are in the order of the weights.
    private func exact(_ model: Model<AutoencoderArchitecture>, code: [Float]) throws -> [[Double]] {
        let weights = try #require(model.parameters["encoder.code.weight"])
        let size = weights.count / code.count
        return code.enumerated().map { unit, h in
            let slope = Double(h) * (1 - Double(h))
            return (0..<size).map { slope * Double(weights[unit * size + $0]) }
        }
    }

    /// With a code shorter and longer than the picture.
    @Test(arguments: [5, 20]) func itsSingularValuesAreThoseOfTheExactJacobian(code: Int) throws {
        let model = model(code: code)
        let autoencoder = Autoencoder(model, pool: pool)
        var generator = SeededGenerator(seed: 12)
        let picture = (0..<12).map { _ in Float(generator.uniform()) }
        let jacobian = try exact(model, code: autoencoder.codes(of: [picture])[0])
        let found = try EncoderJacobian(autoencoder, at: picture, tangentCount: 3)
        // The eigenvalues of J·Jᵀ.
        var gram = [Double](repeating: 0, count: code * code)
        for (row, a) in jacobian.enumerated() {
            for (column, b) in jacobian.enumerated() {
                gram[row * code + column] = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
            }
        }
        let squares = SymmetricEigensystem.values(gram, order: code).reversed().prefix(12)
        #expect(found.singularValues.count == min(code, 12))
        let greatest = found.singularValues[0]
        for (value, square) in zip(found.singularValues, squares) {
            #expect(abs(value - max(0, square).squareRoot()) < 1e-3 * greatest, "\(value), \(square.squareRoot())")
        }
        // ‖J·v‖ = σ for its right singular vectors, which are of length 1 and at right angles.
        for (index, tangent) in found.tangents.enumerated() {
            let moved = jacobian.map { row in zip(row, tangent).reduce(0) { $0 + $1.0 * $1.1 } }
            let length = moved.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(abs(length - found.singularValues[index]) < 1e-3 * greatest)
            for (other, second) in found.tangents.enumerated() {
                let product = zip(tangent, second).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(abs(product - (index == other ? 1 : 0)) < 1e-6)
            }
        }
    }

    @Test func filtersAreTheWeightsAsPictures() throws {
        let model = model(code: 2, channels: 3)
        let filters = Autoencoder(model, pool: pool).filters
        let weights = try #require(model.parameters["encoder.code.weight"])
        #expect(filters.weights.count == 2 && (filters.height, filters.width, filters.channels) == (3, 4, 3))
        // Row 2, column 1, channel 1 of the second unit: weights are stored channel, row, column.
        #expect(filters.weights[1][3 * (2 * 4 + 1) + 1] == weights[36 + 12 + 2 * 4 + 1])
        let convolutional = AutoencoderArchitecture(
            kind: .convolutional, height: 4, width: 4, hidden: [6, 7], codeSize: 2)
        let parameters = Parameters(initializing: convolutional.network, seed: 2)
        let kernels = Autoencoder(Model(architecture: convolutional, parameters: parameters), pool: pool).filters
        #expect(kernels.weights.count == 6 && kernels.weights.allSatisfy { $0.count == 9 })
        #expect(kernels.weights[5] == Array(try #require(parameters["encoder.0.weight"]).suffix(9)))
    }
}
