import RestoreConcurrency

import RestoreImage
import Testing

/// PNG files are made of strips that are compressed independently, perhaps at the same time.
@Suite struct PNGStripTests {
    static let layouts = Image.ChannelLayout.allCases

    /// Strips hold about this many bytes of rows, each with a byte for its filter.
    static let stripSize = 256 << 10

    /// Tests run at the same time, and a pool serves one caller at a time.
    static var pools: [WorkerPool] { [WorkerPool(workerCount: 2), WorkerPool(workerCount: 5)] }

    @Test(arguments: layouts, [8, 16])
    func keepsEverySampleOfAnySize(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        for (width, height) in [(1, 1), (1, 2), (1, 173), (173, 1), (2, 2), (13, 11), (97, 31), (255, 40)] {
            for content in Content.allCases {
                try checkRoundTrip(content.image(width: width, height: height, layout, bitDepth: bitDepth))
            }
        }
    }

    @Test(arguments: layouts, [8, 16])
    func keepsEverySampleAtTheJoints(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        // Strips of about 20 rows.
        let width = 13_001 / (layout.channelCount * bitDepth / 8)
        let rows = Self.stripSize / (width * layout.channelCount * bitDepth / 8 + 1)
        for height in [rows - 1, rows, rows + 1, 2 * rows - 1, 2 * rows, 2 * rows + 1, 5 * rows + 3] {
            try checkRoundTrip(Content.scene.image(width: width, height: height, layout, bitDepth: bitDepth))
        }
    }

    /// Rows that are longer than a strip, and columns whose strips are many rows.
    @Test func keepsEverySampleOfExtremeShapes() throws {
        for content in Content.allCases {
            for (width, height) in [(50_001, 4), (100_001, 3), (1, 200_001), (3, 70_003)] {
                try checkRoundTrip(content.image(width: width, height: height, .rgb, bitDepth: 8))
            }
        }
    }

    @Test(arguments: [nil] + (0...9).map { $0 as Int? })
    func keepsEverySampleAtAnyLevel(_ level: Int?) throws {
        for content in Content.allCases {
            for (layout, bitDepth) in [(Image.ChannelLayout.rgb, 8), (.grayAlpha, 16)] {
                let image = content.image(width: 461, height: 301, layout, bitDepth: bitDepth)
                try checkRoundTrip(image, level: level)
            }
        }
    }

    /// The data are one zlib stream that ends with the right checksum, and its filters are those of PNG: a reader of the
    /// tests' own, which shares nothing with libpng, finds the pixels.
    @Test(arguments: layouts, [8, 16])
    func isOneStreamOfFilteredRows(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let (width, height) = (13_001 / (layout.channelCount * bitDepth / 8), 45)
        for content in Content.allCases {
            for level in [nil, 0, 6] {
                let image = content.image(width: width, height: height, layout, bitDepth: bitDepth)
                let encoding = ImageEncoding(format: .png, pngCompression: level)
                let file = try PNGFile(
                    encodeImage(image, as: encoding, path: "a.png", pool: WorkerPool(workerCount: 3)))
                #expect(file.names == ["IHDR"] + file.names.dropFirst().dropLast().map { _ in "IDAT" } + ["IEND"])
                #expect(file.names.count == 5)
                #expect(try file.samples() == image.values, "\(content), level \(String(describing: level))")
            }
        }
    }

    /// What repeats itself across a joint is found there. Half a strip of noise, over and over: without the bytes before it
    /// every strip would hold its first occurrence.
    @Test func looksBackAcrossJoints() throws {
        // Rows of noise that repeat after 8 rows, 24 KiB, in strips of 87.
        let noise = Image.random(width: 1000, height: 8, .rgb, bitDepth: 8, seed: 31)
        guard case .uint8(let values) = noise.samples else { return }
        let repeats = 120
        let samples = (0..<repeats).flatMap { _ in values }
        let image = Image(width: 1000, height: 8 * repeats, channelLayout: .rgb, samples: .uint8(samples))
        let strips = (8 * repeats - 1) / (Self.stripSize / 3001) + 1
        let bytes = try encodeImage(image, as: ImageEncoding(format: .png, pngCompression: 6), path: "a.png")
        // One occurrence takes 24 KB: a strip that begins anew, at least as much.
        #expect(strips > 8 && bytes.count < 24_000 * strips / 2, "\(bytes.count) bytes in \(strips) strips")
    }

    /// Run lengths for a photograph's noise, which nothing makes smaller; the search for repetitions for a drawing.
    @Test func choosesByContent() throws {
        func size(_ image: Image, _ level: Int?) throws -> Int {
            try encodeImage(image, as: ImageEncoding(format: .png, pngCompression: level), path: "a.png").count
        }
        let scene = Content.scene.image(width: 1200, height: 800, .rgb, bitDepth: 8)
        let drawing = Content.drawing.image(width: 1200, height: 800, .rgb, bitDepth: 8)
        #expect(try size(scene, nil) != size(scene, 6))
        #expect(try Double(size(scene, nil)) < 1.04 * Double(size(scene, 6)))
        #expect(try Double(size(drawing, nil)) < 1.04 * Double(size(drawing, 6)))
        // The filters do their work: a photograph without them, or with one only, is larger.
        #expect(try Double(size(scene, nil)) < 0.75 * Double(scene.sampleCount))
    }

    private func checkRoundTrip(_ image: Image, level: Int? = nil) throws {
        let encoding = ImageEncoding(format: .png, pngCompression: level)
        let what =
            "\(image.width)×\(image.height) \(image.channelLayout), \(image.bitDepth) bits, level \(level ?? -1)"
        let bytes = try encodeImage(image, as: encoding, path: "a.png")
        #expect(try decodeImage(bytes, path: "a.png").image == image, "\(what)")
        for pool in Self.pools {
            let same = try encodeImage(image, as: encoding, path: "a.png", pool: pool) == bytes
            #expect(same, "\(what)")
        }
    }
}
