import RestoreConcurrency
import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import Testing

/// RGB or gray floats in 0…1 with noise of several kinds.
private struct NoisyPicture {
    let width: Int
    let height: Int
    let channels: Int
    var values: [Float]

    /// Slopes of several tones, and texture that the channels share in the right half.
    init(width: Int = 320, height: Int = 240, channels: Int = 3) {
        (self.width, self.height, self.channels) = (width, height, channels)
        var generator = SeededGenerator(seed: 31)
        values = []
        for y in 0..<height {
            for x in 0..<width {
                let texture = 2 * x < width ? 0 : 0.1 * generator.normal()
                for channel in 0..<channels {
                    let slope = 0.15 + 0.7 * Double(y) / Double(height) + 0.03 * Double(channel)
                    values.append(Float(slope + texture))
                }
            }
        }
    }

    /// White noise, of a standard deviation (of 255) that may depend on the tone, 0…1.
    func white(seed: UInt64 = 32, _ sigma: (Double) -> Double) -> NoisyPicture {
        var generator = SeededGenerator(seed: seed)
        var picture = self
        for index in values.indices {
            picture.values[index] += Float(generator.normal() * sigma(Double(values[index])) / 255)
        }
        return picture
    }

    /// Noise with grains of some pixels, each channel's its own, of the deviation `sigma`: white noise, weighted along rows and
    /// columns.
    func grainy(_ sigma: Double, weights: [Double] = [1, 2, 1]) -> NoisyPicture {
        var generator = SeededGenerator(seed: 33)
        let noise = values.map { _ in generator.normal() }
        func at(_ x: Int, _ y: Int, _ channel: Int) -> Double {
            noise[(y % height * width + x % width) * channels + channel]
        }
        let scale = sigma / 255 / weights.reduce(0) { $0 + $1 * $1 }
        var picture = self
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<channels {
                    var sum = 0.0
                    for (dy, rowWeight) in weights.enumerated() {
                        for (dx, weight) in weights.enumerated() {
                            sum += rowWeight * weight * at(x + dx, y + dy, channel)
                        }
                    }
                    picture.values[(y * width + x) * channels + channel] += Float(sum * scale)
                }
            }
        }
        return picture
    }

    /// As an 8-bit file would hold it.
    var stored: NoisyPicture {
        var picture = self
        picture.values = values.map { (min(1, max(0, $0)) * 255).rounded() / 255 }
        return picture
    }

    func measured(_ pool: WorkerPool = .serial) -> NoiseMeasurement {
        values.withUnsafeBufferPointer {
            NoiseEstimator(pool: pool).measure($0, width: width, height: height, channels: channels)
        }
    }

    var kind: NoiseKind { measured().kind }
}

@Suite struct NoiseKindTests {
    @Test(arguments: [1, 3], [3.0, 5, 10, 15, 25, 50])
    func whiteNoiseIsGaussian(channels: Int, sigma: Double) {
        let picture = NoisyPicture(channels: channels).white { _ in sigma }
        #expect(picture.kind == .gaussian)
        #expect(picture.stored.kind == .gaussian)
    }

    @Test(arguments: [1, 3])
    func aCleanPictureIsGaussianAndHasNoNoise(channels: Int) {
        let clean = NoisyPicture(channels: channels)
        for picture in [clean, clean.stored] {
            let measured = picture.measured()
            #expect(measured.kind == .gaussian && measured.sigma < 0.5, "\(measured)")
        }
    }

    @Test(arguments: [4.0, 8, 20])
    func grainsOfSomePixelsAreAPhotographs(sigma: Double) {
        let picture = NoisyPicture().grainy(sigma)
        #expect(picture.kind == .photo)
        #expect(picture.stored.kind == .photo)
    }

    @Test func grayGrainsAreAPhotographs() {
        #expect(NoisyPicture(channels: 1).grainy(10, weights: [1, 1]).stored.kind == .photo)
    }

    /// As counted photons have it: three times as strong in the light as in the dark.
    @Test(arguments: [3.0, 6, 12])
    func noiseThatDependsOnTheToneIsAPhotographs(sigma: Double) {
        #expect(NoisyPicture().white { sigma * (0.4 + $0) }.stored.kind == .photo)
        // Nearly the same everywhere.
        #expect(NoisyPicture().white { sigma * (0.95 + 0.1 * $0) }.stored.kind == .gaussian)
    }

    /// Smooth areas have the noise of rounding, and flat ones have not.
    @Test func roundingIsNoPhotographsNoise() {
        let scene = Image.scene(width: 320, height: 240)
        #expect(NoiseEstimator().measure(scene).kind == .gaussian)
        #expect(NoiseEstimator().measure(.scene(width: 320, height: 240, .gray)).kind == .gaussian)
    }

    /// Clipping takes noise away near black and white, which is no dependence on the tone.
    @Test(arguments: [10.0, 25, 50])
    func clippedNoiseIsGaussian(sigma: Double) {
        var picture = NoisyPicture()
        picture.values = picture.values.map { 1.6 * $0 - 0.3 }
        #expect(picture.white { _ in sigma }.stored.kind == .gaussian)
    }

    /// A drawing has patches without any noise, and sharp colored edges.
    @Test func aDrawingIsGaussian() {
        var picture = NoisyPicture()
        for y in 0..<picture.height {
            for x in 0..<picture.width {
                let isLine = x % 40 < 3 || y % 30 < 2
                for channel in 0..<3 {
                    picture.values[(y * picture.width + x) * 3 + channel] = isLine ? 0.3 * Float(channel) : 0.8
                }
            }
        }
        #expect(picture.measured() == NoiseMeasurement(sigma: 0, kind: .gaussian))
    }

    /// Gray pictures are judged alike however they are stored.
    @Test func grayStoredAsColorIsGray() {
        for gray in [NoisyPicture(channels: 1).white { _ in 15 }, NoisyPicture(channels: 1).grainy(10)] {
            var color = NoisyPicture(width: gray.width, height: gray.height)
            color.values = gray.values.flatMap { [$0, $0, $0] }
            #expect(color.kind == gray.kind)
        }
    }

    @Test func theLevelIsThatOfTheEstimate() {
        for picture in [NoisyPicture().white { _ in 12 }, NoisyPicture().grainy(10), NoisyPicture(channels: 1)] {
            let estimate = picture.values.withUnsafeBufferPointer {
                NoiseEstimator().estimate(
                    $0, width: picture.width, height: picture.height, channels: picture.channels)
            }
            #expect(picture.measured().sigma == estimate)
        }
    }

    @Test(arguments: [1, 3])
    func everySizeHasAnAnswer(channels: Int) {
        for width in [1, 7, 15, 16, 17, 33, 100] {
            for height in [1, 8, 16, 31, 32] {
                let picture = NoisyPicture(width: width, height: height, channels: channels).grainy(10)
                let measured = picture.measured()
                // Texture and the noise of grains of 10 together are about 17; below 16 pixels the kind cannot be told.
                #expect(measured.sigma >= 0 && measured.sigma < 20, "\(width)×\(height): \(measured)")
                if min(width, height) < 16 { #expect(measured.kind == .gaussian, "\(width)×\(height)") }
                if min(width, height) == 1 { #expect(measured.sigma == 0, "\(width)×\(height)") }
            }
        }
        #expect(NoisyPicture(width: 0, height: 0, channels: channels).kind == .gaussian)
    }

    @Test func valuesThatAreNotFiniteArePassedOver() {
        var picture = NoisyPicture().grainy(10)
        for index in stride(from: 0, to: picture.values.count, by: 9001) { picture.values[index] = .nan }
        picture.values[7] = .infinity
        #expect(picture.kind == .photo)
        picture.values = picture.values.map { _ in .nan }
        #expect(picture.measured() == NoiseMeasurement(sigma: 0, kind: .gaussian))
    }

    @Test func theAnswerDoesNotDependOnTheWorkers() {
        for picture in [NoisyPicture().grainy(6), NoisyPicture().white { 8 * (0.5 + $0) }] {
            let expected = picture.measured()
            for workers in [2, 5] {
                #expect(picture.measured(WorkerPool(workerCount: workers)) == expected, "\(workers) workers")
            }
        }
    }

    /// Above 4 megapixels pieces are looked at.
    @Test func largePicturesAreMeasuredAsSmallOnes() throws {
        func image(_ picture: NoisyPicture) -> Image {
            Image(
                width: picture.width, height: picture.height, channelLayout: .rgb,
                samples: .uint8(picture.stored.values.map { UInt8(($0 * 255).rounded()) }))
        }
        let large = NoisyPicture(width: 2400, height: 1900)
        #expect(NoiseEstimator().measure(image(large.grainy(10))).kind == .photo)
        let white = NoiseEstimator().measure(image(large.white { _ in 10 }))
        #expect(white.kind == .gaussian && abs(white.sigma - 10) < 0.1, "\(white)")
    }
}
