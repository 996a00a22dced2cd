import Foundation
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Files that break a rule of their format and look right in nearly every viewer: they are read, with a warning.
@Suite struct BrokenRuleTests {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// A PNG of 4×2 pixels with one row of samples, which is repeated.
    private func file(colorType: UInt8, bitDepth: UInt8 = 8, _ chunks: [UInt8], row: [UInt8]) -> [UInt8] {
        let header = bigEndian(4) + bigEndian(2) + [bitDepth, colorType, 0, 0, 0]
        let pixels = deflated([0] + row + [0] + row)
        return Self.signature + chunk("IHDR", header) + chunks + chunk("IDAT", pixels) + chunk("IEND", [])
    }

    private let palette = chunk("PLTE", [10, 20, 30, 40, 50, 60])

    /// The first row of samples, after a warning that names what is wrong.
    private func read(_ bytes: [UInt8], warning: String) throws -> [Int] {
        let decoded = try decodeImage(bytes, path: "p")
        #expect(decoded.warnings.count == 1 && decoded.warnings[0].contains(warning), "\(decoded.warnings)")
        #expect(decoded.coded == nil, "the file would have the fault again")
        let tolerant = try decodeImage(bytes, path: "p", tolerant: true)
        #expect(tolerant.image == decoded.image)
        return Array(decoded.image.values.prefix(decoded.image.values.count / 2))
    }

    /// As libpng, and with it browsers, ImageMagick and others: such transparency does not count.
    @Test func transparencyThatBreaksTheRulesDoesNotCount() throws {
        let rgba: [UInt8] = [1, 2, 3, 200, 4, 5, 6, 0, 7, 8, 9, 255, 1, 2, 3, 4]
        let none = chunk("tRNS", [0, 1, 0, 2, 0, 3])
        #expect(try read(file(colorType: 6, none, row: rgba), warning: "tRNS") == rgba.map { Int($0) })
        let grayAlpha: [UInt8] = [1, 200, 2, 0, 3, 255, 1, 4]
        let gray = chunk("tRNS", [0, 1])
        #expect(try read(file(colorType: 4, gray, row: grayAlpha), warning: "tRNS") == grayAlpha.map { Int($0) })
        let indices: [UInt8] = [0, 1, 1, 0]
        let colors = [10, 20, 30, 40, 50, 60, 40, 50, 60, 10, 20, 30]
        let long = chunk("tRNS", [9, 9, 9])
        for chunks in [palette + long, palette + chunk("tRNS", []), chunk("tRNS", [0, 128]) + palette] {
            #expect(try read(file(colorType: 3, chunks, row: indices), warning: "tRNS") == colors)
        }
        #expect(
            try read(file(colorType: 0, chunk("tRNS", [0, 1, 2]), row: [1, 2, 3, 1]), warning: "tRNS") == [1, 2, 3, 1])
    }

    @Test func theFirstOfSeveralTransparenciesCounts() throws {
        let colors = [10, 20, 30, 7, 40, 50, 60, 255, 40, 50, 60, 255, 10, 20, 30, 7]
        for second: [UInt8] in [[7], [8, 9]] {
            let chunks = palette + chunk("tRNS", [7]) + chunk("tRNS", second)
            #expect(try read(file(colorType: 3, chunks, row: [0, 1, 1, 0]), warning: "duplicate") == colors)
        }
    }

    /// Only the bits that the samples have count.
    @Test func transparencyOfASampleOutOfRange() throws {
        let chunks = chunk("tRNS", [1, 2])
        #expect(
            try read(file(colorType: 0, chunks, row: [1, 2, 3, 2]), warning: "out-of-range")
                == [1, 255, 2, 0, 3, 255, 2, 0])
    }

    @Test func indicesWithoutAColorAreBlack() throws {
        #expect(
            try read(file(colorType: 3, palette, row: [0, 1, 2, 255]), warning: "palette")
                == [10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0])
        let transparent = palette + chunk("tRNS", [7])
        #expect(
            try read(file(colorType: 3, transparent, row: [0, 1, 2, 255]), warning: "palette")
                == [10, 20, 30, 7, 40, 50, 60, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    }

    /// Bytes that are damaged remain an error.
    @Test func damagedTransparencyIsRejected() throws {
        let chunks = palette + chunk("tRNS", [7], isIntact: false)
        #expect(throws: ImageError.self) {
            try decodeImage(file(colorType: 3, chunks, row: [0, 1, 1, 0]), path: "p")
        }
    }

    @Test func theHeaderComesFirst() throws {
        let right = file(colorType: 0, [], row: [1, 2, 3, 4])
        let wrong = Self.signature + chunk("tEXt", Array("a\0b".utf8)) + right[8...]
        let unknown = Self.signature + chunk("prVt", [1]) + right[8...]
        for bytes in [wrong, unknown] {
            #expect(throws: ImageError.self) { try decodeImage(bytes, path: "p") }
        }
        let tolerant = try decodeImage(unknown, path: "p", tolerant: true)
        #expect(tolerant.image.values == [1, 2, 3, 4, 1, 2, 3, 4])
        #expect(tolerant.warnings == ["the first chunk is not IHDR"])
    }

    // MARK: JPEG without its end marker

    private static let kinds = [
        "testorig", "progressive-restart", "scans-apart", "optimized", "gray", "restart-every-block",
    ]

    @Test(arguments: kinds) func aJPEGThatLacksOnlyItsEndIsComplete(_ name: String) throws {
        let bytes = try readFile(Fixtures.path("jpeg/\(name).jpg"))
        #expect(bytes.suffix(2) == [0xFF, 0xD9])
        let whole = try decodeImage(bytes, path: "p")
        for missing in 1...2 {
            let decoded = try decodeImage(bytes.dropLast(missing), path: "p")
            #expect(decoded.image == whole.image && decoded.jpeg == whole.jpeg, "\(missing) missing")
            #expect(decoded.warnings == ["the end marker is missing; nothing else is"], "\(decoded.warnings)")
        }
        // The pixels as they are coded, with the marker.
        let decoded = try decodeImage(bytes.dropLast(2), path: "p")
        let coded = try #require(decoded.coded)
        let again = try decodeImage(coded.bytes(with: decoded.metadata), path: "p")
        #expect(again.image == whole.image && again.warnings == [])
        // A byte less, and a bit of the last block is missing.
        #expect(throws: ImageError.self) { try decodeImage(bytes.dropLast(3), path: "p") }
    }

    /// As phones append them.
    @Test func whatFollowsAMissingEndIsReported() throws {
        let bytes = try readFile(Fixtures.path("jpeg/testorig.jpg"))
        let trailer = [0, 0, 0x30, 0x0A, 0x10, 0, 0, 0] + Array(String(repeating: "trailer ", count: 300).utf8)
        let decoded = try decodeImage(bytes.dropLast(2) + trailer, path: "p")
        #expect(try decoded.image == decodeImage(bytes, path: "p").image)
        #expect(decoded.warnings.count == 2 && decoded.warnings[0].hasPrefix("the end marker is missing"))
        #expect(decoded.warnings[1].hasPrefix("data after the image is not kept"), "\(decoded.warnings)")
    }

    /// Cut off between two scans: every pixel is there, but not as it should be.
    @Test func aProgressiveFileNeedsEveryScan() throws {
        for name in ["progressive-restart", "scans-apart"] {
            let bytes = try readFile(Fixtures.path("jpeg/\(name).jpg"))
            let scans = (0..<bytes.count - 1).filter { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }
            #expect(scans.count > 2)
            for scan in scans {
                #expect(throws: ImageError.self, "\(name) up to \(scan)") {
                    try decodeImage(Array(bytes[..<scan]), path: "p")
                }
            }
        }
    }

    /// An arithmetic decoder does not notice what is missing.
    @Test func arithmeticCodingNeedsItsEnd() throws {
        let bytes = try readFile(Fixtures.path("jpeg/arithmetic.jpg"))
        #expect(throws: ImageError.self) { try decodeImage(bytes.dropLast(2), path: "p") }
    }
}
