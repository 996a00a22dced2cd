import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct CarriedBlocksTests {
    private let plainPNG: [UInt8]
    private let plainJPEG: [UInt8]

    init() throws {
        plainPNG = try readFile(Fixtures.path("images/formats/rgb8.png"))
        plainJPEG = try readFile(Fixtures.path("jpeg/testorig.jpg"))
    }

    private func rewritten(_ decoded: DecodedImage, as format: ImageFormat) throws -> (bytes: [UInt8], DecodedImage) {
        let bytes = try encodeImage(
            decoded.image, metadata: decoded.metadata, as: ImageEncoding(format: format), path: "a")
        return (bytes, try decodeImage(bytes, path: "a"))
    }

    /// Markers and payloads of a JPEG's segments, in order.
    private func segments(of file: [UInt8]) -> [(marker: UInt8, payload: [UInt8])] {
        var found: [(UInt8, [UInt8])] = []
        var place = 2
        while place + 4 <= file.count, file[place] == 0xFF, file[place + 1] != 0xDA {
            let length = Int(file[place + 2]) << 8 | Int(file[place + 3])
            found.append((file[place + 1], Array(file[(place + 4)..<(place + 2 + length)])))
            place += 2 + length
        }
        return found
    }

    private static let carried: [(marker: UInt8, payload: [UInt8])] = [
        (0xE1, Array("FLIR\0\u{1}\0\0\u{1}".utf8) + [9, 9, 0xFF, 0xD8, 0xFF]),
        (0xE1, Array("FLIR\0\u{1}\u{1}\0\u{1}".utf8) + [8, 8]), (0xE1, Array("QVCI\0".utf8)), (0xE1, []),
        (0xE2, Array("FPXR\0".utf8) + [0, 1]), (0xE3, Array("Meta\0\0II*\0".utf8)), (0xE3, Array("_JPSJPS_".utf8)),
        (0xE4, [1, 2, 3]), (0xE5, Array("RMETA\0".utf8)), (0xE6, Array("GoPro\0".utf8)), (0xE7, [0]),
        (0xE8, [UInt8](repeating: 7, count: 65_533)), (0xE9, Array("Media Jukebox\0".utf8)),
        (0xEA, Array("Comment".utf8)),
        (0xEB, Array("what".utf8)), (0xEC, Array("Ducky\0\u{1}\0\u{4}\0\0\0\u{64}\0\0".utf8)),
        (0xED, Array("Adobe_CM\0".utf8)), (0xEF, Array("Q 75".utf8)), (0xE3, Array("Meta\0\0II*\0".utf8)),
    ]

    @Test func segmentsOfMakersComeBack() throws {
        let file = jpeg(plainJPEG, with: Self.carried.flatMap { segment($0.marker, $0.payload) })
        let decoded = try decodeImage(file, path: "p")
        #expect(decoded.warnings == [] && decoded.metadata.losses(in: .jpeg) == [])
        let (bytes, again) = try rewritten(decoded, as: .jpeg)
        let written = segments(of: bytes).filter { $0.marker > 0xE0 && $0.marker <= 0xEF }
        #expect(written.map(\.marker) == Self.carried.map(\.marker))
        #expect(written.map(\.payload) == Self.carried.map(\.payload))
        #expect(again.metadata == decoded.metadata)
        let losses = decoded.metadata.losses(in: .png)
        #expect(losses.count == 1 && losses[0].contains("APP1, APP2, APP3") && losses[0].contains("and others"))
        #expect(try rewritten(decoded, as: .png).1.metadata.jpegSegments == [])
        #expect(decoded.metadata.stripped == ImageMetadata())
    }

    @Test func segmentsOfTheOldFileGo() throws {
        let boxes = Array("JP".utf8) + [0, 7]
        let old: [(UInt8, [UInt8])] = [
            (0xE0, Array("JFXX\0".utf8) + [0x10, 0xFF, 0xD8]), (0xE2, Array("MPF\0II*\0".utf8)),
            (0xE2, Array("urn:iso:std:iso:ts:21496:-1\0".utf8) + [0, 0, 0, 0]), (0xE3, [0xFF, 0xD8, 0xFF, 0xDB, 0]),
            (0xE4, Array("SCALADO\0".utf8)), (0xE8, Array("SPIFF\0".utf8) + [UInt8](repeating: 0, count: 24)),
            (0xEA, Array("AROT\0\0".utf8)), (0xEB, Array("HDR_RI ver=11".utf8)),
        ]
        let decoded = try decodeImage(jpeg(plainJPEG, with: old.flatMap { segment($0.0, $0.1) }), path: "p")
        let plain = try decodeImage(plainJPEG, path: "p").metadata
        #expect(decoded.warnings == [] && decoded.metadata == plain)
        // Parts of a box after the first do not say what it is.
        let (first, second) = (boxes + bigEndian(1) + bigEndian(99), boxes + bigEndian(2) + bigEndian(99))
        var credentials = segment(0xEB, first + Array("jumb\0\0\0\u{1E}jumdc2pa".utf8))
        credentials += segment(0xEB, second + Array("jumb\u{1}\u{2}".utf8))
        let signed = try decodeImage(jpeg(plainJPEG, with: credentials), path: "p")
        #expect(signed.metadata.jpegSegments == [] && signed.warnings == [])
        for format in ImageFormat.allCases {
            let losses = signed.metadata.losses(in: format)
            #expect(losses.count == 1 && losses[0].contains("C2PA"), "\(losses)")
            #expect(try rewritten(signed, as: format).1.metadata.omissions == [])
        }
        #expect(signed.metadata.stripped.losses(in: .jpeg) == [])
        let other = segment(0xEB, first + Array("jumbxxxx".utf8))
        let losses = try decodeImage(jpeg(plainJPEG, with: other), path: "p").metadata.losses(in: .png)
        #expect(losses.count == 1 && losses[0].contains("APP11"))
    }

    @Test func aReferenceToCredentialsWithinTheFileGoes() {
        func after(_ value: String) -> [UInt8]? {
            ImageMetadata(xmp: Array("<a dcterms:provenance=\"\(value)\"/>".utf8)).upright(from: 1, width: 1, height: 1)
                .xmp
        }
        #expect(after("self#jumbf=c2pa/a") == Array("<a/>".utf8))
        #expect(after("https://example.org/a") == Array("<a dcterms:provenance=\"https://example.org/a\"/>".utf8))
    }

    @Test func floodsOfSegmentsAndChunksAreLimited() throws {
        let many = Array(repeatElement(segment(0xE5, [1]), count: 5000).joined())
        let decoded = try decodeImage(jpeg(plainJPEG, with: many), path: "p")
        #expect(decoded.metadata.jpegSegments.count == 1000 && decoded.warnings.count == 1)
        let chunks = Array(repeatElement(chunk("vpAg", [1]), count: 5000).joined())
        let other = try decodeImage(png(plainPNG, with: chunks), path: "p")
        #expect(other.metadata.pngChunks.count == 1000 && other.warnings.count == 1)
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        let unsafeChunks = (0..<100).flatMap { chunk("a\(letters[$0 / 26])C\(letters[$0 % 26])", []) }
        let unsafe = try decodeImage(png(plainPNG, with: unsafeChunks), path: "p")
        #expect(unsafe.metadata.omissions.count == 16)
    }

    @Test func chunksThatMayBeCopiedStayOnTheirSideOfThePixels() throws {
        let end = plainPNG.count - 12
        let before = chunk("vpAg", [1, 2, 3]) + chunk("exTr", []) + chunk("oFFs", [UInt8](repeating: 1, count: 9))
        let after = chunk("zzZz", [4]) + chunk("vpAg", [5])
        let file = png(Array(plainPNG[..<end]) + after + plainPNG[end...], with: before)
        let decoded = try decodeImage(file, path: "p")
        #expect(decoded.warnings == [] && decoded.metadata.losses(in: .png) == [])
        let (bytes, again) = try rewritten(decoded, as: .png)
        #expect(again.metadata == decoded.metadata && again.image == decoded.image)
        let names = try PNGFile(bytes).names
        #expect(names.filter { $0 != "IDAT" } == ["IHDR", "vpAg", "exTr", "oFFs", "zzZz", "vpAg", "IEND"])
        let pixels = try #require(names.lastIndex(of: "IDAT"))
        #expect(names[..<pixels].contains("oFFs") && names[pixels...].contains("zzZz"))
        #expect(again.metadata.pngChunks.map(\.payload.first) == [1, nil, 1, 4, 5])
        let losses = decoded.metadata.losses(in: .jpeg)
        #expect(losses.count == 1 && losses[0].contains("vpAg, exTr, oFFs, zzZz"))
        #expect(decoded.metadata.stripped == ImageMetadata())
    }

    @Test func chunksOfTheOldPixelsGo() throws {
        let unsafe = try decodeImage(
            png(plainPNG, with: chunk("caBX", [1]) + chunk("prVW", [2]) + chunk("sCAL", [1, 0x31, 0, 0x31])), path: "p")
        #expect(unsafe.metadata.pngChunks == [] && unsafe.warnings == [])
        for format in ImageFormat.allCases {
            let losses = unsafe.metadata.losses(in: format)
            try #require(losses.count == 3)
            #expect(losses[0].contains("C2PA") && losses[1].contains("prVW") && losses[2].contains("sCAL"))
        }
        #expect(unsafe.metadata.stripped.losses(in: .png) == [])
        // Known, documented, and no loss that anybody would miss.
        let silent = chunk("tIME", [7, 0xE8, 1, 1, 1, 1, 1]) + chunk("sBIT", [8, 8, 8]) + chunk("iDOT", [0])
        let decoded = try decodeImage(png(plainPNG, with: silent), path: "p")
        #expect(decoded.metadata == ImageMetadata() && decoded.warnings == [])
        let damaged = png(plainPNG, with: chunk("vpAg", [1], isIntact: false))
        let tolerant = try decodeImage(damaged, path: "p", tolerant: true)
        #expect(tolerant.metadata.pngChunks == [] && tolerant.warnings.contains { $0.contains("vpAg") })
    }

    @Test func masteringMetadataStayWithTheColors() throws {
        let display = (0..<24).map { UInt8($0) }
        let levels = (0..<8).map { UInt8($0) }
        let file = png(plainPNG, with: chunk("mDCV", display) + chunk("cLLI", levels))
        let decoded = try decodeImage(file, path: "p")
        #expect(decoded.metadata == ImageMetadata(pngColor: .init(masteringDisplay: display, lightLevels: levels)))
        #expect(decoded.image.colorSpace == .sRGB && decoded.metadata.losses(in: .png) == [])
        let (bytes, again) = try rewritten(decoded, as: .png)
        #expect(again.metadata == decoded.metadata)
        #expect(try PNGFile(bytes).names.prefix(3) == ["IHDR", "mDCV", "cLLI"])
        #expect(decoded.metadata.losses(in: .jpeg).count == 1 && decoded.metadata.stripped == decoded.metadata)
        #expect(decoded.metadata.describingSRGB == ImageMetadata())
        for wrong in [chunk("mDCV", [1]), chunk("cLLI", display)] {
            let decoded = try decodeImage(png(plainPNG, with: wrong), path: "p")
            #expect(decoded.warnings.count == 1 && decoded.metadata.pngColor == nil)
        }
    }

    @Test(arguments: [50, 5000]) func textsInAPNGHaveNoNUL(_ length: Int) throws {
        for isUTF8 in [true, false] {
            let word = Array((isUTF8 ? "Été" : "Ete").utf8)
            let filling = [UInt8](repeating: 0x61, count: length)
            let comment = filling + [0] + word + [0, 0]
            let file = jpeg(plainJPEG, with: segment(0xFE, comment))
            let decoded = try decodeImage(file, path: "p")
            #expect(decoded.metadata.texts.first?.isUTF8 == isUTF8)
            #expect(decoded.metadata.losses(in: .jpeg) == [])
            let losses = decoded.metadata.losses(in: .png)
            #expect(losses.count == 1 && losses[0].contains("NUL"))
            let (bytes, again) = try rewritten(decoded, as: .png)
            #expect(again.metadata.texts.first?.value == filling + [0x20] + word)
            let name = isUTF8 ? "iTXt" : length > 1000 ? "zTXt" : "tEXt"
            #expect(try PNGFile(bytes).names.contains(name))
            #expect(try rewritten(decoded, as: .jpeg).1.metadata.texts == decoded.metadata.texts)
        }
        // A NUL at the end only says where that is.
        let ended = ImageMetadata(texts: [.init(keyword: [0x61], isUTF8: true, value: [0x62, 0])])
        #expect(ended.losses(in: .png) == [])
    }
}
