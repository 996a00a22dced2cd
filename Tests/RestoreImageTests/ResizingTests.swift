import RestoreConcurrency
import RestoreImage
import TestSupport
import Testing

@Suite struct ResizingTests {
    private let pool = WorkerPool(workerCount: 3)
    private static let filters = ResamplingFilter.allCases

    private struct Case: Decodable {
        let width: Int
        let height: Int
        let toWidth: Int
        let toHeight: Int
    }

    private func values(_ count: Int, seed: UInt64, in range: ClosedRange<Float> = 0...1) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in Float.random(in: range, using: &generator) }
    }

    private func mean(_ values: [Float]) -> Double {
        values.reduce(0) { $0 + Double($1) } / Double(values.count)
    }

    // MARK: Floats

    /// Pillow's values: Fixtures/golden/resizing.py.
    @Test(arguments: filters) func agreesWithPillow(_ filter: ResamplingFilter) throws {
        let golden = try GoldenFile("resizing.safetensors")
        let cases = try golden.configuration("cases", as: [Case].self)
        #expect(cases.count > 10)
        for (index, size) in cases.enumerated() {
            let resizing = Resizing(
                fromWidth: size.width, height: size.height, toWidth: size.toWidth, height: size.toHeight,
                filter: filter)
            let input = try golden.file.values(of: "\(index)/input")
            let expected = try golden.file.values(of: "\(index)/\(filter)")
            expectClose(
                resizing.resized(input), expected, "\(filter), \(size)",
                tolerance: Tolerance(absolute: 2e-6, relative: 0))
        }
    }

    /// Every output pixel is the mean of the rectangle that it covers, added up in double precision over all inputs.
    @Test(arguments: [(7, 3), (3, 7), (10, 4), (1, 5), (5, 1), (13, 12), (100, 9)])
    func areaIsTheMeanOfWhatIsCovered(_ input: Int, _ output: Int) {
        let source = values(input, seed: 1)
        let found = Resizing(fromWidth: input, height: 1, toWidth: output, height: 1, filter: .area).resized(source)
        let expected = (0..<output).map { place -> Float in
            let (low, high) = (
                Double(place * input) / Double(output), Double((place + 1) * input) / Double(output)
            )
            var sum = 0.0
            for (x, value) in source.enumerated() {
                sum += Double(value) * max(0, min(high, Double(x + 1)) - max(low, Double(x)))
            }
            return Float(sum / (high - low))
        }
        expectClose(found, expected, "\(input) to \(output)", tolerance: Tolerance(absolute: 1e-6, relative: 0))
    }

    static let sizes: [(Int, Int, Int, Int)] = [
        (1, 1, 1, 1), (1, 1, 5, 3), (9, 7, 1, 1), (33, 21, 17, 40), (64, 48, 13, 11), (3, 200, 3, 31), (5, 5, 160, 170),
    ]

    @Test(arguments: sizes, filters)
    func aConstantStaysConstant(_ size: (Int, Int, Int, Int), _ filter: ResamplingFilter) {
        let resizing = Resizing(
            fromWidth: size.0, height: size.1, toWidth: size.2, height: size.3, filter: filter)
        for channels in [1, 3] {
            let found = resizing.resized(
                [Float](repeating: 0.7, count: size.0 * size.1 * channels), channels: channels)
            expectClose(
                found, [Float](repeating: 0.7, count: size.2 * size.3 * channels), "\(size) \(filter)",
                tolerance: Tolerance(absolute: 1e-6, relative: 0))
        }
    }

    @Test(arguments: sizes) func areaKeepsTheMean(_ size: (Int, Int, Int, Int)) {
        let source = values(size.0 * size.1, seed: 2)
        let found = Resizing(
            fromWidth: size.0, height: size.1, toWidth: size.2, height: size.3, filter: .area
        ).resized(source)
        #expect(abs(mean(found) - mean(source)) < 1e-6)
    }

    @Test(arguments: filters) func theSameSizeIsTheSameValues(_ filter: ResamplingFilter) {
        for (width, height) in [(1, 1), (17, 9), (40, 70)] {
            let source = values(width * height * 2, seed: 3, in: -1...1)
            let resizing = Resizing(
                fromWidth: width, height: height, toWidth: width, height: height, filter: filter)
            expectSameBits(resizing.resized(source, channels: 2), source, "\(width)×\(height)")
        }
    }

    /// Fine stripes come out gray instead of as coarse ones.
    @Test(arguments: filters) func reductionDoesNotAlias(_ filter: ResamplingFilter) {
        let source = (0..<900).map { Float($0 % 2) }
        let found = Resizing(fromWidth: 900, height: 1, toWidth: 100, height: 1, filter: filter).resized(source)
        // Nine pixels hold four or five of a kind.
        for value in found { #expect(abs(value - 0.5) < (filter == .area ? 0.06 : 0.04)) }
    }

    @Test(arguments: filters) func lanczosOvershootsAndAreaDoesNot(_ filter: ResamplingFilter) {
        let source = (0..<20).map { Float($0 < 10 ? 0 : 1) }
        let found = Resizing(fromWidth: 20, height: 1, toWidth: 50, height: 1, filter: filter).resized(source)
        let exceeds = (found.max() ?? 0) > 1.01 && (found.min() ?? 0) < -0.01
        #expect(exceeds == (filter == .lanczos3))
    }

    /// Channels are resized each by itself, wherever they lie.
    @Test(arguments: [1, 2, 3, 4, 5, 8], filters)
    func channelsAndStridesDoNotMatter(_ channels: Int, _ filter: ResamplingFilter) {
        let resizing = Resizing(fromWidth: 23, height: 37, toWidth: 11, height: 50, filter: filter)
        let planes = (0..<channels).map { values(23 * 37, seed: UInt64(10 + $0)) }
        let expected = planes.map { resizing.resized($0) }
        let (sourceRow, targetRow) = (23 * channels + 5, 11 * channels + 3)
        var source = [Float](repeating: .nan, count: 37 * sourceRow)
        for y in 0..<37 {
            for x in 0..<23 {
                for c in 0..<channels { source[y * sourceRow + x * channels + c] = planes[c][y * 23 + x] }
            }
        }
        var target = [Float](repeating: 7, count: 50 * targetRow)
        resizing.resize(
            source, channels: channels, sourceRowStride: sourceRow, to: &target, targetRowStride: targetRow,
            pool: pool)
        for y in 0..<50 {
            let row = target[(y * targetRow)..<((y + 1) * targetRow)]
            #expect(row.suffix(3).allSatisfy { $0 == 7 })
            for c in 0..<channels {
                let own = (0..<11).map { row[row.startIndex + $0 * channels + c] }
                expectClose(
                    own, expected[c][(y * 11)..<((y + 1) * 11)], "channel \(c) of \(channels), row \(y)",
                    tolerance: Tolerance(absolute: 1e-6, relative: 0))
            }
        }
    }

    @Test(arguments: filters) func doesNotDependOnTheRunner(_ filter: ResamplingFilter) {
        let resizing = Resizing(fromWidth: 301, height: 403, toWidth: 170, height: 333, filter: filter)
        let source = values(301 * 403 * 3, seed: 4)
        expectSameBits(
            resizing.resized(source, channels: 3, pool: pool), resizing.resized(source, channels: 3),
            "\(filter)")
    }

    // MARK: Pictures

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func picturesAreResizedLikeFloats(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        for filter in Self.filters {
            let image = Image.random(width: 29, height: 40, layout, bitDepth: bitDepth, seed: 5)
            let found = image.resized(width: 13, height: 57, filter: filter, pool: pool)
            #expect((found.width, found.height) == (13, 57))
            #expect(found.channelLayout == layout && found.bitDepth == bitDepth)
            let (channels, colors) = (layout.channelCount, layout.colorChannelCount)
            let maximum = Float(image.maximumSample)
            var floats = image.values.map { Float($0) / maximum }
            for pixel in 0..<image.pixelCount where layout.hasAlpha {
                for c in 0..<colors { floats[pixel * channels + c] *= floats[pixel * channels + colors] }
            }
            let sums = Resizing(fromWidth: 29, height: 40, toWidth: 13, height: 57, filter: filter).resized(
                floats, channels: channels)
            for (index, value) in found.values.enumerated() {
                let alpha = layout.hasAlpha ? sums[index / channels * channels + colors] : 1
                let isColor = index % channels < colors
                // A faint color is the quotient of two small sums.
                if isColor && alpha < 0.1 { continue }
                let expected = min(max(isColor ? sums[index] / alpha : sums[index], 0), 1) * maximum
                #expect(abs(Float(value) - expected) <= (bitDepth == 8 ? 0.51 : 1), "\(filter) [\(index)]")
            }
        }
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func constantPicturesStayConstant(_ layout: Image.ChannelLayout, _ bitDepth: Int) {
        let pixel = [200, 3, 77, 254].prefix(layout.channelCount).map { bitDepth == 8 ? $0 : $0 * 257 + 1 }
        let count = 31 * 18
        let values = (0..<count).flatMap { _ in pixel }
        let samples: Image.Samples =
            bitDepth == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0) })
        let image = Image(width: 31, height: 18, channelLayout: layout, samples: samples)
        for filter in Self.filters {
            for (width, height) in [(1, 1), (7, 40), (80, 5)] {
                let found = image.resized(width: width, height: height, filter: filter)
                #expect(found.values == (0..<(width * height)).flatMap { _ in pixel }, "\(filter) \(width)×\(height)")
            }
        }
    }

    /// What an editor left under the transparency does not show at the edge, and what is opaque does not either.
    @Test(arguments: [8, 16], filters) func hiddenColorsDoNotBleed(_ bitDepth: Int, _ filter: ResamplingFilter) {
        let maximum = bitDepth == 8 ? 255 : 65535
        // Green where nothing is seen, red elsewhere.
        let values = (0..<(40 * 10)).flatMap { $0 % 40 < 21 ? [0, maximum, 0, 0] : [maximum, 0, 0, maximum] }
        let samples: Image.Samples =
            bitDepth == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0) })
        let image = Image(width: 40, height: 10, channelLayout: .rgbAlpha, samples: samples)
        for (width, height) in [(10, 3), (13, 7), (90, 31)] {
            let found = image.resized(width: width, height: height, filter: filter).values
            for pixel in 0..<(width * height) {
                let color = Array(found[(4 * pixel)..<(4 * pixel + 4)])
                #expect(color[1] == 0 && color[2] == 0)
                #expect(color[0] == (color[3] == 0 ? 0 : maximum))
            }
            #expect(found[3] == 0 && found[4 * width - 1] == maximum)
        }
    }

    @Test func theColorSpaceStays() throws {
        var decoded = DecodedImage(
            image: .random(width: 9, height: 5, .rgb, bitDepth: 8, seed: 6), format: .png,
            metadata: ImageMetadata(pngColor: .init(gamma: 100_000)))
        #expect(decoded.adoptColorSpace() == nil)
        let image = decoded.image
        #expect(image.colorSpace != .sRGB)
        #expect(image.resized(width: 4, height: 4, filter: .area).colorSpace == image.colorSpace)
        #expect(image.resized(width: 9, height: 5, filter: .lanczos3) == image)
    }
}
