/// What can go wrong with a file or a folder. Every case carries the path as the caller wrote it.
public enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing is there, or a folder on the way to it is missing.
    case notFound(path: String)
    /// A file was expected and a folder was found.
    case isDirectory(path: String)
    /// A FIFO, a device or a socket, where only a regular file will do.
    case notARegularFile(path: String)
    /// The system refused to open, list or read it; `reason` is the system's message.
    case unreadable(path: String, reason: String)
    /// The file holds `bytes` bytes, more than the `limit` the caller set.
    case tooLarge(path: String, bytes: Int, limit: Int)
    /// The output exists and the caller did not allow it to be replaced.
    case alreadyExists(path: String)
    /// The system refused to create, write or rename it; `reason` is the system's message.
    case cannotWrite(path: String, reason: String)

    /// The path that the error is about.
    public var path: String {
        switch self {
        case .notFound(let path), .isDirectory(let path), .notARegularFile(let path),
            .unreadable(let path, _), .tooLarge(let path, _, _), .alreadyExists(let path),
            .cannotWrite(let path, _):
            return path
        }
    }

    /// One line that names the path and the reason.
    public var description: String {
        switch self {
        case .notFound(let path):
            return "\(path): no such file or folder"
        case .isDirectory(let path):
            return "\(path): is a folder, expected a file"
        case .notARegularFile(let path):
            return "\(path): is a pipe, a device or a socket, expected a regular file"
        case .unreadable(let path, let reason):
            return "\(path): cannot be read: \(reason)"
        case .tooLarge(let path, let bytes, let limit):
            return "\(path): holds \(bytes) bytes, more than the limit of \(limit)"
        case .alreadyExists(let path):
            return "\(path): exists already and is not overwritten"
        case .cannotWrite(let path, let reason):
            return "\(path): cannot be written: \(reason)"
        }
    }
}
