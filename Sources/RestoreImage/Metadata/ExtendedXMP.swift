import CLibMD

/// XMP in JPEG files, where a segment has at most 64 KiB (XMP specification, part 3, 1.1.3.1): a packet that fits, which
/// names by its MD5 an extended one, which is cut into parts. A part: the MD5 in 32 hexadecimal digits, the length of the
/// extended packet, the part's place in it (4 bytes each), its bytes.
enum ExtendedXMP {
    private static let digestSize = 32
    private static let headerSize = digestSize + 8
    /// The most bytes of a part beside its header, so that they fit a segment.
    private static let partSize = 65_533 - JPEGHeader.extendedXMP.count - headerSize
    /// The most bytes of a packet in one segment.
    static let mainSize = 65_533 - JPEGHeader.xmp.count
    private static let attribute = Array("xmpNote:HasExtendedXMP=\"".utf8)

    /// Whether a payload has the header of a part and lies inside what it is a part of.
    static func isPart(_ payload: ArraySlice<UInt8>) -> Bool {
        guard let length = payload.bigEndian32(at: digestSize), let place = payload.bigEndian32(at: digestSize + 4)
        else {
            return false
        }
        return place <= length && payload.count - headerSize <= length - place
    }

    /// A packet cut for JPEG: one that fits and says nothing but the name of the other, and the parts of that.
    static func parts(of packet: [UInt8]) -> (main: [UInt8], parts: [[UInt8]]) {
        let digest = md5(packet)
        let main = """
            <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">\
            <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
            xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="\(digest)"/></rdf:RDF></x:xmpmeta>\
            <?xpacket end="w"?>
            """
        let parts = stride(from: 0, to: packet.count, by: partSize).map { place in
            var part = Array(digest.utf8)
            part.appendBigEndian32(packet.count)
            part.appendBigEndian32(place)
            return part + packet[place..<min(packet.count, place + partSize)]
        }
        return (Array(main.utf8), parts)
    }

    /// The one packet that a main packet and the parts it names make, or nil where parts are missing or their XML is of an
    /// unusual form.
    static func whole(main: [UInt8], parts: [[UInt8]]) -> [UInt8]? {
        guard let start = main.firstIndex(of: attribute) else { return nil }
        let digest = main[(start + attribute.count)...].prefix(digestSize)
        let rest = main[digest.endIndex...]
        guard let extended = joined(parts.filter { $0.starts(with: digest) }),
            let statements = statements(of: extended), rest.first == UInt8(ascii: "\""),
            let end = main.lastIndex(of: closingTag), end > rest.startIndex
        else { return nil }
        var whole = Array(main[..<start])
        whole += rest[(rest.startIndex + 1)..<end]
        whole += statements
        whole += main[end...]
        return whole
    }

    private static let closingTag = Array("</rdf:RDF>".utf8)

    /// The extended packet, if the parts cover it once.
    private static func joined(_ parts: [[UInt8]]) -> [UInt8]? {
        let placed = parts.map { part in
            (
                part: part, place: part.bigEndian32(at: digestSize + 4) ?? 0,
                length: part.bigEndian32(at: digestSize) ?? 0
            )
        }.sorted { $0.place < $1.place }
        guard let length = placed.first?.length else { return nil }
        var packet: [UInt8] = []
        for (part, place, partLength) in placed {
            guard place == packet.count, partLength == length else { return nil }
            packet += part.dropFirst(headerSize)
        }
        return packet.count == length ? packet : nil
    }

    /// What stands inside a packet's `rdf:RDF`. Nil where names are declared outside of it, as hardly any program does: it
    /// could not be moved to another packet.
    private static func statements(of packet: [UInt8]) -> ArraySlice<UInt8>? {
        guard let open = packet.firstIndex(of: Array("<rdf:RDF".utf8)),
            let start = packet[open...].firstIndex(of: UInt8(ascii: ">")), let end = packet.lastIndex(of: closingTag),
            start < end, packet[start - 1] != UInt8(ascii: "/")
        else { return nil }
        let before = String(decoding: packet[..<start], as: UTF8.self)
        let declared = before.split(separator: "xmlns:").dropFirst().map { $0.prefix { $0 != "=" } }
        return declared.allSatisfy { $0 == "x" || $0 == "rdf" } ? packet[(start + 1)..<end] : nil
    }

    private static func md5(_ bytes: [UInt8]) -> String {
        var context = MD5_CTX()
        var digest = [UInt8](repeating: 0, count: 16)
        MD5Init(&context)
        MD5Update(&context, bytes, bytes.count)
        MD5Final(&digest, &context)
        let digits = Array("0123456789ABCDEF")
        return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

extension [UInt8] {
    /// The position of the last `pattern`, or nil.
    fileprivate func lastIndex(of pattern: [UInt8]) -> Int? {
        var position = count - pattern.count
        while position >= 0 {
            if self[position..<position + pattern.count].elementsEqual(pattern) { return position }
            position -= 1
        }
        return nil
    }
}
