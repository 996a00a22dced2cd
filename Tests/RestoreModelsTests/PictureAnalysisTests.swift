import Glibc
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

    /// Slopes of several tones, and texture that the channels share in the right half: waves of many lengths.
    init(width: Int = 320, height: Int = 240, channels: Int = 3) {
        (self.width, self.height, self.channels) = (width, height, channels)
        values = []
        for y in 0..<height {
            for x in 0..<width {
                let across = sin(0.7 * Double(x) + 6 * sin(0.09 * Double(y)))
                let down = sin(1.1 * Double(y) + 5 * sin(0.07 * Double(x)))
                let texture = 2 * x < width ? 0 : 0.12 * across * down
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

    func analysis(_ pool: WorkerPool = .serial, compression: CompressionStrength = .none) -> PictureAnalysis {
        values.withUnsafeBufferPointer {
            PictureAnalysis(
                $0, width: width, height: height, channels: channels, compression: compression, pool: pool)
        }
    }

    var kind: NoiseKind { analysis().kind }

    var image: Image {
        let samples = stored.values.map { UInt8(($0 * 255).rounded()) }
        return Image(
            width: width, height: height, channelLayout: channels == 1 ? .gray : .rgb, samples: .uint8(samples))
    }
}

/// What noise a picture has, if any, and what a denoiser is told of it.
@Suite struct PictureAnalysisTests {
    @Test(arguments: [1, 3], [3.0, 5, 10, 15, 25, 50])
    func whiteNoiseIsGaussian(channels: Int, sigma: Double) {
        let picture = NoisyPicture(channels: channels).white { _ in sigma }
        #expect(picture.kind == .gaussian)
        #expect(picture.stored.kind == .gaussian)
    }

    /// Gray texture everywhere hides noise in no difference of channels.
    @Test func noiseIsFoundWithoutAFlatPatch() {
        var picture = NoisyPicture()
        for pixel in 0..<(picture.width * picture.height) {
            let (x, y) = (Double(pixel % picture.width), Double(pixel / picture.width))
            let detail = Float(0.04 * sin(2.1 * x + 4 * sin(0.11 * y)) * sin(1.9 * y + 4 * sin(0.13 * x)))
            for channel in 0..<3 { picture.values[3 * pixel + channel] += detail }
        }
        #expect(picture.stored.kind == .none)
        let analysis = picture.white { _ in 5 }.stored.analysis()
        #expect(analysis.kind == .gaussian && abs(analysis.levels.mean - 5) < 0.3, "\(analysis)")
    }

    @Test(arguments: [1, 3])
    func aCleanPictureHasNoNoise(channels: Int) {
        let clean = NoisyPicture(channels: channels)
        for picture in [clean, clean.stored] {
            #expect(picture.analysis() == PictureAnalysis(noise: .none))
            #expect(picture.analysis().levels == NoiseLevelMap(uniform: 0))
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

    /// As counted photons have it: three times as strong in the light as in the dark. The slope of the picture is one of
    /// tones, so the level follows it.
    @Test(arguments: [6.0, 12])
    func whiteNoiseThatDependsOnTheToneIsToldPlaceByPlace(sigma: Double) {
        let noisy = NoisyPicture().white { sigma * (0.2 + $0) }.stored.analysis()
        #expect(noisy.kind == .gaussian)
        let (dark, light) = (noisy.levels.level(x: 80, y: 20), noisy.levels.level(x: 80, y: 200))
        // The flattest patches of a window are those with less noise.
        #expect(abs(Double(dark) / (sigma * 0.41) - 1) < 0.3, "\(dark)")
        #expect(abs(Double(light) / (sigma * 0.93) - 1) < 0.2, "\(light)")
        // Nearly the same everywhere.
        let even = NoisyPicture().white { sigma * (0.95 + 0.1 * $0) }.stored.analysis()
        #expect(even.kind == .gaussian && even.levels.levels.count == 1)
    }

    /// Smooth areas have the noise of rounding, and flat ones have not.
    @Test func roundingIsNoPhotographsNoise() {
        let scene = Image.scene(width: 320, height: 240)
        #expect(PictureAnalysis(scene).kind == .none)
        #expect(PictureAnalysis(Image.scene(width: 320, height: 240, .gray)).kind == .none)
    }

    /// Clipping takes noise away near black and white, which is no dependence on the tone.
    @Test(arguments: [10.0, 25, 50])
    func clippedNoiseIsGaussian(sigma: Double) {
        var picture = NoisyPicture()
        picture.values = picture.values.map { 1.6 * $0 - 0.3 }
        #expect(picture.white { _ in sigma }.stored.kind == .gaussian)
    }

    /// Gray pictures are judged alike however they are stored.
    @Test func grayStoredAsColorIsGray() {
        for gray in [NoisyPicture(channels: 1).white { _ in 15 }, NoisyPicture(channels: 1).grainy(10)] {
            var color = NoisyPicture(width: gray.width, height: gray.height)
            color.values = gray.values.flatMap { [$0, $0, $0] }
            #expect(color.kind == gray.kind)
        }
    }

    /// To the bit: the level of ordinary noise is that of the whole picture.
    @Test(arguments: [1, 3], [5.0, 12, 40]) func theLevelIsThatOfTheEstimate(channels: Int, sigma: Double) {
        let picture = NoisyPicture(channels: channels).white { _ in sigma }
        let estimate = picture.values.withUnsafeBufferPointer {
            NoiseEstimator().estimate($0, width: picture.width, height: picture.height, channels: picture.channels)
        }
        #expect(picture.analysis().levels == NoiseLevelMap(uniform: estimate))
    }

    @Test func noLevelIsAboveThoseOfTheNetworks() {
        let strong = NoisyPicture().white { _ in 120 }.analysis()
        #expect(strong.kind == .gaussian && strong.levels.greatest == 75)
    }

    @Test(arguments: [1, 3])
    func everySizeHasAnAnswer(channels: Int) {
        for width in [1, 7, 15, 16, 17, 33, 100] {
            for height in [1, 8, 16, 31, 32] {
                let picture = NoisyPicture(width: width, height: height, channels: channels).grainy(10)
                let levels = picture.analysis().levels
                #expect(levels.least >= 0 && levels.greatest < 75, "\(width)×\(height): \(levels)")
                // Of smaller pictures nothing can be told.
                if min(width, height) < 16 { #expect(picture.kind == .none, "\(width)×\(height)") }
            }
        }
        #expect(NoisyPicture(width: 0, height: 0, channels: channels).kind == .none)
    }

    @Test func valuesThatAreNotFiniteArePassedOver() {
        var picture = NoisyPicture().grainy(10)
        for index in stride(from: 0, to: picture.values.count, by: 9001) { picture.values[index] = .nan }
        picture.values[7] = .infinity
        #expect(picture.kind == .photo)
        picture.values = picture.values.map { _ in .nan }
        #expect(picture.kind == .none)
    }

    @Test func theAnswerDoesNotDependOnTheWorkers() {
        for picture in [NoisyPicture().grainy(6), NoisyPicture().white { 8 * (0.5 + $0) }] {
            let expected = picture.analysis()
            for workers in [2, 5] {
                #expect(picture.analysis(WorkerPool(workerCount: workers)) == expected, "\(workers) workers")
            }
        }
    }

    /// Above 4 megapixels pieces are looked at.
    @Test func largePicturesAreMeasuredAsSmallOnes() throws {
        let large = NoisyPicture(width: 2400, height: 1900)
        #expect(PictureAnalysis(large.grainy(10).image).kind == .photo)
        let white = PictureAnalysis(large.white { _ in 10 }.image)
        #expect(white.kind == .gaussian && abs(white.levels.mean - 10) < 0.1, "\(white)")
    }

    /// The same scene with the same relative noise, on a scale of 16 bits that it does not fill.
    @Test func aSmallPartOfTheRangeIsAnalyzedAsTheWhole() {
        let picture = NoisyPicture().white { _ in 10 }
        func analysis(share: Double) -> PictureAnalysis {
            let samples = picture.stored.values.map { UInt16((Double($0) * 65535 * share).rounded()) }
            return PictureAnalysis(
                Image(
                    width: picture.width, height: picture.height, channelLayout: .rgb, samples: .uint16(samples)))
        }
        let (whole, part) = (analysis(share: 1), analysis(share: 1.0 / 64))
        #expect(whole.kind == .gaussian && abs(whole.levels.mean - 10) < 0.2, "\(whole)")
        #expect(part.kind == .gaussian && abs(64 * part.levels.mean - whole.levels.mean) < 0.05, "\(part)")
    }

    // MARK: JPEG

    /// A stronger compression asks for a higher level, and a weak one for none.
    @Test(arguments: [(95, 0...0), (85, 2...3), (75, 3...5), (50, 5...8), (10, 12...16)])
    func quantizationTablesSayHowStrongTheDamageIs(quality: Int, range: ClosedRange<Double>) throws {
        let picture = try compressed(NoisyPicture(), quality: quality)
        let analysis = PictureAnalysis(picture)
        #expect(analysis.kind == (quality == 95 ? .none : .jpeg))
        #expect(range.contains(analysis.levels.mean), "\(analysis)")
        // Without the tables nothing is certain.
        #expect(PictureAnalysis(picture.image).kind == .none)
    }

    /// Noise asks for a higher level than JPEG's damage alone.
    @Test func compressedNoiseIsFound() throws {
        let noisy = PictureAnalysis(try compressed(NoisyPicture().grainy(6), quality: 75))
        let clean = PictureAnalysis(try compressed(NoisyPicture(), quality: 75))
        #expect(noisy.kind == .photo && noisy.levels.mean > 1.8 * clean.levels.mean, "\(noisy), \(clean)")
    }

    /// A blind network decides for itself where a photograph has noise, but not whether there is any.
    @Test func aBlindNetworkIsNotToldTheLevel() {
        #expect(PictureAnalysis(noise: .photograph(level: 9)).setting(isBlind: true) == .automatic)
        #expect(PictureAnalysis(noise: .photograph(level: 9)).setting(isBlind: false) == .map(.init(uniform: 9)))
        #expect(PictureAnalysis(noise: .none).setting(isBlind: true) == .map(.init(uniform: 0)))
    }

    private func compressed(_ picture: NoisyPicture, quality: Int) throws -> DecodedImage {
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: quality)
        encoding.jpegSubsamplesColor = true
        return try decodeImage(encodeImage(picture.image, as: encoding, path: "p"), path: "p")
    }
}
