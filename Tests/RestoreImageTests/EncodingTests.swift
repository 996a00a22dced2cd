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
        // One red column: with halved chroma its color runs into the neighbors.
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

    @Test func jpegOfGrayStaysGray() throws {
        let image = Image(
            width: 9, height: 9, channelLayout: .gray, samples: .uint8([UInt8](repeating: 77, count: 81)))
        let bytes = try encodeImage(image, as: ImageEncoding(format: .jpeg), path: "a.jpg")
        #expect(try decodeImage(bytes, path: "a.jpg").image == image)
    }

    @Test func sixteenBitsAreRoundedForJPEG() throws {
        let words = (0...65535).map { UInt16($0) }
        let image = Image(width: 256, height: 256, channelLayout: .gray, samples: .uint16(words))
        let expected = words.map { Int((Double($0) * 255 / 65535).rounded()) }
        #expect(image.roundedTo8Bits().values == expected)
        let encoding = ImageEncoding(format: .jpeg)
        #expect(
            try encodeImage(image, as: encoding, path: "a")
                == encodeImage(image.roundedTo8Bits(), as: encoding, path: "a"))
    }

    /// Alpha that says nothing is no obstacle, and the file is that of the picture without it.
    @Test(arguments: [Image.ChannelLayout.grayAlpha, .rgbAlpha], [8, 16])
    func opaqueAlphaIsLeftOutOfAJPEG(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let random = Image.random(width: 37, height: 21, layout, bitDepth: bitDepth, seed: 5)
        let (channels, colors) = (layout.channelCount, layout.colorChannelCount)
        func image(_ values: [Int], _ layout: Image.ChannelLayout) -> Image {
            let samples: Image.Samples =
                bitDepth == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0) })
            return Image(width: 37, height: 21, channelLayout: layout, samples: samples)
        }
        var values = random.values
        for pixel in 0..<(37 * 21) { values[(pixel + 1) * channels - 1] = random.maximumSample }
        let opaque = image(values, layout)
        let plain = image(
            values.enumerated().filter { $0.offset % channels < colors }.map(\.element), colors == 1 ? .gray : .rgb)
        let jpeg = ImageEncoding(format: .jpeg)
        #expect(opaque.isOpaque && plain.isOpaque)
        #expect(try encodeImage(opaque, as: jpeg, path: "a") == encodeImage(plain, as: jpeg, path: "a"))
        let png = try encodeImage(opaque, as: ImageEncoding(format: .png), path: "a")
        #expect(try decodeImage(png, path: "a").image == opaque)
        // One pixel that is a step from opaque is enough.
        for pixel in [0, 20 * 37 + 3, 37 * 21 - 1] {
            var faint = values
            faint[(pixel + 1) * channels - 1] -= 1
            #expect(!image(faint, layout).isOpaque)
            #expect(throws: ImageError.self) { try encodeImage(image(faint, layout), as: jpeg, path: "a") }
        }
    }

    /// What is planned for is what libjpeg takes: 2 bytes for each stored sample, in whole blocks.
    @Test func coefficientsAreCounted() throws {
        func bytes(
            _ width: Int, _ height: Int, _ layout: Image.ChannelLayout = .rgb, _ change: (inout ImageEncoding) -> Void
        ) -> Int {
            var encoding = ImageEncoding(format: .jpeg)
            change(&encoding)
            return encoding.workingBytes(for: Image(width: width, height: height, channelLayout: layout))
        }
        #expect(bytes(17, 8) { _ in } == 24 * 8 * 3 * 2)
        #expect(bytes(17, 8) { $0.jpegQuality = 80 } == 32 * 16 * 3)
        #expect(bytes(17, 8, .gray) { _ in } == 24 * 8 * 2)
        #expect(bytes(17, 8, .rgbAlpha) { _ in } == 24 * 8 * 3 * 2)
        #expect(bytes(17, 8) { $0.format = .png } == 0)
        // Beyond 64 MiB it is not worth its memory.
        #expect(bytes(4096, 2728) { _ in } > 0 && bytes(4096, 2736) { _ in } == 0)
        let parts = [(4, 1), (1, 1), (1, 1)].map {
            JPEGParameters.Component(horizontalSampling: $0, verticalSampling: $1, tableIndex: 0)
        }
        var parameters = JPEGParameters(quantizationTables: [[UInt16](repeating: 1, count: 64)], components: parts)
        #expect(bytes(33, 9) { $0.jpegParameters = parameters } == 0)
        parameters.optimizesCodes = true
        #expect(bytes(33, 9) { $0.jpegParameters = parameters } == 2 * 2 * 6 * 128)
        (parameters.optimizesCodes, parameters.isProgressive) = (false, true)
        #expect(bytes(33, 9) { $0.jpegParameters = parameters } == 2 * 2 * 6 * 128)
        // They do not fit, and the quality holds.
        #expect(bytes(33, 9, .gray) { $0.jpegParameters = parameters } == 40 * 16 * 2)
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
        let alpha = Image(width: 1, height: 1, channelLayout: .grayAlpha)
        let long = Image(width: 65501, height: 1, channelLayout: .gray)
        #expect(
            reason(alpha, ImageEncoding(format: .jpeg))
                == "p: cannot be encoded: JPEG does not support transparency; use PNG")
        #expect(
            reason(long, ImageEncoding(format: .jpeg))
                == "p: cannot be encoded: a JPEG has at most 65500 pixels per side, found 65501×1")
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
