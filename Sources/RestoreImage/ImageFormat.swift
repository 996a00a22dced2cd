import RestoreFiles

/// The supported file formats.
public enum ImageFormat: Sendable, CaseIterable {
    case png, jpeg

    /// The human-readable name of the format.
    public var name: String {
        switch self {
        case .png: return "PNG"
        case .jpeg: return "JPEG"
        }
    }

    /// File extensions in lower case without the dot, starting with the most common one.
    public var fileExtensions: [String] {
        switch self {
        case .png: return ["png"]
        case .jpeg: return ["jpg", "jpeg", "jpe", "jfif"]
        }
    }

    /// The extensions of all formats, for listing the images in a folder.
    public static var allFileExtensions: Set<String> {
        Set(allCases.flatMap { $0.fileExtensions })
    }

    /// The number of bytes at the start of a file that suffice for `detect` and for the message about other files.
    public static let signatureBytes = 64

    /// The format identified by the first bytes of a file, or nil if it is none of these.
    public static func detect(_ bytes: some Sequence<UInt8>) -> ImageFormat? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
        return nil
    }

    /// The format for the extension of `path`, or nil if it is unknown.
    public static func forPath(_ path: String) -> ImageFormat? {
        let suffix = pathExtension(of: path)
        return allCases.first { $0.fileExtensions.contains(suffix) }
    }

    /// What a file that is neither PNG nor JPEG appears to be, for error messages.
    static func describe(_ bytes: [UInt8]) -> String {
        if bytes.isEmpty { return "an empty file" }
        let signatures: [(offset: Int, text: String, name: String)] = [
            (0, "GIF8", "a GIF"), (0, "BM", "a BMP"), (0, "II*\0", "a TIFF or camera raw file"),
            (0, "MM\0*", "a TIFF or camera raw file"), (8, "WEBP", "a WebP"), (4, "ftypavif", "an AVIF"),
            (4, "ftyphei", "a HEIC"), (4, "ftypmif1", "a HEIC"), (0, "%PDF", "a PDF"),
            (0, "PK\u{3}\u{4}", "a ZIP archive"),
            (0, "<svg", "an SVG"), (0, "8BPS", "a Photoshop file"),
        ]
        for signature in signatures
        where bytes.dropFirst(signature.offset).starts(with: Array(signature.text.utf8)) {
            return signature.name
        }
        let digits = Array("0123456789abcdef")
        let start = bytes.prefix(8).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }
        return "bytes " + start.joined(separator: " ")
    }
}
