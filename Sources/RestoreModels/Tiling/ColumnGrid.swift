import RestoreNN

/// How a picture too wide for the memory is cut into windows of full height that overlap.
///
/// All windows have one width, so one plan serves them all; at the picture's right edge the last is moved inwards rather
/// than cut. Each has a core, the columns that are kept from it; the cores cover the picture without overlap. Windows and
/// cores begin where the network's `PieceRule` allows, and as far apart: so a cut picture equals an uncut one.
public struct ColumnGrid: Equatable, Sendable {
    public struct Window: Equatable, Sendable {
        /// What the network sees; may reach beyond the right edge of the picture, up to `paddedWidth`.
        public let columns: Range<Int>
        /// What is kept of its output.
        public let core: Range<Int>
    }

    public let windows: [Window]
    public let windowWidth: Int
    /// The picture's width, rounded up to the alignment.
    public let paddedWidth: Int
    /// Whether narrower windows would keep something, too.
    public let canBeNarrower: Bool

    /// A grid with windows of about `windowWidth` columns; a picture that fits one window is not cut.
    ///
    /// - Parameters:
    ///   - alignment: the width of the network's input is a multiple of it.
    ///   - rule: how its input may be cut, or `nil` if it may not.
    ///   - windowWidth: rounded up to what the rule and the picture's width demand.
    public init(width: Int, alignment: Int, rule: PieceRule?, windowWidth: Int) {
        let cut = Cut(width: width, alignment: alignment, rule: rule)
        self.init(cut, windowWidth: max(cut.smallest, cut.congruent(windowWidth)))
    }

    /// The grid with the fewest windows that fit. Where those would be too much work, or too wide still, the one with the
    /// narrowest windows that are not: beyond that a little memory is saved for many times the work.
    ///
    /// - Parameters:
    ///   - mostWork: how many times as many columns as the picture has the windows may have together; at least 1.
    ///   - fits: whether a window of so many columns fits. If one does, so do all that are narrower.
    public init<Failure: Error>(
        width: Int, alignment: Int, rule: PieceRule?, mostWork: Double = ColumnGrid.mostWork,
        fits: (_ windowWidth: Int) throws(Failure) -> Bool
    ) throws(Failure) {
        let cut = Cut(width: width, alignment: alignment, rule: rule)
        let widths = cut.windowWidths(mostWork: mostWork)
        // The last one is taken whether it fits or not.
        var (first, end) = (0, widths.count - 1)
        while first < end {
            let middle = (first + end) / 2
            if try fits(widths[middle]) { end = middle } else { first = middle + 1 }
        }
        self.init(cut, windowWidth: widths[first])
    }

    /// A limit of memory at most doubles the work.
    public static let mostWork = 2.0

    /// Columns that the network computes, for each of the picture's.
    public var work: Double { Double(windows.count * windowWidth) / Double(paddedWidth) }

    private init(_ cut: Cut, windowWidth: Int) {
        self.windowWidth = min(windowWidth, cut.paddedWidth)
        paddedWidth = cut.paddedWidth
        windows = cut.windows(of: windowWidth)
        canBeNarrower = cut.smallest < self.windowWidth
    }
}

/// What windows must keep to.
private struct Cut {
    let width: Int
    let paddedWidth: Int
    /// Windows and cores begin at its multiples.
    let step: Int
    /// Columns that a window has before and behind its core.
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

    /// The least width of a window, not below `width`, with which the last can end where the picture ends: all windows
    /// begin at multiples of the step, so the remainders agree.
    func congruent(_ width: Int) -> Int {
        let remainder = (paddedWidth - width) % step
        return width + (remainder < 0 ? remainder + step : remainder)
    }

    /// The least width with which a window in the middle keeps something.
    var smallest: Int { congruent(before + step + after) }

    /// Where the core of a window ends, counted from the window's beginning, unless the picture ends there.
    private func coreEnd(of windowWidth: Int) -> Int { (windowWidth - after) / step * step }

    func windowWidth(count: Int) -> Int {
        var width = max(smallest, congruent((paddedWidth + (count - 1) * (before + after)) / count))
        // Cores end at multiples of the step, which costs every window a little.
        while (count - 1) * (coreEnd(of: width) - before) + width < paddedWidth { width += step }
        return min(width, paddedWidth)
    }

    /// The widths of windows that are worth a try, the picture's first, each narrower than the one before.
    func windowWidths(mostWork: Double) -> [Int] {
        var widths = [paddedWidth]
        let most = Int(mostWork * Double(paddedWidth))
        var count = 2
        // What so many windows overlap by is the least that they cost.
        while paddedWidth + (count - 1) * (before + after) <= most, count * step <= paddedWidth {
            let width = windowWidth(count: count)
            if width < widths[widths.count - 1], self.count(of: width) * width <= most { widths.append(width) }
            count += 1
        }
        return widths
    }

    /// How many windows of a width below the picture's there are.
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
