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

    /// The disk is full, or the user's share of it, so that no other file can be written either; `reason` is the system's
    /// message.
    case noSpace(path: String, reason: String)
    /// The folder for all outputs has been removed, renamed or unmounted since it was opened.
    case folderGone(path: String)

    /// Whether further outputs will fail in the same way.
    public var concernsAllOutputs: Bool {
        switch self {
        case .noSpace, .folderGone: true
        default: false
        }
    }

    /// The path that the error is about.
    public var path: String {
        switch self {
        case .notFound(let path), .isDirectory(let path), .notARegularFile(let path),
            .unreadable(let path, _), .tooLarge(let path, _, _), .alreadyExists(let path),
            .cannotWrite(let path, _), .noSpace(let path, _), .folderGone(let path):
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
        case .folderGone(let path):
            return "\(path): the output folder has been removed, renamed or unmounted"
        case .cannotWrite(let path, let reason), .noSpace(let path, let reason):
            return "\(path): cannot be written: \(reason)"
        }
    }
}
