import ModelTestSupport
import RestoreImage
import RestoreModels
import RestoreNN
import Synchronization
import TestSupport
import Testing

/// How a picture is cut for a limit of memory: what is said of it is what happens.
@Suite struct DenoisingLayoutTests {
    /// Much less deep than the shipped one, and as wide, so that it takes as much for a column.
    private static let wide = DenoiserArchitecture(checking: [48, 64, 96], blocksPerLevel: 1)

    private static let limits = [0, 20, 40, 60, 80, 100, 150, 300, 1000].map { $0 << 20 }

    private static func image(_ width: Int, _ height: Int, hidesColors: Bool) -> Image {
        // Wholly transparent where it has alpha.
        Image(width: width, height: height, channelLayout: hidesColors ? .rgbAlpha : .rgb)
    }

    /// A limit that cannot be kept says what it takes and at most doubles the work; a higher one never means more.
    @Test(arguments: [(3000, 2000), (900, 4000), (700, 500), (64, 48)], Denoiser.Quality.allCases)
    func theWorkAtMostDoubles(_ size: (Int, Int), quality: Denoiser.Quality) throws {
        let denoiser = TinyModel(Self.wide).denoiser(workers: 2)
        for hidesColors in [false, true] {
            let image = Self.image(size.0, size.1, hidesColors: hidesColors)
            var known: (work: Double, fits: Bool) = (2, false)
            for limit in Self.limits {
                let layout = try denoiser.layout(for: image, quality: quality, tiling: .memory(limit))
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

    /// What cannot be kept is come as close to as twice the work allows.
    @Test func whatDoesNotFitTakesTheLeastThereIs() throws {
        let denoiser = TinyModel(Self.wide).denoiser(workers: 2)
        for quality in Denoiser.Quality.allCases {
            let image = Self.image(3000, 2000, hidesColors: true)
            let layouts = try Self.limits.map {
                try denoiser.layout(for: image, quality: quality, tiling: .memory($0))
            }
            #expect(layouts[0].memory == layouts.map(\.memory).min() && layouts[0].work > 1.3, "\(quality)")
            #expect(layouts[0].canBeCutFurther)
        }
        let small = try denoiser.layout(
            for: Self.image(64, 48, hidesColors: false), quality: .fast, tiling: .memory(0))
        #expect(small.work == 1 && !small.canBeCutFurther)
    }

    /// Counted where the network asks for its input.
    @Test(arguments: Denoiser.Quality.allCases)
    func theRunComputesWhatTheLayoutSays(quality: Denoiser.Quality) throws {
        let (width, height) = (640, 1480)
        let denoiser = TinyModel().denoiser(workers: 2)
        let uncut = try denoiser.layout(
            for: Self.image(width, height, hidesColors: false), quality: quality, tiling: .memory(1 << 30))
        for limit in [0, 3 << 20, 6 << 20, 1 << 30] {
            let layout = try denoiser.layout(
                for: Self.image(width, height, hidesColors: false), quality: quality, tiling: .memory(limit))
            let pixels = Atomic<Int>(0)
            try denoiser.denoise(
                width: width, height: height, sigma: 20, quality: quality, tiling: .memory(limit),
                fill: { run, values in
                    pixels.wrappingAdd(run.width * run.height, ordering: .relaxed)
                    values.update(repeating: 0.5, count: 4 * run.width * run.height)
                }, store: { _, _, _ in })
            let passes = quality == .best ? 8.0 : 1
            let work = Double(pixels.load(ordering: .relaxed)) / (passes * Double(width * height))
            #expect(abs(work - layout.work) < 0.02, "\(limit >> 20) MiB: \(work), said to be \(layout.work)")
            #expect(layout == uncut || layout.work > 1)
        }
    }

    /// Workers that have no task need no memory.
    @Test func moreWorkersThanTasksTakeNoMore() throws {
        let image = Self.image(64, 48, hidesColors: false)
        let memories = try [64, 1024].map {
            try TinyModel(Self.wide).denoiser(workers: $0).layout(for: image, quality: .fast, tiling: .memory(0)).memory
        }
        #expect(memories[0] == memories[1])
    }

    @Test func hiddenColorsCount() throws {
        let denoiser = TinyModel(Self.wide).denoiser(workers: 2)
        let memories = try [false, true].map {
            try denoiser.layout(
                for: Self.image(1000, 1000, hidesColors: $0), quality: .fast, tiling: .memory(1 << 30)
            ).memory
        }
        #expect(memories[1] - memories[0] == 4 * 1000 * 1000)
    }
}
