import RestoreConcurrency
import RestoreImage
import Testing

@Suite struct ColorRegionTests {
    static let layouts = Image.ChannelLayout.allCases

    /// Every rectangle of a small picture, compared with the definition pixel by pixel.
    @Test(arguments: layouts, [8, 16])
    func copiesAnyRectangle(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        let image = Image.random(width: 5, height: 4, layout, bitDepth: bitDepth, seed: 11)
        let values = image.values
        for region in regions(of: image) {
            for (pixelStride, extra) in [(3, 0), (4, 0), (3, 2), (5, 7)] {
                let rowStride = region.width * pixelStride + extra
                var floats = [Float](repeating: -1, count: region.height * rowStride)
                image.copyColors(of: region, to: &floats, pixelStride: pixelStride, rowStride: rowStride)
                var expected = [Float](repeating: -1, count: floats.count)
                for y in 0..<region.height {
                    for x in 0..<region.width {
                        let pixel = ((region.y + y) * image.width + region.x + x) * layout.channelCount
                        for channel in 0..<3 {
                            let sample = values[pixel + (layout.colorChannelCount == 3 ? channel : 0)]
                            expected[y * rowStride + x * pixelStride + channel] =
                                Float(sample) / Float(image.maximumSample)
                        }
                    }
                }
                #expect(floats == expected, "\(region), strides \(pixelStride) and \(rowStride)")
            }
        }
    }

    @Test(arguments: layouts, [8, 16])
    func replacesAnyRectangleAndNothingElse(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let image = Image.random(width: 5, height: 4, layout, bitDepth: bitDepth, seed: 12)
        var generator = SeededGenerator(seed: 13)
        for region in regions(of: image) {
            for (pixelStride, extra) in [(3, 0), (4, 0), (3, 2), (5, 7)] {
                let rowStride = region.width * pixelStride + extra
                // What stands between the pixels must not be read: NaN there is no error.
                var floats = [Float](repeating: .nan, count: region.height * rowStride)
                var expected = image.values
                for y in 0..<region.height {
                    for x in 0..<region.width {
                        let color = (0..<3).map { _ in Float.random(in: -0.2...1.2, using: &generator) }
                        let start = y * rowStride + x * pixelStride
                        floats.replaceSubrange(start..<start + 3, with: color)
                        let pixel = ((region.y + y) * image.width + region.x + x) * layout.channelCount
                        let written =
                            layout.colorChannelCount == 3 ? color : [(color[0] + color[1] + color[2]) / 3]
                        for (channel, value) in written.enumerated() {
                            expected[pixel + channel] = nearest(value, image.maximumSample)
                        }
                    }
                }
                var changed = image
                try changed.setColors(
                    of: region, from: floats, pixelStride: pixelStride, rowStride: rowStride)
                #expect(changed.values == expected, "\(region), strides \(pixelStride) and \(rowStride)")
            }
        }
    }

    @Test(arguments: layouts, [8, 16])
    func everySampleSurvivesTheRoundTrip(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let count = 65536 * layout.channelCount
        let samples: Image.Samples =
            bitDepth == 8
            ? .uint8((0..<count).map { UInt8(truncatingIfNeeded: $0) })
            : .uint16((0..<count).map { UInt16(truncatingIfNeeded: $0) })
        let image = Image(width: 256, height: 256, channelLayout: layout, samples: samples)
        for pixelStride in [3, 4] {
            var floats = [Float](repeating: 0, count: image.pixelCount * pixelStride)
            image.copyColors(of: image.bounds, to: &floats, pixelStride: pixelStride)
            var copy = image
            try copy.setColors(of: image.bounds, from: floats, pixelStride: pixelStride)
            #expect(copy == image)
        }
    }

    @Test func roundsHalvesUpAndClamps() throws {
        let values: [Float] = [0.5 / 255, 1.5 / 255, 2.4999 / 255, 254.5 / 255, -1, 2, 1, 0, -0.0]
        let expected = values.map { nearest($0, 255) }
        #expect(expected[4...] == [0, 255, 255, 0, 0])
        var image = Image(width: 3, height: 1, channelLayout: .rgb)
        try image.setColors(of: image.bounds, from: values)
        #expect(image.values == expected)
        // Halves that floats hold exactly: 127.5 of 255 and 32767.5 of 65535.
        for (bitDepth, half) in [(8, 128), (16, 32768)] {
            var image = Image(width: 1, height: 1, channelLayout: .rgb, bitDepth: bitDepth)
            try image.setColors(of: image.bounds, from: [0.5, 0.5, 0.5])
            #expect(image.values == [half, half, half])
        }
    }

    @Test(arguments: layouts, [Float.nan, -.nan, .signalingNaN, .infinity, -.infinity])
    func refusesWhatIsNotFinite(_ layout: Image.ChannelLayout, _ value: Float) throws {
        let original = Image.random(width: 9, height: 6, layout, bitDepth: 8, seed: 14)
        let region = ImageRegion(x: 2, y: 1, width: 6, height: 4)
        for pixelStride in [3, 4] {
            for channel in 0..<3 {
                var floats = [Float](repeating: 0.5, count: 6 * 4 * pixelStride)
                floats[(2 * 6 + 5) * pixelStride + channel] = value
                floats[(3 * 6 + 1) * pixelStride + channel] = value
                var image = original
                do throws(NonFinitePixel) {
                    try image.setColors(of: region, from: floats, pixelStride: pixelStride)
                    Issue.record("\(value) was written")
                } catch {
                    #expect(error.x == 7 && error.y == 3)
                }
                let untouched = 3 * 9 * layout.channelCount
                #expect(image.values[untouched...] == original.values[untouched...])
            }
        }
    }

    /// Rows of 1201 pixels in tasks of 6, beginning and ending inside the picture; with a value that is not finite, too.
    /// Work enough that other threads than the caller's come to it.
    @Test(arguments: layouts, [8, 16])
    func workersDoNotMatter(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        let original = Image.random(width: 1211, height: 730, layout, bitDepth: bitDepth, seed: 15)
        let region = ImageRegion(x: 4, y: 9, width: 1201, height: 703)
        var generator = SeededGenerator(seed: 16)
        var floats = (0..<(1201 * 703 * 3)).map { _ in Float.random(in: -0.1...1.1, using: &generator) }
        func written(_ workers: Int) -> (image: Image, failure: NonFinitePixel?) {
            var image = original
            do throws(NonFinitePixel) {
                try image.setColors(of: region, from: floats, pool: WorkerPool(workerCount: workers))
            } catch {
                return (image, error)
            }
            return (image, nil)
        }
        for fails in [false, true] {
            if fails { floats[3 * (450 * 1201 + 17) + 1] = .infinity }
            let expected = written(1)
            #expect(expected.failure.map { [$0.x, $0.y] } == (fails ? [4 + 17, 9 + 450] : nil))
            #expect(expected.image != original)
            for workers in [2, 3, 8] {
                let found = written(workers)
                #expect(found.image == expected.image && found.failure == expected.failure, "\(workers) workers")
            }
        }
    }

    /// Writing a tile must not copy the picture: a hundred thousand of them would take minutes.
    @Test(.timeLimit(.minutes(1))) func writesTilesInPlace() throws {
        var image = Image(width: 4000, height: 4000, channelLayout: .rgb, bitDepth: 16)
        let floats = [Float](repeating: 1, count: 12)
        for index in 0..<100_000 {
            let region = ImageRegion(x: index % 3999, y: index / 30, width: 2, height: 2)
            try image.setColors(of: region, from: floats)
        }
        #expect(image.values.contains(65535))
    }

    private func regions(of image: Image) -> [ImageRegion] {
        var regions: [ImageRegion] = []
        for y in 0..<image.height {
            for x in 0..<image.width {
                for height in 1...image.height - y {
                    for width in 1...image.width - x {
                        regions.append(ImageRegion(x: x, y: y, width: width, height: height))
                    }
                }
            }
        }
        return regions
    }

    private func nearest(_ value: Float, _ maximum: Int) -> Int {
        let scaled = min(max(value, 0), 1) * Float(maximum)
        return Int(scaled.rounded(.toNearestOrAwayFromZero))
    }
}
