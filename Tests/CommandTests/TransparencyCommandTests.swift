import ModelTestSupport
import RestoreImage
import RestoreNN
import TestSupport
import Testing

/// Promises about opacity and depth, kept by the program.
@Suite struct TransparencyCommandTests {
    private let workplace: Workplace

    init() throws { workplace = try Workplace() }

    /// A noisy scene of which most is hidden; the hidden samples are those of `hidden`.
    private func picture(hidden: (Int) -> Int, bitDepth: Int) -> Image {
        let scene = Image.scene(width: 80, height: 60, .rgbAlpha, bitDepth: bitDepth)
        let maximum = scene.maximumSample
        var generator = SeededGenerator(seed: 3)
        let values = scene.values.enumerated().map { index, value -> Int in
            let (x, y) = (index / 4 % 80, index / 4 / 80)
            let isHidden = (x / 20 + y / 20) % 2 == 0
            guard index % 4 < 3 else { return isHidden ? 0 : max(value, maximum / 4) }
            let noise = Int(0.05 * Double(maximum) * generator.normal())
            return isHidden ? hidden(index) : min(max(value + noise, 0), maximum)
        }
        let samples: Image.Samples =
            bitDepth == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0) })
        return Image(width: 80, height: 60, channelLayout: .rgbAlpha, samples: samples)
    }

    @Test(arguments: [8, 16])
    func opacityAndHiddenColorsStayAndBleedNowhere(_ bitDepth: Int) throws {
        let maximum = bitDepth == 8 ? 255 : 65535
        let pictures = [
            picture(hidden: { _ in 0 }, bitDepth: bitDepth), picture(hidden: { _ in maximum }, bitDepth: bitDepth),
            picture(hidden: { $0 * 7919 % (maximum + 1) }, bitDepth: bitDepth),
        ]
        var results: [[Int]] = []
        for (index, picture) in pictures.enumerated() {
            try workplace.folder.write(picture, "\(index).png")
            let outcome = try workplace.run(
                ["denoise", "-m", "tiny", "-j", "2", "--sigma", "auto", "\(index).png", "\(index).out.png"])
            #expect(outcome.code == 0, "\(outcome.errors)")
            let result = try workplace.image("\(index).out.png")
            #expect(result.bitDepth == bitDepth && result.alpha == picture.alpha)
            results.append(result.values)
        }
        let alpha = pictures[0].alpha
        var changed = 0
        let values = pictures.map(\.values)
        for i in 0..<results[0].count {
            if alpha[i / 4] == 0 {
                for (picture, result) in zip(values, results) { #expect(result[i] == picture[i]) }
            } else {
                #expect(results[1][i] == results[0][i] && results[2][i] == results[0][i])
                if results[0][i] != values[0][i] { changed += 1 }
            }
        }
        #expect(changed > 100)
    }

    /// Alpha that is opaque everywhere is no transparency: a JPEG goes without it, a PNG keeps it.
    @Test(arguments: [Image.ChannelLayout.grayAlpha, .rgbAlpha], [8, 16])
    func opaqueAlphaIsNoObstacleToAJPEG(_ layout: Image.ChannelLayout, _ bitDepth: Int) throws {
        var image = Image.scene(width: 60, height: 40, layout, bitDepth: bitDepth)
        let (channels, maximum) = (layout.channelCount, image.maximumSample)
        let values = image.values.enumerated().map { $0.offset % channels == channels - 1 ? maximum : $0.element }
        image.samples = bitDepth == 8 ? .uint8(values.map { UInt8($0) }) : .uint16(values.map { UInt16($0) })
        try workplace.folder.write(image, "in.png")
        for output in ["out.jpg", "out.png"] {
            let outcome = try workplace.denoise("--compare", "compare-\(output)", "in.png", output)
            #expect(outcome.code == 0 && !outcome.errors.contains("transparen"), "\(outcome.errors)")
            #expect(!outcome.errors.contains("alpha"), "\(outcome.errors)")
        }
        let plain: Image.ChannelLayout = layout == .rgbAlpha ? .rgb : .gray
        #expect(try workplace.image("out.jpg").channelLayout == plain)
        #expect(try workplace.image("compare-out.jpg").channelLayout == plain)
        let kept = try workplace.image("out.png")
        #expect(kept.channelLayout == layout && kept.alpha == image.alpha)
    }

    @Test func sixteenBitsStaySixteen() throws {
        let image = Image.scene(width: 60, height: 40, bitDepth: 16)
        try workplace.folder.write(image, "in.png")
        let outcome = try workplace.denoise("--strength", "0.001", "in.png", "out.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let result = try workplace.image("out.png")
        let differences = zip(result.values, image.values).map { abs($0 - $1) }
        #expect(differences.allSatisfy { $0 < 257 })
        #expect(Set(differences).count > 3)
    }
}
