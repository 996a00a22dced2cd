import Glibc
import ModelTestSupport
import RestoreImage
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct GaussianNoiseTests {
    private static let side = 300

    /// The noise on a constant picture: found less expected, in units of 1/255, three channels a pixel.
    private func noise(
        sigma: Double, _ layout: Image.ChannelLayout = .rgb, bitDepth: Int = 8, seed: UInt64 = 2
    ) -> [Double] {
        let image = Image(width: Self.side, height: Self.side, channelLayout: layout, bitDepth: bitDepth)
        var generator = SeededGenerator(seed: seed)
        return GaussianNoise(sigma: sigma).noisyColors(of: image, generator: &generator).map { Double($0) * 255 }
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    private func channel(_ values: [Double], _ index: Int) -> [Double] {
        stride(from: index, to: values.count, by: 3).map { values[$0] }
    }

    private func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let (ma, mb) = (mean(a), mean(b))
        let covariance = mean(zip(a, b).map { ($0 - ma) * ($1 - mb) })
        return covariance / (mean(a.map { ($0 - ma) * ($0 - ma) }) * mean(b.map { ($0 - mb) * ($0 - mb) })).squareRoot()
    }

    @Test(arguments: [1, 15, 25, 50])
    func theMomentsAreThoseOfANormalDistribution(sigma: Double) {
        let values = noise(sigma: sigma)
        let count = Double(values.count)
        // Five standard errors of each.
        #expect(abs(mean(values)) < 5 * sigma / count.squareRoot())
        let variance = mean(values.map { $0 * $0 })
        #expect(abs(variance / (sigma * sigma) - 1) < 5 * (2 / count).squareRoot())
        let skewness = mean(values.map { pow($0 / sigma, 3) })
        #expect(abs(skewness) < 5 * (15 / count).squareRoot())
        let kurtosis = mean(values.map { pow($0 / sigma, 4) })
        #expect(abs(kurtosis - 3) < 5 * (96 / count).squareRoot())
    }

    @Test func channelsAndNeighborsAreIndependent() {
        let values = noise(sigma: 25)
        let channels = (0..<3).map { channel(values, $0) }
        let bound = 5 / Double(channels[0].count).squareRoot()
        #expect(abs(correlation(channels[0], channels[1])) < bound)
        #expect(abs(correlation(channels[0], channels[2])) < bound)
        #expect(abs(correlation(channels[1], channels[2])) < bound)
        for distance in [1, 2, Self.side] {
            let shifted = Array(channels[0].dropFirst(distance))
            #expect(abs(correlation(Array(channels[0].dropLast(distance)), shifted)) < bound, "\(distance)")
        }
    }

    @Test(arguments: [Image.ChannelLayout.gray, .grayAlpha])
    func aGrayPictureGetsOneNoise(layout: Image.ChannelLayout) {
        let values = noise(sigma: 25, layout)
        #expect(channel(values, 0) == channel(values, 1) && channel(values, 0) == channel(values, 2))
        let variance = mean(values.map { $0 * $0 })
        #expect(abs(variance / 625 - 1) < 0.05)
    }

    @Test func theSeedDecidesEverything() {
        #expect(noise(sigma: 25, seed: 7) == noise(sigma: 25, seed: 7))
        #expect(noise(sigma: 25, seed: 7) != noise(sigma: 25, seed: 8))
    }

    @Test func theUnitIsThatOf8BitsWhateverTheDepth() {
        let (eight, sixteen) = (noise(sigma: 25), noise(sigma: 25, bitDepth: 16))
        #expect(eight == sixteen)
    }

    @Test func noNoiseLeavesTheColors() {
        let image = Image.scene(width: 31, height: 17)
        var generator = SeededGenerator(seed: 1)
        expectSameBits(
            GaussianNoise(sigma: 0).noisyColors(of: image, generator: &generator), image.colors, "sigma 0")
    }

    @Test func otherFloatsOfAPixelAreNotTouched() {
        var generator = SeededGenerator(seed: 1)
        var values = [Float](repeating: 7, count: 5 * 100)
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            GaussianNoise(sigma: 25).add(to: base, pixelCount: 100, pixelStride: 5, generator: &generator)
        }
        for pixel in 0..<100 {
            #expect(values[5 * pixel] != 7 && values[5 * pixel + 1] != 7 && values[5 * pixel + 2] != 7)
            #expect(values[5 * pixel + 3] == 7 && values[5 * pixel + 4] == 7)
        }
    }

    // MARK: Clipping

    @Test func colorsAreNotClipped() {
        let values = noise(sigma: 25)
        let below = values.filter { $0 < 0 }.count
        #expect(abs(Double(below) / Double(values.count) - 0.5) < 0.01)
    }

    /// Noise on black: half of it is lost, and what is left has the mean of a half-normal distribution, halved.
    @Test(arguments: [8, 16])
    func degradedPicturesAreClippedAndRounded(bitDepth: Int) throws {
        let black = Image(width: Self.side, height: Self.side, channelLayout: .rgb, bitDepth: bitDepth)
        var generator = SeededGenerator(seed: 3)
        let degraded = try GaussianNoise(sigma: 25).degrade(black, generator: &generator)
        #expect(degraded.bitDepth == bitDepth)
        let unit = Double(degraded.maximumSample) / 255
        let found = mean(degraded.values.map { Double($0) }) / unit
        #expect(abs(found - 25 / (2 * Double.pi).squareRoot()) < 0.2)
        let zeros = Double(degraded.values.filter { $0 == 0 }.count) / Double(degraded.sampleCount)
        #expect(abs(zeros - 0.5) < 0.02)
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func degradingKeepsLayoutDepthAndAlpha(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = Image.scene(width: 37, height: 23, layout, bitDepth: bitDepth)
        var generator = SeededGenerator(seed: 4)
        let degraded = try GaussianNoise(sigma: 10).degrade(image, generator: &generator)
        #expect((degraded.width, degraded.height, degraded.channelLayout) == (37, 23, layout))
        #expect(degraded.bitDepth == bitDepth)
        #expect(degraded.alpha == image.alpha)
        let error = try meanSquaredError(degraded, image).squareRoot() * 255 / Double(image.maximumSample)
        #expect(abs(error - 10) < 1.5)
    }

    /// What is degraded is what the floats say: noisy colors, clipped and rounded.
    @Test func degradingIsRoundingTheNoisyColors() throws {
        let image = Image.scene(width: 37, height: 23)
        var (first, second) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
        let noise = GaussianNoise(sigma: 40)
        let degraded = try noise.degrade(image, generator: &first)
        #expect(try image.withColors(noise.noisyColors(of: image, generator: &second)) == degraded)
    }

    @Test func colorsThatAreNotFiniteAreNoPicture() {
        let image = Image(width: 2, height: 1, channelLayout: .rgb)
        #expect(throws: NonFinitePixel.self) { try image.withColors([0, 0, 0, 0, .nan, 0]) }
    }
}
