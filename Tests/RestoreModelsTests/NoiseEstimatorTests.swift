import RestoreModels
import RestoreNN
import Testing

/// A picture made by rule, in units of 1/255, interleaved.
private struct Picture {
    var width = 240
    var height = 180
    var channels = 3
    var values: [Float] = []

    /// - Parameter value: at x, y, channel.
    init(width: Int = 240, height: Int = 180, channels: Int = 3, value: (Int, Int, Int) -> Double) {
        self.width = width
        self.height = height
        self.channels = channels
        values.reserveCapacity(width * height * channels)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<channels { values.append(Float(value(x, y, channel))) }
            }
        }
    }

    static func flat(_ level: Double, width: Int = 240, height: Int = 180, channels: Int = 3) -> Picture {
        Picture(width: width, height: height, channels: channels) { _, _, _ in level }
    }

    /// A slope, with texture of the size of a grain of sand and the same in all channels on the right half.
    static func textured(channels: Int = 3) -> Picture {
        var generator = SeededGenerator(seed: 7)
        let grain = (0..<240 * 180).map { _ in 30 * generator.normal() }
        return Picture(channels: channels) { x, y, channel in
            let slope = 70 + 0.3 * Double(x) + 0.2 * Double(y) + 10 * Double(channel)
            return x < 120 ? slope : slope + grain[y * 240 + x]
        }
    }

    /// With noise: `separate` for each value, `common` for each pixel.
    func noisy(_ separate: Double, common: Double = 0, seed: UInt64 = 1) -> Picture {
        var generator = SeededGenerator(seed: seed)
        var picture = self
        for pixel in 0..<width * height {
            let shared = common * generator.normal()
            for index in pixel * channels..<(pixel + 1) * channels {
                picture.values[index] += Float(separate * generator.normal() + shared)
            }
        }
        return picture
    }

    /// Weighted 1 2 1 along rows and columns, as a lens would blur it.
    var smoothed: Picture {
        let weights = [0.25, 0.5, 0.25]
        return Picture(width: width, height: height, channels: channels) { x, y, channel in
            var sum = 0.0
            for (dy, weightY) in zip([height - 1, 0, 1], weights) {
                for (dx, weightX) in zip([width - 1, 0, 1], weights) {
                    let pixel = (y + dy) % height * width + (x + dx) % width
                    sum += weightY * weightX * Double(values[pixel * channels + channel])
                }
            }
            return sum
        }
    }

    /// As an 8-bit file would hold it.
    var stored: Picture {
        var picture = self
        picture.values = values.map { min(255, max(0, $0.rounded())) }
        return picture
    }

    var estimate: Double {
        values.map { $0 / 255 }.withUnsafeBufferPointer {
            NoiseEstimator().estimate($0, width: width, height: height, channels: channels)
        }
    }
}

@Suite struct NoiseEstimatorTests {
    @Test(arguments: [1, 3], [0.3, 2.0, 10.0, 25.0, 50.0])
    func findsNoiseOnAFlatPicture(channels: Int, sigma: Double) {
        let estimate = Picture.flat(128, channels: channels).noisy(sigma).estimate
        #expect(abs(estimate - sigma) < 0.03 * sigma)
    }

    @Test(arguments: [1, 3], [2.0, 10.0, 25.0])
    func textureIsNotTakenForNoise(channels: Int, sigma: Double) {
        let estimate = Picture.textured(channels: channels).noisy(sigma).estimate
        #expect(abs(estimate - sigma) < 0.05 * sigma)
    }

    @Test(arguments: [1, 3])
    func aCleanPictureHasNoNoise(channels: Int) {
        #expect(Picture.textured(channels: channels).estimate < 0.2)
        #expect(Picture.flat(128, channels: channels).estimate == 0)
        let drawing = Picture(channels: channels) { x, y, _ in (x / 30 + y / 25) % 2 == 0 ? 20 : 220 }
        #expect(drawing.estimate < 0.2)
    }

    /// Eight bits add rounding, of variance 1/12, and clip what lies beyond black and white.
    @Test(arguments: [1, 3], [1.0, 5.0, 15.0, 25.0])
    func clippedNoiseIsPassedOver(channels: Int, sigma: Double) {
        // A third black, a third of grays, a third white.
        let picture = Picture(channels: channels) { x, y, _ in x < 80 ? 0 : x < 160 ? 120 + 0.1 * Double(y) : 255 }
        let estimate = picture.noisy(sigma).stored.estimate
        let expected = (sigma * sigma + 1.0 / 12).squareRoot()
        #expect(abs(estimate - expected) < 0.05 * expected)
    }

    /// Letterbox bars, black or not, take up two thirds.
    @Test(arguments: [0.0, 16.0, 128.0, 255.0])
    func constantAreasArePassedOver(level: Double) {
        var picture = Picture.textured().noisy(10)
        for y in 0..<180 where !(60..<120).contains(y) {
            for index in y * 720..<(y + 1) * 720 { picture.values[index] = Float(level) }
        }
        #expect(abs(picture.stored.estimate - 10) < 0.8)
    }

    /// A gray picture stored as color, and one whose chroma was smoothed.
    @Test(arguments: [0.0, 1.0], [5.0, 20.0])
    func noiseThatChannelsShareIsFound(separate: Double, common: Double) {
        let estimate = Picture.flat(128).noisy(separate, common: common).estimate
        #expect(abs(estimate - common) < 0.05 * common)
    }

    /// Grass, say: rough everywhere, the same in all channels, in fine detail and more so in coarse.
    @Test func commonTextureIsNotTakenForCommonNoise() {
        let grass = Picture.flat(128).noisy(0, common: 150).smoothed.noisy(0, common: 8, seed: 2)
        #expect(grass.estimate < 0.5)
        #expect(abs(grass.noisy(5, seed: 3).estimate - 5) < 0.25)
    }

    @Test(arguments: [1, 3])
    func everySizeHasAnAnswer(channels: Int) {
        for width in [1, 2, 3, 7, 8, 9, 15, 16, 17, 40] {
            for height in [1, 2, 3, 8, 15, 16, 33] {
                let picture = Picture.flat(128, width: width, height: height, channels: channels).noisy(10)
                let estimate = picture.estimate
                #expect(estimate.isFinite && estimate >= 0 && estimate < 40, "\(width)×\(height)")
                if min(width, height) < 3 { #expect(estimate == 0, "\(width)×\(height)") }
                if min(width, height) >= 15 { #expect(abs(estimate - 10) < 3.5, "\(width)×\(height)") }
            }
        }
        #expect(Picture.flat(0, width: 0, height: 0, channels: channels).estimate == 0)
    }

    @Test(arguments: [1, 3])
    func largePicturesAreSampled(channels: Int) {
        let picture = Picture(width: 1600, height: 1200, channels: channels) { x, y, _ in
            60 + 0.05 * Double(x) + 0.05 * Double(y)
        }
        #expect(abs(picture.noisy(12).estimate - 12) < 0.2)
    }

    @Test func valuesThatAreNotFiniteArePassedOver() {
        var picture = Picture.flat(128).noisy(10)
        for index in stride(from: 0, to: picture.values.count, by: 4001) { picture.values[index] = .nan }
        picture.values[5] = .infinity
        #expect(abs(picture.estimate - 10) < 0.5)
        picture.values = picture.values.map { _ in .nan }
        #expect(picture.estimate == 0)
    }

    @Test func theSamePictureHasTheSameAnswer() {
        let picture = Picture.textured().noisy(15)
        let first = picture.estimate
        #expect((0..<3).allSatisfy { _ in picture.estimate == first })
    }
}
