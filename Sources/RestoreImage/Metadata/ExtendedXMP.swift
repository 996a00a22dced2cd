import CLibMD

/// XMP in JPEG files, where a segment has at most 64 KiB (XMP specification, part 3, 1.1.3.1): a main packet that fits,
/// and that refers by MD5 to an extended one, which is split into parts. A part consists of the MD5 in 32 hexadecimal
/// digits, the length of the extended packet, the part's offset in it (4 bytes each), and its bytes.
enum ExtendedXMP {
    private static let digestSize = 32
    private static let headerSize = digestSize + 8
    /// The maximum size of a part without its header, so that it fits in a segment.
    private static let partSize = 65_533 - JPEGHeader.extendedXMP.count - headerSize
    /// The maximum size of a packet in one segment.
    static let mainSize = 65_533 - JPEGHeader.xmp.count
    /// The main packet's property that contains the extended one's MD5.
    private static let reference = "xmpNote:HasExtendedXMP"

    /// Whether a payload has the header of a part and lies within the extended packet.
    static func isPart(_ payload: ArraySlice<UInt8>) -> Bool {
        guard let length = payload.bigEndian32(at: digestSize), let place = payload.bigEndian32(at: digestSize + 4)
        else {
            return false
        }
        return place <= length && payload.count - headerSize <= length - place
    }

    /// A packet split for JPEG: a main packet that fits and only refers to the other, and the parts of that.
    static func parts(of packet: [UInt8]) -> (main: [UInt8], parts: [[UInt8]]) {
        let (digest, parts) = cut(packet)
        let main = """
            <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">\
            <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
            xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="\(digest)"/></rdf:RDF></x:xmpmeta>\
            <?xpacket end="w"?>
            """
        return (Array(main.utf8), parts)
    }

    private static func cut(_ packet: [UInt8]) -> (digest: String, parts: [[UInt8]]) {
        let digest = md5(packet)
        let parts = stride(from: 0, to: packet.count, by: partSize).map { place in
            var part = Array(digest.utf8)
            part.appendBigEndian32(packet.count)
            part.appendBigEndian32(place)
            return part + packet[place..<min(packet.count, place + partSize)]
        }
        return (digest, parts)
    }

    /// Edits a main packet and, separately, the extended one that it refers to, which is then split and named again. If
    /// parts of that are missing, or if the edit does not change it, they are kept byte for byte, as are parts of other
    /// packets.
    static func edit(main: inout [UInt8], parts: inout [[UInt8]], _ change: (inout XMPPacket) -> Void) {
        var packet = XMPPacket(main)
        change(&packet)
        defer { main = packet.bytes }
        guard let name = packet.value(of: reference), name.count == digestSize,
            let place = parts.firstIndex(where: { $0.starts(with: name) }),
            let extended = joined(parts.filter { $0.starts(with: name) })
        else { return }
        var extendedPacket = XMPPacket(extended)
        change(&extendedPacket)
        guard extendedPacket.bytes != extended else { return }
        let (digest, new) = cut(extendedPacket.bytes)
        packet.set(reference, to: Array(digest.utf8))
        parts.removeAll { $0.starts(with: name) }
        parts.insert(contentsOf: new, at: place)
    }

    /// The single packet formed by a main packet and the parts it refers to, or nil if parts are missing or their XML
    /// has an unusual form.
    static func whole(main: [UInt8], parts: [[UInt8]]) -> [UInt8]? {
        var packet = XMPPacket(main)
        guard let name = packet.value(of: reference), name.count == digestSize else { return nil }
        packet.remove(reference)
        guard let extended = joined(parts.filter { $0.starts(with: name) }), let statements = statements(of: extended),
            let end = packet.bytes.lastIndex(of: closingTag)
        else { return nil }
        return Array(packet.bytes[..<end]) + statements + packet.bytes[end...]
    }

    private static let closingTag = Array("</rdf:RDF>".utf8)

    /// The extended packet, if the parts cover it exactly once.
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

    /// The contents of a packet's `rdf:RDF`. Nil if namespaces are declared outside of it, which hardly any program
    /// does: the contents could then not be moved to another packet.
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
