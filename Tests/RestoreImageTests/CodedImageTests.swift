import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Files written with the pixels of another file, as that codes them.
@Suite struct CodedImageTests {
    /// Every kind of PNG keeps its kind, and all pictures their samples and metadata.
    @Test(arguments: ["pngsuite", "images/formats", "jpeg"])
    func aFileKeepsKindPixelsAndMetadata(_ folder: String) throws {
        let files = try listFilesRecursively(Fixtures.path(folder), extensions: ImageFormat.allFileExtensions)
        var count = 0
        for file in files {
            let bytes = try readFile(file)
            // Damaged files, and inks.
            guard let decoded = try? decodeImage(bytes, path: file),
                !decoded.warnings.contains(where: { $0.contains("CMYK") })
            else { continue }
            let coded = try #require(decoded.coded, "\(file)")
            let again = try decodeImage(coded.bytes(with: decoded.metadata), path: file)
            #expect(again.image == decoded.image, "\(file)")
            #expect(again.metadata == decoded.metadata && again.jpeg == decoded.jpeg, "\(file)")
            if decoded.format == .png { #expect(coded.bytes(with: decoded.metadata)[16..<29] == bytes[16..<29]) }
            let stripped = try decodeImage(coded.bytes(with: decoded.metadata.stripped), path: file)
            #expect(stripped.image == decoded.image && stripped.metadata == decoded.metadata.stripped, "\(file)")
            count += 1
        }
        #expect(count >= 20)
    }

    /// With any metadata the file is the one that `encodeImage` made, byte for byte.
    @Test(arguments: ["all.jpg", "all.png", "regions.jpg"]) func metadataAreThoseOfAnyOtherFile(name: String) throws {
        let decoded = try readImage(Fixtures.path("metadata/\(name)"))
        var encoding = ImageEncoding(format: decoded.format)
        encoding.jpegParameters = decoded.jpeg
        let variants = [decoded.metadata, decoded.metadata.stripped, ImageMetadata()]
        let files = try variants.map { try encodeImage(decoded.image, metadata: $0, as: encoding, path: name) }
        for file in files {
            let coded = try #require(decodeImage(file, path: name).coded)
            for (metadata, expected) in zip(variants, files) { #expect(coded.bytes(with: metadata) == expected) }
        }
    }

    /// Inks, turned pictures and parts of damaged ones are not what their files code.
    @Test func onlyWhatAFileCodesIsTakenFromIt() throws {
        #expect(try readImage(Fixtures.path("images/formats/cmyk-adobe.jpg")).coded == nil)
        #expect(try readImage(Fixtures.path("corrupt/jpeg-truncated.jpg"), tolerant: true).coded == nil)
        #expect(try readImage(Fixtures.path("corrupt/png-too-few-rows.png"), tolerant: true).coded == nil)
        #expect(try readImage(Fixtures.path("images/formats/baseline-420.jpg"), tolerant: true).coded != nil)
        let image = Image.random(width: 20, height: 12, .rgb, bitDepth: 8, seed: 1)
        for orientation: UInt8 in [1, 6] {
            let exif: [UInt8] = [
                0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0,
            ]
            for format in ImageFormat.allCases {
                let bytes = try encodeImage(
                    image, metadata: ImageMetadata(exif: exif), as: ImageEncoding(format: format), path: "x")
                #expect(try (decodeImage(bytes, path: "x").coded == nil) == (orientation == 6))
            }
        }
    }

    /// What follows the image, further pictures for instance, is not copied.
    @Test(arguments: ImageFormat.allCases) func whatFollowsTheImageIsLeftOut(format: ImageFormat) throws {
        let image = Image.random(width: 30, height: 20, .rgb, bitDepth: 8, seed: 2)
        let bytes = try encodeImage(image, as: ImageEncoding(format: format), path: "x")
        let decoded = try decodeImage(bytes + bytes, path: "x")
        let coded = try #require(decoded.coded)
        #expect(coded.bytes(with: decoded.metadata) == bytes)
        #expect(coded.byteCount == 2 * bytes.count)
    }
}
