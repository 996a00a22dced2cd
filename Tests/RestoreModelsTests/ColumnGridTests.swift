import RestoreModels
import RestoreNN
import Testing

@Suite struct ColumnGridTests {
    private struct Setting: CustomStringConvertible {
        let width: Int
        let alignment: Int
        let rule: PieceRule

        var description: String { "\(width) columns, alignment \(alignment), \(rule)" }
        var paddedWidth: Int { (width + alignment - 1) / alignment * alignment }

        func grid(windowWidth: Int) -> ColumnGrid {
            ColumnGrid(width: width, alignment: alignment, rule: rule, windowWidth: windowWidth)
        }

        func grid(widest: Int, mostWork: Double = ColumnGrid.mostWork) -> ColumnGrid {
            ColumnGrid(width: width, alignment: alignment, rule: rule, mostWork: mostWork) { $0 <= widest }
        }
    }

    /// Odd widths, ones around multiples of the step, and tiny ones.
    private static let settings: [Setting] =
        [1, 7, 64, 65, 203, 300, 301, 500, 2049].flatMap { width in
            [(1, 1, 0, 0), (2, 2, 3, 5), (4, 4, 24, 24), (8, 8, 92, 88), (8, 32, 241, 205), (4, 6, 10, 10)].map {
                Setting(width: width, alignment: $0, rule: PieceRule(step: $1, before: $2, after: $3))
            }
        }

    private static let widths = [1, 16, 60, 100, 208, 610, 1000, 5000]

    private static var grids: [(Setting, ColumnGrid)] {
        settings.flatMap { setting in
            widths.flatMap {
                [(setting, setting.grid(windowWidth: $0)), (setting, setting.grid(widest: $0))]
            }
        }
    }

    @Test func coresPartitionThePicture() {
        for (setting, grid) in Self.grids {
            let cores = grid.windows.map(\.core)
            #expect(cores.allSatisfy { !$0.isEmpty }, "\(setting)")
            #expect(cores.first?.lowerBound == 0 && cores.last?.upperBound == setting.width, "\(setting)")
            #expect(zip(cores, cores.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound }, "\(setting)")
        }
    }

    @Test func windowsAreEqualAndBeginOnTheStep() {
        for (setting, grid) in Self.grids {
            #expect(grid.paddedWidth == setting.paddedWidth && grid.windowWidth % setting.alignment == 0)
            for window in grid.windows {
                let columns = window.columns
                #expect(columns.count == grid.windowWidth, "\(setting)")
                #expect(columns.lowerBound >= 0 && columns.upperBound <= setting.paddedWidth, "\(setting)")
                #expect(columns.lowerBound % setting.rule.step == 0, "\(setting)")
                #expect(window.core.lowerBound % setting.rule.step == 0, "\(setting)")
                #expect(columns.lowerBound % setting.alignment == 0, "\(setting)")
            }
        }
    }

    /// What is kept lies in the window, and as far as the rule says from every edge that is not the picture's.
    @Test func coresKeepAwayFromInnerEdges() {
        for (setting, grid) in Self.grids {
            for window in grid.windows {
                let (columns, core) = (window.columns, window.core)
                #expect(columns.contains(core), "\(setting)")
                let before = core.lowerBound - columns.lowerBound
                #expect(columns.lowerBound == 0 || before >= setting.rule.before, "\(setting)")
                let after = columns.upperBound - core.upperBound
                #expect(columns.upperBound == setting.paddedWidth || after >= setting.rule.after, "\(setting)")
                let isLast = core.upperBound == setting.width
                #expect(isLast || core.upperBound % setting.rule.step == 0, "\(setting)")
            }
        }
    }

    /// A limit is kept wherever that costs no more than twice the work; there is no narrower grid then.
    @Test func windowsFitWhereThatIsWorthTheWork() {
        for setting in Self.settings {
            let widths = stride(from: 0, through: setting.paddedWidth, by: 8).map {
                setting.grid(windowWidth: $0)
            }
            let narrowest = widths.filter { $0.work <= ColumnGrid.mostWork }.map(\.windowWidth).min()
            for widest in [50, 100, 200, 400, 1000, 4000] {
                let grid = setting.grid(widest: widest)
                #expect(grid.windowWidth <= max(widest, narrowest ?? setting.paddedWidth), "\(setting), \(widest)")
            }
        }
    }

    @Test func noLimitMoreThanDoublesTheWork() {
        for setting in Self.settings {
            for (widest, most) in [0, 50, 300, 1000].flatMap({ widest in [1, 1.3, 2].map { (widest, $0) } }) {
                let grid = setting.grid(widest: widest, mostWork: most)
                let columns = grid.windows.reduce(0) { $0 + $1.columns.count }
                #expect(Double(columns) <= most * Double(setting.paddedWidth), "\(setting), \(widest), \(most)")
                #expect(grid.work == Double(columns) / Double(setting.paddedWidth))
            }
        }
    }

    /// Where the limit cannot be kept, the picture is cut all the same.
    @Test func whatDoesNotFitIsCutAsFarAsIsWorthTheWork() {
        let setting = Setting(width: 6000, alignment: 8, rule: PieceRule(step: 8, before: 92, after: 92))
        let grid = setting.grid(widest: 0)
        #expect(grid.work > 1.9 && grid.windowWidth < 400)
        #expect(grid.canBeNarrower)
        #expect(!setting.grid(windowWidth: 0).canBeNarrower)
    }

    @Test func aPictureThatFitsIsNotCut() {
        for setting in Self.settings {
            for grid in [setting.grid(widest: setting.paddedWidth), setting.grid(windowWidth: setting.width)] {
                #expect(grid.windows.count == 1 && grid.windowWidth == setting.paddedWidth, "\(setting)")
                #expect(grid.windows[0].core == 0..<setting.width, "\(setting)")
            }
        }
    }

    @Test func withoutARuleNothingIsCut() {
        let grids = [
            ColumnGrid(width: 1001, alignment: 8, rule: nil, windowWidth: 1),
            ColumnGrid(width: 1001, alignment: 8, rule: nil) { _ in false },
        ]
        for grid in grids { #expect(grid.windows.count == 1 && grid.windowWidth == 1008) }
    }

    /// More memory never costs more work.
    @Test func widerLimitsMeanNoMoreWork() {
        let setting = Setting(width: 3001, alignment: 8, rule: PieceRule(step: 32, before: 150, after: 140))
        var last = Int.max
        for widest in stride(from: 0, through: 3100, by: 10) {
            let grid = setting.grid(widest: widest)
            let work = grid.windows.count * grid.windowWidth
            #expect(work <= last, "limit \(widest)")
            last = work
        }
        #expect(last == setting.paddedWidth)
    }

    /// The windows are of one width, and none is more than it must be.
    @Test func fewWindowsCostLittle() {
        let setting = Setting(width: 6000, alignment: 8, rule: PieceRule(step: 8, before: 92, after: 92))
        for (widest, count) in [(3100, 2), (2150, 3), (1000, 8)] {
            let grid = setting.grid(widest: widest)
            #expect(grid.windows.count == count, "limit \(widest)")
            #expect(grid.windows.count * grid.windowWidth <= 6000 + 200 * (count - 1) + 8 * count)
        }
    }
}
