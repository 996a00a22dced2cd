import RestoreImage

/// How a picture too large for the memory is cut into windows that overlap.
///
/// All windows have one size, so one inference plan serves them all; at the picture's edges they are moved inwards rather
/// than cut. Each has a core, the pixels that are kept from it; the cores cover the picture without overlap, and lie at
/// least `overlap` pixels from those edges of the window that are not edges of the picture. With an overlap of at least
/// the network's receptive radius, and windows that start on multiples of its alignment, tiled equals untiled.
public struct TileGrid: Equatable, Sendable {
    public struct Tile: Equatable, Sendable {
        /// What the network sees; may reach beyond the right and lower edge of the picture, up to `paddedWidth` and
        /// `paddedHeight`.
        public let window: ImageRegion
        /// What is kept of its output, in the picture's coordinates.
        public let core: ImageRegion
    }

    public let tiles: [Tile]
    public let windowWidth: Int
    public let windowHeight: Int

    /// A grid with windows of about `side` pixels; a picture that fits one window is not cut.
    ///
    /// - Parameters:
    ///   - overlap: rounded up to a multiple of `alignment`.
    ///   - side: rounded up to a multiple of `alignment`, and to more than twice the overlap.
    public init(width: Int, height: Int, overlap: Int, alignment: Int, side: Int) {
        let overlap = Self.roundedUp(overlap, alignment)
        let side = max(Self.roundedUp(side, alignment), 2 * overlap + alignment)
        self.init(
            columns: Self.spans(
                length: width, overlap: overlap, alignment: alignment, window: side),
            rows: Self.spans(length: height, overlap: overlap, alignment: alignment, window: side))
    }

    /// The grid with the least work whose windows have at most `maximumPixels` (or are the smallest possible).
    public init(width: Int, height: Int, overlap: Int, alignment: Int, maximumPixels: Int) {
        let overlap = Self.roundedUp(overlap, alignment)
        let smallest = 2 * overlap + alignment
        // The window lengths that cover `length` with 1, 2, … windows; with the last, each keeps `alignment` pixels.
        func windows(_ length: Int) -> [Int] {
            let padded = Self.roundedUp(length, alignment)
            return (1...min(4096, padded / alignment)).map { count in
                let even = Self.roundedUp((padded + 2 * overlap * (count - 1) + count - 1) / count, alignment)
                return min(padded, max(even, smallest))
            }
        }
        let (widths, heights) = (windows(width), windows(height))
        var best: (columns: Int, rows: Int, work: Int)?
        for (rows, h) in heights.enumerated() {
            let widest = maximumPixels / h
            for (columns, w) in widths.enumerated() where w <= widest {
                let work = w * (columns + 1) * h * (rows + 1)
                if best.map({ work < $0.work }) ?? true { best = (w, h, work) }
            }
        }
        let (w, h) = best.map { ($0.columns, $0.rows) } ?? (smallest, smallest)
        self.init(
            columns: Self.spans(length: width, overlap: overlap, alignment: alignment, window: w),
            rows: Self.spans(length: height, overlap: overlap, alignment: alignment, window: h))
    }

    private init(columns: [Span], rows: [Span]) {
        windowWidth = columns[0].window.count
        windowHeight = rows[0].window.count
        tiles = rows.flatMap { row in
            columns.map { column in
                Tile(window: Self.region(column.window, row.window), core: Self.region(column.core, row.core))
            }
        }
    }

    private static func region(_ x: Range<Int>, _ y: Range<Int>) -> ImageRegion {
        ImageRegion(x: x.lowerBound, y: y.lowerBound, width: x.count, height: y.count)
    }

    static func roundedUp(_ value: Int, _ step: Int) -> Int { (value + step - 1) / step * step }

    private struct Span {
        let window: Range<Int>
        let core: Range<Int>
    }

    /// Windows of one side of the picture.
    private static func spans(length: Int, overlap: Int, alignment: Int, window: Int) -> [Span] {
        let padded = roundedUp(length, alignment)
        guard window < padded else { return [Span(window: 0..<padded, core: 0..<length)] }
        var spans: [Span] = []
        var done = 0
        while done < length {
            let start = min(max(0, done - overlap), padded - window)
            let end = start + window == padded ? length : start + window - overlap
            spans.append(Span(window: start..<(start + window), core: done..<end))
            done = end
        }
        return spans
    }
}
