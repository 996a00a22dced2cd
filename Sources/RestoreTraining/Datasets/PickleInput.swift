/// The bytes of a pickle, read sequentially with every length checked.
struct PickleInput {
    let bytes: [UInt8]
    private(set) var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var remaining: Int { bytes.count - position }

    mutating func byte(_ what: String) throws(FormatProblem) -> UInt8 {
        guard position < bytes.count else { throw .damage("it ends after \(bytes.count) bytes, expected \(what)") }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next `count` bytes, as a range of the file.
    mutating func run(_ count: Int) throws(FormatProblem) -> Range<Int> {
        guard count <= remaining else {
            throw .damage("it ends early: expected \(count) bytes after byte \(position), found \(remaining)")
        }
        defer { position += count }
        return position..<position + count
    }

    /// An unsigned little-endian integer of at most 8 bytes.
    mutating func length(bytes count: Int) throws(FormatProblem) -> Int {
        let value = try run(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
        guard let length = Int(exactly: value) else { throw .damage("it contains the length \(value)") }
        return length
    }

    /// A signed little-endian integer.
    mutating func signed(bytes count: Int) throws(FormatProblem) -> Int {
        guard count > 0 else { return 0 }
        guard count <= 8 else { throw .unsupported("it contains a number of \(count) bytes") }
        let value = try run(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
        let unused = 64 - 8 * count
        return Int(Int64(bitPattern: value << unused) >> unused)
    }

    /// A line without its terminator. Used for module names, which are short.
    mutating func line() throws(FormatProblem) -> String {
        let limit = min(remaining, 256)
        guard let end = bytes[position..<position + limit].firstIndex(of: UInt8(ascii: "\n")) else {
            throw limit == remaining
                ? .damage("it ends after \(bytes.count) bytes, inside a name")
                : .damage("the name at byte \(position) is longer than \(limit) bytes")
        }
        defer { position = end + 1 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    /// The start of a string, for names and messages.
    func shortText(_ range: Range<Int>) -> String {
        String(decoding: bytes[range.prefix(64)], as: UTF8.self)
    }
}
