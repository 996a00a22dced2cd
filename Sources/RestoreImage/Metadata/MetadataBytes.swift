// Shared by the readers and writers of metadata: numbers in bytes, and limits.

/// Why a block of metadata is skipped: a phrase that follows the block's name.
struct MetadataProblem: Error {
    let reason: String
}

/// How much metadata is accepted from a file. Real files stay far below the limits; anything beyond is dropped with a
/// warning.
enum MetadataLimits {
    /// Maximum size of one block, inflated: a profile, a text.
    static let blockBytes = 16 << 20
    /// Maximum size of a compressed text, inflated, and of all of them together. A few kilobytes can contain these many
    /// times, and they would have to be copied to the output.
    static let inflatedTextBytes = 8 << 20
    static let inflatedTextsBytes = 16 << 20
    /// Maximum size of all blocks together.
    static let totalBytes = 64 << 20
    /// Maximum number of texts and parts of blocks.
    static let pieces = 1000
    /// Maximum number of warnings about one file.
    static let warnings = 16
}

/// Collects metadata while it is read, together with the problems found.
struct MetadataCollector {
    var metadata = ImageMetadata()
    private(set) var warnings: [String] = []
    private var bytes = 0
    private var inflatedBytes = 0
    private var inflatedTextBytes = 0
    private var pieces = 0

    /// Adds a line, unless it is already there or the limit has been reached.
    mutating func warn(_ line: String) {
        if warnings.count < MetadataLimits.warnings, !warnings.contains(line) { warnings.append(line) }
    }

    /// Adds content that no output preserves, in the same way.
    mutating func omit(_ line: String) {
        let omissions = metadata.omissions
        if omissions.count < MetadataLimits.warnings, !omissions.contains(line) { metadata.omissions.append(line) }
    }

    /// Inflates a block. The inflated bytes count even if the block turns out to be damaged.
    mutating func inflate(_ block: ArraySlice<UInt8>) throws(MetadataProblem) -> [UInt8] {
        let limit = min(MetadataLimits.blockBytes, MetadataLimits.totalBytes - inflatedBytes)
        return try ZlibStream.inflated(block, limit: limit, counting: &inflatedBytes)
    }

    /// Inflates a text; see `inflate`.
    mutating func inflate(text: ArraySlice<UInt8>) throws(MetadataProblem) -> [UInt8] {
        let (limits, rest) = (MetadataLimits.self, MetadataLimits.totalBytes - inflatedBytes)
        let limit = min(limits.inflatedTextBytes, limits.inflatedTextsBytes - inflatedTextBytes, rest)
        let before = inflatedBytes
        defer { inflatedTextBytes += inflatedBytes - before }
        return try ZlibStream.inflated(text, limit: max(0, limit), counting: &inflatedBytes)
    }

    /// Counts a block that is about to be kept.
    ///
    /// - Throws: if it would exceed the limits.
    mutating func count(_ size: Int) throws(MetadataProblem) {
        guard size <= min(MetadataLimits.blockBytes, MetadataLimits.totalBytes - bytes),
            pieces < MetadataLimits.pieces
        else {
            throw MetadataProblem(reason: "exceeds the limits for metadata")
        }
        bytes += size
        pieces += 1
    }

    /// Keeps a block if there is none of its kind yet.
    mutating func keep(
        _ block: [UInt8], as place: WritableKeyPath<ImageMetadata, [UInt8]?>
    ) throws(MetadataProblem) {
        guard metadata[keyPath: place] == nil else {
            throw MetadataProblem(reason: "occurs twice; the first one is used")
        }
        try count(block.count)
        metadata[keyPath: place] = block
    }
}

extension RandomAccessCollection where Element == UInt8, Index == Int {
    /// The big-endian number in 2 bytes, `offset` bytes after the start; nil if there are too few bytes.
    func bigEndian16(at offset: Int = 0) -> Int? { number(at: offset, bytes: 2) }

    /// The same for 4 bytes: 0 ..< 2³².
    func bigEndian32(at offset: Int = 0) -> Int? { number(at: offset, bytes: 4) }

    private func number(at offset: Int, bytes: Int) -> Int? {
        guard offset >= 0, offset <= count - bytes else { return nil }
        return (0..<bytes).reduce(0) { $0 << 8 | Int(self[startIndex + offset + $1]) }
    }

    /// The position of the first `pattern` at or after `start`, or nil.
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
    /// The contents of a file other than the pixels, and the problems found in them. The file has been decoded, at
    /// least in part.
    static func read(_ bytes: [UInt8], _ format: ImageFormat) -> (metadata: ImageMetadata, warnings: [String]) {
        switch format {
        case .png: readPNGMetadata(bytes)
        case .jpeg: readJPEGMetadata(bytes)
        }
    }
}

/// Whether the bytes begin like EXIF: TIFF's byte order mark (TIFF 6.0, section 2).
func isTIFF(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.starts(with: [0x49, 0x49, 0x2A, 0x00]) || bytes.starts(with: [0x4D, 0x4D, 0x00, 0x2A])
}

/// Whether the bytes begin like an ICC profile (ICC.1:2022, 7.2): a header of 128 bytes that contains `acsp`, and at
/// least as many bytes as it declares.
func isColorProfile(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
    let header = Array(bytes.prefix(128))
    guard header.count == 128, let size = header.bigEndian32() else { return false }
    return header[36..<40].elementsEqual("acsp".utf8) && size <= bytes.count
}
