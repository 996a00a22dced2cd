// Glossary: n picture of the batch, oy ox window of the grid, ky kx place in the kernel, iy ix pixel of the picture.

/// Fills rows `firstWindow ..< firstWindow + rowCount` of the column matrix of `picture` into `columns`
/// (`rowCount × geometry.columns`, row-major). Windows are numbered by batch, grid row and grid column.
func im2col(
    _ geometry: WindowGeometry, picture: UnsafePointer<Float>, firstWindow: Int, rowCount: Int,
    into columns: UnsafeMutablePointer<Float>
) {
    let g = geometry
    let gridWidth = g.grid.width
    var row = 0
    while row < rowCount {
        let window = firstWindow + row
        let ox = window % gridWidth
        let line = window / gridWidth
        let oy = line % g.grid.height
        let n = line / g.grid.height
        let run = min(rowCount - row, gridWidth - ox)
        im2colRun(
            g, picture: picture + n * g.pictureCount, oy: oy, ox: ox, run: run,
            into: columns + row * g.columns)
        row += run
    }
}

/// One run of adjacent windows in a grid row.
private func im2colRun(
    _ g: WindowGeometry, picture: UnsafePointer<Float>, oy: Int, ox: Int, run: Int,
    into columns: UnsafeMutablePointer<Float>
) {
    let lineCount = g.kernel.width * g.channels
    // Windows whose kernel row is entirely inside the picture copy it in one piece.
    let interior = interiorRange(g, from: ox, count: run)
    for ky in 0..<g.kernel.height {
        let iy = WindowGeometry.source(
            oy * g.stride.height + ky * g.dilation.height - g.padTop, side: g.picture.height, mode: g.mode)
        var destination = columns + ky * lineCount
        guard iy >= 0 else {
            for _ in 0..<run {
                destination.update(repeating: 0, count: lineCount)
                destination += g.columns
            }
            continue
        }
        let line = picture + iy * g.picture.width * g.channels
        for window in ox..<(ox + run) {
            let left = window * g.stride.width - g.padLeft
            if interior.contains(window) {
                destination.update(from: line + left * g.channels, count: lineCount)
            } else {
                copyBorder(g, line: line, left: left, into: destination)
            }
            destination += g.columns
        }
    }
}

/// Windows of the run whose kernel columns are contiguous in memory and inside the picture.
func interiorRange(_ g: WindowGeometry, from ox: Int, count: Int) -> Range<Int> {
    guard g.dilation.width == 1 || g.kernel.width == 1 else { return ox..<ox }
    let first = max(ox, (g.padLeft + g.stride.width - 1) / g.stride.width)
    let room = g.picture.width - g.kernel.width + g.padLeft
    guard room >= 0 else { return ox..<ox }
    let last = min(ox + count, room / g.stride.width + 1)
    return first < last ? first..<last : ox..<ox
}

private func copyBorder(
    _ g: WindowGeometry, line: UnsafePointer<Float>, left: Int, into destination: UnsafeMutablePointer<Float>
) {
    for kx in 0..<g.kernel.width {
        let ix = WindowGeometry.source(left + kx * g.dilation.width, side: g.picture.width, mode: g.mode)
        let pixel = destination + kx * g.channels
        if ix >= 0 {
            pixel.update(from: line + ix * g.channels, count: g.channels)
        } else {
            pixel.update(repeating: 0, count: g.channels)
        }
    }
}
