import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// A picture is black but for one bright pixel, at which every kind of place in its metadata points: after turning, all of them
/// must point at where that pixel is then.
@Suite struct TurnedPlacesTests {
    /// The stored picture's sides, and the bright pixel: its middle is (0.25, 0.3) of the sides.
    private static let (width, height) = (10, 5)
    private static let bright = (x: 2, y: 1)

    /// EXIF with an orientation, the subject in all its forms and the sides once more for DCF's file system.
    private static func exif(_ orientation: Int, isLittleEndian: Bool = true, subject: [Int], _ type: Int = 3)
        -> [UInt8]
    {
        func number(_ value: Int, _ size: Int) -> [UInt8] {
            isLittleEndian ? bigEndian(value, bytes: size).reversed() : bigEndian(value, bytes: size)
        }
        func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: [UInt8]) -> [UInt8] {
            number(tag, 2) + number(type, 2) + number(count, 4) + value + [UInt8](repeating: 0, count: 4 - value.count)
        }
        let size = type == 3 ? 2 : 4
        let values = subject.flatMap { number($0, size) }
        let isInline = values.count <= 4
        // Directories at 8, 38 (4 entries) and 92, values from 122 on.
        var block: [UInt8] = isLittleEndian ? [0x49, 0x49, 42, 0] : [0x4D, 0x4D, 0, 42]
        block += number(8, 4) + number(2, 2)
        block += entry(0x112, 3, 1, number(orientation, 2)) + entry(0x8769, 4, 1, number(38, 4)) + number(0, 4)
        block += number(4, 2)
        block += entry(0x9214, type, subject.count, isInline ? values : number(122, 4))
        block += entry(0xA002, 4, 1, number(width, 4)) + entry(0xA005, 4, 1, number(92, 4))
        block += entry(0xA214, 3, 2, number(bright.x, 2) + number(bright.y, 2)) + number(0, 4)
        block += number(2, 2) + entry(0x1001, 3, 1, number(width, 2)) + entry(0x1002, 3, 1, number(height, 2))
        return block + number(0, 4) + (isInline ? [] : values)
    }

    private static let attributes = """
        <mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="10" stDim:h="5" stDim:unit="pixel"/>\
        <mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="A" mwg-rs:Rotation="0.25">\
        <mwg-rs:Area stArea:x="0.25" stArea:y=".3" stArea:w="0.1" stArea:h="0.2" stArea:unit="normalized"/>\
        </rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
        """
    private static let elements = """
        <mwg-rs:Regions><mwg-rs:AppliedToDimensions><stDim:h>5</stDim:h><stDim:w>10</stDim:w></mwg-rs:AppliedToDimensions>\
        <mwg-rs:RegionList><rdf:Bag><rdf:li><mwg-rs:Area><stArea:h>0.2</stArea:h><stArea:w>0.1</stArea:w>\
        <stArea:x>0.25</stArea:x><stArea:y>0.3</stArea:y></mwg-rs:Area></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
        """
    private static let rectangle = "<MP:RegionInfo><rdf:li MPReg:Rectangle=\"0.2, 0.2, 0.1, 0.2\"/></MP:RegionInfo>"
    private static let subject =
        "<exif:SubjectArea><rdf:Seq><rdf:li>2</rdf:li><rdf:li>1</rdf:li><rdf:li>3</rdf:li></rdf:Seq></exif:SubjectArea>"

    /// The picture, turned, where its one bright pixel is now, and its metadata as text.
    private func turned(_ metadata: ImageMetadata) throws -> (
        x: Int, y: Int, width: Int, height: Int, xmp: String, DecodedImage
    ) {
        var samples = [UInt8](repeating: 0, count: Self.width * Self.height)
        samples[Self.bright.y * Self.width + Self.bright.x] = 255
        let image = Image(
            width: Self.width, height: Self.height, channelLayout: .gray, samples: .uint8(samples))
        var decoded = DecodedImage(image: image, format: .jpeg, metadata: metadata)
        #expect(decoded.makeUpright() == nil)
        let place = try #require(decoded.image.values.firstIndex(of: 255))
        let (width, height) = (decoded.image.width, decoded.image.height)
        let xmp = String(decoding: decoded.metadata.xmp ?? [], as: UTF8.self)
        return (place % width, place / width, width, height, xmp, decoded)
    }

    /// The number that stands behind a name, as that of an attribute or an element.
    private func number(_ name: String, in text: String) throws -> Double {
        let rest = try #require(text.split(separator: name, maxSplits: 1).last)
        return try #require(Double(rest.drop { !"0123456789.-".contains($0) }.prefix { "0123456789.-".contains($0) }))
    }

    @Test(arguments: 1...8) func regionsPointAtWhatTheyName(_ orientation: Int) throws {
        for regions in [Self.attributes, Self.elements] {
            let exif = Self.exif(orientation, subject: [2, 1])
            let packet = regions + Self.rectangle + Self.subject
            let (x, y, width, height, xmp, _) = try turned(ImageMetadata(exif: exif, xmp: Array(packet.utf8)))
            #expect(try Int(number("stArea:x", in: xmp) * Double(width)) == x, "\(xmp)")
            #expect(try Int(number("stArea:y", in: xmp) * Double(height)) == y, "\(xmp)")
            #expect(try (number("stDim:w", in: xmp), number("stDim:h", in: xmp)) == (Double(width), Double(height)))
            #expect(try abs(number("stArea:w", in: xmp) * Double(width) - 1) < 1e-9)
            #expect(try abs(number("stArea:h", in: xmp) * Double(height) - 1) < 1e-9)
            let corners = try #require(xmp.split(separator: "Rectangle=\"").last).split(separator: "\"")[0]
                .split(separator: ",").compactMap { Double($0.drop { $0 == " " }) }
            try #require(corners.count == 4)
            let pixels = zip(corners, [width, height, width, height]).map { ($0 * Double($1)).rounded() }
            #expect(pixels == [Double(x), Double(y), 1, 1], "\(corners)")
            let list = try #require(xmp.split(separator: "<exif:SubjectArea>").last)
            #expect(list.hasPrefix("<rdf:Seq><rdf:li>\(x)</rdf:li><rdf:li>\(y)</rdf:li><rdf:li>3</rdf:li>"))
            if regions == Self.attributes {
                let angle = try number("mwg-rs:Rotation", in: xmp)
                #expect(angle == ([2, 4, 5, 7].contains(orientation) ? -0.25 : 0.25))
            }
            if orientation == 1 { #expect(xmp == packet) }
        }
    }

    @Test(arguments: 1...8, [true, false]) func subjectsAreWhereTheyAre(_ orientation: Int, _ isLittleEndian: Bool)
        throws
    {
        let fixture = try TIFFFixture(isLittleEndian: isLittleEndian)
        for (subject, type) in [([2, 1], 3), ([2, 1, 4], 3), ([2, 1, 3, 4], 3), ([2, 1], 4), ([2, 1, 3, 4], 4)] {
            let block = Self.exif(orientation, isLittleEndian: isLittleEndian, subject: subject, type)
            let (x, y, width, height, _, decoded) = try turned(ImageMetadata(exif: block))
            let after = try #require(decoded.metadata.exif)
            #expect(after.count == block.count)
            let size = type == 3 ? 2 : 4
            let start = subject.count * size <= 4 ? 38 + 2 + 8 : 122
            let values = (0..<subject.count).map { fixture.number(after, start + $0 * size, size: size) }
            let sides = Array(subject.dropFirst(2))
            #expect(values == [x, y] + (orientation >= 5 && sides.count == 2 ? sides.reversed() : sides))
            let location = 38 + 2 + 3 * 12 + 8
            #expect((fixture.number(after, location, size: 2), fixture.number(after, location + 2, size: 2)) == (x, y))
            #expect(fixture.value(after, directory: 92, tag: 0x1001) == width)
            #expect(fixture.value(after, directory: 92, tag: 0x1002) == height)
        }
    }

    @Test func aSubjectThatIsNowhereIsDropped() throws {
        let fixture = try TIFFFixture(isLittleEndian: true)
        for (subject, type) in [([11, 1], 3), ([2, 6, 1, 1], 3), ([2], 3), ([2, 1, 1, 1, 1], 3), ([2, 1], 1)] {
            let block = Self.exif(6, subject: subject, type)
            let after = try #require(turned(ImageMetadata(exif: block)).5.metadata.exif)
            // The entries behind it have moved up, what they point at has not.
            #expect(after.count == block.count && fixture.number(after, 38, size: 2) == 3)
            #expect(fixture.value(after, directory: 38, tag: 0x9214) == nil)
            #expect(fixture.value(after, directory: 38, tag: 0xA005) == 92)
            #expect(fixture.value(after, directory: 38, tag: 0xA214) != nil)
            #expect(fixture.value(after, directory: 92, tag: 0x1001) == 5)
            // Where nothing is turned nothing is lost.
            let kept = try #require(turned(ImageMetadata(exif: Self.exif(1, subject: subject, type))).5.metadata.exif)
            #expect(kept == Self.exif(1, subject: subject, type))
        }
    }

    @Test(arguments: [
        ("stArea:x=\"0.25\"", "stArea:x=\"0,25\""), ("stArea:x=\"0.25\" ", ""), ("stArea:y=\".3\"", "stArea:y=\"nan\""),
        ("stArea:unit=\"normalized\"", "stArea:unit=\"pixel\""), ("stArea:h=\"0.2\"", "a=\"\""),
        ("stDim:h=\"5\"", "a=\"\""),
        ("stArea:x=\"0.25\"", "stArea:x=\"1e9\""),
    ]) func regionsThatCannotBeTurnedAreDropped(_ part: String, _ other: String) throws {
        let packet = "<a>" + Self.attributes.replacing(part, with: other) + "</a>"
        let exif = Self.exif(6, subject: [2, 1])
        #expect(try turned(ImageMetadata(exif: exif, xmp: Array(packet.utf8))).xmp == "<a></a>")
        let upright = Self.exif(1, subject: [2, 1])
        #expect(try turned(ImageMetadata(exif: upright, xmp: Array(packet.utf8))).xmp == packet)
    }

    @Test func otherPlacesThatCannotBeTurnedAreDropped() throws {
        let exif = Self.exif(8, subject: [2, 1])
        for packet in [
            Self.rectangle.replacing(", 0.2\"", with: "\""), Self.rectangle.replacing("0.1", with: "x"),
            Self.subject.replacing(">3<", with: "><"), Self.subject.replacing(">2<", with: ">99<"),
            "<Iptc4xmpExt:ImageRegion><rdf:Bag/></Iptc4xmpExt:ImageRegion>", "<acdsee-rs:Regions>1</acdsee-rs:Regions>",
        ] {
            #expect(
                try turned(ImageMetadata(exif: exif, xmp: Array(("<a>" + packet + "</a>").utf8))).xmp == "<a></a>",
                "\(packet)")
        }
    }

    /// Some programs give regions of the picture as it is seen, and say its sides.
    @Test func regionsOfTheUprightPictureStay() throws {
        let upright = (Self.attributes + Self.rectangle).replacing("w=\"10\"", with: "w=\"5\"")
            .replacing("stDim:h=\"5\"", with: "stDim:h=\"10\"")
        let exif = Self.exif(6, subject: [2, 1])
        #expect(try turned(ImageMetadata(exif: exif, xmp: Array(upright.utf8))).xmp == upright)
        // Of a smaller copy the proportions count.
        let smaller = upright.replacing("w=\"5\"", with: "w=\"500\"").replacing(
            "stDim:h=\"10\"", with: "stDim:h=\"998\"")
        #expect(try turned(ImageMetadata(exif: exif, xmp: Array(smaller.utf8))).xmp == smaller)
    }

    /// As exiftool writes them, in a file.
    @Test func regionsOfAFileAreTurned() throws {
        let decoded = try readImage(Fixtures.path("metadata/regions.jpg"))
        #expect((decoded.image.width, decoded.image.height) == (16, 24) && decoded.warnings == [])
        let xmp = String(decoding: try #require(decoded.metadata.xmp), as: UTF8.self)
        // Stored 24×16: (0.125, 0.25) goes to (1 − 0.25, 0.125).
        #expect(try (number("<stArea:x", in: xmp), number("<stArea:y", in: xmp)) == (0.75, 0.125))
        #expect(try (number("<stArea:w", in: xmp), number("<stArea:h", in: xmp)) == (0.5, 0.1))
        #expect(try (number("<stDim:w", in: xmp), number("<stDim:h", in: xmp)) == (16, 24))
        #expect(xmp.contains("<MPReg:Rectangle>0.5, 0.075, 0.5, 0.1</MPReg:Rectangle>"), "\(xmp)")
    }

    /// A packet of nothing but regions, whole or not, is no work without end.
    @Test(.timeLimit(.minutes(1))) func manyRegionsAreHarmless() {
        let area = "<mwg-rs:Area stArea:x=\"0.25\" stArea:y=\"0.3\"/>"
        let openings = [
            "<mwg-rs:Regions>", "<mwg-rs:Area ", "<mwg-rs:Regions><mwg-rs:Area>", "<rdf:li>", "<MP:RegionInfo ",
        ]
        for piece in openings + [area] {
            for (head, tail) in [
                ("", ""), ("<mwg-rs:Regions>", "</mwg-rs:Regions>"), ("<exif:SubjectArea>", "</exif:SubjectArea>"),
            ] {
                let packet = head + String(repeating: piece, count: 1_000_000 / piece.count) + tail
                _ = ImageMetadata(xmp: Array(packet.utf8)).upright(from: 6, width: 5, height: 10)
            }
        }
        // More than anybody could mean: not turned in part.
        let regions = "<mwg-rs:Regions>" + String(repeating: area, count: 5000) + "</mwg-rs:Regions>"
        #expect(ImageMetadata(xmp: Array(regions.utf8)).upright(from: 6, width: 5, height: 10).xmp == [])
        for text in [Self.attributes, Self.elements, Self.rectangle, Self.subject] {
            for count in 0..<text.utf8.count {
                _ = ImageMetadata(xmp: Array(text.utf8.prefix(count))).upright(from: 6, width: 5, height: 10)
            }
        }
    }
}
