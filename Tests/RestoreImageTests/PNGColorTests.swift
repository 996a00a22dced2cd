import RestoreImage
import TestSupport
import Testing

@Suite struct PNGColorTests {
    private typealias PNGColor = ImageMetadata.PNGColor
    private static let sRGBPrimaries: [UInt32] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]
    private static let adobePrimaries: [UInt32] = [31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000]

    private func space(
        _ color: ImageMetadata.PNGColor, _ layout: Image.ChannelLayout = .rgb, profile: [UInt8]? = nil
    ) -> (space: ColorSpace, warning: String?) {
        ImageMetadata(colorProfile: profile, pngColor: color).colorSpace(of: layout)
    }

    @Test func whatSaysSRGBIsSRGB() {
        let descriptions = [
            PNGColor(), PNGColor(renderingIntent: 0), PNGColor(gamma: 45455), PNGColor(gamma: 45454),
            PNGColor(gamma: 45455, chromaticities: Self.sRGBPrimaries), PNGColor(chromaticities: Self.adobePrimaries),
            // sRGB goes before gAMA and cHRM.
            PNGColor(renderingIntent: 1, gamma: 100_000, chromaticities: Self.adobePrimaries),
            PNGColor(codingIndependentCodePoints: [1, 13, 0, 1]),
        ]
        for description in descriptions {
            for layout in Image.ChannelLayout.allCases {
                let found = space(description, layout)
                #expect(found.space == .sRGB && found.warning == nil, "\(description)")
            }
        }
    }

    /// What a PNG says in several ways it mostly means the same by; curves that nothing else can say are another matter.
    @Test func codePointsThatOtherChunksCannotSayAreNamed() throws {
        for (curve, isNamed) in [
            (1, false), (6, false), (13, false), (14, false), (15, false), (8, true), (16, true), (18, true),
        ] {
            let code: [UInt8] = [12, UInt8(curve), 0, 1]
            let profile = try RestoreImageTests.profile("display-p3")
            for found in [
                space(PNGColor(renderingIntent: 0, codingIndependentCodePoints: code)),
                space(PNGColor(gamma: 45455, codingIndependentCodePoints: code)),
                space(PNGColor(codingIndependentCodePoints: code), profile: profile),
            ] {
                #expect((found.warning != nil) == isNamed, "\(curve)")
            }
            #expect(space(PNGColor(codingIndependentCodePoints: code), profile: profile).space != .sRGB)
        }
    }

    @Test func gammaAndPrimariesMakeASpace() throws {
        let found = space(PNGColor(gamma: 45455, chromaticities: Self.adobePrimaries))
        #expect(found.warning == nil)
        var image = Image.random(width: 30, height: 20, .rgb, bitDepth: 16, seed: 5)
        image.colorSpace = found.space
        var other = image
        other.colorSpace = try RestoreImageTests.space("adobe-rgb", .rgb)
        // The gammas differ by less than a thousandth, and the profile's numbers are rounded.
        for (value, expected) in zip(image.floats(), other.floats()) { #expect(abs(value - expected) < 2e-3) }
        let before = image
        try image.setColors(of: image.bounds, from: image.floats())
        expectSame(image, before)
    }

    @Test(arguments: Image.ChannelLayout.allCases)
    func gammaOfOneIsLinear(_ layout: Image.ChannelLayout) throws {
        var image = Image(
            width: 3, height: 1, channelLayout: layout,
            samples: .uint16((0..<(3 * layout.channelCount)).map { UInt16(32768 * ($0 / layout.channelCount) / 2) }))
        image.colorSpace = space(PNGColor(gamma: 100_000), layout).space
        let floats = image.floats()
        for (pixel, expected) in [(0, 0.0), (1, 0.537102), (2, 0.735361)] {
            for channel in 0..<3 { #expect(abs(Double(floats[3 * pixel + channel]) - expected) < 3e-5) }
        }
    }

    @Test func aProfileGoesFirst() throws {
        let color = PNGColor(renderingIntent: 0, gamma: 45455, codingIndependentCodePoints: [9, 16, 0, 1])
        let found = space(color, profile: try profile("display-p3"))
        #expect(found.warning?.contains("cICP") == true)
        #expect(try found.space == RestoreImageTests.space("display-p3", .rgb))
    }

    @Test func absurdValuesAreNoSpace() {
        let ones = [UInt32](repeating: 1, count: 8)
        let descriptions = [
            PNGColor(gamma: 0), PNGColor(gamma: 1), PNGColor(gamma: .max),
            PNGColor(gamma: 50000, chromaticities: ones), PNGColor(gamma: 50000, chromaticities: [1]),
            PNGColor(gamma: 50000, chromaticities: [31270, 0, 64000, 33000, 30000, 60000, 15000, 6000]),
            PNGColor(gamma: 50000, chromaticities: [31270, 32900, .max, 33000, 30000, 60000, 15000, 6000]),
            // All primaries the same.
            PNGColor(gamma: 50000, chromaticities: [31270, 32900, 30000, 30000, 30000, 30000, 30000, 30000]),
            PNGColor(codingIndependentCodePoints: [9, 16, 0, 1]),
        ]
        for description in descriptions {
            let found = space(description)
            #expect(found.space == .sRGB && found.warning != nil, "\(description)")
        }
    }
}
