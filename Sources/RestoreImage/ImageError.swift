import RestoreFiles

/// What can go wrong when an image is read or written. Every case includes the path.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file could not be read or written.
    case file(FileError)
    /// The file is not an image of a known format; `found` describes how it begins.
    case unknownFormat(path: String, found: String)
    /// The file violates its format or is truncated.
    case damaged(path: String, format: ImageFormat, reason: String)
    /// The image has more pixels than `limit`, according to its header.
    case tooLarge(path: String, width: Int, height: Int, limit: Int)
    /// The image has a side of more than `limit` pixels, according to its header.
    case sideTooLong(path: String, width: Int, height: Int, limit: Int)
    /// A valid file of an unsupported kind, or one that does not fit in memory.
    case unsupported(path: String, reason: String)
    /// The image cannot be stored in the requested format.
    case cannotEncode(path: String, reason: String)
    /// The extension of an output path is not that of a known format.
    case unknownExtension(path: String)
    /// Processing resulted in NaN or infinity at a pixel.
    case notFinite(path: String, x: Int, y: Int)

    /// The path that the error refers to.
    public var path: String {
        switch self {
        case .file(let error):
            return error.path
        case .unknownFormat(let path, _), .damaged(let path, _, _), .tooLarge(let path, _, _, _),
            .sideTooLong(let path, _, _, _), .unsupported(let path, _), .cannotEncode(let path, _),
            .unknownExtension(let path),
            .notFinite(let path, _, _):
            return path
        }
    }

    /// A single line with the path, what was expected and what was found.
    public var description: String {
        switch self {
        case .file(let error):
            return error.description
        case .unknownFormat(let path, let found):
            return "\(path): is neither a PNG nor a JPEG image: found \(found)"
        case .damaged(let path, let format, let reason):
            return "\(path): is a damaged \(format.name) file: \(reason)"
        case .tooLarge(let path, let width, let height, let limit):
            return "\(path): claims \(width)×\(height) pixels, more than the limit of \(limit)"
        case .sideTooLong(let path, let width, let height, let limit):
            return "\(path): claims \(width)×\(height) pixels, more than the limit of \(limit) for a side"
        case .unsupported(let path, let reason):
            return "\(path): is not supported: \(reason)"
        case .cannotEncode(let path, let reason):
            return "\(path): cannot be encoded: \(reason)"
        case .unknownExtension(let path):
            let known = ImageFormat.allCases.flatMap { $0.fileExtensions }.map { ".\($0)" }
            return "\(path): the extension is not that of a known image format, expected one of "
                + known.joined(separator: ", ")
        case .notFinite(let path, let x, let y):
            return "\(path): the result at pixel (\(x), \(y)) is not a finite number"
        }
    }
}
