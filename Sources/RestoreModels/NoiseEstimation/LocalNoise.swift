import RestoreConcurrency
import RestoreImage

/// White noise from place to place: stronger in some parts of a picture than in others, or absent from some.
///
/// The level of the whole picture is that of its quietest part, since the flattest patches are there. It is right for
/// ordinary pictures and much more precise than that of a part, so it is replaced by a map only if parts contradict it
/// clearly: windows whose flattest patches are full of white noise that is much stronger, or cells without any noise.
struct LocalNoise {
    /// Side of a window in cells; windows overlap by half.
    private static let windowSide = 4
    /// Side of a cell in pixels, at least, and in patches.
    private static let leastCellSize = 16
    private static let patchesOfCell = 4

    /// Patches that a window needs, and the share of them, the flattest ones, that is measured.
    private static let leastCount = 60
    private static let measuredShare = 0.25

    /// What a window's noise must look like: of color, of gray, where nothing separates noise from texture.
    private static let color = NoiseCriteria(
        sigma: 1.5...75, kurtosis: 2.4...3.7, spread: 1.6, repetition: 1.6, clippedShare: 0.3, excess: 2.5)
    private static let gray = NoiseCriteria(
        sigma: 1.5...75, kurtosis: 2.4...3.6, spread: 1.5, repetition: 1.5, clippedShare: 0.3, excess: 1.8)

    /// A window contradicts the level of the picture from this multiple of it on and this much above it, in units of
    /// 1/255. A few windows do so by chance.
    private static let contradiction = 1.5
    private static let contradictionOffset = 1.5
    private static let contradictingShare = 0.04
    private static let leastContradicting = 4

    /// Share of the cells, all constant, from which these count as without noise.
    private static let constantShare = 0.02

    /// Noise leaves no patch with less than this share of its level: of color, of gray, which has half as many values.
    private static let quietColorShare = 0.5
    private static let quietGrayShare = 0.35
    /// A window with more such patches than this share is a mixture.
    private static let mixedShare = 0.01

    private let patches: NoisePatches
    /// The variance of each patch's high band.
    private let variances: [Float]
    private let cellSize: Int
    private let columns: Int
    private let rows: Int
    /// The patches by cell: those of cell c are `ordered[starts[c]..<starts[c + 1]]`.
    private var starts: [Int]
    private var ordered: [Int]
    /// Constant patches in each cell.
    private var constants: [Int]

    /// A window whose noise is certain.
    private struct Window {
        /// Center, in cells.
        let x: Float
        let y: Float
        let level: Float
    }

    /// - Parameters:
    ///   - patches: of a picture with the given size.
    init(_ patches: NoisePatches, width: Int, height: Int) {
        let values = Double(patches.noiseValueCount)
        variances = (0..<patches.count).map { Float(patches.noiseMoments(of: $0).squares / values) }
        let cellSize = max(Self.leastCellSize, Self.patchesOfCell * patches.stride)
        let columns = (width + cellSize - 1) / cellSize
        let rows = (height + cellSize - 1) / cellSize
        (self.patches, self.cellSize, self.columns, self.rows) = (patches, cellSize, columns, rows)
        func cell(ofPlace place: Int32) -> Int {
            let half = NoisePatches.side / 2
            let x = Int(place) % patches.columns * patches.stride + half
            let y = Int(place) / patches.columns * patches.stride + half
            return y / cellSize * columns + x / cellSize
        }
        let cells = patches.places.map { cell(ofPlace: $0) }
        constants = [Int](repeating: 0, count: columns * rows)
        for place in patches.constantPlaces { constants[cell(ofPlace: place)] += 1 }
        starts = [Int](repeating: 0, count: columns * rows + 1)
        for cell in cells { starts[cell + 1] += 1 }
        for cell in 0..<(columns * rows) { starts[cell + 1] += starts[cell] }
        var next = starts
        ordered = [Int](repeating: 0, count: cells.count)
        for (patch, cell) in cells.enumerated() {
            ordered[next[cell]] = patch
            next[cell] += 1
        }
    }

    /// The levels, if a single one does not do.
    ///
    /// - Parameter level: of the whole picture, in units of 1/255; 0 if none is certain.
    func map(insteadOf level: Double, pool: WorkerPool) -> NoiseLevelMap? {
        guard columns > 1 || rows > 1 else { return nil }
        let windows = windows(pool: pool)
        let limit = Float(Self.contradiction * level + Self.contradictionOffset)
        let contradicting = windows.found.filter { $0.level > limit }
        let isContradicted =
            contradicting.count >= Self.leastContradicting
            && Double(contradicting.count) >= Self.contradictingShare * Double(windows.count)
        let constantCells = (0..<(columns * rows)).count { constants[$0] > 0 && starts[$0] == starts[$0 + 1] }
        let hasQuietCells =
            level > 0 && constantCells >= Self.leastContradicting
            && Double(constantCells) >= Self.constantShare * Double(columns * rows)
        guard isContradicted || hasQuietCells else { return nil }
        let noisy = isContradicted ? windows.found.filter { $0.level > limit || level > 0 } : []
        let levels = pool.map(taskCount: columns * rows) { cell in
            capped(noisy.isEmpty ? Float(level) : interpolated(noisy, at: cell), at: cell)
        }
        return NoiseLevelMap(levels: levels, columns: columns, rows: rows, cellSize: cellSize)
    }

    private var quietShare: Double { patches.channels == 3 ? Self.quietColorShare : Self.quietGrayShare }

    // MARK: Windows

    private func windows(pool: WorkerPool) -> (found: [Window], count: Int) {
        let step = Self.windowSide / 2
        let across = max(1, (columns - Self.windowSide + step) / step)
        let down = max(1, (rows - Self.windowSide + step) / step)
        let found = pool.map(taskCount: across * down) { index in
            window(left: index % across * step, top: index / across * step)
        }
        return (found.compactMap { $0 }, across * down)
    }

    /// The window's noise, if it is certain.
    private func window(left: Int, top: Int) -> Window? {
        var all: [Int] = []
        var constantCount = 0
        let (right, bottom) = (min(columns, left + Self.windowSide), min(rows, top + Self.windowSide))
        for y in top..<bottom {
            for x in left..<right {
                let cell = y * columns + x
                all += ordered[starts[cell]..<starts[cell + 1]]
                constantCount += constants[cell]
            }
        }
        guard all.count >= max(Self.leastCount, constantCount) else { return nil }
        let energies = all.map { patches.lowEnergy[$0] }
        let limit = valueInOrder(energies, at: Int(Self.measuredShare * Double(all.count)))
        let chosen = all.filter { patches.lowEnergy[$0] <= limit }
        let sigma = (chosen.reduce(0) { $0 + Double(variances[$1]) } / Double(chosen.count)).squareRoot()
        let quietLimit = Float(quietShare * quietShare * sigma * sigma)
        let quietCount = all.count { variances[$0] < quietLimit }
        guard Double(quietCount) <= Self.mixedShare * Double(all.count) else { return nil }
        let expected = sigma * sigma * Double(NoisePatches.lowCount * patches.channels)
        let flattest = valueInOrder(energies, at: Int(Self.measuredShare / 2 * Double(all.count)))
        let evidence = NoiseEvidence(patches, chosen: chosen, sigma: sigma)
        let criteria = patches.channels == 3 ? Self.color : Self.gray
        guard criteria.areMet(by: evidence, sigma: sigma, excess: Double(flattest) / max(expected, 1e-9)) else {
            return nil
        }
        return Window(x: Float(left + right) / 2, y: Float(top + bottom) / 2, level: Float(sigma))
    }

    // MARK: Cells

    /// The level that the windows around a cell suggest; close ones count most.
    private func interpolated(_ windows: [Window], at cell: Int) -> Float {
        let (x, y) = (Float(cell % columns) + 0.5, Float(cell / columns) + 0.5)
        var (sum, weights): (Float, Float) = (0, 0)
        for window in windows {
            let squared = (window.x - x) * (window.x - x) + (window.y - y) * (window.y - y)
            let weight = 1 / ((squared + 1) * (squared + 1))
            sum += weight * window.level
            weights += weight
        }
        return sum / weights
    }

    /// The level, unless a patch in the cell has so little noise that it cannot be.
    private func capped(_ level: Float, at cell: Int) -> Float {
        let members = ordered[starts[cell]..<starts[cell + 1]]
        if constants[cell] > members.count { return 0 }
        if members.isEmpty { return level }
        let own = (members.map { variances[$0] }.min() ?? 0).squareRoot()
        return own < Float(quietShare) * level ? own : level
    }
}
