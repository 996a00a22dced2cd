// Glossary: n picture of the batch, oy ox window of the grid, ky kx place in the kernel, iy ix pixel of the picture.

/// Adds rows of a column matrix back onto the pixels they were taken from: the adjoint of `im2col`. Only picture rows
/// in `ownedRows` are written, so that workers that own different rows never conflict.
///
/// - Parameters:
///   - columns: `rowCount × geometry.columns`, for the windows `firstWindow ..< firstWindow + rowCount` of one picture
///     (numbered from its first window).
///   - picture: the first pixel of that picture.
func col2im(
    _ geometry: WindowGeometry, columns: UnsafePointer<Float>, firstWindow: Int, rowCount: Int,
    ownedRows: Range<Int>, onto picture: UnsafeMutablePointer<Float>
) {
    let g = geometry
    for row in 0..<rowCount {
        let oy = (firstWindow + row) / g.grid.width
        let ox = (firstWindow + row) % g.grid.width
        let left = ox * g.stride.width - g.padLeft
        for ky in 0..<g.kernel.height {
            let iy = WindowGeometry.source(
                oy * g.stride.height + ky * g.dilation.height - g.padTop, side: g.picture.height, mode: g.mode)
            guard iy >= 0, ownedRows.contains(iy) else { continue }
            let source = columns + row * g.columns + ky * g.kernel.width * g.channels
            addLine(g, source: source, left: left, onto: picture + iy * g.picture.width * g.channels)
        }
    }
}

@inline(__always)
private func addLine(
    _ g: WindowGeometry, source: UnsafePointer<Float>, left: Int, onto line: UnsafeMutablePointer<Float>
) {
    let right = left + (g.kernel.width - 1) * g.dilation.width
    if g.dilation.width == 1 && left >= 0 && right < g.picture.width {
        add(source, onto: line + left * g.channels, count: g.kernel.width * g.channels)
        return
    }
    for kx in 0..<g.kernel.width {
        let ix = WindowGeometry.source(left + kx * g.dilation.width, side: g.picture.width, mode: g.mode)
        if ix >= 0 { add(source + kx * g.channels, onto: line + ix * g.channels, count: g.channels) }
    }
}

/// The windows (rows of the grid) that touch any picture row of `rows`.
func gridRows(_ geometry: WindowGeometry, touching rows: Range<Int>) -> Range<Int> {
    let g = geometry
    func touches(_ oy: Int) -> Bool {
        (0..<g.kernel.height).contains { ky in
            rows.contains(
                WindowGeometry.source(
                    oy * g.stride.height + ky * g.dilation.height - g.padTop, side: g.picture.height, mode: g.mode))
        }
    }
    guard let first = (0..<g.grid.height).first(where: touches),
        let last = (0..<g.grid.height).last(where: touches)
    else { return 0..<0 }
    return first..<(last + 1)
}
