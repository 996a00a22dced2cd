import RestoreImage
import Testing

@Suite struct ColorMetricsTests {
    private func image(_ pixels: [[UInt8]]) -> Image {
        Image(width: pixels.count, height: 1, channelLayout: .rgb, samples: .uint8(pixels.flatMap { $0 }))
    }

    /// By hand: R − G is 255 and −255, (R + G)/2 − B is 127.5 twice.
    @Test func colorfulnessIsThatOfThePaper() {
        let pair = image([[255, 0, 0], [0, 255, 0]])
        #expect(abs(colorfulness(pair) - (255 + 0.3 * 127.5)) < 1e-3)
        #expect(colorfulness(image([[9, 9, 9], [200, 200, 200]])) < 1e-4)
    }

    @Test func accuracyCountsPixelsWithinTheLimits() throws {
        let truth = image([[120, 120, 120], [120, 120, 120], [120, 120, 120], [10, 200, 30]])
        // One level of gray is 0.4 of L*; ten are 4, between the limits of 2 and 5; the last is another color.
        let found = image([[120, 120, 120], [121, 121, 121], [130, 130, 130], [200, 10, 30]])
        #expect(try colorAccuracy(found, truth, percent: 2) == 0.5)
        #expect(try colorAccuracy(found, truth, percent: 5) == 0.75)
        #expect(throws: ImageComparisonError.self) {
            try colorAccuracy(found, image([[1, 2, 3]]), percent: 2)
        }
    }

    @Test(arguments: [8, 16]) func grayIsTheLuma(bits: Int) throws {
        let values = (0..<(4 * 200)).map { $0 * 7919 % (1 << bits) }
        let samples: Image.Samples = bits == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0) })
        let color = Image(width: 20, height: 10, channelLayout: .rgbAlpha, samples: samples)
        let gray = color.inGray()
        #expect(gray.channelLayout == .grayAlpha && gray.bitDepth == bits)
        let (source, found) = (color.colors, gray.colors)
        for pixel in 0..<color.pixelCount {
            let luma = Luma.of(source[3 * pixel], source[3 * pixel + 1], source[3 * pixel + 2])
            #expect(abs(found[3 * pixel] - luma) <= 0.501 / Float(color.maximumSample))
        }
        #expect(gray.inGray() == gray)
    }
}

@Suite struct ChromaHistogramTests {
    private func histogram(_ colors: [[UInt8]]) -> ChromaHistogram {
        var result = ChromaHistogram()
        result.add(
            Image(width: colors.count, height: 1, channelLayout: .rgb, samples: .uint8(Array(colors.joined()))))
        return result
    }

    @Test func theDistanceIsTheShareThatDiffers() throws {
        let (red, blue, gray, white): ([UInt8], [UInt8], [UInt8], [UInt8]) = (
            [250, 0, 0], [0, 0, 250], [90, 90, 90], [255, 255, 255]
        )
        let one = histogram([red, blue, gray, gray])
        #expect(try #require(one.distance(to: one)) == 0)
        #expect(try #require(one.distance(to: histogram([red, blue, white, gray]))) == 0, "without luma")
        #expect(abs(try #require(one.distance(to: histogram([red, red, gray, gray]))) - 0.25) < 1e-9)
        #expect(abs(try #require(histogram([red]).distance(to: histogram([blue, blue]))) - 1) < 1e-9)
        #expect(one.distance(to: ChromaHistogram()) == nil)
    }
}
