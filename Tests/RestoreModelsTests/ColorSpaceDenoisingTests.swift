import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct ColorSpaceDenoisingTests {
    private func picture(_ profile: String, _ layout: Image.ChannelLayout, bitDepth: Int) throws -> Image {
        var generator = SeededGenerator(seed: 81)
        let count = 45 * 31 * layout.channelCount
        // Many extremes among all kinds of values.
        func sample(_ maximum: Int) -> Int {
            let place = generator.uniform()
            return place < 0.2 ? 0 : place > 0.8 ? maximum : Int((place - 0.2) / 0.6 * Double(maximum))
        }
        let samples: Image.Samples =
            bitDepth == 8
            ? .uint8((0..<count).map { _ in UInt8(sample(255)) })
            : .uint16((0..<count).map { _ in UInt16(sample(65535)) })
        var image = Image(width: 45, height: 31, channelLayout: layout, samples: samples)
        let bytes = try readFile(Fixtures.path("profiles/\(profile).icc"))
        image.colorSpace = ImageMetadata(colorProfile: bytes).colorSpace(of: layout).space
        #expect(image.colorSpace != .sRGB)
        return image
    }

    @Test(arguments: ["display-p3", "adobe-rgb", "prophoto", "linear", "wide-table"], [8, 16])
    func noStrengthLeavesColorsAsTheyAre(_ profile: String, _ bitDepth: Int) throws {
        for layout in [Image.ChannelLayout.rgb, .rgbAlpha] {
            let image = try picture(profile, layout, bitDepth: bitDepth)
            let options = Denoiser.Options(noiseLevel: .sigma(25), strength: 0)
            let isSame = try TinyModel().denoiser(workers: 2).denoise(image, options: options).image == image
            #expect(isSame)
        }
    }

    @Test(arguments: ["gray-gamma22", "gray-dot-gain"], [8, 16])
    func noStrengthLeavesGraysAsTheyAre(_ profile: String, _ bitDepth: Int) throws {
        for layout in [Image.ChannelLayout.gray, .grayAlpha] {
            let image = try picture(profile, layout, bitDepth: bitDepth)
            let options = Denoiser.Options(noiseLevel: .sigma(25), strength: 0)
            let isSame = try TinyModel().denoiser().denoise(image, options: options).image == image
            #expect(isSame)
        }
    }

    /// The network sees the picture's own primaries with the curve of sRGB.
    @Test func theResultIsThatOfTheSameNumbersInSRGB() throws {
        let seen = Image.scene(width: 60, height: 40, bitDepth: 16)
        let bytes = try readFile(Fixtures.path("profiles/adobe-rgb.icc"))
        let space = ImageMetadata(colorProfile: bytes).colorSpace(of: .rgb).space
        var image = Image(width: 60, height: 40, channelLayout: .rgb, bitDepth: 16)
        image.colorSpace = space.inOwnPrimaries
        try image.setColors(of: image.bounds, from: seen.colors)
        image.colorSpace = space
        let options = Denoiser.Options(noiseLevel: .sigma(25))
        var found = try TinyModel().denoiser().denoise(image, options: options).image
        let plain = try TinyModel().denoiser().denoise(seen, options: options).image
        #expect(found.colorSpace == space)
        found.colorSpace = space.inOwnPrimaries
        for (value, other) in zip(found.colors, plain.colors) where other > 0.1 && other < 0.9 {
            #expect(abs(value - other) < 0.001)
        }
    }

    /// A saturated color outside sRGB stays outside: the gamut is kept.
    @Test func wideColorsStayWide() throws {
        var image = Image(width: 40, height: 40, channelLayout: .rgb, bitDepth: 8)
        image.samples = .uint8((0..<4800).map { $0 % 3 == 1 ? 250 : 5 })
        let bytes = try readFile(Fixtures.path("profiles/display-p3.icc"))
        image.colorSpace = ImageMetadata(colorProfile: bytes).colorSpace(of: .rgb).space
        // A network that predicts no noise.
        var model = TinyModel()
        for entry in model.parameters.layout.entries where entry.specification.name.hasPrefix("tail.") {
            for index in entry.range { model.parameters.values[index] = 0 }
        }
        let options = Denoiser.Options(noiseLevel: .sigma(25))
        let isSame = try model.denoiser().denoise(image, options: options).image == image
        #expect(isSame)
        #expect(image.colors.contains { $0 < -0.4 })
    }

    /// A weak effect changes 16-bit samples by less than a step of 8 bits, through a PNG file and back.
    @Test(arguments: [Image.ChannelLayout.rgb, .rgbAlpha, .gray])
    func sixteenBitsAreNowhereRoundedToEight(_ layout: Image.ChannelLayout) throws {
        let folder = try TemporaryFolder()
        let image = Image.scene(width: 50, height: 40, layout, bitDepth: 16)
        let read = try readImage(try folder.write(image, "in.png")).image
        let isRead = read == image
        #expect(isRead)
        let options = Denoiser.Options(noiseLevel: .sigma(5), strength: 0.001)
        let result = try TinyModel().denoiser().denoise(read, options: options).image
        let stored = try readImage(try folder.write(result, "out.png")).image
        let isStored = stored == result && stored != image
        #expect(isStored)
        let differences = zip(stored.values, image.values).map { abs($0 - $1) }
        #expect(differences.allSatisfy { $0 < 257 })
        #expect(Set(differences).count > 5)
    }
}
