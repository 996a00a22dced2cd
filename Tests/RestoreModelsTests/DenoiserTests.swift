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

    @Test func halfTheStrengthIsHalfWay() throws {
        let image = Image.scene(width: 60, height: 40, bitDepth: 16)
        let (full, half) = (try denoise(image).values, try denoise(image, strength: 0.5).values)
        var changed = 0
        for (index, before) in image.values.enumerated() {
            // A value that the full effect clips has no exact middle; between it is in any case.
            let range = min(before, full[index])...max(before, full[index])
            #expect((range.lowerBound - 1...range.upperBound + 1).contains(half[index]))
            if full[index] > 0 && full[index] < 65535 { #expect(abs(2 * half[index] - before - full[index]) <= 2) }
            if abs(half[index] - before) > 10 { changed += 1 }
        }
        #expect(changed > image.values.count / 2)
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
        #expect(automatic.sigma == NoiseEstimator().estimate(image))
        #expect(try automatic.sigma == denoiser.denoise(image).sigma)
        let told = try denoised(Denoiser.Options(noiseLevel: .sigma(20)))
        let half = try denoised(Denoiser.Options(noiseLevel: .sigma(20), strength: 0.5))
        expectClose(
            half.colors, zip(image.colors, told.colors).map { 0.5 * ($0 + $1) }, "half the strength", seed: 0)
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
