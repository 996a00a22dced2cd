// What the readers and writers of metadata share: numbers in bytes, and how much is too much.

/// Why a block of metadata is passed over: a phrase that follows the block's name.
struct MetadataProblem: Error {
    let reason: String
}

/// How much metadata is taken from a file. Real files stay far below; what is beyond is dropped with a warning.
enum MetadataLimits {
    /// Bytes of one block, inflated: a profile, a text.
    static let blockBytes = 16 << 20
    /// Bytes of all blocks together.
    static let totalBytes = 64 << 20
    /// Texts and parts of blocks.
    static let pieces = 1000
    /// Lines about one file.
    static let warnings = 16
}

/// Metadata as they come in, with what is wrong about them.
struct MetadataCollector {
    var metadata = ImageMetadata()
    private(set) var warnings: [String] = []
    private var bytes = 0
    private var inflatedBytes = 0
    private var pieces = 0

    /// Notes a line; one that is there already, and those beyond the limit, say nothing new.
    mutating func warn(_ line: String) {
        if warnings.count < MetadataLimits.warnings, !warnings.contains(line) { warnings.append(line) }
    }

    /// Notes what is not kept in any output, the same way.
    mutating func omit(_ line: String) {
        let omissions = metadata.omissions
        if omissions.count < MetadataLimits.warnings, !omissions.contains(line) { metadata.omissions.append(line) }
    }

    /// Inflates a block. What it takes counts even where the block turns out to be damaged.
    mutating func inflate(_ block: ArraySlice<UInt8>) throws(MetadataProblem) -> [UInt8] {
        let limit = min(MetadataLimits.blockBytes, MetadataLimits.totalBytes - inflatedBytes)
        return try ZlibStream.inflated(block, limit: limit, counting: &inflatedBytes)
    }

    /// Counts a block that is about to be kept.
    ///
    /// - Throws: where it would be too much.
    mutating func count(_ size: Int) throws(MetadataProblem) {
        guard size <= min(MetadataLimits.blockBytes, MetadataLimits.totalBytes - bytes),
            pieces < MetadataLimits.pieces
        else {
            throw MetadataProblem(reason: "is beyond the limits for metadata")
        }
        bytes += size
        pieces += 1
    }

    /// Keeps a block where none of its kind is there yet.
    mutating func keep(
        _ block: [UInt8], as place: WritableKeyPath<ImageMetadata, [UInt8]?>
    ) throws(MetadataProblem) {
        guard metadata[keyPath: place] == nil else {
            throw MetadataProblem(reason: "occurs twice, the first one counts")
        }
        try count(block.count)
        metadata[keyPath: place] = block
    }
}

extension RandomAccessCollection where Element == UInt8, Index == Int {
    /// The number in 2 bytes, the higher first, `offset` bytes after the start; nil where there are not so many.
    func bigEndian16(at offset: Int = 0) -> Int? { number(at: offset, bytes: 2) }

    /// The same of 4 bytes: 0 ..< 2³².
    func bigEndian32(at offset: Int = 0) -> Int? { number(at: offset, bytes: 4) }

    private func number(at offset: Int, bytes: Int) -> Int? {
        guard offset >= 0, offset <= count - bytes else { return nil }
        return (0..<bytes).reduce(0) { $0 << 8 | Int(self[startIndex + offset + $1]) }
    }

    /// The position of the first `pattern` from `start` on, or nil.
    func firstIndex(of pattern: [UInt8], from start: Int? = nil) -> Int? {
        guard let first = pattern.first else { return nil }
        var position = start ?? startIndex
        while position <= endIndex - pattern.count {
            if self[position] == first, self[position..<position + pattern.count].elementsEqual(pattern) {
                return position
            }
            position += 1
        }
        return nil
    }
}

extension [UInt8] {
    mutating func appendBigEndian16(_ value: Int) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func appendBigEndian32(_ value: Int) {
        appendBigEndian16(value >> 16)
        appendBigEndian16(value)
    }
}

extension ImageMetadata {
    /// What a file says beside its pixels, and what is wrong about it. The file has been decoded, at least in part.
    static func read(_ bytes: [UInt8], _ format: ImageFormat) -> (metadata: ImageMetadata, warnings: [String]) {
        switch format {
        case .png: readPNGMetadata(bytes)
        case .jpeg: readJPEGMetadata(bytes)
        }
    }
}

/// Whether bytes begin as EXIF does: TIFF's byte order mark (TIFF 6.0, section 2).
func isTIFF(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: [0x49, 0x49, 0x2A, 0x00]) || bytes.starts(with: [0x4D, 0x4D, 0x00, 0x2A])
}

/// Whether bytes begin as an ICC profile does (ICC.1:2022, 7.2): a header of 128 bytes with `acsp` in it, and no fewer bytes
/// than it says.
func isColorProfile(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
    let header = Array(bytes.prefix(128))
    guard header.count == 128, let size = header.bigEndian32() else { return false }
    return header[36..<40].elementsEqual("acsp".utf8) && size <= bytes.count
}
