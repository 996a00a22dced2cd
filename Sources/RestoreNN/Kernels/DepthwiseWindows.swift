import CKernels

// Glossary: n picture of the batch, oy ox window of the grid, ky kx place in the kernel (a tap), iy ix pixel of the
// picture.

/// Provides the pixels that windows of a depthwise convolution cover: in the picture itself if all of a window's
/// columns are inside it, otherwise in a padded copy.
struct DepthwiseWindows {
    private let g: WindowGeometry
    /// The windows of a row whose columns are all inside the picture. If there are none, an empty range at the end.
    private let interior: Range<Int>

    init(_ geometry: WindowGeometry) {
        g = geometry
        let stride = g.stride.width
        let first = (g.padLeft + stride - 1) / stride
        let room = g.picture.width - 1 - g.dilation.width * (g.kernel.width - 1) + g.padLeft
        let end = room < 0 ? 0 : min(g.grid.width, room / stride + 1)
        interior = first < end ? first..<end : g.grid.width..<g.grid.width
    }

    /// Floats of working memory.
    var scratchCount: Int {
        let columns = max(columns(windows: interior.lowerBound), columns(windows: g.grid.width - interior.upperBound))
        return g.kernel.height * columns * g.channels
    }

    /// Columns of the picture covered by this many windows.
    private func columns(windows: Int) -> Int {
        windows == 0 ? 0 : (windows - 1) * g.stride.width + g.dilation.width * (g.kernel.width - 1) + 1
    }

    /// Calls `body` for the windows of grid row `oy` of a picture, in a few runs.
    ///
    /// - Parameters:
    ///   - scratch: `scratchCount` floats.
    ///   - body: receives the windows, the first of their columns, and the first tap. Kernel rows that cover only zeros
    ///     are left out.
    @inline(__always)
    func forEachRun(
        oy: Int, picture: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>,
        _ body: (_ windows: rk_windows, _ ox: Int, _ firstTap: Int) -> Void
    ) {
        let kernelRows = kernelRows(oy)
        withUnsafeTemporaryAllocation(
            of: UnsafePointer<Float>?.self, capacity: g.kernel.height * g.kernel.width
        ) { taps in
            guard let base = taps.baseAddress else { return }
            var ox = 0
            while ox < g.grid.width {
                let isInside = interior.contains(ox)
                let end = isInside ? interior.upperBound : ox < interior.lowerBound ? interior.lowerBound : g.grid.width
                for (row, ky) in kernelRows.enumerated() {
                    var first = picture + line(oy, ky) * g.picture.width * g.channels
                    let left = ox * g.stride.width - g.padLeft
                    if isInside {
                        first += left * g.channels
                    } else {
                        let columns = columns(windows: end - ox)
                        let copy = scratch + row * columns * g.channels
                        self.copy(first, from: left, columns: columns, into: copy)
                        first = UnsafePointer(copy)
                    }
                    for kx in 0..<g.kernel.width {
                        taps[row * g.kernel.width + kx] = first + kx * g.dilation.width * g.channels
                    }
                }
                let windows = rk_windows(
                    taps: base, tap_count: kernelRows.count * g.kernel.width, step: g.stride.width * g.channels,
                    channels: g.channels, count: end - ox)
                body(windows, ox, kernelRows.lowerBound * g.kernel.width)
                ox = end
            }
        }
    }

    /// The kernel rows that cover anything but zeros at grid row `oy`.
    private func kernelRows(_ oy: Int) -> Range<Int> {
        var rows = 0..<g.kernel.height
        while let ky = rows.first, line(oy, ky) < 0 { rows = (ky + 1)..<rows.upperBound }
        while let ky = rows.last, line(oy, ky) < 0 { rows = rows.lowerBound..<ky }
        return rows
    }

    /// The picture row that kernel row `ky` covers at grid row `oy`, or −1.
    private func line(_ oy: Int, _ ky: Int) -> Int {
        WindowGeometry.source(
            oy * g.stride.height + ky * g.dilation.height - g.padTop, side: g.picture.height, mode: g.mode)
    }

    /// Copies this many columns of a row, starting at column `left`, with padding.
    private func copy(
        _ line: UnsafePointer<Float>, from left: Int, columns: Int, into copy: UnsafeMutablePointer<Float>
    ) {
        let c = g.channels
        let inside = max(left, 0)..<max(max(left, 0), min(left + columns, g.picture.width))
        if !inside.isEmpty {
            (copy + (inside.lowerBound - left) * c).update(
                from: line + inside.lowerBound * c, count: inside.count * c)
        }
        for x in 0..<columns where !inside.contains(left + x) {
            let column = WindowGeometry.source(left + x, side: g.picture.width, mode: g.mode)
            if column < 0 {
                (copy + x * c).update(repeating: 0, count: c)
            } else {
                (copy + x * c).update(from: line + column * c, count: c)
            }
        }
    }
}
