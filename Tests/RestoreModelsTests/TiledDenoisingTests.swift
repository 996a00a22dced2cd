import RestoreConcurrency
import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// A picture cut into columns equals the whole, and one thread equals many, bit for bit.
@Suite struct TiledDenoisingTests {
    private static let (width, height) = (301, 203)

    private static let colors: [Float] = {
        var generator = SeededGenerator(seed: 11)
        // Beyond 0…1 too: noise is not clipped.
        return generator.values(3 * width * height, in: -0.2...1.2)
    }()

    private func denoised(_ denoiser: Denoiser, _ tiling: Tiling, sigma: Double = 25) throws -> [Float] {
        try denoiser.denoise(
            colors: Self.colors, width: Self.width, height: Self.height,
            options: Denoiser.Options(noiseLevel: .sigma(sigma), tiling: tiling)
        ).colors
    }

    /// Fast convolutions reach far: only a wide picture is cut into many windows.
    private static let wideWidth = 1003

    /// … and deep ones farther still.
    private static let widestWidth = 2803

    private func denoisedWide(
        _ denoiser: Denoiser, _ tiling: Tiling, width: Int = wideWidth, height: Int
    ) throws -> [Float] {
        try denoiser.denoise(
            colors: Array(Self.colors.prefix(3 * width * height)), width: width, height: height,
            options: Denoiser.Options(noiseLevel: .sigma(25), tiling: tiling)
        ).colors
    }

    @Test(arguments: [[4], [4, 8], [6, 7, 8]])
    func smallNetworksGiveTheSameBitsInTiles(widths: [Int]) throws {
        let architecture = try #require(DenoiserArchitecture(checking: widths, blocksPerLevel: 1))
        let denoiser = TinyModel(architecture).denoiser(workers: 2)
        let whole = try denoisedWide(denoiser, .side(2000), height: 60)
        for tiling in [Tiling.side(1), .side(60), .side(97), .side(400), .side(700), .memory(0), .memory(1 << 20)] {
            expectSameBits(
                try denoisedWide(denoiser, tiling, height: 60), whole, "widths \(widths), \(tiling)", seed: 11)
        }
    }

    @Test func theShippedArchitectureGivesTheSameBitsInTiles() throws {
        let denoiser = TinyModel(DenoiserArchitecture()).denoiser(workers: 2)
        let whole = try denoisedWide(denoiser, .side(3000), width: Self.widestWidth, height: 21)
        for tiling in [Tiling.side(1), .side(2300)] {
            expectSameBits(
                try denoisedWide(denoiser, tiling, width: Self.widestWidth, height: 21), whole, "\(tiling)", seed: 11)
        }
    }

    private func inference(_ network: Network, channels: Int, alignment: Int) -> TiledInference {
        TiledInference(
            network: network,
            parameters: Parameters(layout: ParameterLayout(network), values: randomParameters(network, seed: 12)),
            inputChannels: channels, alignment: alignment, pool: WorkerPool(workerCount: 2))
    }

    @Test func aWindowCountIsWhatTheTestsThinkItIs() throws {
        func windows(_ architecture: DenoiserArchitecture, _ tiling: Tiling, _ width: Int, _ height: Int) throws -> Int
        {
            try inference(architecture.network, channels: 4, alignment: architecture.alignment)
                .grid(width: width, height: height, tiling: tiling).windows.count
        }
        let small = try #require(DenoiserArchitecture(checking: [4, 8], blocksPerLevel: 1))
        #expect(try windows(small, .side(1), Self.width, Self.height) > 10)
        #expect(try windows(small, .memory(0), Self.width, Self.height) > 2)
        #expect(try windows(small, .memory(1 << 20), Self.width, Self.height) > 1)
        #expect(try windows(small, .memory(1 << 30), Self.width, Self.height) == 1)
        for widths in [[4], [4, 8], [6, 7, 8]] {
            let architecture = try #require(DenoiserArchitecture(checking: widths, blocksPerLevel: 1))
            #expect(try windows(architecture, .side(1), Self.wideWidth, 60) > 10, "\(widths)")
            #expect(try windows(architecture, .side(700), Self.wideWidth, 60) > 1, "\(widths)")
        }
        #expect(try windows(DenoiserArchitecture(), .side(1), Self.widestWidth, 21) > 2)
        #expect(try windows(DenoiserArchitecture(), .side(2300), Self.widestWidth, 21) > 1)
    }

    /// Layers that compute whole blocks of 4×4, at three scales: the bits depend on where windows begin.
    @Test(arguments: [(203, 47), (150, 4), (321, 101), (77, 1)])
    func layersOfWholeBlocksGiveTheSameBitsInColumns(width: Int, height: Int) throws {
        let inference = inference(blockNetwork(), channels: 4, alignment: 4)
        var generator = SeededGenerator(seed: 13)
        let picture = generator.values(4 * width * height)
        func run(_ tiling: Tiling) throws -> (values: [Float], windows: Int) {
            var result = [Float](repeating: .nan, count: 3 * width * height)
            let grid = try inference.grid(width: width, height: height, tiling: tiling)
            try inference.run(
                grid, width: width, height: height,
                fill: { row, values in
                    for i in 0..<(4 * row.width) { values[i] = picture[4 * (row.y * width + row.x) + i] }
                },
                store: { core, values, rowStride, _ in
                    for y in 0..<core.height {
                        let place = 3 * ((core.y + y) * width + core.x)
                        for i in 0..<(3 * core.width) { result[place + i] = values[y * rowStride + i] }
                    }
                })
            return (result, grid.windows.count)
        }
        let whole = try run(.side(1000)).values
        #expect(whole.allSatisfy { $0.isFinite })
        for tiling in [Tiling.side(1), .side(90), .side(111), .memory(0)] {
            let (values, windows) = try run(tiling)
            #expect(windows > 1 || width < 100)
            expectSameBits(values, whole, "\(width)×\(height), \(tiling), \(windows) windows", seed: 13)
        }
    }

    /// Rectangles are stored from top to bottom, window by window, each pixel once, and progress only grows.
    @Test(arguments: [Tiling.side(1000), .side(70)]) func everyPixelIsStoredOnce(tiling: Tiling) throws {
        let inference = TinyModel().inference()
        var stored = [Int](repeating: 0, count: Self.width * Self.height)
        var fractions: [Double] = []
        try inference.run(
            inference.layout(width: Self.width, height: Self.height, tiling: tiling),
            fill: { row, values in values.update(repeating: 0.5, count: 4 * row.width) },
            progress: { fractions.append($0) },
            store: { core, _, _ in
                for y in core.y..<(core.y + core.height) {
                    for x in core.x..<(core.x + core.width) { stored[y * Self.width + x] += 1 }
                }
            })
        #expect(stored.allSatisfy { $0 == 1 })
        #expect(zip(fractions, fractions.dropFirst()).allSatisfy { $0 < $1 } && fractions.last == 1)
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
