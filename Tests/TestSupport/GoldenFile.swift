import FoundationEssentials
import RestoreNN

/// A file of golden values, as `Fixtures/golden/README.md` describes it.
package struct GoldenFile: Sendable {
    package let file: SafetensorsFile

    /// - Parameter name: below `Fixtures/golden`.
    package init(_ name: String) throws {
        file = try SafetensorsFile(path: Fixtures.path("golden/\(name)"))
    }

    /// The metadata `key`, which is JSON.
    package func configuration<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) throws
        -> Value
    {
        guard let text = file.metadata[key] else { throw GoldenError.noConfiguration(key) }
        return try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// An activation, turned from PyTorch's order.
    package func activation(_ name: String) throws -> Tensor {
        let values = try file.values(of: name)
        guard let shape = file.shape(of: name), shape.count == 4 else { throw GoldenError.noActivation(name) }
        return tensor(nchw: shape, values: values)
    }
}

package enum GoldenError: Error {
    case noConfiguration(String)
    case noActivation(String)
}
