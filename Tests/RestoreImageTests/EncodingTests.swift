import Foundation
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct EncodingTests {
    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func pngKeepsEverySample(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        for (width, height, compression) in [(1, 1, 6), (7, 5, 0), (64, 3, 9), (3, 100, 1)] {
            let image = Image.random(width: width, height: height, layout, bitDepth: bitDepth, seed: 3)
            let encoding = ImageEncoding(format: .png, pngCompression: compression)
            let bytes = try encodeImage(image, as: encoding, path: "a.png")
            #expect(try decodeImage(bytes, path: "a.png") == DecodedImage(image: image, format: .png))
        }
    }

    @Test func encodingTwiceGivesTheSameBytes() throws {
        let image = Image.random(width: 40, height: 30, .rgb, bitDepth: 8, seed: 4)
        for format in ImageFormat.allCases {
            let encoding = ImageEncoding(format: format)
            #expect(
                try encodeImage(image, as: encoding, path: "a") == encodeImage(image, as: encoding, path: "a")
            )
        }
    }

    @Test func jpegStaysCloseToThePicture() throws {
        let original = try readImage(Fixtures.path("images/formats/baseline-444.jpg")).image
        var last = 0.0
        for quality in [10, 50, 89, 90, 95, 100] {
            let encoding = ImageEncoding(format: .jpeg, jpegQuality: quality)
            let bytes = try encodeImage(original, as: encoding, path: "a.jpg")
            let back = try decodeImage(bytes, path: "a.jpg").image
            let ratio = try peakSignalToNoiseRatio(original, back)
            #expect(ratio > last)
            last = ratio
        }
        #expect(last > 45)
    }

    @Test func jpegKeepsColorResolutionFromQuality90() throws {
        // One red column: with halved chroma its colour runs into the neighbours.
        var values = [UInt8](repeating: 128, count: 32 * 32 * 3)
        for row in 0..<32 {
            values.replaceSubrange((row * 32 + 15) * 3..<(row * 32 + 16) * 3, with: [255, 0, 0])
        }
        let image = Image(width: 32, height: 32, channelLayout: .rgb, samples: .uint8(values))
        func errorAt(_ quality: Int) throws -> Double {
            let bytes = try encodeImage(
                image, as: ImageEncoding(format: .jpeg, jpegQuality: quality), path: "a")
            return try meanSquaredError(image, decodeImage(bytes, path: "a").image)
        }
        #expect(try errorAt(90) * 5 < errorAt(89))
    }

    @Test func jpegOfGreyStaysGrey() throws {
        let image = Image(
            width: 9, height: 9, channelLayout: .grey, samples: .uint8([UInt8](repeating: 77, count: 81)))
        let bytes = try encodeImage(image, as: ImageEncoding(format: .jpeg), path: "a.jpg")
        #expect(try decodeImage(bytes, path: "a.jpg").image == image)
    }

    @Test func sixteenBitsAreRoundedForJPEG() throws {
        let words = (0...65535).map { UInt16($0) }
        let image = Image(width: 256, height: 256, channelLayout: .grey, samples: .uint16(words))
        let expected = words.map { Int((Double($0) * 255 / 65535).rounded()) }
        #expect(image.roundedTo8Bits().values == expected)
        let encoding = ImageEncoding(format: .jpeg)
        #expect(
            try encodeImage(image, as: encoding, path: "a")
                == encodeImage(image.roundedTo8Bits(), as: encoding, path: "a"))
    }

    @Test func refusesWhatTheFormatCannotStore() throws {
        func reason(_ image: Image, _ encoding: ImageEncoding) -> String {
            do throws(ImageError) {
                _ = try encodeImage(image, as: encoding, path: "p")
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        let pixel = Image(width: 1, height: 1, channelLayout: .rgb)
        let alpha = Image(width: 1, height: 1, channelLayout: .greyAlpha)
        let long = Image(width: 65501, height: 1, channelLayout: .grey)
        #expect(
            reason(alpha, ImageEncoding(format: .jpeg))
                == "p: cannot be encoded: a JPEG has no transparency; store it as PNG")
        #expect(
            reason(long, ImageEncoding(format: .jpeg))
                == "p: cannot be encoded: a JPEG has at most 65500 pixels a side, found 65501×1")
        #expect(reason(long, ImageEncoding(format: .png)) == "no error")
        for quality in [0, 101, Int.max] {
            #expect(reason(pixel, ImageEncoding(format: .jpeg, jpegQuality: quality)).hasPrefix("p: cannot"))
        }
        for compression in [-1, 10, Int.min] {
            #expect(
                reason(pixel, ImageEncoding(format: .png, pngCompression: compression)).hasPrefix("p: cannot")
            )
        }
    }

    @Test func writesFilesByTheirExtension() throws {
        let folder = NSTemporaryDirectory() + "restore-image-" + UUID().uuidString
        try makeDirectory(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let image = Image.random(width: 8, height: 8, .rgb, bitDepth: 8, seed: 5)
        for (name, format) in [("a.PNG", ImageFormat.png), ("b.jpg", .jpeg), ("c.jpeg", .jpeg)] {
            let path = joinPath(folder, name)
            try writeImage(image, to: path, overwrite: false)
            #expect(try readImage(path).format == format)
            #expect(throws: ImageError.file(.alreadyExists(path: path))) {
                try writeImage(image, to: path, overwrite: false)
            }
            try writeImage(image, to: path, encoding: ImageEncoding(format: .png), overwrite: true)
            #expect(try readImage(path) == DecodedImage(image: image, format: .png))
        }
        let unknown = joinPath(folder, "a.webp")
        #expect(throws: ImageError.unknownExtension(path: unknown)) {
            try writeImage(image, to: unknown, overwrite: false)
        }
        #expect(pathKind(unknown) == .missing)
    }

    @Test func knowsFormatsByExtensionAndContent() {
        #expect(ImageFormat.forPath("x/y.JPG") == .jpeg)
        #expect(ImageFormat.forPath("png") == nil)
        #expect(ImageFormat.detect([0xFF, 0xD8, 0xFF]) == .jpeg)
        #expect(ImageFormat.detect([0xFF, 0xD8]) == nil)
        #expect(ImageFormat.detect([]) == nil)
        #expect(ImageFormat.allFileExtensions.isSuperset(of: ["png", "jpg", "jpeg"]))
    }
}
