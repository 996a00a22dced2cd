import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct ColorizerTests {
    private static let tiny = TinyColorizer()

    private func luma(_ image: Image) -> [Float] {
        let colors = image.colors
        return (0..<image.pixelCount).map { Luma.of(colors[3 * $0], colors[3 * $0 + 1], colors[3 * $0 + 2]) }
    }

    /// The promise: the picture's own luma, pixel for pixel, up to the rounding of three channels.
    @Test(arguments: [(1, 1), (3, 500), (64, 48), (333, 100)], [Image.ChannelLayout.gray, .grayAlpha, .rgb])
    func lumaStays(size: (Int, Int), layout: Image.ChannelLayout) throws {
        let image = Image.scene(width: size.0, height: size.1, layout)
        let result = try Self.tiny.colorizer().colorize(image, options: .init(saturation: 2))
        #expect((result.width, result.height) == size)
        #expect(result.channelLayout == (layout.hasAlpha ? .rgbAlpha : .rgb))
        let worst = zip(luma(result), luma(image)).map { abs($0 - $1) }.max() ?? 1
        #expect(worst <= 0.51 / 255, "by \(worst * 255) of 255")
        #expect(image.pixelCount < 100 || colorfulness(result) > 1, "it has colors")
    }

    @Test func depthAndTransparencyStay() throws {
        let image = Image.scene(width: 40, height: 30, .grayAlpha, bitDepth: 16)
        let result = try Self.tiny.colorizer().colorize(image)
        guard case .uint16(let found) = result.samples, case .uint16(let own) = image.samples else {
            Issue.record("not 16 bits")
            return
        }
        for pixel in 0..<image.pixelCount { #expect(found[4 * pixel + 3] == own[2 * pixel + 1]) }
    }

    /// A gray scene with black and white areas, where there is no room for chroma.
    @Test func blackAndWhiteStay() throws {
        for value in [0, 255] as [UInt8] {
            let image = Image(
                width: 20, height: 20, channelLayout: .gray, samples: .uint8([UInt8](repeating: value, count: 400)))
            #expect(try Self.tiny.colorizer().colorize(image).values.allSatisfy { $0 == value })
        }
    }

    @Test func noSaturationIsGray() throws {
        let image = Image.scene(width: 50, height: 40, .gray)
        #expect(try Self.tiny.colorizer().colorize(image, options: .init(saturation: 0)) == image.inColor())
    }

    @Test func theColorsOfAColorPictureDoNotMatter() throws {
        let image = Image.scene(width: 60, height: 44)
        let gray = image.inGray()
        let (first, second) = (try Self.tiny.colorizer().colorize(image), try Self.tiny.colorizer().colorize(gray))
        let worst = zip(first.values, second.values).map { abs(Int($0) - Int($1)) }.max() ?? 255
        #expect(worst <= 2, "the luma of one is rounded")
    }

    @Test func threadsDoNotMatter() throws {
        let image = Image.scene(width: 210, height: 155, .gray)
        let options = Colorizer.Options(vividness: 0.7, sample: 4)
        let alone = try Self.tiny.colorizer().colorize(image, options: options)
        #expect(try Self.tiny.colorizer(workers: 3).colorize(image, options: options) == alone)
    }

    @Test func samplesDifferAndTheSeedDecides() throws {
        let image = Image.scene(width: 80, height: 60, .gray)
        let colorizer = Self.tiny.colorizer()
        let results = try (0..<4 as Range<UInt64>).map { try colorizer.colorize(image, options: .init(sample: $0)) }
        #expect(Set(results.map(\.values)).count == 4)
        #expect(try colorizer.colorize(image, options: .init(sample: 2)) == results[2])
        #expect(try colorizer.colorize(image) != results[0])
    }

    @Test func vividnessAndHintsMatter() throws {
        let image = Image.scene(width: 80, height: 60, .gray)
        let colorizer = Self.tiny.colorizer()
        let plain = try colorizer.colorize(image)
        #expect(try colorizer.colorize(image, options: .init(vividness: 1)) != plain)
        let hint = ColorHint(x: 40, y: 30, red: 1, green: 0, blue: 0)
        #expect(try colorizer.colorize(image, options: .init(hints: [hint])) != plain)
        let outside = ColorHint(x: 80, y: 30, red: 1, green: 0, blue: 0)
        #expect(try colorizer.colorize(image, options: .init(hints: [outside])) == plain)
    }

    /// The textbook's networks take pictures of one size and give their own luma; applied to others, they give chroma.
    @Test(arguments: [ColorizerArchitecture.Kind.textbook, .perChannel])
    func autoencodersColorPicturesOfAnySize(kind: ColorizerArchitecture.Kind) throws {
        let tiny = TinyColorizer(ColorizerArchitecture(textbook: kind))
        let image = Image.scene(width: 100, height: 70, .gray)
        let result = try tiny.colorizer().colorize(image)
        #expect(zip(luma(result), luma(image)).allSatisfy { abs($0 - $1) <= 0.51 / 255 })
        let colors = try tiny.colorizer().reconstructedColors(of: Image.scene(width: 32, height: 32, .gray))
        #expect(colors.count == 3 * 32 * 32 && colors.allSatisfy { (0...1).contains($0) })
    }

    @Test func hintsOfALayerAreItsOpaqueParts() throws {
        var samples = [UInt8](repeating: 0, count: 4 * 40 * 20)
        for y in 4..<8 {
            for x in 10..<14 {
                let place = 4 * (y * 40 + x)
                samples[place..<(place + 4)] = [255, 0, 0, 255]
            }
        }
        let layer = Image(width: 40, height: 20, channelLayout: .rgbAlpha, samples: .uint8(samples))
        let fine = ColorHint.hints(of: layer, longSide: 40)
        #expect(fine.count == 16 && Set(fine.map(\.x)) == Set(10..<14) && Set(fine.map(\.y)) == Set(4..<8))
        let red = Chroma.of(1, 0, 0)
        #expect(fine.allSatisfy { abs($0.chroma.x - red.x) < 1e-5 && abs($0.chroma.y - red.y) < 1e-5 })
        let coarse = ColorHint.hints(of: layer, longSide: 10)
        #expect(coarse.count == 2, "cells of 4×4 pixels, of which two are touched")
    }

    // MARK: Hints

    /// Two gray squares of equal luma on a darker ground.
    private var squares: Image {
        var samples = [UInt8](repeating: 30, count: 96 * 64)
        for y in 20..<44 {
            for x in Array(10..<34) + Array(62..<86) { samples[y * 96 + x] = 150 }
        }
        return Image(width: 96, height: 64, channelLayout: .gray, samples: .uint8(samples))
    }

    private func chroma(_ image: Image, _ x: Int, _ y: Int) -> SIMD2<Float> {
        let (colors, place) = (image.colors, 3 * (y * image.width + x))
        return Chroma.of(colors[place], colors[place + 1], colors[place + 2])
    }

    /// With networks that see the hints and ones that do not.
    @Test(arguments: [true, false]) func aHintColorsItsPlaceAndWhatIsLikeIt(seen: Bool) throws {
        let tiny = TinyColorizer(.init(widths: [16, 16], blocks: [1, 1], takesHints: seen))
        let red = SIMD2<Float>(-0.1, 0.3)
        let (before, after) = (
            try tiny.colorizer().colorize(squares),
            try tiny.colorizer().colorize(squares, options: .init(hints: [.init(x: 22, y: 32, chroma: red)]))
        )
        func change(_ x: Int, _ y: Int) -> Float {
            let difference = chroma(after, x, y) - chroma(before, x, y)
            return (difference * difference).sum().squareRoot()
        }
        let miss = chroma(after, 22, 32) - red
        #expect((miss * miss).sum().squareRoot() < 0.06, "the place has the color of its hint, but for \(miss)")
        #expect(change(74, 32) > 2 * change(48, 32), "rather the other square than the ground between")
        #expect(change(74, 32) < change(22, 32), "and that less than the one with the hint")
    }

    @Test func thousandsOfHintsAreFollowed() throws {
        let blue = SIMD2<Float>(0.3, -0.1)
        let hints = (0..<6144).map { ColorHint(x: $0 % 96, y: $0 / 96, chroma: blue) }
        let result = try Self.tiny.colorizer().colorize(squares, options: .init(hints: hints))
        for (x, y) in [(5, 5), (22, 32), (48, 32), (74, 32), (90, 60)] {
            let miss = chroma(result, x, y) - blue
            #expect((miss * miss).sum().squareRoot() < 0.08, "at \(x), \(y): \(miss)")
        }
    }
}

@Suite struct ColorizerArchitectureTests {
    @Test(arguments: [
        ColorizerArchitecture(textbook: .textbook), ColorizerArchitecture(textbook: .perChannel),
        ColorizerArchitecture(widths: [16, 32, 48], blocks: [1, 2, 1], takesHints: true),
    ])
    func jsonRoundTripsAndTheNetworkIsWhatItSays(architecture: ColorizerArchitecture) throws {
        #expect(architecture.defect == nil)
        #expect(try ColorizerArchitecture(json: architecture.json, path: "m") == architecture)
        let side = max(architecture.alignment, 32)
        let network = architecture.network
        let shapes = try network.shapes(
            inputs: [Shape(batch: 2, height: side, width: side, channels: architecture.inputChannels)])
        let outputs = network.outputs.map { shapes[$0.index] }
        if architecture.kind == .skip {
            #expect(outputs[0] == Shape(batch: 2, height: side / 2, width: side / 2, channels: 2))
            #expect(outputs[1] == Shape(batch: 2, height: side / 4, width: side / 4, channels: ChromaBins.count))
        } else {
            #expect(outputs == [Shape(batch: 2, height: 32, width: 32, channels: 3)])
        }
    }

    /// The textbook's own numbers: 3×3 kernels, 1-64-128-256 channels, a code of 256 units.
    @Test func theTextbookHasItsParameters() {
        let encoder = 9 * (64 + 64 * 128 + 128 * 256) + 64 + 128 + 256
        let code = 4096 * 256 + 256 + 256 * 4096 + 4096
        let decoder = 9 * (256 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 256 + 128 + 64 + 3
        let network = ColorizerArchitecture(textbook: .textbook).network
        #expect(ParameterLayout(network).count == encoder + code + decoder)
    }

    @Test(arguments: [
        ColorizerArchitecture(widths: [16], blocks: [1], takesHints: false),
        ColorizerArchitecture(widths: [16, 20], blocks: [1, 1], takesHints: false),
        ColorizerArchitecture(widths: [16, 32], blocks: [1], takesHints: false),
        ColorizerArchitecture(widths: [16, 2048], blocks: [1, 1], takesHints: false),
    ])
    func absurdSizesAreRefused(architecture: ColorizerArchitecture) {
        #expect(architecture.defect != nil)
        #expect(throws: ModelError.self) { try ColorizerArchitecture(json: architecture.json, path: "m") }
    }
}
