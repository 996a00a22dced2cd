import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// An ICC profile of `Fixtures/profiles`.
func profile(_ name: String) throws -> [UInt8] { try readFile(Fixtures.path("profiles/\(name).icc")) }

/// The space of a profile that can be used.
func space(_ name: String, _ layout: Image.ChannelLayout) throws -> ColorSpace {
    let (space, warning) = ImageMetadata(colorProfile: try profile(name)).colorSpace(of: layout)
    #expect(warning == nil)
    return space
}

/// Compares two pictures without printing them.
func expectSame(_ found: Image, _ expected: Image, sourceLocation: SourceLocation = #_sourceLocation) {
    let isSame = found == expected
    guard !isSame else { return }
    let worst = zip(found.values, expected.values).map { abs($0 - $1) }.max() ?? 0
    let count = zip(found.values, expected.values).filter { $0 != $1 }.count
    Issue.record("\(count) samples differ, by \(worst) at most", sourceLocation: sourceLocation)
}

extension Image {
    /// Interleaved sRGB floats.
    func floats(pixelStride: Int = 3) -> [Float] {
        var floats = [Float](repeating: 0, count: pixelCount * pixelStride)
        copyColors(of: bounds, to: &floats, pixelStride: pixelStride)
        return floats
    }
}

@Suite struct ColorSpaceTests {
    static let colorProfiles = ["display-p3", "adobe-rgb", "prophoto", "linear", "wide-table"]
    static let grayProfiles = ["gray-gamma22", "gray-dot-gain", "gray-lightness"]

    /// A line of `expected.txt`.
    struct Expectation {
        let profile: String
        let samples: [UInt16]
        let color: [Float]
    }

    static func expectations() throws -> [Expectation] {
        let text = String(decoding: try readFile(Fixtures.path("profiles/expected.txt")), as: UTF8.self)
        return text.split(separator: "\n").map { line in
            let parts = line.split(whereSeparator: { $0 == ":" || $0 == "|" })
            return Expectation(
                profile: String(parts[0]), samples: parts[1].split(separator: " ").compactMap { UInt16($0) },
                color: parts[2].split(separator: " ").compactMap { Float($0) })
        }
    }

    @Test func colorsAreThoseOfAnIndependentComputation() throws {
        var compared = 0
        for expectation in try Self.expectations() where !expectation.profile.hasPrefix("srgb") {
            guard expectation.profile != "gray-srgb" else { continue }
            let layout: Image.ChannelLayout = expectation.samples.count == 1 ? .gray : .rgb
            var image = Image(width: 1, height: 1, channelLayout: layout, samples: .uint16(expectation.samples))
            image.colorSpace = try space(expectation.profile, layout)
            for (found, expected) in zip(image.floats(), expectation.color) {
                // sRGB's own primaries are rounded differently by Little CMS and by the script.
                #expect(abs(found - expected) < 2e-4, "\(expectation.profile) \(expectation.samples)")
            }
            compared += 1
        }
        #expect(compared > 150)
    }

    /// Every sample, as a gray and in a random color.
    @Test(arguments: colorProfiles, [8, 16])
    func everySampleOfAColorSurvives(_ name: String, _ bitDepth: Int) throws {
        var generator = SeededGenerator(seed: 31)
        var samples: [UInt16] = []
        for index in 0..<65536 {
            let sample = UInt16(index)
            samples += [sample, sample, sample]
            samples += [sample, .random(in: 0...65535, using: &generator), sample % 3 == 0 ? 0 : 65535]
        }
        for layout in [Image.ChannelLayout.rgb, .rgbAlpha] {
            let count = samples.count / 3 / 256 * 256 * layout.channelCount
            let values = (0..<count).map { samples[$0 % samples.count] }
            let stored: Image.Samples =
                bitDepth == 16 ? .uint16(values) : .uint8(values.map { UInt8(truncatingIfNeeded: $0) })
            var image = Image(
                width: 256, height: count / layout.channelCount / 256, channelLayout: layout, samples: stored)
            image.colorSpace = try space(name, layout)
            for pixelStride in [3, 4] {
                var copy = image
                try copy.setColors(
                    of: image.bounds, from: image.floats(pixelStride: pixelStride), pixelStride: pixelStride)
                expectSame(copy, image)
            }
        }
    }

    /// Where nothing says what the samples were, the way back must find them by itself: 8 bits in any color, 16 in grays.
    ///
    /// (The table's first two entries are the same light: it has no inverse there.)
    @Test(arguments: colorProfiles.filter { $0 != "wide-table" })
    func theWayBackIsAnInverse(_ name: String) throws {
        var generator = SeededGenerator(seed: 32)
        let colors = (0..<(3 * 65536)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let grays = (0..<(3 * 65536)).map { UInt16($0 / 3) }
        for samples in [Image.Samples.uint8(colors), .uint16(grays)] {
            var image = Image(width: 256, height: 256, channelLayout: .rgb, samples: samples)
            image.colorSpace = try space(name, .rgb)
            var copy = Image(width: 256, height: 256, channelLayout: .rgb, bitDepth: image.bitDepth)
            copy.colorSpace = image.colorSpace
            try copy.setColors(of: image.bounds, from: image.floats())
            expectSame(copy, image)
        }
    }

    @Test(arguments: grayProfiles, [8, 16])
    func everySampleOfAGraySurvives(_ name: String, _ bitDepth: Int) throws {
        for layout in [Image.ChannelLayout.gray, .grayAlpha] {
            let count = 65536 * layout.channelCount
            let samples: Image.Samples =
                bitDepth == 8
                ? .uint8((0..<count).map { UInt8(truncatingIfNeeded: $0 / layout.channelCount) })
                : .uint16((0..<count).map { UInt16(truncatingIfNeeded: $0 / layout.channelCount) })
            var image = Image(width: 256, height: 256, channelLayout: layout, samples: samples)
            image.colorSpace = try space(name, layout)
            var copy = image
            try copy.setColors(of: image.bounds, from: image.floats())
            expectSame(copy, image)
        }
        // And without knowing them.
        var image = Image(
            width: 256, height: 256, channelLayout: .gray, samples: .uint16((0..<65536).map { UInt16($0) }))
        image.colorSpace = try space(name, .gray)
        var copy = Image(width: 256, height: 256, channelLayout: .gray, bitDepth: 16)
        copy.colorSpace = image.colorSpace
        try copy.setColors(of: image.bounds, from: image.floats())
        let worst = zip(copy.values, image.values).map { abs($0 - $1) }.max() ?? 0
        #expect(name == "gray-dot-gain" ? worst <= 300 : worst == 0, "off by \(worst)")
    }

    @Test(arguments: colorProfiles)
    func colorsBeyondTheGamutBecomeItsEdge(_ name: String) throws {
        var image = Image(width: 3, height: 1, channelLayout: .rgb, bitDepth: 16)
        image.colorSpace = try space(name, .rgb)
        try image.setColors(of: image.bounds, from: [9, 9, 9, -9, -9, -9, 1.0001, 1.0001, 1.0001])
        #expect(image.values == [65535, 65535, 65535, 0, 0, 0, 65535, 65535, 65535])
    }

    @Test(arguments: ["srgb", "srgb-table"])
    func profilesOfSRGBNeedNoConversion(_ name: String) throws {
        #expect(try space(name, .rgb) == .sRGB)
        // Common, and clear, though the profile is one of colors.
        #expect(try space(name, .gray) == .sRGB)
        #expect(try space("gray-srgb", .gray) == .sRGB)
    }

    @Test(arguments: [
        ("falling", Image.ChannelLayout.rgb, "not monotonic"), ("singular", .rgb, "primaries"),
        ("rgb-table", .rgb, "tables"),
        ("cmyk", .rgb, "model"), ("gray-gamma22", .rgb, "gray"), ("display-p3", .gray, "RGB"),
        // Its curve is sRGB's, and yet it is none of colors.
        ("gray-srgb", .rgb, "gray"),
    ])
    func whatCannotBeUsedIsSaid(_ name: String, _ layout: Image.ChannelLayout, _ word: String) throws {
        let (space, warning) = ImageMetadata(colorProfile: try profile(name)).colorSpace(of: layout)
        #expect(space == .sRGB)
        #expect(warning?.contains(word) == true, "\(warning ?? "no warning")")
    }

    @Test func aDecodedPictureAdoptsItsSpace() throws {
        let image = Image(width: 2, height: 1, channelLayout: .rgb)
        let metadata = ImageMetadata(colorProfile: try profile("display-p3"))
        var decoded = DecodedImage(image: image, format: .png, metadata: metadata)
        #expect(decoded.adoptColorSpace() == nil)
        #expect(try decoded.image.colorSpace == space("display-p3", .rgb))
        // Pictures are equal if their samples mean the same.
        #expect(decoded.image != image)
        var gray = DecodedImage(
            image: Image(width: 2, height: 1, channelLayout: .gray), format: .png, metadata: metadata)
        #expect(gray.adoptColorSpace() != nil)
        #expect(gray.image.colorSpace == .sRGB)
    }

    /// Many threads convert with one space, and get what one thread gets.
    @Test func aSpaceIsSharedByThreads() async throws {
        var image = Image.random(width: 200, height: 100, .rgb, bitDepth: 16, seed: 35)
        image.colorSpace = try space("prophoto", .rgb)
        let (shared, expected) = (image, image.floats())
        let agreements = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<10).allSatisfy { _ in
                        var copy = shared
                        let isSet: Void? = try? copy.setColors(of: copy.bounds, from: expected)
                        return shared.floats() == expected && isSet != nil && copy == shared
                    }
                }
            }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(agreements == [Bool](repeating: true, count: 8))
    }

    /// Whatever is damaged, nothing is read beyond its end and no space has values that are not finite.
    @Test func damagedProfilesAreRefusedOrHarmless() throws {
        var generator = SeededGenerator(seed: 33)
        for name in Self.colorProfiles + Self.grayProfiles + ["srgb-table", "rgb-table", "cmyk"] {
            let bytes = try profile(name)
            let layout: Image.ChannelLayout = name.hasPrefix("gray") ? .gray : .rgb
            for round in 0..<60 {
                var damaged = bytes
                if round % 3 == 0 { damaged.removeLast(.random(in: 1...bytes.count, using: &generator)) }
                for _ in 0..<(round % 3 == 0 ? 0 : round) where !damaged.isEmpty {
                    damaged[.random(in: 0..<damaged.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
                let found = ImageMetadata(colorProfile: damaged).colorSpace(of: layout).space
                guard found != .sRGB else { continue }
                var image = Image.random(width: 64, height: 4, layout, bitDepth: 16, seed: 34)
                image.colorSpace = found
                let floats = image.floats()
                #expect(floats.allSatisfy { $0.isFinite })
                let before = image
                try image.setColors(of: image.bounds, from: floats)
                expectSame(image, before)
            }
        }
    }

    /// Green is 17,000 times as bright as white: what floats round is no longer small, and samples stay all the same.
    @Test(arguments: [8, 16])
    func absurdPrimariesKeepWhatIsNotChanged(_ depth: Int) throws {
        let bytes = try readFile(Fixtures.path("corrupt/metadata/primary-without-bounds.icc"))
        var image = Image.random(width: 64, height: 64, .rgb, bitDepth: depth, seed: 35)
        image.colorSpace = ImageMetadata(colorProfile: bytes).colorSpace(of: .rgb).space
        #expect(image.colorSpace != .sRGB)
        let before = image
        try image.setColors(of: image.bounds, from: image.floats())
        expectSame(image, before)
    }
}
