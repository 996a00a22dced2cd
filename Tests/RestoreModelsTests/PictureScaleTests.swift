import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// Pictures of 16 bits that use a small part of the range.
@Suite struct PictureScaleTests {
    /// The values of a scene, from `black` over `share` of the range.
    private func scene(share: Double, black: Double = 0, _ layout: Image.ChannelLayout = .rgb) -> Image {
        let scene = Image.scene(width: 90, height: 60, layout, bitDepth: 16)
        let step = layout.channelCount
        let values = scene.values.enumerated().map { index, value in
            let isAlpha = layout.hasAlpha && index % step == step - 1
            return UInt16(isAlpha ? Double(value) : (black * 65535 + Double(value) * share).rounded())
        }
        return Image(width: 90, height: 60, channelLayout: layout, samples: .uint16(values))
    }

    @Test func theScaleFillsTheRange() {
        // The scene's values are 0.2 to 0.95 of its range.
        #expect(PictureScale(scene(share: 1)).isIdentity)
        #expect(PictureScale(scene(share: 0.5)).isIdentity)
        let dark = PictureScale(scene(share: 1 / 64))
        #expect(dark.offset == 0 && dark.gain == 64)
        let raised = PictureScale(scene(share: 1 / 64, black: 0.5))
        #expect(raised.gain >= 32 && abs(raised.offset - 0.5) < 0.01)
        #expect(PictureScale(Image(width: 9, height: 9, channelLayout: .rgb, bitDepth: 16)).gain <= 4096)
        #expect(PictureScale(scene(share: 1 / 64).roundedTo8Bits()).isIdentity)
    }

    /// The same scene and relative noise level: the same result, on another scale.
    @Test(arguments: [Image.ChannelLayout.rgb, .gray, .rgbAlpha])
    func aSmallPartOfTheRangeIsDenoisedLikeTheWhole(layout: Image.ChannelLayout) throws {
        let whole = scene(share: 1, layout)
        let part = scene(share: 1 / 64, layout)
        let denoiser = TinyModel().denoiser()
        let expected = try denoiser.denoise(whole, options: .init(noiseLevel: .sigma(32))).image
        let result = try denoiser.denoise(part, options: .init(noiseLevel: .sigma(0.5)))
        #expect(result.sigma == 0.5 && !result.isUnchanged)
        #expect(result.image.alpha == part.alpha)
        for (index, value) in result.image.values.enumerated() {
            if layout.hasAlpha, index % layout.channelCount == layout.colorChannelCount { continue }
            // What the whole range clips is beyond the part; rounding of the input may be amplified by the network.
            let difference = Double(min(value, 65535 / 64)) - Double(expected.values[index]) / 64
            if abs(difference) > 3 {
                Issue.record("sample \(index) is \(value), expected \(Double(expected.values[index]) / 64)")
                return
            }
        }
    }

    /// Strong noise is not made stronger than what networks are made for.
    @Test func strongNoiseLimitsTheScale() throws {
        let part = scene(share: 1 / 64)
        let result = try TinyModel().denoiser().denoise(part, options: .init(noiseLevel: .sigma(75)))
        #expect(result.sigma == 75 && result.image != part)
    }
}
