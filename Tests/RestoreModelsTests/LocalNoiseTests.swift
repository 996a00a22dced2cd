import Glibc
import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN
import Testing

/// Pictures whose noise differs from part to part.
@Suite struct LocalNoiseTests {
    private static let (width, height) = (320, 240)

    /// Waves and squares with noise of a level that depends on the place, in 8 bits.
    private func image(
        width: Int = width, height: Int = height, _ layout: Image.ChannelLayout = .rgb,
        sigma: (Int, Int) -> Double
    ) -> Image {
        var generator = SeededGenerator(seed: 5)
        var samples: [UInt16] = []
        for y in 0..<height {
            for x in 0..<width {
                let squares = (x / 25 + y / 25) % 2 == 0 ? 0.0 : 40
                for channel in 0..<layout.channelCount {
                    let wave = 50 * sin(Double(x) / 19 + Double(y) / 31 + Double(channel))
                    let value = 100 + wave + squares + sigma(x, y) * generator.normal()
                    samples.append(UInt16(min(255, max(0, value)).rounded()))
                }
            }
        }
        return Image(
            width: width, height: height, channelLayout: layout, samples: .uint8(samples.map { UInt8($0) }))
    }

    @Test(arguments: [Image.ChannelLayout.gray, .rgb])
    func quietBarsDoNotHideTheNoiseBetweenThem(layout: Image.ChannelLayout) {
        let analysis = PictureAnalysis(image(layout) { x, _ in (80..<240).contains(x) ? 25 : 0 })
        #expect(analysis.kind == .gaussian)
        let levels = analysis.levels
        for y in [20, 120, 220] {
            for x in [8, 40, 280, 312] { #expect(levels.level(x: x, y: y) < 0.5, "\(x), \(y)") }
            for x in [110, 160, 210] { #expect(abs(levels.level(x: x, y: y) - 25) < 2.5, "\(x), \(y)") }
        }
    }

    @Test func aCaptionWithoutNoiseStays() {
        let picture = image { _, y in y < 200 ? 15 : 0 }
        let levels = PictureAnalysis(picture).levels
        #expect(abs(levels.level(x: 160, y: 100) - 15) < 1.5)
        #expect(abs(levels.level(x: 160, y: 176) - 15) < 1.5)
        #expect(levels.level(x: 160, y: 225) < 0.5)
    }

    /// A sharp subject before a blurred background.
    @Test func twoLevelsOfNoiseAreBothFound() {
        let levels = PictureAnalysis(image { x, _ in x < 160 ? 6 : 24 }).levels
        #expect(abs(levels.level(x: 60, y: 120) - 6) < 1)
        #expect(abs(levels.level(x: 260, y: 120) - 24) < 2)
    }

    /// Bars of one color in a noisy picture: nothing is to be done there, and elsewhere the level is known exactly.
    @Test func constantBarsHaveNoNoise() {
        var picture = image { _, _ in 12 }
        guard case .uint8(var samples) = picture.samples else { return }
        for index in 0..<(3 * Self.width * 40) { samples[index] = 30 }
        picture.samples = .uint8(samples)
        let levels = PictureAnalysis(picture).levels
        #expect(levels.level(x: 100, y: 10) == 0)
        #expect(abs(levels.level(x: 100, y: 120) - 12) < 0.3)
    }

    @Test(arguments: [Image.ChannelLayout.gray, .rgb], [3.0, 15, 40])
    func evenNoiseHasOneLevel(layout: Image.ChannelLayout, sigma: Double) {
        #expect(PictureAnalysis(image(layout) { _, _ in sigma }).levels.levels.count == 1)
    }

    @Test func theMapDoesNotDependOnTheWorkers() {
        let picture = image { x, _ in x < 100 ? 0 : 20 }
        let expected = PictureAnalysis(picture)
        #expect(expected.levels.levels.count > 1)
        for workers in [2, 5] {
            #expect(PictureAnalysis(picture, pool: WorkerPool(workerCount: workers)) == expected)
        }
    }

    /// Patches of large pictures are further apart.
    @Test func largePicturesHaveMaps() {
        let levels = PictureAnalysis(image(width: 2400, height: 1900) { x, _ in x < 800 ? 0 : 20 }).levels
        #expect(levels.level(x: 400, y: 900) < 0.5)
        #expect(abs(levels.level(x: 1600, y: 900) - 20) < 2)
    }
}
