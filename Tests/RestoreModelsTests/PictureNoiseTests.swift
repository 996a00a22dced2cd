import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN
import Testing

/// The noise estimate of pictures of all kinds and sizes, those that are sampled among them.
@Suite struct PictureNoiseTests {
    /// A gray ramp with Gaussian noise of `sigma`.
    private func noisy(
        width: Int, height: Int, _ layout: Image.ChannelLayout = .gray, bitDepth: Int = 8, sigma: Double
    ) -> Image {
        var generator = SeededGenerator(seed: 8)
        let unit = bitDepth == 8 ? 1.0 : 257.0
        let count = width * height
        var samples = [UInt16](repeating: 0, count: count * layout.channelCount)
        samples.withUnsafeMutableBufferPointer { samples in
            for pixel in 0..<count {
                let base = 90 + 60 * Double(pixel % width) / Double(width)
                for channel in 0..<layout.channelCount {
                    let isAlpha = channel == layout.colorChannelCount
                    let value = isAlpha ? Double(pixel % 256) : base + sigma * generator.normal()
                    samples[pixel * layout.channelCount + channel] = UInt16((max(0, value) * unit).rounded())
                }
            }
        }
        let stored: Image.Samples = bitDepth == 8 ? .uint8(samples.map { UInt8($0) }) : .uint16(samples)
        return Image(width: width, height: height, channelLayout: layout, samples: stored)
    }

    /// Above 4 megapixels pieces are sampled: of wide, tall, square and thin pictures.
    @Test(arguments: [(2400, 2100), (20_000, 300), (300, 20_000), (25_000, 180), (180, 25_000)])
    func largePicturesAreEstimatedAsWellAsSmallOnes(width: Int, height: Int) {
        let estimate = NoiseEstimator().estimate(noisy(width: width, height: height, sigma: 12))
        // Off by a thousandth at most; half a percent is what another seed makes of it.
        #expect(abs(estimate / 12 - 1) < 0.005, "\(width)×\(height): \(estimate)")
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func everyLayoutAndDepthHasTheSameUnit(layout: Image.ChannelLayout, bitDepth: Int) {
        let image = noisy(width: 256, height: 192, layout, bitDepth: bitDepth, sigma: 20)
        let estimate = NoiseEstimator().estimate(image)
        // Off by 0.06 to 0.09.
        #expect(abs(estimate - 20) < 0.14, "\(estimate)")
    }

    /// The very same number, however many do the work and in whatever order: of a picture with rows of patches alone to
    /// share out, of one with several blocks of values and of patches, too, and of one that is sampled in pieces.
    @Test(arguments: [Image.ChannelLayout.gray, .rgb], [(30, 40), (333, 251), (2400, 2100)])
    func theEstimateDoesNotDependOnTheWorkers(_ layout: Image.ChannelLayout, _ size: (Int, Int)) {
        let image = noisy(width: size.0, height: size.1, layout, sigma: 9)
        let estimate = NoiseEstimator(pool: .serial).estimate(image)
        for workers in [2, 3, 5] {
            let pool = WorkerPool(workerCount: workers)
            #expect(NoiseEstimator(pool: pool).estimate(image) == estimate, "\(workers) workers")
        }
    }

    @Test(arguments: [(1, 1), (1, 300), (300, 1), (2, 2), (15, 17), (256, 256)])
    func aConstantPictureHasNoNoise(width: Int, height: Int) {
        let estimate = NoiseEstimator().estimate(Image(width: width, height: height, channelLayout: .rgb))
        #expect(estimate == 0)
    }

    /// Nothing can be said of lines. Of 45 values or 114 around which others lie, the estimate is that of noise of 30
    /// within a spread of 5.2 and 2.2 (of all noise, 30 / √(2n), and more since neighbors have values in common): 43.8
    /// and 30.5.
    @Test(arguments: [(1, 1, 0...0), (1, 300, 0...0), (7, 5, 15...46), (40, 3, 22...38)])
    func tinyNoisyPicturesGiveAnEstimateThatCanBeUsed(width: Int, height: Int, range: ClosedRange<Double>) {
        let estimate = NoiseEstimator().estimate(noisy(width: width, height: height, .rgb, sigma: 30))
        #expect(range.contains(estimate), "\(estimate)")
    }
}
