import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct MetadataTests {
    private let profile: [UInt8]
    private let image = Image.random(width: 5, height: 4, .rgb, bitDepth: 8, seed: 2)

    init() throws { profile = try readFile(Fixtures.path("metadata/profile.icc")) }

    /// Everything that both formats hold in the same form.
    private var all: ImageMetadata {
        ImageMetadata(
            colorProfile: profile, exif: Array("MM\0*".utf8) + bigEndian(8) + [0, 0], xmp: Array("<x:xmpmeta/>".utf8),
            photoshop: Array("8BIM".utf8) + [4, 4, 0, 0] + bigEndian(3) + [1, 2, 3, 0],
            resolution: .init(x: 11811, y: 5906, unit: .metre),
            texts: [.init(keyword: Array("Comment".utf8), isUTF8: true, value: Array("Été".utf8))])
    }

    private func rewritten(_ metadata: ImageMetadata, _ formats: ImageFormat...) throws -> DecodedImage {
        var result = DecodedImage(image: image, format: .png, metadata: metadata)
        for format in formats {
            let encoding = ImageEncoding(format: format)
            result = try decodeImage(
                encodeImage(result.image, metadata: result.metadata, as: encoding, path: "a"), path: "a")
        }
        return result
    }

    @Test func bothFormatsKeepEverything() throws {
        let png = try rewritten(all, .png)
        #expect(png.metadata == all && png.warnings == [] && png.image == image)
        var inches = all
        inches.resolution = .init(x: 300, y: 150, unit: .inch)
        let jpeg = try rewritten(all, .jpeg)
        #expect(jpeg.metadata == inches && jpeg.warnings == [])
        #expect(try rewritten(all, .jpeg, .png).metadata == all)
        #expect(try rewritten(all, .png, .jpeg, .jpeg).metadata == inches)
        for format in ImageFormat.allCases {
            #expect(all.losses(in: format) == [])
            #expect(try rewritten(ImageMetadata(), format).metadata == ImageMetadata())
        }
    }

    @Test func blocksOfAnyLengthSurvive() throws {
        var generator = SeededGenerator(seed: 3)
        for count in [128, 65_518, 65_519, 65_520, 200_000] {
            var metadata = ImageMetadata()
            var profile = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            profile.replaceSubrange(0..<4, with: bigEndian(count))
            profile.replaceSubrange(36..<40, with: "acsp".utf8)
            metadata.colorProfile = profile
            metadata.photoshop = Array(profile.reversed())
            metadata.photoshop?.replaceSubrange(0..<4, with: "8BIM".utf8)
            for format in ImageFormat.allCases {
                let back = try rewritten(metadata, format)
                // Such a profile can be kept, not used.
                #expect(back.metadata == metadata && back.warnings.count == 1, "\(format), \(count) bytes")
            }
        }
    }

    @Test func readsWhatOtherProgramsWrite() throws {
        for name in ["all.png", "all.jpg"] {
            let decoded = try readImage(Fixtures.path("metadata/\(name)"))
            let metadata = decoded.metadata
            #expect(decoded.warnings == [])
            #expect(metadata.colorProfile == profile)
            #expect(metadata.exif?.contains(Array("Model 1".utf8)) == true)
            #expect(metadata.xmp?.contains(Array("Été".utf8)) == true)
            #expect(metadata.photoshop?.starts(with: "8BIM".utf8) == true)
            #expect(metadata.photoshop?.contains(Array("A headline".utf8)) == true)
            let isPNG = decoded.format == .png
            #expect(
                metadata.resolution
                    == (isPNG ? .init(x: 11811, y: 11811, unit: .metre) : .init(x: 300, y: 300, unit: .inch)))
            let other = try rewritten(metadata, isPNG ? .jpeg : .png).metadata
            #expect(other.exif == metadata.exif && other.xmp == metadata.xmp && other.photoshop == metadata.photoshop)
            #expect(other.colorProfile == profile)
            #expect(try rewritten(metadata, decoded.format).metadata == metadata)
        }
        let texts = try readImage(Fixtures.path("metadata/all.png")).metadata.texts
        #expect(texts.map { String(decoding: $0.keyword, as: UTF8.self) } == ["Software", "Description", "Title"])
        #expect(texts.map(\.isUTF8) == [false, false, true])
        #expect(texts[1].value == Array(String(repeating: "many words ", count: 200).utf8))
        #expect(String(decoding: texts[2].language + texts[2].translatedKeyword, as: UTF8.self) == "frTitre")
        let comment = try readImage(Fixtures.path("metadata/all.jpg")).metadata.texts
        #expect(comment == [.init(keyword: Array("Comment".utf8), isUTF8: false, value: Array("A comment".utf8))])
    }

    @Test func readsTheColorsOfAPNG() throws {
        let color = ImageMetadata.PNGColor(
            renderingIntent: 2, gamma: 45455, chromaticities: [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000],
            codingIndependentCodePoints: [9, 16, 0, 1])
        let metadata = ImageMetadata(pngColor: color)
        #expect(try rewritten(metadata, .png).metadata == metadata)
        var described = metadata
        described.pngColor?.renderingIntent = nil
        #expect(described.losses(in: .jpeg).count == 1)
        // A profile stands in the place of the sRGB chunk.
        described.colorProfile = profile
        #expect(try rewritten(described, .png).metadata == described)
    }

    @Test func resolutionsAreConverted() throws {
        func converted(_ metre: UInt32) throws -> ImageMetadata.Resolution? {
            let metadata = ImageMetadata(resolution: .init(x: metre, y: metre, unit: .metre))
            return try rewritten(metadata, .jpeg).metadata.resolution
        }
        for (metre, inch) in [(2835, 72), (3780, 96), (11811, 300)] as [(UInt32, UInt32)] {
            #expect(try converted(metre) == .init(x: inch, y: inch, unit: .inch))
        }
        // 118 pixels a centimetre are no whole number an inch.
        #expect(try converted(11800) == .init(x: 11800, y: 11800, unit: .metre))
        #expect(try converted(1) == nil)
    }

    @Test func aResolutionThatDoesNotFitIsALoss() throws {
        let fine = ImageMetadata(resolution: .init(x: 70_000, y: 70_000, unit: .inch))
        #expect(fine.losses(in: .jpeg).count == 1 && fine.losses(in: .png) == [])
        #expect(try rewritten(fine, .jpeg).metadata.resolution == nil)
        let shape = ImageMetadata(resolution: .init(x: 200_000, y: 100_000, unit: .none))
        #expect(try rewritten(shape, .jpeg).metadata.resolution == .init(x: 50_000, y: 25_000, unit: .none))
    }

    @Test func largeBlocksAreSplitOrReported() throws {
        var metadata = ImageMetadata()
        metadata.exif = Array("II*\0".utf8) + [UInt8](repeating: 0, count: 65_524)
        #expect(metadata.losses(in: .jpeg).count == 1)
        #expect(try rewritten(metadata, .jpeg).metadata.exif == nil)
        #expect(try rewritten(metadata, .png).metadata == metadata)
        metadata.exif?.removeLast()
        #expect(metadata.losses(in: .jpeg) == [])
        #expect(try rewritten(metadata, .jpeg).metadata == metadata)
    }

    @Test func longXMPIsExtendedAndJoinedAgain() throws {
        func packet(_ statements: String) -> [UInt8] {
            Array(
                ("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"r\">" + statements
                    + "</rdf:RDF></x:xmpmeta>").utf8)
        }
        let statement = "<rdf:Description a:b=\"" + String(repeating: "0123456789", count: 20_000) + "\"/>"
        let jpeg = try rewritten(ImageMetadata(xmp: packet(statement)), .jpeg)
        #expect(jpeg.metadata.extendedXMP.count == 4 && jpeg.warnings == [])
        #expect(try rewritten(jpeg.metadata, .jpeg).metadata == jpeg.metadata)
        #expect(jpeg.metadata.losses(in: .png) == [])
        let joined = try #require(rewritten(jpeg.metadata, .png).metadata.xmp)
        #expect(joined.contains(Array(statement.utf8)) && !joined.contains(Array("HasExtendedXMP".utf8)))
        var missing = jpeg.metadata
        missing.extendedXMP.remove(at: 1)
        #expect(missing.losses(in: .png).count == 1)
        #expect(try rewritten(missing, .png).metadata.xmp == missing.xmp)
        missing.xmp = nil
        for format in ImageFormat.allCases { #expect(missing.losses(in: format).count == 1, "\(format)") }
    }

    @Test func textsGoToComments() throws {
        let texts: [ImageMetadata.Text] = [
            .init(keyword: Array("Software".utf8), isUTF8: false, value: Array("gradient".utf8)),
            .init(keyword: Array("Comment".utf8), isUTF8: false, value: Array("A comment\0".utf8)),
        ]
        let jpeg = try rewritten(ImageMetadata(texts: texts), .jpeg).metadata
        #expect(jpeg.texts.map { String(decoding: $0.value, as: UTF8.self) } == ["Software: gradient", "A comment\0"])
        #expect(try rewritten(jpeg, .png).metadata.texts.last?.value == Array("A comment".utf8))
        let long = ImageMetadata(texts: [
            .init(keyword: Array("Comment".utf8), isUTF8: false, value: [UInt8](repeating: 0x61, count: 70_000))
        ])
        #expect(try rewritten(long, .jpeg).metadata.texts.map(\.value.count) == [65_533, 4467])
    }

    @Test func aProfileOfInksDoesNotStay() throws {
        let file = try readFile(Fixtures.path("images/formats/cmyk-adobe.jpg"))
        let withProfile = jpeg(file, with: segment(0xE2, Array("ICC_PROFILE\0".utf8) + [1, 1] + profile))
        let decoded = try decodeImage(withProfile, path: "a")
        #expect(decoded.metadata.colorProfile == nil && decoded.warnings.count == 1)
        #expect(decoded.jpeg?.components.count == 4)
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool {
        count >= part.count && (0...count - part.count).contains { self[$0..<$0 + part.count].elementsEqual(part) }
    }
}
