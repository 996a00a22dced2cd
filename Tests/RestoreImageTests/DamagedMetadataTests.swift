import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct DamagedMetadataTests {
    private let plainPNG: [UInt8]
    private let plainJPEG: [UInt8]
    private let profile: [UInt8]

    init() throws {
        plainPNG = try readFile(Fixtures.path("images/formats/rgb8.png"))
        plainJPEG = try readFile(Fixtures.path("jpeg/testorig.jpg"))
        profile = try readFile(Fixtures.path("metadata/profile.icc"))
    }

    @Test func damagedChunksAreWarnings() throws {
        let whole = try decodeImage(plainPNG, path: "p")
        let text = Array("Key\0".utf8)
        let wrong: [(String, [UInt8])] = [
            ("a checksum", chunk("tEXt", text + [0x61], isIntact: false)),
            ("another", chunk("eXIf", Array("MM\0*".utf8) + [0, 0, 0, 8, 0, 0], isIntact: false)),
            ("no keyword", chunk("tEXt", [0, 0x61])), ("no end of it", chunk("tEXt", Array("Key".utf8))),
            ("a long one", chunk("tEXt", [UInt8](repeating: 0x61, count: 80) + [0])),
            ("no stream", chunk("zTXt", text + [0, 1, 2, 3])), ("an empty one", chunk("zTXt", text + [0])),
            ("half a stream", chunk("zTXt", text + [0] + deflated(text).dropLast(5))),
            ("a method", chunk("zTXt", text + [1] + deflated(text))), ("a flag", chunk("iTXt", text + [2, 0, 0, 0])),
            ("no strings", chunk("iTXt", text + [0, 0, 0x61])),
            ("no profile", chunk("iCCP", text + [0] + deflated(text))),
            ("a short profile", chunk("iCCP", text + [0] + deflated(profile.dropLast()))),
            ("an empty chunk", chunk("iCCP", [])), ("no EXIF", chunk("eXIf", text)),
            ("a gamma", chunk("gAMA", bigEndian(0))),
            ("points", chunk("cHRM", [1])), ("an intent", chunk("sRGB", [4])), ("codes", chunk("cICP", [1, 2, 3])),
            ("a resolution", chunk("pHYs", bigEndian(0) + bigEndian(1) + [1])),
            ("hex", chunk("tEXt", Array("Raw profile type exif\0\nexif\n  3\n0102\n".utf8))),
            ("digits", chunk("tEXt", Array("Raw profile type 8bim\0\n8bim\n  1\nxy\n".utf8))),
            ("a number", chunk("tEXt", Array("Raw profile type xmp\0\nxmp\n\n".utf8))),
        ]
        for (what, chunks) in wrong {
            let decoded = try decodeImage(png(plainPNG, with: chunks), path: "p")
            #expect(decoded.image == whole.image && decoded.metadata == whole.metadata, "\(what)")
            #expect(decoded.warnings.count == 1, "\(what): \(decoded.warnings)")
        }
    }

    @Test func anUnknownChunkMayBeDamagedTransparency() throws {
        #expect(throws: ImageError.self) {
            try decodeImage(png(plainPNG, with: chunk("tSNS", [0, 0, 0, 0, 0, 0], isIntact: false)), path: "p")
        }
        #expect(try decodeImage(png(plainPNG, with: chunk("tSNS", [0])), path: "p").warnings == [])
    }

    @Test func formsOfOtherProgramsAreRead() throws {
        let exif = Array("II*\0".utf8) + [8, 0, 0, 0, 0, 0]
        func hex(_ kind: String, _ bytes: [UInt8]) -> [UInt8] {
            let digits = Array("0123456789ABCDEF".utf8)
            let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
            let lines = stride(from: 0, to: text.count, by: 72).map { Array(text[$0..<min(text.count, $0 + 72)]) }
            let payload = Array("\n\(kind)\n   \(bytes.count)\n".utf8) + lines.joined(separator: [10]) + [10]
            return chunk("zTXt", Array("Raw profile type \(kind)\0\0".utf8) + deflated(payload))
        }
        func metadata(_ chunks: [UInt8]) throws -> ImageMetadata {
            let decoded = try decodeImage(png(plainPNG, with: chunks), path: "p")
            #expect(decoded.warnings == [])
            return decoded.metadata
        }
        let jpegForm = Array("Exif\0\0".utf8) + exif
        for chunks in [hex("exif", exif), hex("APP1", jpegForm), hex("exif", jpegForm), chunk("eXIf", jpegForm)] {
            #expect(try metadata(chunks) == ImageMetadata(exif: exif))
        }
        let xmp = Array("<x/>".utf8)
        let forms = [hex("xmp", xmp), hex("APP1", Array("http://ns.adobe.com/xap/1.0/\0".utf8) + xmp)]
        for chunks in forms { #expect(try metadata(chunks) == ImageMetadata(xmp: xmp)) }
        #expect(try metadata(hex("icc", profile)).colorProfile == profile)
        let iptc: [UInt8] = [0x1C, 2, 105, 0, 1, 0x41, 0x1C]
        let block = Array("8BIM".utf8) + [4, 4, 0, 0] + bigEndian(7) + iptc + [0]
        let headed = Array("Photoshop 3.0\0".utf8) + block
        for chunks in [hex("iptc", iptc), hex("8bim", block), hex("iptc", block), hex("8bim", headed)] {
            #expect(try metadata(chunks) == ImageMetadata(photoshop: block))
        }
        let other = Array("II*\0".utf8) + [8, 0, 0, 0, 1, 1]
        #expect(try metadata(hex("exif", other) + chunk("eXIf", exif)) == ImageMetadata(exif: exif))
    }

    @Test func theProfileOfAJPEGMayComeInAnyOrder() throws {
        func part(_ number: UInt8, _ count: UInt8, _ content: ArraySlice<UInt8>) -> [UInt8] {
            segment(0xE2, Array("ICC_PROFILE\0".utf8) + [number, count] + content)
        }
        let (first, second, third) = (profile[..<100], profile[100..<300], profile[300...])
        let right = part(3, 3, third) + part(1, 3, first) + part(2, 3, second)
        let decoded = try decodeImage(jpeg(plainJPEG, with: right), path: "p")
        #expect(decoded.metadata.colorProfile == profile && decoded.warnings == [])
        let wrong = [
            part(1, 3, first) + part(3, 3, third), right + part(2, 3, second), part(1, 2, first) + part(2, 3, second),
            part(0, 1, profile[...]), part(1, 1, first), part(1, 1, third),
            segment(0xE2, Array("ICC_PROFILE\0".utf8) + [1]),
        ]
        for (index, segments) in wrong.enumerated() {
            let decoded = try decodeImage(jpeg(plainJPEG, with: segments), path: "p")
            #expect(decoded.metadata.colorProfile == nil && decoded.warnings.count == 1, "case \(index)")
        }
    }

    @Test func damagedSegmentsAreWarnings() throws {
        let exif = segment(0xE1, Array("Exif\0\0II*\0".utf8) + [8, 0, 0, 0, 0, 0])
        let wrong = [
            segment(0xE1, Array("Exif\0\0nothing".utf8)), exif + exif,
            segment(0xE1, Array("http://ns.adobe.com/xmp/extension/\0".utf8) + [UInt8](repeating: 0x41, count: 20)),
        ]
        for (index, segments) in wrong.enumerated() {
            #expect(try decodeImage(jpeg(plainJPEG, with: segments), path: "p").warnings.count == 1, "case \(index)")
        }
        // Bytes between segments are no part of a picture.
        let gap = try decodeImage(jpeg(plainJPEG, with: exif + [1, 2, 3]), path: "p")
        #expect(gap.metadata.exif != nil && gap.warnings.count == 1)
        #expect(try gap.image == decodeImage(plainJPEG, path: "p").image)
    }

    /// Pillow rejects a file with a compressed text that inflates to more than a mebibyte.
    @Test func largeTextsAreNotCompressed() throws {
        let text = ImageMetadata.Text(
            keyword: Array("Comment".utf8), isUTF8: true, value: [UInt8](repeating: 0x61, count: 3 << 20))
        let image = Image(width: 1, height: 1, channelLayout: .gray)
        func size(_ text: ImageMetadata.Text) throws -> Int {
            try encodeImage(
                image, metadata: ImageMetadata(texts: [text]), as: ImageEncoding(format: .png), path: "p"
            ).count
        }
        #expect(try size(text) > 3 << 20)
        var small = text
        small.value = [UInt8](repeating: 0x61, count: 1 << 20)
        #expect(try size(small) < 10_000)
        let compressed = chunk("zTXt", Array("Comment\0\0".utf8) + deflated(text.value))
        #expect(try decodeImage(png(plainPNG, with: compressed), path: "p").metadata.texts.map(\.value) == [text.value])
    }

    /// Of a kilobyte of file each.
    @Test func textsThatInflateToTensOfMegabytesAreDropped() throws {
        let bomb = chunk("zTXt", Array("a\0\0".utf8) + deflated([UInt8](repeating: 0x61, count: 9 << 20)))
        let alone = try decodeImage(png(plainPNG, with: bomb), path: "p")
        #expect(alone.metadata.texts.isEmpty && alone.warnings.count == 1)
        let smaller = chunk("zTXt", Array("a\0\0".utf8) + deflated([UInt8](repeating: 0x61, count: 6 << 20)))
        let many = try decodeImage(png(plainPNG, with: Array(repeatElement(smaller, count: 20).joined())), path: "p")
        #expect(many.metadata.texts.count == 2 && many.warnings.count == 1, "\(many.warnings)")
    }

    @Test(arguments: ["cmyk", "gray-gamma22"]) func aProfileForOtherSamplesIsDropped(name: String) throws {
        let other = try readFile(Fixtures.path("profiles/\(name).icc"))
        let segments = segment(0xE2, Array("ICC_PROFILE\0".utf8) + [1, 1] + other)
        let decoded = try decodeImage(jpeg(plainJPEG, with: segments), path: "p")
        #expect(decoded.metadata.colorProfile == nil)
        #expect(
            decoded.warnings.count == 1 && decoded.warnings[0].contains("profile is dropped"), "\(decoded.warnings)")
        let iccp = chunk("iCCP", Array("name\0\0".utf8) + deflated(other))
        #expect(try decodeImage(png(plainPNG, with: iccp), path: "p").metadata.colorProfile == nil)
        // Photoshop's copy of it is no better.
        let resource =
            Array("8BIM".utf8) + [4, 15, 0, 0] + bigEndian(other.count) + other + (other.count % 2 == 1 ? [0] : [])
        if resource.count < 60_000 {
            let both = segments + segment(0xED, Array("Photoshop 3.0\0".utf8) + resource)
            #expect(try decodeImage(jpeg(plainJPEG, with: both), path: "p").metadata.photoshop?.isEmpty != false)
        }
    }

    /// What floods a reader: each has to end, in little time, with the picture.
    @Test(.timeLimit(.minutes(1))) func floodsAreLimited() throws {
        let zeros = deflated([UInt8](repeating: 0, count: 15 << 20))
        let bomb = chunk("zTXt", Array("a\0\0".utf8) + zeros)
        let damagedBomb = chunk("zTXt", Array("a\0\0".utf8) + zeros.dropLast(4) + [1, 2, 3, 4])
        func read(_ piece: [UInt8], count: Int) throws -> DecodedImage {
            try decodeImage(png(plainPNG, with: Array(repeatElement(piece, count: count).joined())), path: "p")
        }
        #expect(try read(bomb, count: 200).metadata.texts.isEmpty)
        #expect(try read(damagedBomb, count: 200).metadata.texts.isEmpty)
        #expect(try read(chunk("tEXt", [0x61, 0, 0x62]), count: 100_000).metadata.texts.count == 1000)
        let large = chunk("tEXt", Array("a\0".utf8) + [UInt8](repeating: 0x62, count: 9 << 20))
        #expect(try read(large, count: 1).metadata.texts.first?.value.count == 9 << 20)
        let part = Array("http://ns.adobe.com/xmp/extension/\0".utf8) + [UInt8](repeating: 0, count: 40)
        for segments in [segment(0xE1, part), segment(0xFE, [0x61]), segment(0xED, Array("Photoshop 3.0\0a".utf8))] {
            let all = Array(repeatElement(segments, count: 10_000).joined())
            let metadata = try decodeImage(jpeg(plainJPEG, with: all), path: "p").metadata
            #expect(metadata.extendedXMP.count + metadata.texts.count + (metadata.photoshop?.count ?? 0) == 1000)
        }
    }

    @Test(arguments: ["metadata/all.png", "metadata/all.jpg", "pngsuite/cten0g04.png"])
    func survivesFlippedBitsInMetadata(_ name: String) throws {
        let bytes = try readFile(Fixtures.path(name))
        var generator = SeededGenerator(seed: 11)
        var survivors = 0
        for round in 0..<2000 {
            var damaged = bytes
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            damaged[position] = UInt8.random(in: .min ... .max, using: &generator)
            let limits = ImageLimits(maximumPixels: 100_000)
            guard let decoded = try? decodeImage(damaged, path: "p", limits: limits, tolerant: true) else { continue }
            survivors += 1
            // Whatever of the metadata is carried over, the file that is written is whole, and holds this picture.
            for format in ImageFormat.allCases where !decoded.image.channelLayout.hasAlpha {
                let written = try encodeImage(
                    decoded.image, metadata: decoded.metadata, as: ImageEncoding(format: format), path: "p")
                let again = try decodeImage(written, path: "p").image
                #expect((again.width, again.height) == (decoded.image.width, decoded.image.height), "round \(round)")
                if format == .png { #expect(again.values == decoded.image.values, "round \(round)") }
            }
        }
        #expect(survivors > 1000, "\(survivors)")
    }
}
