import Glibc

/// Simple properties of an XMP packet (ISO 16684-1), found and edited as text so that all else, namespaces and padding
/// included, stays byte for byte.
///
/// A property is an attribute (`tiff:Orientation="6"`) or an element (`<tiff:Orientation>6</tiff:Orientation>`) with the prefix
/// that the standard prefers for its namespace, as all known writers have it.
struct XMPPacket {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The value that stands first; nil where there is none.
    func value(of name: String) -> [UInt8]? {
        occurrences(of: name).lazy.compactMap { value(after: $0) }.first.map { Array(bytes[$0]) }
    }

    /// Sets the property wherever it stands; adds nothing where it does not.
    mutating func set(_ name: String, to value: [UInt8]) {
        // From the last one on, each value found when its turn comes: one may hold another.
        for name in occurrences(of: name).reversed() {
            guard let range = self.value(after: name), Array(bytes[range]) != value else { continue }
            bytes.replaceSubrange(range, with: value)
        }
    }

    mutating func exchange(_ name: String, _ other: String) {
        guard let value = value(of: name), let otherValue = self.value(of: other) else { return }
        set(name, to: otherValue)
        set(other, to: value)
    }

    mutating func replace(_ range: Range<Int>, with value: [UInt8]) { bytes.replaceSubrange(range, with: value) }

    mutating func removeRange(_ range: Range<Int>) { bytes.removeSubrange(range) }

    /// Takes the property out, with all that is within it.
    mutating func remove(_ name: String) {
        for range in occurrences(of: name).reversed() {
            // Where one has no end, others would only be searched to the packet's in vain.
            guard let whole = whole(range, name) else { return }
            bytes.removeSubrange(whole)
        }
    }

    // MARK: Finding

    /// The elements of a name, none of which is in another; attributes of that name are not among them.
    func elements(_ name: String, within range: Range<Int>? = nil, most: Int = mostOccurrences) -> [Range<Int>] {
        var found: [Range<Int>] = []
        for place in occurrences(of: name, within: range, most: most) where bytes[place.lowerBound - 1] == Self.less {
            // Where one has no end, others have none, either.
            guard let whole = whole(place, name) else { return found }
            if whole.lowerBound >= found.last?.upperBound ?? 0 { found.append(whole) }
        }
        return found
    }

    /// Where the values of attributes and elements of a name are.
    func values(of name: String, within range: Range<Int>, most: Int) -> [Range<Int>] {
        occurrences(of: name, within: range, most: most).compactMap { value(after: $0) }
            .filter { $0.upperBound <= range.upperBound }
    }

    /// Where the name stands as that of an attribute or of an element that begins.
    /// The first ones only: of a packet that repeats a name without end each would be searched to the packet's.
    private func occurrences(
        of name: String, within range: Range<Int>? = nil, most: Int = mostOccurrences
    ) -> [Range<Int>] {
        let pattern = Array(name.utf8)
        let end = min(bytes.count - 1, range?.upperBound ?? bytes.count)
        var place = max(1, range?.lowerBound ?? 0)
        var found: [Range<Int>] = []
        while found.count < most, let start = Self.firstIndex(of: pattern, in: bytes, from: place, to: end) {
            place = start + pattern.count
            if bytes[start - 1] == Self.less || Self.isSpace(bytes[start - 1]), Self.endsName(bytes[place]) {
                found.append(start..<place)
            } else {
                place = start + 1
            }
        }
        return found
    }

    /// The position of the first `pattern`, a name with a colon, that lies within `start..<end`. By the colons, which the C library
    /// finds in no time: a packet of megabytes is searched for dozens of names.
    private static func firstIndex(of pattern: [UInt8], in bytes: [UInt8], from start: Int, to end: Int) -> Int? {
        let colon = pattern.firstIndex(of: UInt8(ascii: ":")) ?? 0
        let last = end - pattern.count
        return bytes.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            var place = start
            while place <= last, let found = memchr(base + place + colon, Int32(pattern[colon]), last - place + 1) {
                place = UnsafeRawPointer(found) - base - colon
                if memcmp(base + place, pattern, pattern.count) == 0 { return place }
                place += 1
            }
            return nil
        }
    }

    private func value(after name: Range<Int>) -> Range<Int>? {
        bytes[name.lowerBound - 1] == Self.less ? text(after: name) : attribute(after: name)
    }

    /// The value between quotation marks after an attribute's name.
    private func attribute(after name: Range<Int>) -> Range<Int>? {
        var place = skippingSpace(name.upperBound)
        guard place < bytes.count, bytes[place] == Self.equals else { return nil }
        place = skippingSpace(place + 1)
        guard place < bytes.count, bytes[place] == 0x22 || bytes[place] == 0x27 else { return nil }
        guard let end = bytes[(place + 1)...].firstIndex(of: bytes[place]) else { return nil }
        return (place + 1)..<end
    }

    /// The text of an element that holds no other.
    private func text(after name: Range<Int>) -> Range<Int>? {
        guard let end = bytes[name.upperBound...].firstIndex(of: Self.greater), bytes[end - 1] != Self.slash,
            let next = bytes[end...].firstIndex(of: Self.less), next + 1 < bytes.count, bytes[next + 1] == Self.slash
        else { return nil }
        return (end + 1)..<next
    }

    /// The whole attribute with the space before it, or the whole element.
    private func whole(_ name: Range<Int>, _ text: String) -> Range<Int>? {
        guard bytes[name.lowerBound - 1] == Self.less else {
            return attribute(after: name).map { (name.lowerBound - 1)..<($0.upperBound + 1) }
        }
        let start = name.lowerBound - 1
        guard let opened = bytes[name.upperBound...].firstIndex(of: Self.greater) else { return nil }
        if bytes[opened - 1] == Self.slash { return start..<(opened + 1) }
        let closing = Array("</\(text)>".utf8)
        var place = opened
        while let next = bytes[place...].firstIndex(of: Self.less) {
            if bytes[next...].starts(with: closing) { return start..<(next + closing.count) }
            place = next + 1
        }
        return nil
    }

    private func skippingSpace(_ place: Int) -> Int {
        bytes[place...].firstIndex { !Self.isSpace($0) } ?? bytes.count
    }

    /// Occurrences of a name that are looked at, where each may be searched to the packet's end.
    static let mostOccurrences = 64

    private static let less = UInt8(ascii: "<")
    private static let greater = UInt8(ascii: ">")
    private static let slash = UInt8(ascii: "/")
    private static let equals = UInt8(ascii: "=")

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func endsName(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == equals || byte == greater || byte == slash
    }
}
