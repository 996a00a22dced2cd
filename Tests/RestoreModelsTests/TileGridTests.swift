import RestoreImage
import RestoreModels
import Testing

@Suite struct TileGridTests {
    private struct Setting: CustomStringConvertible {
        let width: Int
        let height: Int
        let overlap: Int
        let alignment: Int

        var description: String { "\(width)×\(height), overlap \(overlap), alignment \(alignment)" }
        var paddedWidth: Int { (width + alignment - 1) / alignment * alignment }
        var paddedHeight: Int { (height + alignment - 1) / alignment * alignment }

        func grid(side: Int) -> TileGrid {
            TileGrid(width: width, height: height, overlap: overlap, alignment: alignment, side: side)
        }

        func grid(maximumPixels: Int) -> TileGrid {
            TileGrid(
                width: width, height: height, overlap: overlap, alignment: alignment, maximumPixels: maximumPixels)
        }
    }

    /// Long and short sides in both directions; odd ones, ones around multiples of the alignment, and tiny ones.
    private static let settings: [Setting] = {
        let sizes = [(1, 1), (1, 300), (300, 1), (7, 9), (64, 63), (65, 100), (203, 301), (301, 203), (500, 97)]
        return sizes.flatMap { width, height in
            [(0, 1), (3, 2), (24, 4), (92, 8)].map { overlap, alignment in
                Setting(width: width, height: height, overlap: overlap, alignment: alignment)
            }
        }
    }()

    private static let sides = [1, 16, 60, 100, 208, 1000]

    private static var grids: [(Setting, TileGrid)] {
        settings.flatMap { setting in
            sides.map { (setting, setting.grid(side: $0)) }
                + [1, 3000, 20_000, 1_000_000].map { (setting, setting.grid(maximumPixels: $0)) }
        }
    }

    @Test func coresPartitionThePicture() {
        for (setting, grid) in Self.grids {
            var covered = [UInt8](repeating: 0, count: setting.width * setting.height)
            for core in grid.tiles.map(\.core) {
                for y in core.y..<(core.y + core.height) {
                    for x in core.x..<(core.x + core.width) { covered[y * setting.width + x] += 1 }
                }
            }
            #expect(covered.allSatisfy { $0 == 1 }, "\(setting), windows of \(grid.windowWidth)")
        }
    }

    @Test func windowsAreEqualAlignedAndInsideThePaddedPicture() {
        for (setting, grid) in Self.grids {
            #expect(grid.windowWidth % setting.alignment == 0 && grid.windowHeight % setting.alignment == 0)
            for window in grid.tiles.map(\.window) {
                #expect((window.width, window.height) == (grid.windowWidth, grid.windowHeight), "\(setting)")
                #expect(window.x % setting.alignment == 0 && window.y % setting.alignment == 0, "\(setting)")
                #expect(window.x >= 0 && window.x + window.width <= setting.paddedWidth, "\(setting)")
                #expect(window.y >= 0 && window.y + window.height <= setting.paddedHeight, "\(setting)")
            }
        }
    }

    /// What is kept lies in the window, and as far as the overlap from every edge that is not the picture's.
    @Test func coresKeepAwayFromInnerEdges() {
        func margin(_ outer: Range<Int>, _ inner: Range<Int>, _ padded: Int) -> Int {
            min(
                outer.lowerBound == 0 ? .max : inner.lowerBound - outer.lowerBound,
                outer.upperBound == padded ? .max : outer.upperBound - inner.upperBound)
        }
        for (setting, grid) in Self.grids {
            for tile in grid.tiles {
                let (window, core) = (tile.window, tile.core)
                #expect(core.width > 0 && core.height > 0, "\(setting)")
                #expect(window.columns.contains(core.columns) && window.rows.contains(core.rows), "\(setting)")
                #expect(margin(window.columns, core.columns, setting.paddedWidth) >= setting.overlap, "\(setting)")
                #expect(margin(window.rows, core.rows, setting.paddedHeight) >= setting.overlap, "\(setting)")
            }
        }
    }

    @Test func windowsStayBelowTheLimitOrAreTheSmallestPossible() {
        for setting in Self.settings {
            let overlap = (setting.overlap + setting.alignment - 1) / setting.alignment * setting.alignment
            let smallest = 2 * overlap + setting.alignment
            let least = min(smallest, setting.paddedWidth) * min(smallest, setting.paddedHeight)
            for limit in [0, 1, 1000, 3000, 20_000, 50_000, 1_000_000] {
                let grid = setting.grid(maximumPixels: limit)
                #expect(grid.windowWidth * grid.windowHeight <= max(limit, least), "\(setting), limit \(limit)")
            }
        }
    }

    @Test func aPictureThatFitsIsNotCut() {
        for setting in Self.settings {
            let padded = setting.paddedWidth * setting.paddedHeight
            #expect(setting.grid(maximumPixels: padded).tiles.count == 1, "\(setting)")
            let grid = setting.grid(side: max(setting.width, setting.height))
            #expect(grid.tiles.count == 1, "\(setting)")
            #expect((grid.windowWidth, grid.windowHeight) == (setting.paddedWidth, setting.paddedHeight), "\(setting)")
        }
    }

    /// More memory never costs more work.
    @Test func largerLimitsMeanNoMoreWork() {
        let setting = Setting(width: 3001, height: 1999, overlap: 92, alignment: 8)
        var last = Int.max
        for limit in stride(from: 50_000, through: 6_500_000, by: 50_000) {
            let grid = setting.grid(maximumPixels: limit)
            let work = grid.tiles.count * grid.windowWidth * grid.windowHeight
            #expect(work <= last, "limit \(limit)")
            last = work
        }
        #expect(last == setting.paddedWidth * setting.paddedHeight)
    }

    /// How much work the windows are, for each of the picture's.
    private func overhead(_ grid: TileGrid, width: Int, height: Int) -> Double {
        Double(grid.tiles.count * grid.windowWidth * grid.windowHeight) / Double(width * height)
    }

    @Test func largePhotographsAreCutIntoFewWindows() {
        // 24 megapixels in windows of at most one: the overlap costs less than the picture itself.
        let grid = TileGrid(width: 6000, height: 4000, overlap: 96, alignment: 8, maximumPixels: 1_000_000)
        #expect(overhead(grid, width: 6000, height: 4000) < 2)
        #expect(grid.tiles.count > 24)
    }

    /// Windows that can be no larger than 316×316 keep 124×124 of it at best, however many there are.
    @Test(arguments: [(12_000, 10_000), (65_500, 7_800), (40, 3_000_000)])
    func littleMemoryMeansNoMoreWorkThanItMust(width: Int, height: Int) {
        let grid = TileGrid(width: width, height: height, overlap: 96, alignment: 8, maximumPixels: 100_000)
        #expect(overhead(grid, width: width, height: height) < 8)
    }
}

extension ImageRegion {
    fileprivate var columns: Range<Int> { x..<(x + width) }
    fileprivate var rows: Range<Int> { y..<(y + height) }
}
