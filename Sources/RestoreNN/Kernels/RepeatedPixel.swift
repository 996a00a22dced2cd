import RestoreConcurrency

/// Writes scale · `pixel` to `pixels` pixels.
func repeatPixel(
    _ pixel: UnsafePointer<Float>, scale: Float = 1, channels: Int, into destination: UnsafeMutablePointer<Float>,
    pixels: Int
) {
    guard pixels > 0 else { return }
    for c in 0..<channels { destination[c] = scale * pixel[c] }
    // Copies what has been written so far, doubling the length each time, up to what fits in the L1 cache.
    let count = pixels * channels
    var written = channels
    var length = channels
    while written < count {
        let next = min(length, count - written)
        (destination + written).update(from: destination, count: next)
        written += next
        if length < 2048 { length = written }
    }
}

/// Writes scale · the one pixel of each picture of `source` (N × C) to some of its pixels.
///
/// - Parameter pixels: the range to write: all pixels, or some rows of a single picture.
func repeatPixels(
    _ source: UnsafePointer<Float>, scale: Float = 1, shape: Shape, pixels: Range<Int>,
    into destination: UnsafeMutablePointer<Float>, pool: WorkerPool
) {
    let channels = shape.channels
    let count = pixels.count / shape.batch
    let piece = max(1, elementwisePiece / channels)
    let pieces = (count + piece - 1) / piece
    pool.run(taskCount: shape.batch * pieces) { task, _ in
        let (n, first) = (task / pieces, task % pieces * piece)
        repeatPixel(
            source + n * channels, scale: scale, channels: channels,
            into: destination + (pixels.lowerBound + n * count + first) * channels, pixels: min(piece, count - first))
    }
}
