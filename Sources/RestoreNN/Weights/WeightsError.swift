import RestoreFiles

/// What can be wrong with a weight file. Every case includes the path.
public enum WeightsError: Error, Equatable, Sendable, CustomStringConvertible {
    case file(FileError)
    /// The file violates the safetensors format.
    case damaged(path: String, reason: String)
    /// The contents do not match the checksum in the file.
    case checksumMismatch(path: String)
    case unsupportedElementType(path: String, tensor: String, type: String)
    /// A weight is NaN or infinite.
    case notFinite(path: String, tensor: String)
    case missingTensor(path: String, tensor: String)
    case unexpectedTensor(path: String, tensor: String)
    case wrongShape(path: String, tensor: String, expected: [Int], found: [Int])
    /// A weight is too large for the element type that the file is to be stored in.
    case overflow(path: String, tensor: String, value: Float, type: SafetensorsFile.ElementType)

    public var description: String {
        switch self {
        case .file(let error):
            return error.description
        case .damaged(let path, let reason):
            return "\(path): damaged weight file: \(reason)"
        case .checksumMismatch(let path):
            return "\(path): damaged weight file: the contents do not match its checksum"
        case .unsupportedElementType(let path, let tensor, let type):
            return "\(path): tensor \(tensor) has elements of type \(type), expected F32, F16 or BF16"
        case .notFinite(let path, let tensor):
            return "\(path): tensor \(tensor) contains a value that is not finite"
        case .missingTensor(let path, let tensor):
            return "\(path): tensor \(tensor) is missing"
        case .unexpectedTensor(let path, let tensor):
            return "\(path): tensor \(tensor) does not belong to this architecture"
        case .wrongShape(let path, let tensor, let expected, let found):
            return "\(path): tensor \(tensor) has the shape \(found), expected \(expected)"
        case .overflow(let path, let tensor, let value, let type):
            return "\(path): tensor \(tensor) contains \(value), which is too large for \(type.name)"
        }
    }
}
