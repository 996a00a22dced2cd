import RestoreNN

/// Divides an image that is too wide for the available memory into overlapping windows of full height.
///
/// All windows have the same width, so one plan serves them all; at the image's right edge, the last window is shifted
/// left rather than cut. Each window has a core, the columns that are kept from it; the cores cover the image without
/// overlap. Windows and cores start where the network's `PieceRule` allows, with the margins it requires, so the result
/// is identical to that of the undivided image.
public struct ColumnGrid: Equatable, Sendable {
    public struct Window: Equatable, Sendable {
        /// The network's input; may extend beyond the right edge of the image, up to `paddedWidth`.
        public let columns: Range<Int>
        /// The columns of the output that are kept.
        public let core: Range<Int>
    }

    public let windows: [Window]
    public let windowWidth: Int
    /// The image's width, rounded up to the alignment.
    public let paddedWidth: Int
    /// Whether narrower windows would still have a core.
    public let canBeNarrower: Bool

    /// A grid with windows of about `windowWidth` columns. An image that fits into one window is not divided.
    ///
    /// - Parameters:
    ///   - alignment: the width of the network's input is a multiple of it.
    ///   - rule: how its input may be cut, or `nil` if it may not.
    ///   - windowWidth: rounded up as the rule and the image's width require.
    public init(width: Int, alignment: Int, rule: PieceRule?, windowWidth: Int) {
        let cut = Cut(width: width, alignment: alignment, rule: rule)
        self.init(cut, windowWidth: max(cut.smallest, cut.congruent(windowWidth)))
    }

    /// The grid with the fewest windows that fit. If those would take too much work or are still too wide, the grid
    /// with the narrowest windows within the limit: beyond that, saving a little memory costs many times the work.
    ///
    /// - Parameters:
    ///   - mostWork: the maximum ratio of the total width of all windows to the width of the image; at least 1.
    ///   - fits: whether a window with this many columns fits. If one does, so do all narrower ones.
    public init<Failure: Error>(
        width: Int, alignment: Int, rule: PieceRule?, mostWork: Double = ColumnGrid.mostWork,
        fits: (_ windowWidth: Int) throws(Failure) -> Bool
    ) throws(Failure) {
        let cut = Cut(width: width, alignment: alignment, rule: rule)
        let widths = cut.windowWidths(mostWork: mostWork)
        // The last width is used whether it fits or not.
        var (first, end) = (0, widths.count - 1)
        while first < end {
            let middle = (first + end) / 2
            if try fits(widths[middle]) { end = middle } else { first = middle + 1 }
        }
        self.init(cut, windowWidth: widths[first])
    }

    /// A memory limit at most doubles the work.
    public static let mostWork = 2.0

    /// Columns computed by the network per column of the image.
    public var work: Double { Double(windows.count * windowWidth) / Double(paddedWidth) }

    private init(_ cut: Cut, windowWidth: Int) {
        self.windowWidth = min(windowWidth, cut.paddedWidth)
        paddedWidth = cut.paddedWidth
        windows = cut.windows(of: windowWidth)
        canBeNarrower = cut.smallest < self.windowWidth
    }
}

/// The constraints on windows.
private struct Cut {
    let width: Int
    let paddedWidth: Int
    /// Windows and cores start at multiples of this.
    let step: Int
    /// Columns of a window before and after its core.
    let before: Int
    let after: Int

    init(width: Int, alignment: Int, rule: PieceRule?) {
        func roundedUp(_ value: Int, _ step: Int) -> Int { (value + step - 1) / step * step }
        self.width = width
        paddedWidth = roundedUp(width, alignment)
        var step = rule?.step ?? paddedWidth
        while step % alignment != 0 { step += rule?.step ?? paddedWidth }
        self.step = step
        before = roundedUp(rule?.before ?? paddedWidth, step)
        after = rule?.after ?? paddedWidth
    }

    /// The smallest window width, not below `width`, that lets the last window end at the image's edge: all windows
    /// start at multiples of the step, so the remainders must agree.
    func congruent(_ width: Int) -> Int {
        let remainder = (paddedWidth - width) % step
        return width + (remainder < 0 ? remainder + step : remainder)
    }

    /// The smallest width for which a window in the middle has a core.
    var smallest: Int { congruent(before + step + after) }

    /// Where a window's core ends, relative to the window's start, unless the image ends there.
    private func coreEnd(of windowWidth: Int) -> Int { (windowWidth - after) / step * step }

    func windowWidth(count: Int) -> Int {
        var width = max(smallest, congruent((paddedWidth + (count - 1) * (before + after)) / count))
        // Cores end at multiples of the step, which costs each window a few columns.
        while (count - 1) * (coreEnd(of: width) - before) + width < paddedWidth { width += step }
        return min(width, paddedWidth)
    }

    /// The window widths worth trying in descending order, starting with the image's width.
    func windowWidths(mostWork: Double) -> [Int] {
        var widths = [paddedWidth]
        let most = Int(mostWork * Double(paddedWidth))
        var count = 2
        // The overlap of this many windows is a lower bound on their cost.
        while paddedWidth + (count - 1) * (before + after) <= most, count * step <= paddedWidth {
            let width = windowWidth(count: count)
            if width < widths[widths.count - 1], self.count(of: width) * width <= most { widths.append(width) }
            count += 1
        }
        return widths
    }

    /// The number of windows of a width that is below the image's.
    private func count(of windowWidth: Int) -> Int {
        let advance = coreEnd(of: windowWidth) - before
        return 1 + (paddedWidth - windowWidth + advance - 1) / advance
    }

    func windows(of windowWidth: Int) -> [ColumnGrid.Window] {
        guard windowWidth < paddedWidth else { return [ColumnGrid.Window(columns: 0..<paddedWidth, core: 0..<width)] }
        var windows: [ColumnGrid.Window] = []
        var done = 0
        while done < width {
            let start = min(max(0, done - before), paddedWidth - windowWidth)
            let isLast = start + windowWidth == paddedWidth
            let end = isLast ? width : start + coreEnd(of: windowWidth)
            windows.append(ColumnGrid.Window(columns: start..<(start + windowWidth), core: done..<end))
            done = end
        }
        return windows
    }
}
