import RestoreImage
import TestSupport
import Testing

@Suite struct MetricTests {
    /// Computed by scikit-image 0.26.0: Fixtures/golden/image_metrics.py.
    struct Golden: Sendable {
        let width: Int
        let height: Int
        let layout: Image.ChannelLayout
        let bitDepth: Int
        let psnr: Double
        let ssim: Double
    }

    static let golden = [
        Golden(
            width: 61, height: 47, layout: .gray, bitDepth: 8, psnr: 31.785774346815803,
            ssim: 0.9765488111716295),
        Golden(
            width: 61, height: 47, layout: .rgb, bitDepth: 8, psnr: 31.803064522505128,
            ssim: 0.9908397997703537),
        Golden(
            width: 61, height: 47, layout: .rgb, bitDepth: 16, psnr: 31.803064522505128,
            ssim: 0.9908397997703537),
        Golden(
            width: 11, height: 11, layout: .gray, bitDepth: 8, psnr: 31.81703685085507,
            ssim: 0.9608661070846783),
        Golden(
            width: 90, height: 12, layout: .rgb, bitDepth: 8, psnr: 31.818026095604782,
            ssim: 0.9913539442146859),
    ]

    @Test(arguments: golden)
    func agreesWithScikitImage(_ golden: Golden) throws {
        let (first, second) = pictures(golden)
        #expect(abs(try peakSignalToNoiseRatio(first, second) - golden.psnr) < 1e-9)
        #expect(abs(try structuralSimilarity(first, second) - golden.ssim) < 1e-9)
        #expect(try structuralSimilarity(second, first) == structuralSimilarity(first, second))
    }

    @Test func alphaDoesNotCount() throws {
        let (first, second) = pictures(Self.golden[1])
        let (firstAlpha, secondAlpha) = (withAlpha(first, 3), withAlpha(second, 200))
        #expect(try meanSquaredError(firstAlpha, secondAlpha) == meanSquaredError(first, second))
        #expect(try meanSquaredError(firstAlpha, second) == meanSquaredError(first, second))
        #expect(try structuralSimilarity(firstAlpha, secondAlpha) == structuralSimilarity(first, second))
    }

    @Test func equalPicturesAreInfinitelyClose() throws {
        for layout in Image.ChannelLayout.allCases {
            let image = Image.random(width: 20, height: 15, layout, bitDepth: 16, seed: 21)
            #expect(try meanSquaredError(image, image) == 0)
            #expect(try peakSignalToNoiseRatio(image, image) == .infinity)
            #expect(abs(try structuralSimilarity(image, image) - 1) < 1e-12)
        }
    }

    @Test func theLargestErrorIsExact() throws {
        for (bitDepth, peak) in [(8, 255.0), (16, 65535.0)] {
            let black = Image(width: 500, height: 300, channelLayout: .rgb, bitDepth: bitDepth)
            var white = black
            try white.setColors(of: white.bounds, from: [Float](repeating: 1, count: black.sampleCount))
            #expect(try meanSquaredError(black, white) == peak * peak)
            #expect(try peakSignalToNoiseRatio(black, white) == 0)
        }
    }

    @Test func refusesWhatCannotBeCompared() throws {
        let image = Image(width: 12, height: 12, channelLayout: .rgb)
        let others: [(Image, ImageComparisonError)] = [
            (Image(width: 12, height: 13, channelLayout: .rgb), .sizesDiffer("12×12", "12×13")),
            (Image(width: 12, height: 12, channelLayout: .grayAlpha), .colorChannelsDiffer(3, 1)),
            (Image(width: 12, height: 12, channelLayout: .rgb, bitDepth: 16), .bitDepthsDiffer(8, 16)),
        ]
        for (other, error) in others {
            #expect(throws: error) { try meanSquaredError(image, other) }
            #expect(throws: error) { try peakSignalToNoiseRatio(image, other) }
            #expect(throws: error) { try structuralSimilarity(image, other) }
        }
        let small = Image(width: 10, height: 20, channelLayout: .gray)
        #expect(throws: ImageComparisonError.tooSmall(width: 10, height: 20, minimum: 11)) {
            try structuralSimilarity(small, small)
        }
    }

    /// The two pictures of image_metrics.py.
    private func pictures(_ golden: Golden) -> (Image, Image) {
        var (first, second): ([Int], [Int]) = ([], [])
        for y in 0..<golden.height {
            for x in 0..<golden.width {
                for c in 0..<golden.layout.channelCount {
                    let checker = (x / 8 + y / 8) % 2 * 60
                    let value = (x * 5 + y * 3 + c * 40 + (x * y) / 16 % 64 + checker) % 256
                    first.append(value)
                    second.append(min(max(value + (x * 31 + y * 17 + c * 7) % 23 - 11, 0), 255))
                }
            }
        }
        func image(_ values: [Int]) -> Image {
            let samples: Image.Samples =
                golden.bitDepth == 8
                ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0 * 257) })
            return Image(
                width: golden.width, height: golden.height, channelLayout: golden.layout, samples: samples)
        }
        return (image(first), image(second))
    }

    private func withAlpha(_ image: Image, _ alpha: UInt8) -> Image {
        var values: [UInt8] = []
        for (index, value) in image.values.enumerated() {
            values.append(UInt8(value))
            if index % 3 == 2 { values.append(alpha) }
        }
        return Image(
            width: image.width, height: image.height, channelLayout: .rgbAlpha, samples: .uint8(values))
    }
}
