/// An EXIF block: a TIFF structure (TIFF 6.0, section 2) that is read and edited in place, so that nothing moves: the
/// maker notes of cameras contain offsets from the block's start.
///
/// Every offset and count is checked; anything invalid is skipped, as lenient readers do.
struct TIFFBlock {
    private(set) var bytes: [UInt8]
    private let isLittleEndian: Bool

    /// A directory's entry: the position of its twelve bytes.
    struct Entry {
        let place: Int
        let tag: UInt16
        let type: UInt16
        let count: Int
    }

    struct Directory {
        let place: Int
        let entries: [Entry]
        /// Position of the offset of the next directory; nil if the block ends before it.
        let next: Int?
        /// Whether the block ends before the directory's last entry.
        let isCut: Bool

        func entries(_ tag: Tag) -> [Entry] { entries.filter { $0.tag == tag.rawValue } }
    }

    enum Tag: UInt16 {
        case imageWidth = 0x100
        case imageLength = 0x101
        case stripOffsets = 0x111
        case orientation = 0x112
        case stripByteCounts = 0x117
        case xResolution = 0x11A
        case yResolution = 0x11B
        case thumbnailOffset = 0x201
        case thumbnailLength = 0x202
        case exifDirectory = 0x8769
        case gpsDirectory = 0x8825
        case colorSpace = 0xA001
        case pixelXDimension = 0xA002
        case pixelYDimension = 0xA003
        case subjectArea = 0x9214
        case interoperabilityDirectory = 0xA005
        case subjectLocation = 0xA214
        case relatedImageWidth = 0x1001
        case relatedImageLength = 0x1002
        case focalPlaneXResolution = 0xA20E
        case focalPlaneYResolution = 0xA20F
    }

    /// Maximum number of entries of a directory that are examined: cameras write a few dozen.
    private static let mostEntries = 4096
    private static let short: UInt16 = 3
    private static let long: UInt16 = 4

    /// nil if `bytes` do not begin like a TIFF structure.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        switch (bytes[0], bytes[1]) {
        case (0x49, 0x49): isLittleEndian = true
        case (0x4D, 0x4D): isLittleEndian = false
        default: return nil
        }
        self.bytes = bytes
        guard read16(2) == 42 else { return nil }
    }

    // MARK: Reading

    /// The directory that the header refers to; nil if it lies beyond the end.
    var first: Directory? { read32(4).flatMap { directory(at: $0) } }

    func directory(at place: Int) -> Directory? {
        guard place >= 8, let count = read16(place) else { return nil }
        let fitting = min(Int(count), (bytes.count - place - 2) / 12, Self.mostEntries)
        let entries = (0..<fitting).compactMap { index -> Entry? in
            let start = place + 2 + 12 * index
            guard let tag = read16(start), let type = read16(start + 2), let count = read32(start + 4) else {
                return nil
            }
            return Entry(place: start, tag: tag, type: type, count: count)
        }
        let end = place + 2 + 12 * Int(count)
        return Directory(
            place: place, entries: entries, next: end <= bytes.count - 4 ? end : nil, isCut: entries.count < Int(count))
    }

    /// The directory whose offset is the value of an entry of `parent`.
    func directory(_ tag: Tag, in parent: Directory) -> Directory? {
        guard let entry = parent.entries(tag).first, let place = value(of: entry) else { return nil }
        return directory(at: place)
    }

    /// The first value of an integer entry.
    func value(of entry: Entry) -> Int? { values(of: entry, most: 1).first }

    /// Up to `most` values of an integer entry.
    func values(of entry: Entry, most: Int) -> [Int] {
        let size = Self.size(ofType: entry.type)
        guard [1, 2, 4].contains(size), let start = range(of: entry)?.lowerBound else { return [] }
        return (0..<min(entry.count, most)).compactMap { index in
            let place = start + index * size
            switch size {
            case 1: return place < bytes.count ? Int(bytes[place]) : nil
            case 2: return read16(place).map { Int($0) }
            default: return read32(place)
            }
        }
    }

    /// The position of an entry's values: in the entry itself if they fit in four bytes. nil if they extend beyond the
    /// end.
    func range(of entry: Entry) -> Range<Int>? {
        let (length, overflows) = entry.count.multipliedReportingOverflow(by: Self.size(ofType: entry.type))
        guard !overflows, length > 0 else { return nil }
        if length <= 4 { return (entry.place + 8)..<(entry.place + 8 + length) }
        guard let start = read32(entry.place + 8), length <= bytes.count, start <= bytes.count - length else {
            return nil
        }
        return start..<(start + length)
    }

    private static func size(ofType type: UInt16) -> Int {
        switch type {
        case 1, 2, 6, 7: 1
        case 3, 8: 2
        case 4, 9, 11: 4
        case 5, 10, 12: 8
        default: 0
        }
    }

    func read16(_ place: Int) -> UInt16? {
        guard place >= 0, place <= bytes.count - 2 else { return nil }
        let (a, b) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
        return isLittleEndian ? b << 8 | a : a << 8 | b
    }

    func read32(_ place: Int) -> Int? {
        guard let first = read16(place), let second = read16(place + 2) else { return nil }
        return isLittleEndian ? Int(second) << 16 | Int(first) : Int(first) << 16 | Int(second)
    }

    // MARK: Writing

    /// Sets an entry to one integer; of 16 bits if it had 16 bits and the value fits.
    mutating func set(_ entry: Entry, to value: Int) {
        let isShort = entry.type == Self.short && value <= 0xFFFF
        write16(isShort ? Self.short : Self.long, at: entry.place + 2)
        write32(1, at: entry.place + 4)
        if isShort {
            write16(UInt16(truncatingIfNeeded: value), at: entry.place + 8)
            write16(0, at: entry.place + 10)
        } else {
            write32(value, at: entry.place + 8)
        }
    }

    /// Sets an entry to a 16-bit number.
    mutating func setShort(_ entry: Entry, to value: UInt16) {
        write16(Self.short, at: entry.place + 2)
        write32(1, at: entry.place + 4)
        write16(value, at: entry.place + 8)
        write16(0, at: entry.place + 10)
    }

    /// Replaces the values of an integer entry, keeping their number.
    ///
    /// - Returns: false, without changing anything, if they do not fit.
    mutating func set(_ entry: Entry, to values: [Int]) -> Bool {
        guard entry.count == values.count, let start = range(of: entry)?.lowerBound, start >= 8,
            entry.type == Self.long || entry.type == Self.short && values.allSatisfy({ $0 <= 0xFFFF })
        else { return false }
        for (index, value) in values.enumerated() {
            if entry.type == Self.long {
                write32(value, at: start + 4 * index)
            } else {
                write16(UInt16(truncatingIfNeeded: value), at: start + 2 * index)
            }
        }
        return true
    }

    /// Removes an entry from a directory: the entries after it, and the offset of the next directory, move up, and
    /// nothing else does. In a truncated directory it is unknown what follows the entry, so it is kept.
    mutating func remove(_ entry: Entry, of directory: Directory) {
        guard !directory.isCut, let count = read16(directory.place), count > 0 else { return }
        let end = directory.next.map { $0 + 4 } ?? directory.place + 2 + 12 * Int(count)
        // Overlapping directories may have changed each other.
        guard entry.place > directory.place, entry.place + 12 <= end else { return }
        for place in (entry.place + 12)..<end { bytes[place - 12] = bytes[place] }
        for place in (end - 12)..<end { bytes[place] = 0 }
        write16(count - 1, at: directory.place)
    }

    /// Swaps the values of two entries, wherever they are stored.
    mutating func exchange(_ entry: Entry, _ other: Entry) {
        for offset in 2..<12 { bytes.swapAt(entry.place + offset, other.place + offset) }
    }

    mutating func write32(_ value: Int, at place: Int) {
        let (low, high) = (UInt16(truncatingIfNeeded: value), UInt16(truncatingIfNeeded: value >> 16))
        write16(isLittleEndian ? low : high, at: place)
        write16(isLittleEndian ? high : low, at: place + 2)
    }

    private mutating func write16(_ value: UInt16, at place: Int) {
        let (low, high) = (UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8))
        bytes[place] = isLittleEndian ? low : high
        bytes[place + 1] = isLittleEndian ? high : low
    }

    mutating func erase(_ range: Range<Int>) {
        for place in range { bytes[place] = 0 }
    }

    mutating func cut(at end: Int) { bytes.removeLast(bytes.count - end) }
}
