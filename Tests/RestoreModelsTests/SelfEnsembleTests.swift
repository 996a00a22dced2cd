import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// The mean over eight orientations, against one that turns and mirrors whole pictures in memory.
@Suite struct SelfEnsembleTests {
    /// RGB floats.
    private struct Picture {
        var width: Int
        var height: Int
        var colors: [Float]

        init(width: Int, height: Int, seed: UInt64) {
            self.width = width
            self.height = height
            var generator = SeededGenerator(seed: seed)
            colors = generator.values(3 * width * height, in: -0.2...1.2)
        }

        private func color(_ x: Int, _ y: Int) -> ArraySlice<Float> {
            colors[(3 * (y * width + x))..<(3 * (y * width + x) + 3)]
        }

        private func rearranged(
            width: Int, height: Int, from place: (_ x: Int, _ y: Int) -> (x: Int, y: Int)
        ) -> Picture {
            var result = self
            (result.width, result.height, result.colors) = (width, height, [])
            for y in 0..<height {
                for x in 0..<width {
                    let (column, row) = place(x, y)
                    result.colors += color(column, row)
                }
            }
            return result
        }

        var transposed: Picture { rearranged(width: height, height: width) { ($1, $0) } }
        var mirrored: Picture { rearranged(width: width, height: height) { (width - 1 - $0, $1) } }
        var flipped: Picture { rearranged(width: width, height: height) { ($0, height - 1 - $1) } }

        func denoised(by denoiser: Denoiser, ensemble: Bool, _ tiling: Tiling) throws -> Picture {
            var result = self
            let options = Denoiser.Options(noiseLevel: .sigma(20), usesEnsemble: ensemble, tiling: tiling)
            result.colors = try denoiser.denoise(colors: colors, width: width, height: height, options: options).colors
            return result
        }

        /// The eight by name, added in the order that the program adds them.
        func mean(by denoiser: Denoiser) throws -> [Float] {
            var sums = [Float](repeating: 0, count: colors.count)
            for isTransposed in [false, true] {
                for isFlipped in [false, true] {
                    for isMirrored in [false, true] {
                        var picture = isMirrored ? mirrored : self
                        if isFlipped { picture = picture.flipped }
                        if isTransposed { picture = picture.transposed }
                        var result = try picture.denoised(by: denoiser, ensemble: false, .side(10_000))
                        if isTransposed { result = result.transposed }
                        if isFlipped { result = result.flipped }
                        if isMirrored { result = result.mirrored }
                        for index in sums.indices { sums[index] += result.colors[index] }
                    }
                }
            }
            return sums.map { $0 / 8 }
        }
    }

    private static let blind = DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: true)

    @Test(arguments: [(1, 1), (1, 9), (9, 1), (32, 32), (37, 22), (101, 150)], [false, true])
    func itIsTheMeanOfEight(_ size: (Int, Int), isBlind: Bool) throws {
        let denoiser = TinyModel(isBlind ? Self.blind : nil).denoiser(workers: 2)
        #expect(denoiser.architecture.isBlind == isBlind)
        let picture = Picture(width: size.0, height: size.1, seed: 21)
        let best = try picture.denoised(by: denoiser, ensemble: true, .side(10_000)).colors
        expectSameBits(best, try picture.mean(by: denoiser), "\(size), blind: \(isBlind)", seed: 21)
        let fast = try picture.denoised(by: denoiser, ensemble: false, .side(10_000)).colors
        if size != (1, 1) { #expect(best != fast) }
    }

    @Test func cutOrNotItHasTheSameBits() throws {
        let denoiser = TinyModel().denoiser(workers: 2)
        let picture = Picture(width: 301, height: 203, seed: 22)
        let whole = try picture.denoised(by: denoiser, ensemble: true, .side(10_000)).colors
        for tiling in [Tiling.side(1), .side(97), .side(150), .memory(0), .memory(1 << 20)] {
            expectSameBits(
                try picture.denoised(by: denoiser, ensemble: true, tiling).colors, whole, "\(tiling)", seed: 22)
        }
    }

    /// With little memory the sums of a picture this high are kept of a part of its rows at a time.
    @Test(arguments: [2501, 2502, 2503, 2504])
    func stripsHaveTheBitsOfTheWhole(height: Int) throws {
        let denoiser = TinyModel().denoiser(workers: 2)
        let picture = Picture(width: 21, height: height, seed: 23)
        let whole = try picture.denoised(by: denoiser, ensemble: true, .side(10_000)).colors
        #expect(try strips(of: picture, TinyModel(), .side(10_000)) == 1)
        #expect(try strips(of: picture, TinyModel(), .memory(0)) == 3)
        expectSameBits(
            try picture.denoised(by: denoiser, ensemble: true, .memory(0)).colors, whole, "height \(height)", seed: 23)
    }

    private func strips(of picture: Picture, _ model: TinyModel, _ tiling: Tiling) throws -> Int {
        var tops: [Int] = []
        let inference = model.inference(workers: 2)
        try inference.run(
            inference.layout(width: picture.width, height: picture.height, usesEnsemble: true, tiling: tiling),
            fill: { run, values in values.update(repeating: 0.5, count: 4 * run.width * run.height) },
            store: { core, _, _ in tops.append(core.y) })
        #expect(tops == tops.sorted() && tops.first == 0)
        return tops.count
    }

    @Test func theShippedArchitectureHasTheSameBitsInStrips() throws {
        let model = TinyModel(DenoiserArchitecture())
        let denoiser = model.denoiser(workers: 2)
        let picture = Picture(width: 9, height: 2051, seed: 24)
        // Three would more than double the work.
        #expect(try strips(of: picture, model, .memory(0)) == 2)
        expectSameBits(
            try picture.denoised(by: denoiser, ensemble: true, .memory(0)).colors,
            try picture.denoised(by: denoiser, ensemble: true, .side(10_000)).colors, "strips", seed: 24)
    }

    @Test func theNumberOfWorkersChangesNothing() throws {
        let picture = Picture(width: 120, height: 90, seed: 25)
        let one = try picture.denoised(by: TinyModel().denoiser(workers: 1), ensemble: true, .side(60)).colors
        for workers in [2, 3, 7] {
            let many = try picture.denoised(by: TinyModel().denoiser(workers: workers), ensemble: true, .side(60))
                .colors
            expectSameBits(many, one, "\(workers) workers", seed: 25)
        }
    }

    /// However a picture lies, its eight orientations are the same.
    @Test func aTurnedPictureHasATurnedResult() throws {
        let denoiser = TinyModel().denoiser()
        let picture = Picture(width: 45, height: 33, seed: 26)
        let result = try picture.denoised(by: denoiser, ensemble: true, .side(10_000))
        let turned = try picture.transposed.flipped.denoised(by: denoiser, ensemble: true, .side(10_000))
        expectClose(turned.colors, result.transposed.flipped.colors, "turned", seed: 26)
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func picturesOfEveryKind(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = Image.scene(width: 61, height: 83, layout, bitDepth: bitDepth)
        let denoiser = TinyModel().denoiser()
        func denoised(_ ensemble: Bool, _ tiling: Tiling = .side(1000), strength: Double = 1) throws -> Image {
            let options = Denoiser.Options(
                noiseLevel: .sigma(20), strength: strength, usesEnsemble: ensemble, tiling: tiling)
            return try denoiser.denoise(image, options: options).image
        }
        let best = try denoised(true)
        #expect(best.channelLayout == layout && best.bitDepth == bitDepth && best.alpha == image.alpha)
        #expect(try best != denoised(false))
        #expect(try denoised(true, .side(1)) == best)
        #expect(try denoised(true, strength: 0) == image)
        // Of transparent pixels the network sees other colors: `TransparencyTests`.
        guard !layout.hasAlpha else { return }
        let options = Denoiser.Options(noiseLevel: .sigma(20), usesEnsemble: true)
        let colors = try denoiser.denoise(colors: image.colors, width: 61, height: 83, options: options).colors
        var expected = image
        try expected.setColors(of: image.bounds, from: colors)
        #expect(best == expected)
    }

    @Test func progressOnlyGrowsAndEndsAtTheWhole() throws {
        var seen: [Double] = []
        let options = Denoiser.Options(noiseLevel: .sigma(25), usesEnsemble: true, tiling: .memory(0))
        _ = try TinyModel().denoiser().denoise(.scene(width: 60, height: 1500), options: options) { seen.append($0) }
        #expect(seen.count > 16)
        #expect(seen == seen.sorted() && seen.last == 1)
    }

    @Test func aNumberThatIsNotFiniteStops() throws {
        var model = TinyModel()
        for entry in model.parameters.layout.entries where entry.specification.name == "tail.bias" {
            for index in entry.range { model.parameters.values[index] = .infinity }
        }
        let options = Denoiser.Options(noiseLevel: .sigma(25), usesEnsemble: true)
        #expect(throws: NonFinitePixel.self) {
            try model.denoiser().denoise(.scene(width: 20, height: 20), options: options)
        }
    }
}
