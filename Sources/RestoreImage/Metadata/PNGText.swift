/// A text chunk of a PNG file (PNG 3rd edition, 11.3.3).
struct PNGText {
    /// The keyword of the `iTXt` chunk that holds XMP (XMP specification, part 3, 1.1.5).
    static let xmpKeyword = "XML:com.adobe.xmp"

    let text: ImageMetadata.Text

    /// Keyword, NUL, Latin-1.
    init(tEXt payload: ArraySlice<UInt8>) throws(MetadataProblem) {
        var rest = payload
        let keyword = try Self.keyword(&rest)
        text = .init(keyword: keyword, isUTF8: false, value: Array(rest))
    }

    /// Keyword, NUL, compression method, deflated Latin-1.
    init(zTXt payload: ArraySlice<UInt8>, inflate collector: inout MetadataCollector) throws(MetadataProblem) {
        var rest = payload
        let keyword = try Self.keyword(&rest)
        guard rest.popFirst() == 0 else { throw MetadataProblem(reason: "has an unknown compression method") }
        text = .init(keyword: keyword, isUTF8: false, value: try collector.inflate(text: rest))
    }

    /// Keyword, NUL, compression flag and method, language, NUL, translated keyword, NUL, UTF-8.
    init(iTXt payload: ArraySlice<UInt8>, inflate collector: inout MetadataCollector) throws(MetadataProblem) {
        var rest = payload
        let keyword = try Self.keyword(&rest)
        guard let flag = rest.popFirst(), let method = rest.popFirst(), flag < 2, flag == 0 || method == 0 else {
            throw MetadataProblem(reason: "has an unknown compression method")
        }
        let language = try Self.terminated(&rest)
        let translated = try Self.terminated(&rest)
        let value = flag == 0 ? Array(rest) : try collector.inflate(text: rest)
        text = .init(
            keyword: keyword, isUTF8: true, value: value, language: language, translatedKeyword: translated)
    }

    private static func keyword(_ rest: inout ArraySlice<UInt8>) throws(MetadataProblem) -> [UInt8] {
        let keyword = try terminated(&rest)
        guard (1...79).contains(keyword.count) else { throw MetadataProblem(reason: "has no keyword") }
        return keyword
    }

    /// Takes the bytes up to the next NUL, and the NUL.
    private static func terminated(_ rest: inout ArraySlice<UInt8>) throws(MetadataProblem) -> [UInt8] {
        guard let end = rest.firstIndex(of: 0) else { throw MetadataProblem(reason: "has an unterminated string") }
        let string = Array(rest[..<end])
        rest = rest[(end + 1)...]
        return string
    }
}

/// A block of metadata in a PNG text, in hexadecimal: how ImageMagick, and programs that followed it, store blocks that
/// had no chunk of their own. A line with a name, one with the number of bytes, then the digits.
struct RawProfile {
    static let keywordStart = "Raw profile type "

    enum Kind: String {
        case exif, app1, xmp, icc, icm, iptc
        case photoshop = "8bim"

        /// Nil for other keywords.
        init?(keyword: [UInt8]) {
            guard keyword.starts(with: RawProfile.keywordStart.utf8) else { return nil }
            let name = String(decoding: keyword.dropFirst(RawProfile.keywordStart.utf8.count), as: UTF8.self)
            self.init(rawValue: name.lowercased())
        }
    }

    let kind: Kind
    let content: [UInt8]

    init(_ kind: Kind, _ text: [UInt8]) throws(MetadataProblem) {
        let newline = UInt8(ascii: "\n")
        let lines = text.drop { $0 == newline }.split(separator: newline, maxSplits: 2)
        guard lines.count == 3, let count = Int(String(decoding: lines[1], as: UTF8.self).filter { $0 != " " }) else {
            throw MetadataProblem(reason: "is damaged: it does not state its length")
        }
        var digits: [UInt8] = []
        digits.reserveCapacity(lines[2].count)
        for byte in lines[2] where byte > UInt8(ascii: " ") {
            guard let digit = Self.value(ofDigit: byte) else {
                throw MetadataProblem(reason: "is damaged: it is not hexadecimal")
            }
            digits.append(digit)
        }
        guard count > 0, digits.count.isMultiple(of: 2), digits.count / 2 == count else {
            throw MetadataProblem(reason: "is damaged: its length is not the stated one")
        }
        self.kind = kind
        self.content = (0..<count).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }

    private static func value(ofDigit byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The text that contains `content`.
    static func text(_ kind: Kind, _ content: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let count = String(content.count)
        let padding = String(repeating: " ", count: max(0, 8 - count.utf8.count))
        var text = Array("\n\(kind.rawValue)\n\(padding)\(count)".utf8)
        for (index, byte) in content.enumerated() {
            if index.isMultiple(of: 36) { text.append(UInt8(ascii: "\n")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        text.append(UInt8(ascii: "\n"))
        return text
    }
}

/// Photoshop's image resource blocks from what programs store: the blocks, the blocks with JPEG's header, or IPTC
/// alone, which becomes a block of its own (number 0x0404, an empty name, the size, padding to an even size).
func photoshopResources(of content: [UInt8]) -> [UInt8] {
    if content.starts(with: JPEGHeader.photoshop) { return Array(content.dropFirst(JPEGHeader.photoshop.count)) }
    guard content.first == 0x1C else { return content }
    var block = Array("8BIM".utf8) + [0x04, 0x04, 0, 0]
    block.appendBigEndian32(content.count)
    block += content
    if !content.count.isMultiple(of: 2) { block.append(0) }
    return block
}
