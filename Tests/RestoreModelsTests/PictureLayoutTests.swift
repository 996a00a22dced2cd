import ModelTestSupport
import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN
import Synchronization
import TestSupport
import Testing

/// How a picture is divided for a limit of memory: the run keeps to what the layout states.
@Suite struct PictureLayoutTests {
    /// Much less deep than the shipped one, and as wide, so that it takes as much for a column.
    private static let wide = DenoiserArchitecture(checking: [48, 64, 96], blocksPerLevel: 1)

    private static let limits = [0, 20, 40, 60, 80, 100, 150, 300, 1000].map { $0 << 20 }

    private static func image(_ width: Int, _ height: Int, hidesColors: Bool) -> Image {
        // Wholly transparent where it has alpha.
        Image(width: width, height: height, channelLayout: hidesColors ? .rgbAlpha : .rgb)
    }

    private static func options(_ usesEnsemble: Bool, _ limit: Int) -> Denoiser.Options {
        Denoiser.Options(usesEnsemble: usesEnsemble, tiling: .memory(limit))
    }

    /// A limit that cannot be kept says what it takes and at most doubles the work; a higher one never means more.
    @Test(arguments: [(3000, 2000), (900, 4000), (700, 500), (64, 48)], [false, true])
    func theWorkAtMostDoubles(_ size: (Int, Int), usesEnsemble: Bool) throws {
        let denoiser = TinyModel(Self.wide).denoiser(workers: 2)
        for hidesColors in [false, true] {
            let image = Self.image(size.0, size.1, hidesColors: hidesColors)
            var known: (work: Double, fits: Bool) = (2, false)
            for limit in Self.limits {
                let layout = try denoiser.layout(for: image, options: Self.options(usesEnsemble, limit))
                let fits = layout.memory <= limit
                #expect((1...2).contains(layout.work), "\(limit >> 20) MiB: \(layout.work)")
                #expect(layout.fixedMemory < layout.memory)
                #expect(fits || !known.fits, "\(limit >> 20) MiB")
                if known.fits { #expect(layout.work <= known.work, "\(limit >> 20) MiB") }
                known = (layout.work, fits)
            }
            // The highest is enough for all of these at once.
            #expect(known.work == 1 && known.fits)
        }
    }

    /// What cannot be kept is come as close to as twice the work allows. The heights of bands are rounded, so memory does
    /// not quite fall with the width of a window: with large caches the narrowest took 1.6% more than the least.
    @Test func whatDoesNotFitTakesTheLeastThereIs() throws {
        let denoiser = TinyModel(Self.wide).denoiser(workers: 2)
        for usesEnsemble in [false, true] {
            let image = Self.image(3000, 2000, hidesColors: true)
            let layouts = try Self.limits.map {
                try denoiser.layout(for: image, options: Self.options(usesEnsemble, $0))
            }
            let least = try #require(layouts.map(\.memory).min())
            #expect(layouts[0].memory <= least + least / 40 && layouts[0].work > 1.3, "ensemble: \(usesEnsemble)")
            #expect(layouts[0].canBeCutFurther)
        }
        let small = try denoiser.layout(
            for: Self.image(64, 48, hidesColors: false), options: Self.options(false, 0))
        #expect(small.work == 1 && !small.canBeCutFurther)
    }

    /// Counted where the network asks for its input.
    @Test(arguments: [false, true])
    func theRunComputesWhatTheLayoutSays(usesEnsemble: Bool) throws {
        let (width, height) = (640, 1480)
        let inference = TinyModel().inference(workers: 2)
        func layout(_ limit: Int) throws -> PictureLayout {
            try inference.layout(width: width, height: height, usesEnsemble: usesEnsemble, tiling: .memory(limit))
        }
        let uncut = try layout(1 << 30)
        for limit in [0, 3 << 20, 6 << 20, 1 << 30] {
            let layout = try layout(limit)
            let pixels = Atomic<Int>(0)
            try inference.run(
                layout,
                fill: { run, values in
                    pixels.wrappingAdd(run.width * run.height, ordering: .relaxed)
                    values.update(repeating: 0.5, count: 4 * run.width * run.height)
                }, store: { _, _, _ in })
            let passes = usesEnsemble ? 8.0 : 1
            let work = Double(pixels.load(ordering: .relaxed)) / (passes * Double(width * height))
            #expect(abs(work - layout.work) < 0.02, "\(limit >> 20) MiB: \(work), said to be \(layout.work)")
            #expect((layout.work == 1) == (layout.memory == uncut.memory))
        }
    }

    /// Workers that have no task need no memory.
    @Test func moreWorkersThanTasksTakeNoMore() throws {
        let image = Self.image(64, 48, hidesColors: false)
        let memories = try [64, 1024].map {
            try TinyModel(Self.wide).denoiser(workers: $0).layout(for: image, options: Self.options(false, 0)).memory
        }
        #expect(memories[0] == memories[1])
    }

    @Test func hiddenColorsCount() throws {
        let denoiser = TinyModel(Self.wide).denoiser(workers: 2)
        let memories = try [false, true].map {
            try denoiser.layout(
                for: Self.image(1000, 1000, hidesColors: $0), options: Self.options(false, 1 << 30)
            ).memory
        }
        #expect(memories[1] - memories[0] == 4 * 1000 * 1000)
    }

    /// Layouts and ensembles serve any network on pictures: one channel in and two out, as for a colorizer.
    @Test func theNumberOfChannelsIsTheNetworks() throws {
        var network = Network()
        let input = network.input("gray")
        let convolution = Convolution(inputChannels: 1, outputChannels: 2, kernel: 1, hasBias: true)
        network.output(network.add("conv", convolution, input))
        let parameters = Parameters(
            layout: ParameterLayout(network), values: randomParameters(network, seed: 31))
        let inference = TiledInference(
            network: network, parameters: parameters, inputChannels: 1, alignment: 2,
            pool: WorkerPool(workerCount: 2))
        func run(_ width: Int, _ height: Int, usesEnsemble: Bool) throws -> (memory: Int, values: [Float]) {
            let layout = try inference.layout(
                width: width, height: height, usesEnsemble: usesEnsemble, tiling: .memory(1 << 30))
            var values = [Float](repeating: .nan, count: 2 * width * height)
            try inference.run(
                layout,
                fill: { run, gray in
                    for i in 0..<(run.width * run.height) {
                        let (x, y) = run.height == 1 ? (run.x + i, run.y) : (run.x, run.y + i)
                        gray[i] = Float(y * width + x) / Float(width * height)
                    }
                },
                store: { core, chroma, rowStride in
                    for y in 0..<core.height {
                        for i in 0..<(2 * core.width) {
                            values[2 * ((core.y + y) * width + core.x) + i] = chroma[y * rowStride + i]
                        }
                    }
                })
            return (layout.memory, values)
        }
        // A network that sees one pixel gives the same in every orientation.
        let (one, eight) = (try run(37, 22, usesEnsemble: false), try run(37, 22, usesEnsemble: true))
        expectClose(eight.values, one.values, "orientations", seed: 31)
        let memories = try [false, true].map { try run(64, 64, usesEnsemble: $0).memory }
        #expect(memories[1] - memories[0] == 2 * 64 * 64 * MemoryLayout<Float>.stride)
    }
}
