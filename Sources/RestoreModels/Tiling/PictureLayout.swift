import RestoreImage
import RestoreNN

/// How a network is applied to a picture: in which strips and windows, and what that costs. Depends on the network, the
/// picture's sides and the memory allowed, not on the task.
///
/// Of the layouts that fit in memory, the one with the least work is chosen; if none fits, the one that needs the least
/// memory among those that at most double the work.
public struct PictureLayout: Equatable, Sendable {
    /// One application of the network to the picture, or to the part of it that a strip depends on.
    struct Pass: Equatable {
        let symmetry: SquareSymmetry
        /// In pixels of the picture in this orientation.
        let seen: ImageRegion
        /// How `seen` is divided into windows.
        let grid: ColumnGrid
    }

    /// Rows whose result is complete once their passes are done.
    struct Strip: Equatable {
        let region: ImageRegion
        let passes: [Pass]
    }

    /// What a layout is made for.
    struct Request: Equatable {
        let width: Int
        let height: Int
        /// Whether the results of eight orientations are averaged (`SelfEnsemble`).
        var usesEnsemble = false
        let tiling: Tiling
        var preparation = PreparationMemory()
    }

    let request: Request
    let strips: [Strip]
    /// Bytes needed in addition to the picture and its result, including the network's parameters.
    public let memory: Int
    /// The part of `memory` that does not depend on how the picture is divided.
    public let fixedMemory: Int
    /// Pixels the network computes, relative to an undivided picture in the same number of orientations; at least 1.
    public let work: Double
    /// Whether the picture is prepared in memory of its own.
    var hasPreparation: Bool { request.preparation.held > 0 }
    /// Whether narrower windows would need less memory, for more work.
    public var canBeCutFurther: Bool { strips.contains { $0.passes.contains { $0.grid.canBeNarrower } } }

    /// - Throws: `NetworkError` if the network does not fit its inputs at all.
    init(_ request: Request, for inference: TiledInference) throws(NetworkError) {
        let cutter = Cutter(
            inference: inference, request: request,
            outputChannels: try inference.outputChannels(width: request.width, height: request.height),
            parameterBytes: try inference.parameterBytes(width: request.width, height: request.height))
        let counts = cutter.stripCounts
        var best = try cutter.layout(cutter.strips(counts.lowerBound))
        for count in counts.dropFirst() {
            let strips = try cutter.strips(count)
            // More strips mean more rows that are computed twice.
            guard strips.work <= (cutter.fits(best) ? best.work : ColumnGrid.mostWork) else { break }
            let layout = try cutter.layout(strips)
            if cutter.prefers(layout, to: best) { best = layout }
        }
        self = best
    }

    fileprivate init(_ cutter: Cutter, strips: [Strip], memory: Int, work: Double) {
        request = cutter.request
        fixedMemory = cutter.parameterBytes + cutter.request.preparation.held
        (self.strips, self.memory, self.work) = (strips, memory, work)
    }
}

/// Bytes that a task needs to prepare a picture for its network, in addition to the picture itself.
public struct PreparationMemory: Equatable, Sendable {
    /// Held while the network runs.
    public var held: Int
    /// Needed on top of `held` during preparation only, before the network runs.
    public var transient: Int

    public init(held: Int = 0, transient: Int = 0) {
        (self.held, self.transient) = (held, transient)
    }
}

/// Makes the candidate layouts of a picture.
private struct Cutter {
    typealias Uncut = (region: ImageRegion, seen: [(symmetry: SquareSymmetry, region: ImageRegion)])

    let inference: TiledInference
    let request: PictureLayout.Request
    let outputChannels: Int
    let parameterBytes: Int

    /// Minimum rows per strip: the rows computed around each strip are not kept.
    private static let leastRows = 1024
    /// Bytes of sums if the width of windows is given and not the memory.
    private static let sumBytes = 512 << 20

    private var symmetries: [SquareSymmetry] {
        request.usesEnsemble ? SquareSymmetry.all : [SquareSymmetry.all[0]]
    }

    /// Bytes of the sums of one row.
    private var sumRowBytes: Int {
        request.usesEnsemble ? outputChannels * request.width * MemoryLayout<Float>.stride : 0
    }

    var stripCounts: ClosedRange<Int> {
        guard request.usesEnsemble else { return 1...1 }
        func count(rows: Int) -> Int { (request.height + rows - 1) / rows }
        switch request.tiling {
        case .memory: return 1...count(rows: Self.leastRows)
        case .side:
            let one = count(rows: max(Self.leastRows, Self.sumBytes / sumRowBytes))
            return one...one
        }
    }

    /// This many strips of about equal height, and what the network must see for each.
    func strips(_ count: Int) throws(NetworkError) -> (strips: [Uncut], work: Double) {
        let (width, height) = (request.width, request.height)
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

    /// The strips, divided into windows that fit in memory together with their sums.
    func layout(_ uncut: (strips: [Uncut], work: Double)) throws(NetworkError) -> PictureLayout {
        let preparation = request.preparation
        let sumBytes = sumRowBytes * (uncut.strips.map(\.region.height).max() ?? 0)
        let windowTiling = request.tiling.leaving(parameterBytes + preparation.held + sumBytes)
        let mostWork = max(1, ColumnGrid.mostWork / uncut.work)
        var (windowBytes, pixels) = (0, 0.0)
        var strips: [PictureLayout.Strip] = []
        for strip in uncut.strips {
            var passes: [PictureLayout.Pass] = []
            for (symmetry, seen) in strip.seen {
                let grid = try inference.grid(
                    width: seen.width, height: seen.height, tiling: windowTiling, mostWork: mostWork)
                windowBytes = max(
                    windowBytes, try inference.memory(windowWidth: grid.windowWidth, height: seen.height))
                pixels += grid.work * Double(seen.width * seen.height)
                passes.append(PictureLayout.Pass(symmetry: symmetry, seen: seen, grid: grid))
            }
            strips.append(PictureLayout.Strip(region: strip.region, passes: passes))
        }
        return PictureLayout(
            self, strips: strips,
            memory: parameterBytes + preparation.held + max(preparation.transient, sumBytes + windowBytes),
            work: pixels / Double(symmetries.count * request.width * request.height))
    }

    func fits(_ layout: PictureLayout) -> Bool {
        switch request.tiling {
        case .side: true
        case .memory(let bytes): layout.memory <= bytes
        }
    }

    func prefers(_ layout: PictureLayout, to other: PictureLayout) -> Bool {
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
