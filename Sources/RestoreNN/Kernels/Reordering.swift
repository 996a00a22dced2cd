import RestoreConcurrency

/// Copies `batch` pictures into pictures of another shape, keeping feature numbers: features are numbered by channel,
/// row and column.
///
/// - Precondition: both shapes have the same batch size and the same number of values.
func reorder(
    _ source: UnsafePointer<Float>, _ from: Shape, into destination: UnsafeMutablePointer<Float>, _ to: Shape,
    pool: WorkerPool
) {
    if from == to || (isInMemoryOrder(from) && isInMemoryOrder(to)) {
        pool.runPieces(count: from.count) { start, count in
            (destination + start).update(from: source + start, count: count)
        }
        return
    }
    let features = from.count / from.batch
    let pieces = (features + elementwisePiece - 1) / elementwisePiece
    pool.run(taskCount: from.batch * pieces) { task, _ in
        let (n, first) = (task / pieces, task % pieces * elementwisePiece)
        var read = FeaturePlace(first, from)
        var write = FeaturePlace(first, to)
        let (source, destination) = (source + n * features, destination + n * features)
        for _ in first..<min(features, first + elementwisePiece) {
            destination[write.offset] = source[read.offset]
            read.advance()
            write.advance()
        }
    }
}

/// Whether feature order equals memory order.
private func isInMemoryOrder(_ shape: Shape) -> Bool {
    shape.channels == 1 || shape.height * shape.width == 1
}

/// The position of a feature, relative to the picture's first value.
private struct FeaturePlace {
    private let pixels: Int
    private let channels: Int
    private var channel: Int
    private var pixel: Int

    init(_ feature: Int, _ shape: Shape) {
        pixels = shape.height * shape.width
        channels = shape.channels
        channel = feature / pixels
        pixel = feature % pixels
    }

    var offset: Int {
        @inline(__always) get { pixel * channels + channel }
    }

    @inline(__always)
    mutating func advance() {
        pixel += 1
        if pixel == pixels {
            pixel = 0
            channel += 1
        }
    }
}
