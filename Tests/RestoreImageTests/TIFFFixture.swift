/// An EXIF block as cameras write them: orientation 6 of a picture of 40×30 pixels, 300×72 dots per inch, a maker note that
/// holds a place counted from the block's start, and a thumbnail.
struct TIFFFixture {
    private(set) var bytes: [UInt8] = []
    let isLittleEndian: Bool
    /// Where the maker note is, which must not move.
    private(set) var makerNote = 0..<0
    private(set) var thumbnail = 0..<0
    private(set) var firstEntries = 0

    static let thumbnailBytes: [UInt8] = [0xFF, 0xD8] + (0..<60).map { UInt8(100 + $0) } + [0xFF, 0xD9]
    static let makerNoteBytes: [UInt8] = Array("MAKER".utf8) + (0..<35).map { UInt8($0) }

    /// - Parameters:
    ///   - orientation: of the picture.
    ///   - thumbnailIsLast: else the maker note follows it.
    init(isLittleEndian: Bool, orientation: Int = 6, thumbnailIsLast: Bool = true) throws {
        self.isLittleEndian = isLittleEndian
        bytes = isLittleEndian ? [0x49, 0x49, 42, 0] : [0x4D, 0x4D, 0, 42]
        append(8, size: 4)
        // Places are fixed: the directory at 8 (7 entries), EXIF's at 98 (5), the thumbnail's at 164 (3), values from 206 on.
        let values = 206
        let (noteAt, thumbnailAt) = thumbnailIsLast ? (values + 16, values + 56) : (values + 80, values + 16)
        makerNote = noteAt..<(noteAt + 40)
        thumbnail = thumbnailAt..<(thumbnailAt + 64)
        firstEntries = 10
        directory(
            [
                (0x100, 3, 1, 40), (0x101, 3, 1, 30), (0x112, 3, 1, orientation), (0x11A, 5, 1, values),
                (0x11B, 5, 1, values + 8), (0x128, 3, 1, 2), (0x8769, 4, 1, 98),
            ], next: 164)
        directory(
            [
                (0x927C, 7, 40, noteAt), (0xA001, 3, 1, 65535), (0xA002, 3, 1, 40), (0xA003, 4, 1, 30),
                (0xA20E, 3, 1, 5),
            ], next: 0)
        directory([(0x103, 3, 1, 6), (0x201, 4, 1, thumbnailAt), (0x202, 4, 1, 64)], next: 0)
        for number in [300, 1, 72, 1] { append(number, size: 4) }
        bytes += thumbnailIsLast ? Self.makerNoteBytes + Self.thumbnailBytes : Self.thumbnailBytes + Self.makerNoteBytes
    }

    private mutating func directory(_ entries: [(tag: Int, type: Int, count: Int, value: Int)], next: Int) {
        append(entries.count, size: 2)
        for entry in entries {
            append(entry.tag, size: 2)
            append(entry.type, size: 2)
            append(entry.count, size: 4)
            append(entry.value, size: entry.type == 3 ? 2 : 4)
            if entry.type == 3 { append(0, size: 2) }
        }
        append(next, size: 4)
    }

    private mutating func append(_ value: Int, size: Int) {
        let little = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        bytes += isLittleEndian ? little : little.reversed()
    }

    /// A number of an edited block.
    func number(_ block: [UInt8], _ place: Int, size: Int) -> Int {
        let bytes = block[place..<(place + size)]
        return (isLittleEndian ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }

    /// The value of an entry of the directory at `directory`, by its tag.
    func value(_ block: [UInt8], directory: Int, tag: Int) -> Int? {
        for index in 0..<number(block, directory, size: 2) {
            let entry = directory + 2 + 12 * index
            guard number(block, entry, size: 2) == tag else { continue }
            return number(block, entry + 8, size: number(block, entry + 2, size: 2) == 3 ? 2 : 4)
        }
        return nil
    }
}
