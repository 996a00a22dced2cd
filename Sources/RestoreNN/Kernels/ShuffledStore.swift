/// Stores a run of adjacent pixels of `channels` values, starting at (`y`, `x`) of a picture of `width` pixels, with a
/// pixel shuffle by `factor`: channel c·r² + dy·r + dx goes to channel c of pixel (dy, dx) of the r×r square.
///
/// - Parameters:
///   - y: the row, counted across the pictures of the batch.
///   - epilogue: its residual and activation are applied to what is stored. Its bias belongs to `source` and has
///     already been applied.
func placeShuffled(
    _ source: UnsafePointer<Float>, pixels: Int, channels: Int, factor r: Int, y: Int, x: Int, width: Int,
    into output: UnsafeMutablePointer<Float>, epilogue: Epilogue
) {
    let depth = channels / (r * r)
    var rest = epilogue
    rest.bias = nil
    for dy in 0..<r {
        let offset = ((y * r + dy) * width + x) * r * depth
        let row = output + offset
        for pixel in 0..<pixels {
            let values = source + pixel * channels + dy * r
            let square = row + pixel * r * depth
            for dx in 0..<r {
                for c in 0..<depth { square[dx * depth + c] = values[c * r * r + dx] }
            }
        }
        rest.apply(to: row, offset: offset, pixels: pixels * r, channels: depth)
    }
}
