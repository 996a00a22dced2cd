import Glibc
import ModelTestSupport
import RestoreImage
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct PhotographNoiseTests {
    private func degraded(
        _ image: Image, _ noise: PhotographNoise = PhotographNoise(), seed: UInt64
    ) throws -> Image {
        var generator = SeededGenerator(seed: seed)
        return try noise.degrade(image, path: "a picture", generator: &generator)
    }

    /// The floats of a picture, degraded in place.
    private func degradedColors(
        of image: Image, pixelStride: Int = 3, isGray: Bool = false, startsAtCorner: Bool = false, seed: UInt64,
        padding: Float = 7
    ) -> [Float] {
        var colors = [Float](repeating: padding, count: pixelStride * image.pixelCount)
        var generator = SeededGenerator(seed: seed)
        colors.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            image.copyColors(of: image.bounds, to: base, pixelStride: pixelStride)
            PhotographNoise().degrade(
                colors: base, width: image.width, height: image.height, pixelStride: pixelStride, isGray: isGray,
                startsAtCorner: startsAtCorner, generator: &generator)
        }
        return colors
    }

    @Test func theSeedDecidesEverything() {
        let image = Image.scene(width: 37, height: 23)
        let results = (0..<20).map { degradedColors(of: image, seed: UInt64($0)) }
        #expect(Set(results).count == 20)
        for (seed, result) in results.enumerated() {
            #expect(degradedColors(of: image, seed: UInt64(seed)) == result, "seed \(seed)")
        }
    }

    @Test func valuesAreThoseOf8Bits() {
        for seed in 0..<30 as Range<UInt64> {
            let colors = degradedColors(of: .scene(width: 16, height: 12), seed: seed)
            #expect(colors.allSatisfy { (0...1).contains($0) && abs(($0 * 255) - ($0 * 255).rounded()) < 1e-4 })
        }
    }

    @Test func otherFloatsOfAPixelAreNotTouched() {
        let image = Image.scene(width: 19, height: 14)
        for seed in 0..<10 as Range<UInt64> {
            let (wide, narrow) = (
                degradedColors(of: image, pixelStride: 5, seed: seed), degradedColors(of: image, seed: seed)
            )
            for pixel in 0..<image.pixelCount {
                #expect(Array(wide[5 * pixel..<5 * pixel + 3]) == Array(narrow[3 * pixel..<3 * pixel + 3]))
                #expect(wide[5 * pixel + 3] == 7 && wide[5 * pixel + 4] == 7)
            }
        }
    }

    @Test func grayStaysGray() {
        let image = Image.scene(width: 25, height: 18, .gray)
        for seed in 0..<20 as Range<UInt64> {
            let colors = degradedColors(of: image, isGray: true, seed: seed)
            for pixel in 0..<image.pixelCount {
                #expect(colors[3 * pixel] == colors[3 * pixel + 1] && colors[3 * pixel] == colors[3 * pixel + 2])
            }
        }
    }

    @Test(arguments: [(1, 1), (1, 20), (7, 5), (33, 2), (64, 64)])
    func anySizeAndAnyBrightness(width: Int, height: Int) {
        for value in [UInt8(0), 1, 128, 254, 255] {
            let samples = [UInt8](repeating: value, count: 3 * width * height)
            let image = Image(width: width, height: height, channelLayout: .rgb, samples: .uint8(samples))
            for seed in 0..<24 as Range<UInt64> {
                let colors = degradedColors(of: image, isGray: seed % 4 == 0, seed: seed)
                #expect(colors.allSatisfy { (0...1).contains($0) }, "\(value), seed \(seed)")
            }
        }
    }

    // MARK: Levels

    @Test func levelsAreTheThirdsOfTheRange() {
        let whole = PhotographNoise().shotLevels
        let levels = PhotographNoise.Level.allCases.map { PhotographNoise(level: $0).shotLevels }
        #expect(levels[0].lowerBound == whole.lowerBound && abs(levels[2].upperBound / whole.upperBound - 1) < 1e-9)
        #expect(levels[0].upperBound == levels[1].lowerBound && levels[1].upperBound == levels[2].lowerBound)
        let ratios = levels.map { $0.upperBound / $0.lowerBound }
        #expect(abs(ratios[0] / ratios[1] - 1) < 1e-9 && abs(ratios[1] / ratios[2] - 1) < 1e-9)
    }

    @Test func higherLevelsAreNoisier() throws {
        let image = Image.scene(width: 64, height: 48)
        let errors = try PhotographNoise.Level.allCases.map { level in
            try (0..<20).reduce(0.0) {
                try $0 + meanSquaredError(degraded(image, PhotographNoise(level: level), seed: $1), image).squareRoot()
            } / 20
        }
        #expect(errors[1] > 1.4 * errors[0] && errors[2] > 1.4 * errors[1], "\(errors)")
        #expect((1...8).contains(errors[0]) && (10...45).contains(errors[2]), "\(errors)")
    }

    // MARK: The picture beneath

    /// The mean over many cameras is the picture: nothing is moved, and no color is changed.
    @Test func nothingMovesAndNoColorChanges() throws {
        let image = Image.scene(width: 64, height: 48)
        let count = 60
        var sums = [Double](repeating: 0, count: image.sampleCount)
        for seed in 0..<count {
            let values = try degraded(image, PhotographNoise(level: .medium), seed: UInt64(seed)).values
            for index in sums.indices { sums[index] += Double(values[index]) }
        }
        let (means, clean) = (sums.map { $0 / Double(count) }, image.values.map { Double($0) })
        for channel in 0..<3 {
            let drift = stride(from: channel, to: sums.count, by: 3).reduce(0) { $0 + means[$1] - clean[$1] }
            #expect(abs(drift) / Double(image.pixelCount) < 1, "channel \(channel)")
        }
        func distance(dx: Int, dy: Int) -> Double {
            var sum = 0.0
            for y in 2..<46 {
                for x in 2..<62 {
                    for c in 0..<3 {
                        let difference = means[3 * ((y + dy) * 64 + x + dx) + c] - clean[3 * (y * 64 + x) + c]
                        sum += difference * difference
                    }
                }
            }
            return sum
        }
        let here = distance(dx: 0, dy: 0)
        let shifts = [(-1, 0), (1, 0), (0, -1), (0, 1)].map { distance(dx: $0.0, dy: $0.1) }
        #expect(shifts.allSatisfy { $0 > 3 * here }, "\(shifts) and \(here)")
        // A shift by half a pixel would make one side better than the other.
        #expect(max(shifts[0], shifts[1]) < 1.2 * min(shifts[0], shifts[1]), "\(shifts)")
        #expect(max(shifts[2], shifts[3]) < 1.2 * min(shifts[2], shifts[3]), "\(shifts)")
    }

    // MARK: Pictures

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func picturesKeepTheirLayoutAndGet8Bits(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = Image.scene(width: 31, height: 22, layout, bitDepth: bitDepth)
        let result = try degraded(image, seed: 3)
        #expect((result.width, result.height, result.channelLayout, result.bitDepth) == (31, 22, layout, 8))
        #expect(result.alpha == image.roundedTo8Bits().alpha)
        #expect(result != image.roundedTo8Bits())
    }

    @Test func aPictureAndItsFloatsBecomeTheSame() throws {
        let image = Image.scene(width: 31, height: 22)
        for seed in 0..<10 as Range<UInt64> {
            let colors = degradedColors(of: image, startsAtCorner: true, seed: seed)
            #expect(try degraded(image, seed: seed).colors == colors)
        }
    }

    @Test func picturesTooWideForJPEGAreNamed() {
        let image = Image(width: PhotographNoise.maximumSide + 1, height: 1, channelLayout: .gray)
        #expect {
            try degraded(image, seed: 1)
        } throws: { error in
            "\(error)".contains("a picture") && "\(error)".contains("\(PhotographNoise.maximumSide)")
        }
        let widest = Image(width: PhotographNoise.maximumSide, height: 1, channelLayout: .gray)
        #expect(throws: Never.self) {
            for seed in 1...6 as ClosedRange<UInt64> { _ = try degraded(widest, seed: seed) }
        }
    }
}
