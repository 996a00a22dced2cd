import RestoreFiles
import RestoreImage

/// Why a file gives no pictures to train on. Every case carries the path.
public enum DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file itself could not be read.
    case file(FileError)
    /// A PNG or JPEG file that gives no picture.
    case image(ImageError)
    /// None of the known formats; `found` says what the file seems to be.
    case unknownFormat(path: String, found: String)
    /// The file breaks its format's rules or ends too early.
    case damaged(path: String, format: String, reason: String)
    /// A valid file of a kind that is not read.
    case unsupported(path: String, reason: String)

    /// One line that names the path, what was expected and what was found.
    public var description: String {
        switch self {
        case .file(let error):
            return error.description
        case .image(let error):
            return error.description
        case .unknownFormat(let path, let found):
            return "\(path): is no PNG or JPEG picture, CIFAR-10 batch or IDX file: found \(found)"
        case .damaged(let path, let format, let reason):
            return "\(path): is a damaged \(format): \(reason)"
        case .unsupported(let path, let reason):
            return "\(path): is not supported: \(reason)"
        }
    }
}

/// What is wrong with the bytes of a file, for a parser that does not know the file's path.
struct FormatProblem: Error, Equatable {
    enum Kind { case damage, unsupported }

    let kind: Kind
    let reason: String

    static func damage(_ reason: String) -> FormatProblem { FormatProblem(kind: .damage, reason: reason) }
    static func unsupported(_ reason: String) -> FormatProblem { FormatProblem(kind: .unsupported, reason: reason) }

    /// - Parameter format: what a damaged file is called.
    func error(path: String, format: String) -> DatasetError {
        switch kind {
        case .damage: .damaged(path: path, format: format, reason: reason)
        case .unsupported: .unsupported(path: path, reason: reason)
        }
    }
}
