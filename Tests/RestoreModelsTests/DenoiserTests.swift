import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct DenoiserTests {
    private func denoise(
        _ image: Image, strength: Double = 1, model: TinyModel = TinyModel()
    ) throws -> Image {
        let options = Denoiser.Options(noiseLevel: .sigma(25), strength: strength)
        return try model.denoiser().denoise(image, options: options).image
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func layoutDepthSizeAndAlphaStay(layout: Image.ChannelLayout, bitDepth: Int) throws {
        for (width, height) in [(1, 1), (1, 37), (30, 1), (41, 29)] {
            let image = Image.scene(width: width, height: height, layout, bitDepth: bitDepth)
            let result = try denoise(image)
            #expect((result.width, result.height) == (width, height))
            #expect(result.channelLayout == layout)
            #expect(result.bitDepth == bitDepth)
            #expect(result.alpha == image.alpha)
            #expect(result != image)
        }
    }

    /// A 16-bit picture is computed as such: its result is not one of 8 bits stretched to 16.
    @Test func sixteenBitsAreNotRoundedToEight() throws {
        let result = try denoise(.scene(width: 40, height: 30, bitDepth: 16))
        let multiples = result.values.filter { $0 % 257 == 0 }.count
        #expect(multiples < result.values.count / 10)
    }

    @Test func aGrayPictureGoesThroughAsEqualChannels() throws {
        let gray = Image.scene(width: 33, height: 21, .gray)
        let color = Image(
            width: 33, height: 21, channelLayout: .rgb,
            samples: .uint8(gray.values.flatMap { [UInt8($0), UInt8($0), UInt8($0)] }))
        let result = try TinyModel().denoiser().denoise(
            colors: color.colors, width: 33, height: 21, options: Denoiser.Options(noiseLevel: .sigma(25))
        ).colors
        let expected = (0..<(33 * 21)).map { pixel -> Int in
            let mean = result[(3 * pixel)..<(3 * pixel + 3)].reduce(0, +) / 3
            return Int((max(0, min(1, mean)) * 255).rounded())
        }
        #expect(zip(try denoise(gray).values, expected).allSatisfy { abs($0 - $1) <= 1 })
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func noStrengthLeavesThePictureAsItIs(layout: Image.ChannelLayout, bitDepth: Int) throws {
        var generator = SeededGenerator(seed: 3)
        let count = 37 * 23 * layout.channelCount
        let samples: Image.Samples =
            bitDepth == 8
            ? .uint8((0..<count).map { _ in .random(in: 0...255, using: &generator) })
            : .uint16((0..<count).map { _ in .random(in: 0...65535, using: &generator) })
        let image = Image(width: 37, height: 23, channelLayout: layout, samples: samples)
        #expect(try denoise(image, strength: 0) == image)
    }

    /// Down to 0.8 the network is told less noise; below, luma comes back in proportion, and color much less of it.
    @Test(arguments: [false, true]) func lessStrengthLeavesGrain(isBlind: Bool) throws {
        let architecture = try #require(DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: isBlind))
        let denoiser = TinyModel(architecture).denoiser()
        let image = Image.scene(width: 60, height: 40)
        func colors(_ sigma: Double, _ strength: Double) throws -> [Float] {
            try denoiser.denoise(
                colors: image.colors, width: 60, height: 40,
                options: .init(noiseLevel: .sigma(sigma), strength: strength)
            ).colors
        }
        if !isBlind {
            expectSameBits(try colors(25, 0.9), try colors(22.5, 1), "told less", seed: 0)
            expectSameBits(try colors(25, 0.8), try colors(20, 1), "told less", seed: 0)
        }
        let (before, full) = (image.colors, try colors(isBlind ? 25 : 20, 1))
        for share: Float in [0.25, 0.5, 0.75] {
            let result = try colors(25, Double(isBlind ? 1 - share : 0.8 * (1 - share)))
            var expected = full
            for pixel in 0..<(60 * 40) {
                let removed = (0..<3).map { before[3 * pixel + $0] - full[3 * pixel + $0] }
                let luma = Luma.of(removed[0], removed[1], removed[2])
                for i in 0..<3 {
                    expected[3 * pixel + i] += share * luma + share * share * share * (removed[i] - luma)
                }
            }
            expectClose(result, expected, "\(share) of the luma", seed: 0)
        }
    }

    /// The more strength, the farther from the picture.
    @Test func strengthIsMonotonic() throws {
        let image = Image.scene(width: 60, height: 40, bitDepth: 16)
        let distances = try [0, 0.01, 0.2, 0.4, 0.6, 0.79].map { strength in
            zip(try denoise(image, strength: strength).values, image.values).reduce(0.0) {
                $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
            }
        }
        #expect(distances[0] == 0 && zip(distances, distances.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func theLevelIsPartOfTheInput() throws {
        let image = Image.scene(width: 40, height: 30)
        let denoiser = TinyModel().denoiser()
        let results = try [0.0, 25, 75].map { sigma in
            try denoiser.denoise(image, options: Denoiser.Options(noiseLevel: .sigma(sigma)))
        }
        #expect(results.map(\.sigma) == [0, 25, 75])
        #expect(results[0].image != results[1].image && results[1].image != results[2].image)
    }

    /// A network whose tail predicts nothing gives the picture back: the output is the input less the prediction.
    @Test func aPredictionOfNothingChangesNothing() throws {
        var model = TinyModel()
        for entry in model.parameters.layout.entries where entry.specification.name.hasPrefix("tail.") {
            for index in entry.range { model.parameters.values[index] = 0 }
        }
        let image = Image.scene(width: 50, height: 31)
        #expect(try denoise(image, model: model) == image)
        var generator = SeededGenerator(seed: 4)
        let colors = generator.values(3 * 50 * 31, in: -1...2)
        let result = try model.denoiser().denoise(
            colors: colors, width: 50, height: 31, options: Denoiser.Options(noiseLevel: .sigma(10))
        ).colors
        expectSameBits(result, colors, "no prediction", seed: 4)
    }

    /// Colors take the same options as a picture.
    @Test(arguments: [Image.ChannelLayout.gray, .rgb]) func optionsApplyToColors(layout: Image.ChannelLayout) throws {
        let image = Image.scene(width: 64, height: 48, layout)
        let denoiser = TinyModel().denoiser()
        func denoised(_ options: Denoiser.Options) throws -> (colors: [Float], sigma: Double?) {
            try denoiser.denoise(colors: image.colors, width: 64, height: 48, options: options)
        }
        let automatic = try denoised(Denoiser.Options())
        #expect(automatic.sigma == 0 && automatic.colors == image.colors, "there is no noise")
        #expect(try automatic.sigma == denoiser.denoise(image).sigma)
        let told = try denoised(Denoiser.Options(noiseLevel: .sigma(20)))
        let less = try denoised(Denoiser.Options(noiseLevel: .sigma(20), strength: 0.5)).colors
        #expect(less != told.colors && less != image.colors)
        #expect(try denoised(Denoiser.Options(noiseLevel: .sigma(20), strength: 0)).colors == image.colors)
        #expect(told.sigma == 20)
    }

    @Test func progressEndsAtTheWhole() throws {
        var seen: [Double] = []
        let options = Denoiser.Options(noiseLevel: .sigma(25), tiling: .side(60))
        _ = try TinyModel().denoiser().denoise(.scene(width: 200, height: 90), options: options) { seen.append($0) }
        #expect(seen.count > 3)
        #expect(seen == seen.sorted() && seen.last == 1)
    }

    @Test(arguments: [1, 0.5])
    func aNumberThatIsNotFiniteStops(strength: Double) throws {
        var model = TinyModel()
        // Finite weights, whose products are not.
        for index in model.parameters.values.indices { model.parameters.values[index] *= 1e30 }
        #expect(throws: NonFinitePixel.self) {
            try denoise(.scene(width: 20, height: 20), strength: strength, model: model)
        }
    }

    @Test func theFirstPixelThatIsNotFiniteIsNamed() throws {
        var model = TinyModel()
        for entry in model.parameters.layout.entries where entry.specification.name == "tail.bias" {
            for index in entry.range { model.parameters.values[index] = .infinity }
        }
        let error = #expect(throws: NonFinitePixel.self) { try denoise(.scene(width: 9, height: 9), model: model) }
        #expect(error?.x == 0 && error?.y == 0)
    }
}
