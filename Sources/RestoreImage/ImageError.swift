import RestoreFiles

/// What can go wrong when a picture is read or written. Every case carries the path.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file itself could not be read or written.
    case file(FileError)
    /// The file is no picture of a known format; `found` says what it begins with.
    case unknownFormat(path: String, found: String)
    /// The file breaks its format's rules or ends too early.
    case damaged(path: String, format: ImageFormat, reason: String)
    /// The picture claims more pixels than `limit`.
    case tooLarge(path: String, width: Int, height: Int, limit: Int)
    /// A valid file of a kind that is not supported, or one that the memory does not suffice for.
    case unsupported(path: String, reason: String)
    /// The picture cannot be stored in the format asked for.
    case cannotEncode(path: String, reason: String)
    /// The extension of an output path names no known format.
    case unknownExtension(path: String)
    /// Processing gave NaN or an infinity at a pixel.
    case notFinite(path: String, x: Int, y: Int)

    /// The path that the error is about.
    public var path: String {
        switch self {
        case .file(let error):
            return error.path
        case .unknownFormat(let path, _), .damaged(let path, _, _), .tooLarge(let path, _, _, _),
            .unsupported(let path, _), .cannotEncode(let path, _), .unknownExtension(let path),
            .notFinite(let path, _, _):
            return path
        }
    }

    /// One line that names the path, what was expected and what was found.
    public var description: String {
        switch self {
        case .file(let error):
            return error.description
        case .unknownFormat(let path, let found):
            return "\(path): is neither a PNG nor a JPEG picture: found \(found)"
        case .damaged(let path, let format, let reason):
            return "\(path): is a damaged \(format.name) file: \(reason)"
        case .tooLarge(let path, let width, let height, let limit):
            return "\(path): claims \(width)×\(height) pixels, more than the limit of \(limit)"
        case .unsupported(let path, let reason):
            return "\(path): is not supported: \(reason)"
        case .cannotEncode(let path, let reason):
            return "\(path): cannot be encoded: \(reason)"
        case .unknownExtension(let path):
            let known = ImageFormat.allCases.flatMap { $0.fileExtensions }.map { ".\($0)" }
            return "\(path): the extension names no known picture format, expected one of "
                + known.joined(separator: ", ")
        case .notFinite(let path, let x, let y):
            return "\(path): the result at pixel (\(x), \(y)) is not a finite number"
        }
    }
}
