import RestoreImage
import TestSupport
import Testing

@Suite struct SampleRegionTests {
    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func grayOfAnyRectangle(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        let image = Image.random(width: 7, height: 5, layout, bitDepth: bitDepth, seed: 71)
        let colors = image.floats()
        for region in [image.bounds, ImageRegion(x: 2, y: 1, width: 4, height: 3)] {
            for (pixelStride, extra) in [(1, 0), (2, 0), (3, 5)] {
                let rowStride = region.width * pixelStride + extra
                var found = [Float](repeating: -1, count: region.height * rowStride)
                var expected = found
                image.copySamples(
                    of: region, channels: 1, to: &found, pixelStride: pixelStride, rowStride: rowStride)
                for y in 0..<region.height {
                    for x in 0..<region.width {
                        let pixel = 3 * ((region.y + y) * 7 + region.x + x)
                        let luma = 0.299 * colors[pixel] + 0.587 * colors[pixel + 1] + 0.114 * colors[pixel + 2]
                        expected[y * rowStride + x * pixelStride] =
                            layout.colorChannelCount == 1 ? colors[pixel] : luma
                    }
                }
                expectSameBits(found, expected, "\(layout), \(region)")
            }
        }
    }

    @Test(arguments: Image.ChannelLayout.allCases)
    func colorIsThatOfCopyColors(_ layout: Image.ChannelLayout) {
        let image = Image.random(width: 7, height: 5, layout, bitDepth: 8, seed: 72)
        var found = [Float](repeating: -1, count: 3 * 35)
        image.copySamples(of: image.bounds, channels: 3, to: &found)
        #expect(found == image.floats())
    }

    /// Rows longer than a piece, and colors of another space.
    @Test func wideRowsAndOtherSpaces() {
        var decoded = DecodedImage(
            image: .random(width: 2500, height: 2, .rgb, bitDepth: 16, seed: 73), format: .png,
            metadata: ImageMetadata(pngColor: .init(gamma: 100_000)))
        decoded.adoptColorSpace()
        let colors = decoded.image.floats()
        var found = [Float](repeating: -1, count: 5000)
        decoded.image.copySamples(of: decoded.image.bounds, channels: 1, to: &found)
        expectSameBits(
            found, (0..<5000).map { Luma.of(colors[3 * $0], colors[3 * $0 + 1], colors[3 * $0 + 2]) }, "luma")
    }

    @Test func lumaOfWhiteIsWhite() {
        #expect(Luma.of(1.0 as Float, 1, 1) == 1 && abs(Luma.of(1.0, 1.0, 1.0) - 1) < 1e-15)
        #expect(Luma.weights == [0.299, 0.587, 0.114])
    }
}
