import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// Tiled equals untiled, and one thread equals many, bit for bit.
@Suite struct TiledDenoisingTests {
    private static let (width, height) = (301, 203)

    private static let colors: [Float] = {
        var generator = SeededGenerator(seed: 11)
        // Beyond 0…1 too: noise is not clipped.
        return generator.values(3 * width * height, in: -0.2...1.2)
    }()

    private func denoised(_ denoiser: Denoiser, _ tiling: Tiling, sigma: Double = 25) throws -> [Float] {
        try denoiser.denoise(
            colors: Self.colors, width: Self.width, height: Self.height, sigma: sigma, tiling: tiling)
    }

    @Test(arguments: [[4], [4, 8], [6, 7, 8]])
    func smallNetworksGiveTheSameBitsInTiles(widths: [Int]) throws {
        let architecture = try #require(DenoiserArchitecture(checking: widths, blocksPerLevel: 1))
        let denoiser = TinyModel(architecture).denoiser(workers: 2)
        let whole = try denoised(denoiser, .side(1000))
        for tiling in [Tiling.side(1), .side(60), .side(97), .side(150), .side(256), .memory(0), .memory(1 << 20)] {
            expectSameBits(try denoised(denoiser, tiling), whole, "widths \(widths), \(tiling)", seed: 11)
        }
    }

    @Test func theShippedArchitectureGivesTheSameBitsInTiles() throws {
        let denoiser = TinyModel(DenoiserArchitecture()).denoiser(workers: 2)
        let whole = try denoised(denoiser, .side(1000))
        for tiling in [Tiling.side(200), .side(232)] {
            expectSameBits(try denoised(denoiser, tiling), whole, "\(tiling)", seed: 11)
        }
    }

    @Test func aTileCountIsWhatTheTestsThinkItIs() throws {
        let radius = try #require(DenoiserArchitecture(checking: [4, 8], blocksPerLevel: 1)).receptiveRadius
        let grid = TileGrid(width: Self.width, height: Self.height, overlap: radius, alignment: 4, side: 1)
        #expect(grid.tiles.count > 1000)
        let large = DenoiserArchitecture()
        let coarse = TileGrid(
            width: Self.width, height: Self.height, overlap: large.receptiveRadius, alignment: large.alignment,
            side: 200)
        #expect(coarse.tiles.count > 4)
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func picturesAreTheSameInTiles(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = Image.scene(width: 101, height: 83, layout, bitDepth: bitDepth)
        let denoiser = TinyModel().denoiser()
        func denoised(_ tiling: Tiling, _ strength: Double) throws -> Image {
            let options = Denoiser.Options(noiseLevel: .sigma(20), strength: strength, tiling: tiling)
            return try denoiser.denoise(image, options: options).image
        }
        for strength in [1, 0.3] {
            let whole = try denoised(.side(1000), strength)
            #expect(whole != image)
            for side in [1, 57, 64] { #expect(try denoised(.side(side), strength) == whole, "tiles of \(side)") }
        }
    }

    @Test func theNumberOfWorkersChangesNothing() throws {
        let one = try denoised(TinyModel().denoiser(workers: 1), .side(120))
        for workers in [2, 3, 7] {
            expectSameBits(
                try denoised(TinyModel().denoiser(workers: workers), .side(120)), one, "\(workers) workers", seed: 11)
        }
        let large = TinyModel(DenoiserArchitecture())
        let region = ImageRegion(x: 0, y: 0, width: 90, height: 70)
        let image = Image.scene(width: 301, height: 203).cropped(to: region)
        let options = Denoiser.Options(noiseLevel: .sigma(25))
        let expected = try large.denoiser(workers: 1).denoise(image, options: options).image
        #expect(try large.denoiser(workers: 3).denoise(image, options: options).image == expected)
    }

    /// A denoiser keeps the plan of the last size; another size must not disturb it.
    @Test func picturesOfDifferentSizesDoNotDisturbEachOther() throws {
        let denoiser = TinyModel().denoiser()
        let first = try denoised(denoiser, .side(1000))
        let small = Image.scene(width: 1, height: 1)
        #expect(try denoiser.denoise(small, options: Denoiser.Options(noiseLevel: .sigma(5))).image.pixelCount == 1)
        expectSameBits(try denoised(denoiser, .side(1000)), first, "after another size", seed: 11)
        expectSameBits(try denoised(TinyModel().denoiser(), .side(1000)), first, "a fresh denoiser", seed: 11)
    }
}
