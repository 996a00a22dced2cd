import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// A noise level for each place of a picture.
@Suite struct NoiseLevelMapTests {
    private static let map = NoiseLevelMap(
        levels: [0, 30, 5, 12, 60, 20], columns: 3, rows: 2, cellSize: 16)

    private func levels(_ map: NoiseLevelMap, _ region: ImageRegion) -> [Float] {
        var levels = [Float](repeating: .nan, count: region.width * region.height)
        map.copyLevels(of: region, to: &levels)
        return levels
    }

    @Test func levelsAreInterpolatedBetweenTheCentersOfCells() {
        let map = NoiseLevelMap(levels: [0, 8], columns: 2, rows: 1, cellSize: 4)
        let expected: [Float] = [0, 0, 1, 3, 5, 7, 8, 8, 8, 8]
        #expect(levels(map, ImageRegion(x: 0, y: 0, width: 10, height: 1)) == expected)
        #expect(levels(map, ImageRegion(x: 0, y: 700, width: 10, height: 1)) == expected)
        let turned = NoiseLevelMap(levels: [0, 8], columns: 1, rows: 2, cellSize: 4)
        #expect(levels(turned, ImageRegion(x: 5, y: 0, width: 1, height: 10)) == expected)
        #expect((map.least, map.greatest, map.mean) == (0, 8, 4))
        // A single pixel's center is a cell's center.
        let pixels = NoiseLevelMap(levels: [1, 7, 3, 4], columns: 2, rows: 2, cellSize: 1)
        #expect(levels(pixels, ImageRegion(x: 0, y: 0, width: 2, height: 2)) == [1, 7, 3, 4])
    }

    @Test func aPieceHasTheLevelsOfTheWhole() {
        let whole = levels(Self.map, ImageRegion(x: 0, y: 0, width: 60, height: 40))
        for region in [
            ImageRegion(x: 0, y: 0, width: 1, height: 40), ImageRegion(x: 13, y: 7, width: 31, height: 1),
            ImageRegion(x: 59, y: 39, width: 1, height: 1),
        ] {
            let expected = (0..<region.height).flatMap { y in
                (0..<region.width).map { x in whole[(region.y + y) * 60 + region.x + x] }
            }
            expectSameBits(levels(Self.map, region), expected, "\(region)", seed: 0)
        }
    }

    @Test func aUniformMapIsALevel() throws {
        let image = Image.scene(width: 61, height: 43)
        let denoiser = TinyModel().denoiser()
        let expected = try denoiser.denoise(image, options: .init(noiseLevel: .sigma(21)))
        for map in [
            NoiseLevelMap(uniform: 21),
            NoiseLevelMap(levels: [Float](repeating: 21, count: 12), columns: 4, rows: 3, cellSize: 16),
        ] {
            let result = try denoiser.denoise(image, options: .init(noiseLevel: .map(map)))
            #expect(result.image == expected.image)
            #expect(result.sigma == 21)
        }
    }

    /// A region gets what a picture of its level gets, away from other regions.
    @Test func everyRegionHasItsOwnLevel() throws {
        let image = Image.scene(width: 128, height: 40, bitDepth: 16)
        let map = NoiseLevelMap(
            levels: [10, 10, 10, 10, 60, 60, 60, 60], columns: 8, rows: 1, cellSize: 16)
        let denoiser = TinyModel().denoiser()
        let result = try denoiser.denoise(image, options: .init(noiseLevel: .map(map))).image
        for (level, columns) in [(10.0, 0..<30), (60.0, 98..<128)] {
            let expected = try denoiser.denoise(image, options: .init(noiseLevel: .sigma(level))).image
            let (left, width) = (columns.lowerBound, columns.count)
            let region = ImageRegion(x: left, y: 0, width: width, height: 40)
            #expect(result.cropped(to: region) == expected.cropped(to: region))
        }
    }

    @Test(arguments: [false, true]) func piecesAndThreadsGiveTheSameBits(usesEnsemble: Bool) throws {
        let image = Image.scene(width: 301, height: 90, .rgbAlpha, bitDepth: 16)
        let map = NoiseLevelMap(
            levels: (0..<60).map { Float(($0 * 37) % 75) }, columns: 10, rows: 6, cellSize: 31)
        func result(_ tiling: Tiling, workers: Int) throws -> Image {
            let options = Denoiser.Options(noiseLevel: .map(map), usesEnsemble: usesEnsemble, tiling: tiling)
            return try TinyModel().denoiser(workers: workers).denoise(image, options: options).image
        }
        let whole = try result(.side(1000), workers: 1)
        #expect(whole != image)
        for side in [1, 57, 120] { #expect(try result(.side(side), workers: 3) == whole, "windows of \(side)") }
    }

    /// A mirrored picture with a mirrored map gives the mirrored result, though the mean is over eight orientations.
    @Test func theMapTurnsWithThePicture() throws {
        let (width, height) = (48, 32)
        var generator = SeededGenerator(seed: 5)
        let colors = generator.values(3 * width * height, in: 0...1)
        func transposed(_ values: [Float], channels: Int, width: Int, height: Int) -> [Float] {
            var result: [Float] = []
            for x in 0..<width {
                for y in 0..<height {
                    let place = channels * (y * width + x)
                    result += values[place..<(place + channels)]
                }
            }
            return result
        }
        let map = NoiseLevelMap(levels: [5, 40, 9, 70, 20, 33], columns: 3, rows: 2, cellSize: 16)
        let turned = NoiseLevelMap(
            levels: transposed(map.levels, channels: 1, width: 3, height: 2), columns: 2, rows: 3, cellSize: 16)
        let denoiser = TinyModel().denoiser()
        let result = try denoiser.denoise(
            colors: colors, width: width, height: height, options: .init(noiseLevel: .map(map), usesEnsemble: true)
        ).colors
        let other = try denoiser.denoise(
            colors: transposed(colors, channels: 3, width: width, height: height), width: height, height: width,
            options: .init(noiseLevel: .map(turned), usesEnsemble: true)
        ).colors
        expectClose(
            transposed(other, channels: 3, width: height, height: width), result, "transposed", seed: 5)
    }

    /// Where there is no noise, pixels stay as they are, without an edge to where there is.
    @Test(arguments: [false, true]) func placesWithoutNoiseStay(isBlind: Bool) throws {
        let architecture = try #require(DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: isBlind))
        let denoiser = TinyModel(architecture).denoiser()
        let image = Image.scene(width: 96, height: 40)
        let map = NoiseLevelMap(levels: [0, 0, 0.2, 1, 20, 20], columns: 6, rows: 1, cellSize: 16)
        let result = try denoiser.denoise(image, options: .init(noiseLevel: .map(map))).image
        let clean = ImageRegion(x: 0, y: 0, width: 41, height: 40)
        #expect(result.cropped(to: clean) == image.cropped(to: clean))
        let noisy = ImageRegion(x: 64, y: 0, width: 32, height: 40)
        #expect(result.cropped(to: noisy) != image.cropped(to: noisy))
    }
}
