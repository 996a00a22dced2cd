/// What can go wrong with a file or a folder. Every case carries the path as given by the caller.
public enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The path does not exist, or one of its parent folders is missing.
    case notFound(path: String)
    /// A file was expected and a folder was found.
    case isDirectory(path: String)
    /// A FIFO, a device or a socket, where a regular file is required.
    case notARegularFile(path: String)
    /// The system refused to open, list or read it; `reason` is the system's message.
    case unreadable(path: String, reason: String)
    /// The file has `bytes` bytes, more than the caller's `limit`.
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
            return "\(path): has \(bytes) bytes, more than the limit of \(limit)"
        case .alreadyExists(let path):
            return "\(path): already exists and is not overwritten"
        case .cannotWrite(let path, let reason):
            return "\(path): cannot be written: \(reason)"
        }
    }
}
