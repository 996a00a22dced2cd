import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct JPEGDamageTests {
    private func damaged(
        _ image: Image, seed: UInt64, isGray: Bool = false
    ) -> (colors: [Float], parameters: JPEGParameters?) {
        var colors = image.colors
        var generator = SeededGenerator(seed: seed)
        let parameters = colors.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap {
                JPEGDamage().degrade(
                    colors: $0, width: image.width, height: image.height, isGray: isGray, generator: &generator)
            }
        }
        return (colors, parameters)
    }

    /// The stronger the compression that the file tells of, the farther the pixels are from the original.
    @Test func whatTheFileSaysIsWhatHappened() throws {
        let image = Image.scene(width: 64, height: 48)
        var found: [(strength: Float, error: Double)] = []
        for seed in 0..<60 as Range<UInt64> {
            let (colors, parameters) = damaged(image, seed: seed)
            let strength = CompressionStrength(try #require(parameters))
            #expect(colors.allSatisfy { (0...1).contains($0) && abs($0 * 255 - ($0 * 255).rounded()) < 1e-3 })
            found.append((strength.luminance, try meanSquaredError(image.withColors(colors), image)))
        }
        found.sort { $0.strength < $1.strength }
        #expect(found[0].strength < 0.12 && found[59].strength > 0.4, "from quality 95 to 10")
        let weak = found.prefix(20).map(\.error).sorted()[10]
        let strong = found.suffix(20).map(\.error).sorted()[10]
        #expect(strong > 1.8 * weak, "\(weak), \(strong)")
    }

    @Test func theSeedDecidesEverythingAndGrayStaysGray() {
        let image = Image.scene(width: 33, height: 18)
        #expect(damaged(image, seed: 4).colors == damaged(image, seed: 4).colors)
        #expect(damaged(image, seed: 4).colors != damaged(image, seed: 5).colors)
        let gray = Image.scene(width: 21, height: 30, .gray)
        let colors = damaged(gray, seed: 7, isGray: true).colors
        #expect(stride(from: 0, to: colors.count, by: 3).allSatisfy { Set(colors[$0..<($0 + 3)]).count == 1 })
    }
}

/// The cameras of training smooth more than those of evaluations, whose figures are to stay comparable.
@Suite struct CameraVarietyTests {
    /// The correlation between horizontal neighbors of the noise that random cameras leave on a gray area.
    private func correlation(_ noise: PhotographNoise) -> [Double] {
        let gray = Image(
            width: 48, height: 48, channelLayout: .rgb, samples: .uint8([UInt8](repeating: 128, count: 3 * 48 * 48)))
        return (0..<80 as Range<UInt64>).map { seed in
            var colors = gray.colors
            var generator = SeededGenerator(seed: seed)
            colors.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                noise.degrade(colors: base, width: 48, height: 48, generator: &generator)
            }
            let green = stride(from: 1, to: colors.count, by: 3).map { Double(colors[$0]) }
            let mean = green.reduce(0, +) / Double(green.count)
            var (product, square) = (0.0, 1e-12)
            for y in 0..<48 {
                for x in 1..<48 {
                    product += (green[48 * y + x] - mean) * (green[48 * y + x - 1] - mean)
                    square += (green[48 * y + x] - mean) * (green[48 * y + x] - mean)
                }
            }
            return product / square
        }.sorted()
    }

    @Test func trainingKnowsCoarserNoise() {
        let (reference, training) = (correlation(PhotographNoise()), correlation(.training))
        #expect(training[40] > reference[40] + 0.1, "\(reference[40]), \(training[40])")
        #expect(training[70] > 0.6)
    }
}
