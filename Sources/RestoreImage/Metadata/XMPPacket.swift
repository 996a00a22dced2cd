import Glibc

/// Simple properties of an XMP packet (ISO 16684-1), found and edited as text so that everything else, including
/// namespaces and padding, is kept byte for byte.
///
/// A property is an attribute (`tiff:Orientation="6"`) or an element (`<tiff:Orientation>6</tiff:Orientation>`) with
/// the prefix preferred by the standard for its namespace, which all known writers use.
struct XMPPacket {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The first value; nil if there is none.
    func value(of name: String) -> [UInt8]? {
        occurrences(of: name).lazy.compactMap { value(after: $0) }.first.map { Array(bytes[$0]) }
    }

    /// Sets the property wherever it occurs; does not add it elsewhere.
    mutating func set(_ name: String, to value: [UInt8]) {
        // In reverse order, looking up each value when its turn comes: one may contain another.
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

    /// Removes the property, including everything inside it.
    mutating func remove(_ name: String) {
        for range in occurrences(of: name).reversed() {
            // If one has no end, searching for the others' ends would only scan to the end of the packet in vain.
            guard let whole = whole(range, name) else { return }
            bytes.removeSubrange(whole)
        }
    }

    // MARK: Finding

    /// The elements with a name, none of which is inside another; attributes are not included.
    func elements(_ name: String, within range: Range<Int>? = nil, most: Int = mostOccurrences) -> [Range<Int>] {
        var found: [Range<Int>] = []
        for place in occurrences(of: name, within: range, most: most) where bytes[place.lowerBound - 1] == Self.less {
            // If one has no end, the others have none either.
            guard let whole = whole(place, name) else { return found }
            if whole.lowerBound >= found.last?.upperBound ?? 0 { found.append(whole) }
        }
        return found
    }

    /// The positions of the values of attributes and elements with a name.
    func values(of name: String, within range: Range<Int>, most: Int) -> [Range<Int>] {
        occurrences(of: name, within: range, most: most).compactMap { value(after: $0) }
            .filter { $0.upperBound <= range.upperBound }
    }

    /// The positions at which the name occurs as that of an attribute or in the start tag of an element. Only the first
    /// ones: in a packet that repeats a name endlessly, each would require a search to the end of the packet.
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

    /// The position of the first `pattern`, a name with a colon, within `start..<end`. Searches for the colons, which
    /// the C library does very quickly: a packet of megabytes is searched for dozens of names.
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

    /// The text of an element that contains no other element.
    private func text(after name: Range<Int>) -> Range<Int>? {
        guard let end = bytes[name.upperBound...].firstIndex(of: Self.greater), bytes[end - 1] != Self.slash,
            let next = bytes[end...].firstIndex(of: Self.less), next + 1 < bytes.count, bytes[next + 1] == Self.slash
        else { return nil }
        return (end + 1)..<next
    }

    /// The complete attribute including the space before it, or the complete element.
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

    /// Maximum number of occurrences of a name that are examined if each may require a search to the end of the packet.
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
