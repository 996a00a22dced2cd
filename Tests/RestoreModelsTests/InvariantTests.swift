import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// What a denoiser must not change, whatever its network does; here one of random weights, which changes everything.
@Suite struct InvariantTests {
    private static let blind = DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: true)

    private func denoise(
        _ image: Image, isBlind: Bool = false, strength: Double = 1, _ tiling: Tiling = .side(2000), workers: Int = 1,
        compression: CompressionStrength = .none
    ) throws -> Image {
        let model = TinyModel(isBlind ? Self.blind : nil)
        let options = Denoiser.Options(
            noiseLevel: .sigma(25), compression: compression, strength: strength, tiling: tiling)
        return try model.denoiser(workers: workers).denoise(image, options: options).image
    }

    /// A scene with the value of its first channel in all three.
    private func monochrome(_ layout: Image.ChannelLayout, bitDepth: Int) -> Image {
        let scene = Image.scene(width: 67, height: 45, layout, bitDepth: bitDepth)
        let values = scene.values
        let step = layout.channelCount
        let equal = values.indices.map { i in i % step < 3 ? values[i - i % step] : values[i] }
        let samples: Image.Samples =
            bitDepth == 8 ? .uint8(equal.map { UInt8($0) }) : .uint16(equal.map { UInt16($0) })
        return Image(width: 67, height: 45, channelLayout: layout, samples: samples)
    }

    @Test(arguments: [Image.ChannelLayout.rgb, .rgbAlpha], [8, 16])
    func equalChannelsStayEqual(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = monochrome(layout, bitDepth: bitDepth)
        for (isBlind, strength) in [(false, 1), (true, 1), (false, 0.6)] {
            let result = try denoise(image, isBlind: isBlind, strength: strength)
            #expect(result != image)
            #expect(result.hasEqualChannels(), "blind \(isBlind), strength \(strength)")
        }
    }

    /// … to the very values of the gray picture.
    @Test(arguments: [8, 16]) func equalChannelsAreAGrayPicture(bitDepth: Int) throws {
        let image = monochrome(.rgb, bitDepth: bitDepth)
        let firsts = stride(from: 0, to: image.sampleCount, by: 3).map { image.values[$0] }
        let samples: Image.Samples =
            bitDepth == 8 ? .uint8(firsts.map { UInt8($0) }) : .uint16(firsts.map { UInt16($0) })
        let gray = Image(width: image.width, height: image.height, channelLayout: .gray, samples: samples)
        let expected = try denoise(gray).values
        #expect(try denoise(image).values == expected.flatMap { [$0, $0, $0] })
    }

    /// The channels of a profile may have different tone curves.
    @Test(arguments: ["adobe-rgb", "linear", "prophoto", "rgb-table"])
    func equalChannelsStayEqualUnderAProfile(name: String) throws {
        var image = monochrome(.rgb, bitDepth: 16)
        let metadata = ImageMetadata(colorProfile: try readFile(Fixtures.path("profiles/\(name).icc")))
        image.colorSpace = metadata.colorSpace(of: .rgb).space
        #expect(try denoise(image).hasEqualChannels())
    }

    /// Noise with a black bar, a white square, a square of another color and one that is too small.
    private func framed(_ layout: Image.ChannelLayout = .rgb, bitDepth: Int = 8) -> Image {
        var generator = SeededGenerator(seed: 9)
        let maximum = bitDepth == 8 ? 255.0 : 65535
        var values: [Double] = []
        for y in 0..<90 {
            for x in 0..<130 {
                for channel in 0..<layout.colorChannelCount {
                    var value = min(1, max(0, 0.5 + 0.1 * generator.normal()))
                    if y < 13 { value = 0 }
                    if (40..<48).contains(x) && (40..<48).contains(y) { value = 1 }
                    if (90..<117).contains(x) && (50..<79).contains(y) { value = [0.3, 0.6, 0.2][channel] }
                    if (60..<67).contains(x) && (60..<67).contains(y) { value = 1 }
                    values.append(value)
                }
                if layout.hasAlpha { values.append(1) }
            }
        }
        let samples: Image.Samples =
            bitDepth == 8
            ? .uint8(values.map { UInt8(($0 * maximum).rounded()) })
            : .uint16(values.map { UInt16(($0 * maximum).rounded()) })
        return Image(width: 130, height: 90, channelLayout: layout, samples: samples)
    }

    private static let bar = ImageRegion(x: 0, y: 0, width: 130, height: 13)
    private static let white = ImageRegion(x: 40, y: 40, width: 8, height: 8)
    private static let flat = ImageRegion(x: 90, y: 50, width: 27, height: 29)
    private static let small = ImageRegion(x: 60, y: 60, width: 7, height: 7)

    private func isKept(_ region: ImageRegion, of image: Image, in result: Image) -> Bool {
        image.cropped(to: region) == result.cropped(to: region)
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func areasOfOneColorStay(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = framed(layout, bitDepth: bitDepth)
        for (isBlind, strength) in [(false, 1), (true, 1), (false, 0.5)] {
            let result = try denoise(image, isBlind: isBlind, strength: strength)
            for region in [Self.bar, Self.white, Self.flat] {
                #expect(isKept(region, of: image, in: result), "\(region)")
            }
            #expect(!isKept(Self.small, of: image, in: result))
            let others = ImageRegion(x: 0, y: 13, width: 130, height: 1)
            #expect(!isKept(others, of: image, in: result))
        }
    }

    /// Strong compression flattens what was not flat; black and white remain.
    @Test func ofAJPEGOnlyBlackAndWhiteAreSureToBeFlat() throws {
        let image = framed()
        let result = try denoise(
            image, compression: CompressionStrength(luminance: 0.2, color: 0.2, droppedColor: 0.75))
        #expect(isKept(Self.bar, of: image, in: result) && isKept(Self.white, of: image, in: result))
        #expect(!isKept(Self.flat, of: image, in: result))
    }

    @Test func areasOfOneColorAreTheSameInPieces() throws {
        let image = Image.scene(width: 700, height: 30).beside(
            framed().cropped(to: .init(x: 0, y: 0, width: 130, height: 30)))
        let whole = try denoise(image)
        for (side, workers) in [(1, 1), (57, 3), (120, 2)] {
            #expect(try denoise(image, .side(side), workers: workers) == whole, "windows of \(side)")
        }
    }

    /// Colors in memory keep the same areas.
    @Test func colorsKeepTheSameAreas() throws {
        let image = framed()
        let result = try TinyModel().denoiser().denoise(
            colors: image.colors, width: 130, height: 90, options: .init(noiseLevel: .sigma(25))
        ).colors
        let (before, after) = (image.colors, try denoise(image).colors)
        let areAlike = zip(result, after).allSatisfy { abs(max(0, min(1, $0)) - $1) < 0.51 / 255 }
        #expect(areAlike)
        for region in [Self.bar, Self.white, Self.flat] {
            let row = 3 * ((region.y + region.height - 1) * 130 + region.x)
            let places = row..<(row + 3 * region.width)
            #expect(result[places] == before[places])
        }
    }

    /// Nothing to remove: the picture itself, without a network.
    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func withoutNoiseThePictureStays(layout: Image.ChannelLayout, bitDepth: Int) throws {
        var model = TinyModel()
        // A network that would fail.
        for index in model.parameters.values.indices { model.parameters.values[index] = .nan }
        for (width, height) in [(1, 1), (2, 2), (41, 29)] {
            let image = Image.scene(width: width, height: height, layout, bitDepth: bitDepth)
            // A level of more bits is relative to the range that the picture uses.
            let levels: [NoiseSetting] =
                bitDepth == 8
                ? [.sigma(0), .sigma(0.2), .map(NoiseLevelMap(uniform: 0.1))]
                : [.sigma(0), .map(NoiseLevelMap(uniform: 0))]
            for level in levels {
                let result = try model.denoiser().denoise(image, options: .init(noiseLevel: level))
                #expect(result.image == image && result.isUnchanged)
            }
            let colors = try model.denoiser().denoise(
                colors: image.colors, width: width, height: height, options: .init(noiseLevel: .sigma(0)))
            #expect(colors.colors == image.colors && colors.sigma == 0)
        }
        let result = try TinyModel().denoiser().denoise(
            .scene(width: 30, height: 20), options: .init(noiseLevel: .sigma(1)))
        #expect(!result.isUnchanged)
    }

    /// A level that is not given is at most the highest that a network was trained for.
    @Test func theLevelIsLimited() throws {
        let image = Image.scene(width: 40, height: 30)
        let result = try TinyModel().denoiser().denoise(
            image, options: .init(noiseLevel: .map(NoiseLevelMap(uniform: 300))))
        #expect(result.sigma == NoiseSetting.range.upperBound)
        let expected = try TinyModel().denoiser().denoise(image, options: .init(noiseLevel: .sigma(75)))
        #expect(result.image == expected.image)
    }
}
