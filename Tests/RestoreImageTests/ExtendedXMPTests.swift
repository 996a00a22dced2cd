import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct ExtendedXMPTests {
    private static func packet(_ statements: String) -> String {
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"r\">" + statements + "</rdf:RDF></x:xmpmeta>"
    }

    /// `n` stands for bytes that do not fit one part.
    private static let filling = String(repeating: "0123456789", count: 7000)
    private static let extended = packet(
        "<rdf:Description a:n=\"\(filling)\" tiff:Orientation=\"6\" tiff:ImageWidth=\"40\"><xmp:Thumbnails>AAAA</xmp:Thumbnails>"
            + "</rdf:Description>")
    /// The same after a turn by 90° to 30×40.
    private static let edited = packet(
        "<rdf:Description a:n=\"\(filling)\" tiff:Orientation=\"1\" tiff:ImageWidth=\"30\"></rdf:Description>")
    // By md5sum.
    private static let extendedMD5 = "484CAD0FD81E44E26A8D3AA3E7AC889F"
    private static let editedMD5 = "84EA095AC35E91A876AF5A6ACC7D7228"

    private static func parts(of text: String, named name: String, size: Int = 65_000) -> [[UInt8]] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: size).map { place in
            Array(name.utf8) + bigEndian(bytes.count) + bigEndian(place)
                + bytes[place..<min(bytes.count, place + size)]
        }
    }

    private static func main(_ name: String, isElement: Bool = false) -> [UInt8] {
        let reference =
            isElement
            ? "><xmpNote:HasExtendedXMP>\(name)</xmpNote:HasExtendedXMP>" : " xmpNote:HasExtendedXMP='\(name)'>"
        return Array(
            packet("<rdf:Description xmp:Rating=\"5\" tiff:ImageLength=\"30\"" + reference + "</rdf:Description>").utf8)
    }

    /// The extended packet that parts make, which must be in order and have a name.
    private func joined(_ parts: [[UInt8]], named name: String) -> String {
        var bytes: [UInt8] = []
        for part in parts {
            #expect(part.starts(with: name.utf8) && Array(part[36..<40]) == bigEndian(bytes.count))
            bytes += part[40...]
        }
        #expect(parts.allSatisfy { Array($0[32..<36]) == bigEndian(bytes.count) })
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [true, false]) func anExtendedPacketBecomesTrueAndHasANewName(_ isElement: Bool) throws {
        let other = Self.parts(of: "another", named: String(repeating: "F", count: 32))
        let metadata = ImageMetadata(
            xmp: Self.main(Self.extendedMD5, isElement: isElement),
            extendedXMP: other + Self.parts(of: Self.extended, named: Self.extendedMD5))
        let result = metadata.upright(from: 6, width: 30, height: 40)
        let main = String(decoding: try #require(result.xmp), as: UTF8.self)
        let expected = String(decoding: Self.main(Self.editedMD5, isElement: isElement), as: UTF8.self)
        #expect(main == expected.replacing("tiff:ImageLength=\"30\"", with: "tiff:ImageLength=\"40\""))
        #expect(result.extendedXMP.first == other.first && result.extendedXMP.count == 3)
        #expect(joined(Array(result.extendedXMP.dropFirst()), named: Self.editedMD5) == Self.edited)
        #expect(result.upright(from: 1, width: 30, height: 40) == result)
        // In a PNG both are one.
        let png = try encodeImage(
            Image(width: 3, height: 2, channelLayout: .gray), metadata: result, as: ImageEncoding(format: .png),
            path: "a")
        let whole = String(decoding: try #require(decodeImage(png, path: "a").metadata.xmp), as: UTF8.self)
        #expect(whole.contains("xmp:Rating=\"5\"") && whole.contains(Self.filling) && !whole.contains("HasExtendedXMP"))
        #expect(!whole.contains("Thumbnails") && whole.contains("tiff:Orientation=\"1\""))
        #expect(result.losses(in: .png).count == 0)
    }

    @Test func anExtendedPacketThatIsTrueStaysAsItIs() {
        let name = Self.editedMD5
        // Parts as another program cut them, and a name that is not the MD5.
        for (name, size) in [(name, 65_000), (name, 10_000), (String(repeating: "0", count: 32), 40_000)] {
            let metadata = ImageMetadata(
                xmp: Array(Self.packet("<rdf:Description xmpNote:HasExtendedXMP=\"\(name)\"/>").utf8),
                extendedXMP: Self.parts(of: Self.edited, named: name, size: size))
            #expect(metadata.upright(from: 1, width: 30, height: 40) == metadata)
            #expect(metadata.describingSRGB == metadata)
        }
    }

    @Test func anExtendedPacketThatIsNotWholeStaysAsItIs() {
        let whole = Self.parts(of: Self.extended, named: Self.extendedMD5)
        var wrongLength = whole
        wrongLength[1][35] &+= 1
        for parts in [[whole[0]], [whole[1]], whole + [whole[1]], wrongLength, []] {
            let metadata = ImageMetadata(xmp: Self.main(Self.extendedMD5), extendedXMP: parts)
            let result = metadata.upright(from: 6, width: 30, height: 40)
            #expect(result.extendedXMP == parts)
            #expect(result.xmp?.count == metadata.xmp?.count && result.xmp != metadata.xmp)
        }
        for main in [Self.main("short"), Self.main(String(repeating: "A", count: 32)), Array("<a/>".utf8)] {
            let metadata = ImageMetadata(xmp: main, extendedXMP: whole)
            #expect(metadata.upright(from: 6, width: 30, height: 40).extendedXMP == whole)
        }
    }

    /// Out of a file and into another.
    @Test func aJPEGsExtendedPacketBecomesTrue() throws {
        let plain = try readFile(Fixtures.path("jpeg/testorig.jpg"))
        let sides = try decodeImage(plain, path: "p").image
        var segments = segment(0xE1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + Self.main(Self.extendedMD5))
        for part in Self.parts(of: Self.extended, named: Self.extendedMD5) {
            segments += segment(0xE1, Array("http://ns.adobe.com/xmp/extension/\0".utf8) + part)
        }
        let decoded = try decodeImage(jpeg(plain, with: segments), path: "p")
        let rewritten = try encodeImage(
            decoded.image, metadata: decoded.metadata, as: ImageEncoding(format: .jpeg), path: "p")
        let again = try decodeImage(rewritten, path: "p")
        #expect(again.metadata == decoded.metadata && decoded.metadata.losses(in: .jpeg) == [])
        let main = String(decoding: try #require(again.metadata.xmp), as: UTF8.self)
        let name = try #require(main.split(separator: "HasExtendedXMP='").last?.prefix(32))
        let expected = Self.extended.replacing("ImageWidth=\"40\"", with: "ImageWidth=\"\(sides.width)\"")
            .replacing("<xmp:Thumbnails>AAAA</xmp:Thumbnails>", with: "")
        #expect(joined(again.metadata.extendedXMP, named: String(name)) == expected)
    }
}
