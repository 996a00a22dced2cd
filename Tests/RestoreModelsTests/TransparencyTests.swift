import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct TransparencyTests {
    /// A noisy disc; beside it colors that nobody sees, black, white or noise.
    private func disc(hidden: (inout SeededGenerator) -> Double, bitDepth: Int = 8, side: Int = 96) -> Image {
        var (visible, invisible) = (SeededGenerator(seed: 71), SeededGenerator(seed: 72))
        let maximum = bitDepth == 8 ? 255.0 : 65535.0
        var values: [Double] = []
        for y in 0..<side {
            for x in 0..<side {
                let (dx, dy) = (Double(x - side / 2), Double(y - side / 2))
                let distance = (dx * dx + dy * dy).squareRoot()
                let alpha = min(1, max(0, Double(side) / 3 - distance))
                for channel in 0..<3 {
                    let color = 0.5 + 0.1 * Double(channel) + 0.08 * visible.normal()
                    let other = hidden(&invisible)
                    values.append(alpha == 0 ? other : min(1, max(0, color)))
                }
                values.append(alpha)
            }
        }
        let samples: Image.Samples =
            bitDepth == 8
            ? .uint8(values.map { UInt8(($0 * maximum).rounded()) })
            : .uint16(values.map { UInt16(($0 * maximum).rounded()) })
        return Image(width: side, height: side, channelLayout: .rgbAlpha, samples: samples)
    }

    @Test(arguments: [8, 16], [1, 0.6])
    func hiddenColorsStayAndHaveNoInfluence(_ bitDepth: Int, _ strength: Double) throws {
        let pictures = [
            disc(hidden: { _ in 0 }, bitDepth: bitDepth), disc(hidden: { _ in 1 }, bitDepth: bitDepth),
            disc(hidden: { $0.uniform() }, bitDepth: bitDepth),
        ]
        let results = try pictures.map { picture in
            for usesEnsemble in [false, true] {
                let options = Denoiser.Options(strength: strength, usesEnsemble: usesEnsemble)
                let result = try TinyModel().denoiser(workers: 2).denoise(picture, options: options)
                let (alpha, after, before) = (picture.alpha, result.image.values, picture.values)
                let areHiddenKept = before.indices.allSatisfy { alpha[$0 / 4] > 0 || after[$0] == before[$0] }
                #expect(areHiddenKept)
                #expect(result.image.alpha == alpha)
            }
            let options = Denoiser.Options(strength: strength)
            return try TinyModel().denoiser().denoise(picture, options: options)
        }
        let alpha = pictures[0].alpha
        for (picture, result) in zip(pictures, results) {
            #expect(result.sigma == results[0].sigma)
            let (before, after, first) = (picture.values, result.image.values, results[0].image.values)
            var changed = 0
            for i in 0..<(4 * alpha.count) where i % 4 < 3 {
                if alpha[i / 4] == 0 {
                    #expect(after[i] == before[i])
                } else {
                    #expect(after[i] == first[i])
                    if after[i] != before[i] { changed += 1 }
                }
            }
            #expect(changed > 1000)
        }
        // The noise was found though most of the picture is hidden: 0.08 of 1, off by 0.22.
        #expect(abs((results[0].sigma ?? 0) - 0.08 * 255) < 0.33)
    }

    @Test(arguments: [8, 16])
    func wholeOpacityGivesTheBitsOfThePictureWithoutAlpha(_ bitDepth: Int) throws {
        let picture = Image.scene(width: 61, height: 43, .rgb, bitDepth: bitDepth)
        func withAlpha<Sample: FixedWidthInteger>(_ values: [Sample]) -> [Sample] {
            (0..<(values.count / 3 * 4)).map { $0 % 4 == 3 ? .max : values[$0 / 4 * 3 + $0 % 4] }
        }
        let samples: Image.Samples =
            switch picture.samples {
            case .uint8(let values): .uint8(withAlpha(values))
            case .uint16(let values): .uint16(withAlpha(values))
            }
        let opaque = Image(width: 61, height: 43, channelLayout: .rgbAlpha, samples: samples)
        let expected = try TinyModel().denoiser().denoise(picture)
        let found = try TinyModel().denoiser().denoise(opaque)
        #expect(found.sigma == expected.sigma)
        let colors = found.image.values.enumerated().filter { $0.offset % 4 < 3 }.map(\.element)
        #expect(colors == expected.image.values)
    }

    /// A disc over its own color and one that is cut out: the rims of both are restored alike, whatever lay under the hole.
    @Test func rimsHaveNoFringe() throws {
        let cut = disc(hidden: { _ in 0 }, bitDepth: 16)
        let result = try TinyModel().denoiser().denoise(cut, options: Denoiser.Options(noiseLevel: .sigma(20))).image
        let white = try TinyModel().denoiser().denoise(
            disc(hidden: { _ in 1 }, bitDepth: 16), options: Denoiser.Options(noiseLevel: .sigma(20))
        ).image
        // Composed over gray both are the same picture.
        let (dark, bright) = (result.values, white.values)
        for i in 0..<cut.sampleCount where i % 4 < 3 {
            let alpha = dark[i / 4 * 4 + 3]
            if dark[i] * alpha != bright[i] * alpha {
                Issue.record("a fringe at \(i / 4 % 96), \(i / 4 / 96)")
                return
            }
        }
    }
}
