import RestoreFiles
import RestoreImage

/// Why a file yields no training images. Every case includes the path.
public enum DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file could not be read.
    case file(FileError)
    /// A PNG or JPEG file that cannot be decoded.
    case image(ImageError)
    /// None of the known formats; `found` describes what the file appears to be.
    case unknownFormat(path: String, found: String)
    /// The file violates its format or is truncated.
    case damaged(path: String, format: String, reason: String)
    /// A valid file of an unsupported kind.
    case unsupported(path: String, reason: String)

    /// A single line with the path, what was expected and what was found.
    public var description: String {
        switch self {
        case .file(let error):
            return error.description
        case .image(let error):
            return error.description
        case .unknownFormat(let path, let found):
            return "\(path): is not a PNG or JPEG image, CIFAR-10 batch or IDX file: found \(found)"
        case .damaged(let path, let format, let reason):
            return "\(path): is a damaged \(format): \(reason)"
        case .unsupported(let path, let reason):
            return "\(path): is not supported: \(reason)"
        }
    }
}

/// What is wrong with the bytes of a file. Thrown by parsers, which do not know the file's path.
struct FormatProblem: Error, Equatable {
    enum Kind { case damage, unsupported }

    let kind: Kind
    let reason: String

    static func damage(_ reason: String) -> FormatProblem { FormatProblem(kind: .damage, reason: reason) }
    static func unsupported(_ reason: String) -> FormatProblem { FormatProblem(kind: .unsupported, reason: reason) }

    /// - Parameter format: how to describe a damaged file.
    func error(path: String, format: String) -> DatasetError {
        switch kind {
        case .damage: .damaged(path: path, format: format, reason: reason)
        case .unsupported: .unsupported(path: path, reason: reason)
        }
    }
}
