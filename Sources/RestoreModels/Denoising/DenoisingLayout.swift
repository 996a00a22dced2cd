import RestoreImage
import RestoreNN

/// How a denoiser takes a picture: in which strips and windows, and what that costs. Decided once, so that what is said of
/// a picture is what happens to it.
///
/// Of the layouts that fit the memory it is the one with the least work; where none does, the one that needs the least
/// memory of those that at most double the work.
public struct DenoisingLayout: Equatable, Sendable {
    /// The network once over a picture, or over the part of it that a strip depends on.
    struct Pass: Equatable {
        let symmetry: SquareSymmetry
        /// In pixels of the picture as it is laid.
        let seen: ImageRegion
        /// How `seen` is cut.
        let grid: ColumnGrid
    }

    /// Rows whose result is complete when their passes are done.
    struct Strip: Equatable {
        let region: ImageRegion
        let passes: [Pass]
    }

    let quality: Denoiser.Quality
    let strips: [Strip]
    /// Bytes of what stands in for hidden colors.
    let hiddenBytes: Int
    /// Bytes beside the picture and its result; the network's parameters count.
    public let memory: Int
    /// What of it no cutting saves.
    public let fixedMemory: Int
    /// Pixels that the network computes, for each that it computes of a picture that is not cut.
    public let work: Double
    /// Whether narrower windows would take less, for more work.
    public var canBeCutFurther: Bool { strips.contains { $0.passes.contains { $0.grid.canBeNarrower } } }

    /// - Parameter hiddenBytes: of what stands in for hidden colors.
    /// - Throws: `NetworkError` where the network does not fit its inputs at all.
    init(
        _ inference: TiledInference, width: Int, height: Int, quality: Denoiser.Quality, tiling: Tiling,
        hiddenBytes: Int
    ) throws(NetworkError) {
        let cutter = Cutter(
            inference: inference, bounds: ImageRegion(x: 0, y: 0, width: width, height: height), quality: quality,
            tiling: tiling, hiddenBytes: hiddenBytes,
            parameterBytes: try inference.parameterBytes(width: width, height: height))
        let counts = cutter.stripCounts
        var best = try cutter.layout(cutter.strips(counts.lowerBound))
        for count in counts.dropFirst() {
            let strips = try cutter.strips(count)
            // More strips have more rows beside them.
            guard strips.work <= (cutter.fits(best) ? best.work : ColumnGrid.mostWork) else { break }
            let layout = try cutter.layout(strips)
            if cutter.prefers(layout, to: best) { best = layout }
        }
        self = best
    }

    fileprivate init(_ cutter: Cutter, strips: [Strip], memory: Int, work: Double) {
        (quality, hiddenBytes) = (cutter.quality, cutter.hiddenBytes)
        fixedMemory = cutter.parameterBytes + cutter.hiddenBytes
        (self.strips, self.memory, self.work) = (strips, memory, work)
    }
}

/// Makes the layouts of a picture that there are to choose from.
private struct Cutter {
    typealias Uncut = (region: ImageRegion, seen: [(symmetry: SquareSymmetry, region: ImageRegion)])

    let inference: TiledInference
    let bounds: ImageRegion
    let quality: Denoiser.Quality
    let tiling: Tiling
    let hiddenBytes: Int
    let parameterBytes: Int

    /// Rows that a strip has at least: beside each lie rows that are computed and not kept.
    private static let leastRows = 1024
    /// Bytes of sums where the width of windows, and not the memory, is given.
    private static let sumBytes = 512 << 20

    private var symmetries: [SquareSymmetry] {
        switch quality {
        case .fast: [SquareSymmetry.all[0]]
        case .best: SquareSymmetry.all
        }
    }

    /// Bytes of the sums of a row.
    private var sumRowBytes: Int {
        switch quality {
        case .fast: 0
        case .best: 3 * bounds.width * MemoryLayout<Float>.stride
        }
    }

    var stripCounts: ClosedRange<Int> {
        guard quality == .best else { return 1...1 }
        func count(rows: Int) -> Int { (bounds.height + rows - 1) / rows }
        switch tiling {
        case .memory: return 1...count(rows: Self.leastRows)
        case .side:
            let one = count(rows: max(Self.leastRows, Self.sumBytes / sumRowBytes))
            return one...one
        }
    }

    /// So many strips of about one height, and what the network must see for each.
    func strips(_ count: Int) throws(NetworkError) -> (strips: [Uncut], work: Double) {
        let (width, height) = (bounds.width, bounds.height)
        let rows = (height + count - 1) / count
        var strips: [Uncut] = []
        var pixels = 0
        for top in stride(from: 0, to: height, by: rows) {
            var strip: Uncut = (ImageRegion(x: 0, y: top, width: width, height: min(rows, height - top)), [])
            for symmetry in symmetries {
                let laid = symmetry.sides(width: width, height: height)
                let core = symmetry.place(of: strip.region, width: width, height: height)
                let seen = try inference.region(for: core, width: laid.width, height: laid.height)
                strip.seen.append((symmetry, seen))
                pixels += seen.width * seen.height
            }
            strips.append(strip)
        }
        return (strips, Double(pixels) / Double(symmetries.count * width * height))
    }

    /// The strips cut into windows that fit beside their sums.
    func layout(_ uncut: (strips: [Uncut], work: Double)) throws(NetworkError) -> DenoisingLayout {
        let sumBytes = sumRowBytes * (uncut.strips.map(\.region.height).max() ?? 0)
        let windowTiling = tiling.leaving(parameterBytes + hiddenBytes + sumBytes)
        let mostWork = max(1, ColumnGrid.mostWork / uncut.work)
        var (windowBytes, pixels) = (0, 0.0)
        var strips: [DenoisingLayout.Strip] = []
        for strip in uncut.strips {
            var passes: [DenoisingLayout.Pass] = []
            for (symmetry, seen) in strip.seen {
                let grid = try inference.grid(
                    width: seen.width, height: seen.height, tiling: windowTiling, mostWork: mostWork)
                windowBytes = max(
                    windowBytes, try inference.memory(windowWidth: grid.windowWidth, height: seen.height))
                pixels += grid.work * Double(seen.width * seen.height)
                passes.append(DenoisingLayout.Pass(symmetry: symmetry, seen: seen, grid: grid))
            }
            strips.append(DenoisingLayout.Strip(region: strip.region, passes: passes))
        }
        return DenoisingLayout(
            self, strips: strips,
            // Hidden colors take a third more while they are made.
            memory: parameterBytes + hiddenBytes + max(hiddenBytes / 3, sumBytes + windowBytes),
            work: pixels / Double(symmetries.count * bounds.width * bounds.height))
    }

    func fits(_ layout: DenoisingLayout) -> Bool {
        switch tiling {
        case .side: true
        case .memory(let bytes): layout.memory <= bytes
        }
    }

    func prefers(_ layout: DenoisingLayout, to other: DenoisingLayout) -> Bool {
        switch (fits(layout), fits(other)) {
        case (true, true): layout.work < other.work
        case (false, false): layout.memory < other.memory
        case (let fits, _): fits
        }
    }
}

extension Tiling {
    /// The same with less memory.
    fileprivate func leaving(_ taken: Int) -> Tiling {
        switch self {
        case .side: self
        case .memory(let bytes): .memory(max(0, bytes - taken))
        }
    }
}
