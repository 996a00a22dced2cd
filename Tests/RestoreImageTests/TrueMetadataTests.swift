import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct TrueMetadataTests {
    private func upright(_ metadata: ImageMetadata, from orientation: Int) -> ImageMetadata {
        metadata.upright(from: orientation, width: 70_000, height: 40)
    }

    @Test(arguments: [true, false], [true, false])
    func exifBecomesTrueInPlace(_ isLittleEndian: Bool, _ thumbnailIsLast: Bool) throws {
        let fixture = try TIFFFixture(isLittleEndian: isLittleEndian, thumbnailIsLast: thumbnailIsLast)
        let metadata = ImageMetadata(exif: fixture.bytes)
        #expect(metadata.orientation == 6)
        let block = try #require(upright(metadata, from: 6).exif)
        #expect(fixture.value(block, directory: 8, tag: 0x112) == 1)
        // Too large for 16 bits: the entry grows where it stands.
        for (directory, tag) in [(8, 0x100), (98, 0xA002)] {
            #expect(fixture.value(block, directory: directory, tag: tag) == 70_000)
        }
        for (directory, tag) in [(8, 0x101), (98, 0xA003)] {
            #expect(fixture.value(block, directory: directory, tag: tag) == 40)
        }
        let resolutions = [0x11A, 0x11B].compactMap { fixture.value(block, directory: 8, tag: $0) }
        #expect(resolutions.map { fixture.number(block, $0, size: 4) } == [72, 300])
        // The maker note has not moved; the thumbnail is unlinked and gone.
        #expect(Array(block[fixture.makerNote]) == TIFFFixture.makerNoteBytes)
        #expect(fixture.number(block, 8 + 2 + 7 * 12, size: 4) == 0)
        if thumbnailIsLast {
            #expect(block.count == fixture.thumbnail.lowerBound)
        } else {
            #expect(block.count == fixture.bytes.count)
            #expect(block[fixture.thumbnail].allSatisfy { $0 == 0 })
        }
        // Once more changes nothing.
        #expect(upright(ImageMetadata(exif: block), from: 1).exif == block)
    }

    @Test func aPictureThatIsNotTurnedKeepsItsResolutions() throws {
        let fixture = try TIFFFixture(isLittleEndian: false, orientation: 3)
        let metadata = ImageMetadata(
            exif: fixture.bytes, resolution: ImageMetadata.Resolution(x: 300, y: 72, unit: .inch))
        let result = upright(metadata, from: 3)
        #expect(result.resolution == metadata.resolution)
        let block = try #require(result.exif)
        let first = try #require(fixture.value(block, directory: 8, tag: 0x11A))
        #expect(fixture.number(block, first, size: 4) == 300)
        #expect(upright(metadata, from: 6).resolution == ImageMetadata.Resolution(x: 72, y: 300, unit: .inch))
    }

    /// Whatever a block holds: no crash, no growth, and no orientation left that would turn the picture again.
    @Test func damagedBlocksAreHarmless() throws {
        var generator = SeededGenerator(seed: 61)
        var oriented = 0
        for round in 0..<2000 {
            var bytes = try TIFFFixture(isLittleEndian: round % 2 == 0).bytes
            if round % 4 < 2 { bytes.removeLast(.random(in: 0...bytes.count, using: &generator)) }
            for _ in 0..<(round % 5) where !bytes.isEmpty {
                let interesting: [UInt8] = [0, 1, 8, 0x7F, 0x80, 0xFF]
                bytes[.random(in: 0..<min(bytes.count, 210), using: &generator)] =
                    round % 3 == 0
                    ? interesting.randomElement(using: &generator) ?? 0 : .random(in: 0...255, using: &generator)
            }
            let metadata = ImageMetadata(exif: bytes)
            if metadata.orientation != 1 { oriented += 1 }
            let result = metadata.upright(from: metadata.orientation, width: 30, height: 40)
            #expect(result.orientation == 1)
            #expect((result.exif?.count ?? 0) <= bytes.count)
            #expect((metadata.describingSRGB.exif?.count ?? 0) == bytes.count)
        }
        #expect(oriented > 500)
    }

    @Test func directoriesThatPointAtEachOtherEnd() throws {
        // The next directory is the first one itself; EXIF's is, too.
        let bytes: [UInt8] = [
            0x49, 0x49, 42, 0, 8, 0, 0, 0, 2, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0x69, 0x87, 4, 0, 1, 0, 0, 0, 8,
            0,
            0, 0, 8, 0, 0, 0,
        ]
        let metadata = ImageMetadata(exif: bytes)
        #expect(metadata.orientation == 8)
        let result = metadata.upright(from: 8, width: 1, height: 1)
        #expect(result.orientation == 1)
        #expect(result.exif?.count == bytes.count)
    }

    @Test func aDamagedBlockIsReported() throws {
        let whole = try TIFFFixture(isLittleEndian: true).bytes
        let image = Image(width: 3, height: 2, channelLayout: .gray)
        for (bytes, isDamaged) in [(whole, false), (Array(whole[..<60]), true), ([1, 2, 3], true)] {
            var decoded = DecodedImage(image: image, format: .jpeg, metadata: ImageMetadata(exif: bytes))
            #expect((decoded.makeUpright() != nil) == isDamaged)
            #expect(decoded.metadata.orientation == 1)
        }
    }

    private static let packet = """
        <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
        <rdf:Description tiff:Orientation="6" exif:PixelXDimension='40' tiff:XResolution = "300/1"
         xmp:Rating="5" photoshop:ICCProfile="Dot Gain 20%" exif:ColorSpace="65535">
        <tiff:YResolution>72/1</tiff:YResolution><exif:PixelYDimension>30</exif:PixelYDimension>
        <tiff:OrientationX>6</tiff:OrientationX>
        <xmp:Thumbnails><rdf:Alt><rdf:li xapGImg:image="AAAA"/></rdf:Alt></xmp:Thumbnails>
        <dc:title>tiff:Orientation is "6"</dc:title></rdf:Description></x:xmpmeta><?xpacket end="w"?>
        """

    @Test func pointersToWhatIsNotKeptGo() throws {
        let packet = """
            <rdf:Description GCamera:MotionPhoto="1" Camera:MicroVideoOffset="99" hdrgm:Version="1.0" xmp:Rating="5">\
            <Container:Directory><rdf:Seq><rdf:li Item:Length="9"/></rdf:Seq></Container:Directory>\
            <GCamera:SpecialTypeID>a</GCamera:SpecialTypeID></rdf:Description>
            """
        let result = try #require(upright(ImageMetadata(xmp: Array(packet.utf8)), from: 1).xmp)
        let expected =
            "<rdf:Description xmp:Rating=\"5\"><GCamera:SpecialTypeID>a</GCamera:SpecialTypeID></rdf:Description>"
        #expect(String(decoding: result, as: UTF8.self) == expected)
    }

    @Test func xmpBecomesTrueAndKeepsTheRest() throws {
        let result = upright(ImageMetadata(xmp: Array(Self.packet.utf8)), from: 6)
        let expected = Self.packet.replacing("tiff:Orientation=\"6\"", with: "tiff:Orientation=\"1\"")
            .replacing("'40'", with: "'70000'").replacing(">30<", with: ">40<").replacing("300/1", with: "A")
            .replacing("72/1", with: "300/1").replacing("\"A\"", with: "\"72/1\"")
            .replacing("<xmp:Thumbnails><rdf:Alt><rdf:li xapGImg:image=\"AAAA\"/></rdf:Alt></xmp:Thumbnails>", with: "")
        #expect(String(decoding: try #require(result.xmp), as: UTF8.self) == expected)
    }

    /// A packet of nothing but openings is no work without end.
    @Test(.timeLimit(.minutes(1))) func openingsWithoutEndAreHarmless() {
        for opening in ["<xmp:Thumbnails ", "<xmp:Thumbnails><", " tiff:Orientation=", " tiff:Orientation=\"", "<"] {
            let packet = Array(String(repeating: opening, count: 1_000_000 / opening.count).utf8)
            _ = upright(ImageMetadata(xmp: packet), from: 6)
            for count in 0..<(2 * opening.count) { _ = upright(ImageMetadata(xmp: Array(packet[..<count])), from: 6) }
        }
    }

    /// Names within values and within elements, as no program writes them.
    @Test(arguments: [
        ("value-in-value", "<a exif:PixelXDimension=\"70000\""),
        ("attribute-in-element", "<tiff:ImageWidth tiff:ImageWidth='70000'>70000</"),
    ])
    func xmpWithinXMPIsHarmless(_ name: String, _ expected: String) throws {
        let packet = try readFile(Fixtures.path("corrupt/metadata/\(name).xmp"))
        let result = ImageMetadata(xmp: packet).upright(from: 1, width: 70_000, height: 40)
        #expect(String(decoding: try #require(result.xmp), as: UTF8.self) == expected)
        for count in 0..<packet.count { _ = upright(ImageMetadata(xmp: Array(packet[..<count])), from: 6) }
    }

    /// A picture is turned as EXIF says; XMP then only repeats it, right or not.
    @Test(arguments: [3, 1, 0, 9]) func exifDecidesAndXMPFollows(_ orientation: Int) throws {
        let exif = try TIFFFixture(isLittleEndian: true, orientation: orientation).bytes
        let metadata = ImageMetadata(exif: exif, xmp: Array(Self.packet.utf8))
        #expect(metadata.orientation == (orientation == 3 ? 3 : 1))
        var decoded = DecodedImage(
            image: Image(width: 3, height: 2, channelLayout: .gray), format: .jpeg, metadata: metadata)
        #expect(decoded.makeUpright() == nil && decoded.image.width == 3)
        let xmp = String(decoding: try #require(decoded.metadata.xmp), as: UTF8.self)
        #expect(xmp.contains("tiff:Orientation=\"1\""))
    }

    /// Viewers do not turn by XMP alone: the picture stays as everybody has seen it, and its XMP as it is.
    @Test func anOrientationOfXMPAloneTurnsNothing() throws {
        let plain = try readFile(Fixtures.path("jpeg/testorig.jpg"))
        let whole = try decodeImage(plain, path: "p")
        let header = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
        for (packet, isNamed) in [
            ("<a tiff:Orientation=\"6\"/>", true), ("<a><tiff:Orientation>3</tiff:Orientation></a>", true),
            ("<a tiff:Orientation=\"1\"/>", false), ("<a tiff:Orientation=\"9\"/>", false), ("<a/>", false),
        ] {
            let decoded = try decodeImage(jpeg(plain, with: segment(0xE1, header + Array(packet.utf8))), path: "p")
            #expect(decoded.image == whole.image && decoded.metadata.xmp == Array(packet.utf8))
            #expect(decoded.warnings.count == (isNamed ? 1 : 0), "\(decoded.warnings)")
            let name = packet.contains("3") ? "orientation 3" : "orientation 6"
            #expect(decoded.warnings.allSatisfy { $0.contains(name) })
        }
    }

    @Test func anotherColorModelLeavesNoOldProfile() throws {
        let fixture = try TIFFFixture(isLittleEndian: false)
        let profile: [UInt8] = [1, 2, 3]
        let resource = Self.resource(1039, profile)
        let metadata = ImageMetadata(
            colorProfile: profile, pngColor: ImageMetadata.PNGColor(gamma: 100_000), exif: fixture.bytes,
            xmp: Array(Self.packet.utf8), photoshop: resource + Self.resource(1028, [9]))
        let result = metadata.describingSRGB
        #expect(result.colorProfile == nil && result.pngColor == nil)
        #expect(fixture.value(try #require(result.exif), directory: 98, tag: 0xA001) == 1)
        let expected = Self.packet.replacing(" photoshop:ICCProfile=\"Dot Gain 20%\"", with: "")
            .replacing("exif:ColorSpace=\"65535\"", with: "exif:ColorSpace=\"1\"")
        #expect(String(decoding: try #require(result.xmp), as: UTF8.self) == expected)
        #expect(result.photoshop == Self.resource(1028, [9]))
    }

    private static func resource(_ number: Int, _ content: [UInt8], name: String = "") -> [UInt8] {
        var bytes = Array("8BIM".utf8) + [UInt8(number >> 8), UInt8(number & 255), UInt8(name.utf8.count)]
        bytes += Array(name.utf8)
        if bytes.count % 2 == 1 { bytes.append(0) }
        bytes += [0, 0, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
        return bytes + (content.count % 2 == 1 ? [0] : [])
    }

    @Test func photoshopsThumbnailsGoAndItsTextsStay() {
        let resolution: [UInt8] = [1, 44, 0, 0, 0, 1, 0, 2, 0, 72, 0, 0, 0, 2, 0, 1]
        let swapped = Array(resolution[8...] + resolution[..<8])
        let texts = Self.resource(1028, [1, 2, 3], name: "IPTC")
        let block =
            Self.resource(1036, [7, 7, 7]) + texts + Self.resource(1033, [8]) + Self.resource(1005, resolution) + [
                5, 6,
            ]
        let result = upright(ImageMetadata(photoshop: block), from: 5)
        #expect(result.photoshop == texts + Self.resource(1005, swapped) + [5, 6])
        #expect(upright(ImageMetadata(photoshop: Self.resource(1036, [7])), from: 1).photoshop == nil)
        // Cut anywhere, nothing is read beyond the end and nothing that is not understood is lost.
        for count in 0..<block.count { _ = upright(ImageMetadata(photoshop: Array(block[..<count])), from: 5) }
    }

    /// A block of nothing but blocks of twelve bytes.
    @Test(.timeLimit(.minutes(1))) func manyResourcesAreHarmless() throws {
        let pair = Self.resource(1036, []) + Self.resource(1028, [])
        let block = Array(repeatElement(pair, count: 500_000).joined())
        let result = try #require(upright(ImageMetadata(photoshop: block + [5]), from: 6).photoshop)
        #expect(result == Array(repeatElement(Self.resource(1028, []), count: 500_000).joined()) + [5])
    }

    @Test func strippedKeepsWhatThePixelsNeed() throws {
        let color = ImageMetadata.PNGColor(gamma: 45455)
        var metadata = ImageMetadata(
            colorProfile: [1], pngColor: color, exif: [2], xmp: [3], extendedXMP: [[4]], photoshop: [5],
            resolution: ImageMetadata.Resolution(x: 300, y: 300, unit: .inch),
            texts: [ImageMetadata.Text(keyword: [65], isUTF8: true, value: [66])])
        #expect(metadata.stripped == ImageMetadata(colorProfile: [1], pngColor: color))
        metadata.resolution = ImageMetadata.Resolution(x: 2, y: 1, unit: .none)
        #expect(metadata.stripped.resolution == metadata.resolution)
    }
}
