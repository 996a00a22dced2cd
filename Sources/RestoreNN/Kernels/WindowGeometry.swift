/// How pixels outside the picture are defined where a window extends beyond its edge.
public enum PaddingMode: String, Hashable, Sendable, CaseIterable {
    /// Zeros outside.
    case zero
    /// The nearest edge pixel.
    case replicate
    /// Mirrored about the edge pixel, which is not repeated; the padding must be smaller than the side.
    case reflect
}

/// Pixels added on each side.
public struct Padding: Hashable, Sendable, ExpressibleByIntegerLiteral {
    public var top: Int
    public var bottom: Int
    public var left: Int
    public var right: Int

    public init(top: Int, bottom: Int, left: Int, right: Int) {
        self.top = top
        self.bottom = bottom
        self.left = left
        self.right = right
    }

    public init(integerLiteral value: Int) {
        self.init(top: value, bottom: value, left: value, right: value)
    }

    public init(_ value: Int) {
        self.init(top: value, bottom: value, left: value, right: value)
    }
}

/// The windows that a convolution lays over a picture: window `(oy, ox)` of the grid reads picture row
/// `oy · stride + ky · dilation − padding.top` for each kernel row `ky`, and columns likewise.
///
/// A convolution goes from picture to grid, a transposed convolution from grid to picture; both, and all their
/// gradients, are products with the same *column matrix*: one row per window, one column per (ky, kx, channel).
struct WindowGeometry: Hashable, Sendable {
    let batch: Int
    let picture: Extent
    let channels: Int
    let grid: Extent
    let kernel: Extent
    let stride: Extent
    let dilation: Extent
    let padTop: Int
    let padLeft: Int
    let mode: PaddingMode

    /// Windows of all pictures, which are the rows of the column matrix.
    var windows: Int { batch * grid.height * grid.width }
    /// Columns of the column matrix.
    var columns: Int { kernel.height * kernel.width * channels }
    /// Floats of one picture.
    var pictureCount: Int { picture.height * picture.width * channels }

    /// Whether the picture itself is the column matrix.
    var isPointwise: Bool {
        kernel == 1 && stride == 1 && padTop == 0 && padLeft == 0 && grid == picture
    }

    /// Whether the windows tile the picture, so that every pixel belongs to exactly one.
    var tilesPicture: Bool {
        kernel == stride && dilation == 1 && padTop == 0 && padLeft == 0
            && picture.height == grid.height * stride.height && picture.width == grid.width * stride.width
    }

    /// The picture row or column that position `index` refers to, or −1 for zero padding.
    @inline(__always)
    static func source(_ index: Int, side: Int, mode: PaddingMode) -> Int {
        if index >= 0 && index < side { return index }
        switch mode {
        case .zero: return -1
        case .replicate: return index < 0 ? 0 : side - 1
        case .reflect: return index < 0 ? -index : 2 * (side - 1) - index
        }
    }

    /// The rows (or columns) of the picture that a range of the grid's windows reads, including those that the padding
    /// reflects or repeats.
    func pictureRange(of windows: Range<Int>, axis: Axis) -> Range<Int> {
        let (side, padding) = (picture.side(axis), axis == .height ? padTop : padLeft)
        let first = windows.lowerBound * stride.side(axis) - padding
        let last =
            (windows.upperBound - 1) * stride.side(axis) - padding + dilation.side(axis) * (kernel.side(axis) - 1)
        let start = min(max(first, 0), side)
        var range = start..<max(start, min(last + 1, side))
        guard mode != .zero else { return range }
        // Beyond either edge `source` is monotonic, so checking the end positions suffices.
        let above = first < 0 ? [first, min(last, -1)] : []
        let below = last >= side ? [max(first, side), last] : []
        for position in above + below {
            let source = Self.source(position, side: side, mode: mode)
            range = range.isEmpty ? source..<(source + 1) : range.hull(source..<(source + 1))
        }
        return range
    }

    /// The rows (or columns) of the grid whose windows may read from a range of the picture, with zero padding.
    func gridRange(touching range: Range<Int>, axis: Axis) -> Range<Int> {
        let (side, stride) = (grid.side(axis), stride.side(axis))
        let padding = axis == .height ? padTop : padLeft
        let reach = dilation.side(axis) * (kernel.side(axis) - 1)
        let first = max(0, range.lowerBound + padding - reach + stride - 1) / stride
        let start = min(first, side)
        return start..<max(start, min(side, (range.upperBound - 1 + padding) / stride + 1))
    }

    /// The windows of grid rows `rows`, numbered across the batch: any rows of a single picture, or all rows of
    /// several.
    func windows(in rows: Range<Int>) -> Range<Int> {
        precondition(batch == 1 || rows == 0..<grid.height, "rows \(rows) of \(batch) pictures of \(grid.height)")
        return batch == 1 ? rows.lowerBound * grid.width..<rows.upperBound * grid.width : 0..<windows
    }

    /// The kernel rows that cover the picture at grid row `oy`, if all others cover zeros and those inside are
    /// `dilation` rows apart; nil if some are reflected or repeated, or none is inside the picture.
    func contiguousKernelRows(oy: Int) -> Range<Int>? {
        let top = oy * stride.height - padTop
        let first = top >= 0 ? 0 : (-top + dilation.height - 1) / dilation.height
        let room = picture.height - 1 - top
        guard room >= 0 else { return nil }
        let end = min(kernel.height, room / dilation.height + 1)
        guard first < end, mode == .zero || (first == 0 && end == kernel.height) else { return nil }
        return first..<end
    }

    /// If windows tile the picture: the grid rows that picture rows `rows` come from.
    func gridRows(coveredBy rows: Range<Int>) -> Range<Int> {
        rows.lowerBound / kernel.height..<(rows.upperBound + kernel.height - 1) / kernel.height
    }

    /// Rows in a block of the column matrix: as many as fit in the L2 cache beside the weights. It depends only on the
    /// layer, so work is cut the same way on every machine.
    static func blockRows(columns: Int) -> Int {
        let floatsInCache = 96 * 1024
        return min(480, max(24, floatsInCache / columns / 24 * 24))
    }

    var blockRows: Int { Self.blockRows(columns: columns) }
    var blockCount: Int { (windows + blockRows - 1) / blockRows }
}
