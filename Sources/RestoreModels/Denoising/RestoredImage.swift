import RestoreConcurrency
import RestoreImage

/// A picture into which the results of a network are put, piece by piece.
struct RestoredImage {
    private(set) var image: Image
    private let original: Image
    private let visible: VisibleColors?
    private let mixture: ResultMixture
    private let pool: WorkerPool

    /// Pixels that a task mixes, about.
    private static let pixelsOfTask = 8192

    /// - Parameters:
    ///   - original: what the network saw, as it was.
    ///   - visible: its colors as the network saw them, where these are not the picture's own.
    ///   - mixture: what of the network's answer is taken.
    init(_ original: Image, visible: VisibleColors?, mixture: ResultMixture, pool: WorkerPool) {
        (image, self.original) = (original, original)
        (self.visible, self.mixture, self.pool) = (visible, mixture, pool)
    }

    /// - Parameters:
    ///   - values: sRGB, 3 floats a pixel, rows `rowStride` floats apart.
    /// - Throws: `NonFinitePixel`.
    mutating func store(_ core: ImageRegion, _ values: UnsafePointer<Float>, rowStride: Int) throws(NonFinitePixel) {
        if visible == nil, mixture.isWholeAnswer {
            try image.setColors(of: core, from: values, rowStride: rowStride, pool: pool)
            return
        }
        let width = 3 * core.width
        let rows = max(1, Self.pixelsOfTask / core.width)
        // Some rows at a time: the mixture of a whole strip would take as much memory again.
        let mixedRows = min(core.height, 16 * rows)
        var mixed = [Float](repeating: 0, count: mixedRows * width)
        for top in stride(from: 0, to: core.height, by: mixedRows) {
            let part = ImageRegion(
                x: core.x, y: core.y + top, width: core.width, height: min(mixedRows, core.height - top))
            mixed.withUnsafeMutableBufferPointer { mixed in
                guard let mixed = mixed.baseAddress else { return }
                pool.run(taskCount: (part.height + rows - 1) / rows) { task, _ in
                    for y in (task * rows)..<min((task + 1) * rows, part.height) {
                        let row = ImageRegion(x: part.x, y: part.y + y, width: part.width, height: 1)
                        mix(row, values + (top + y) * rowStride, to: mixed + y * width)
                    }
                }
            }
            try image.setColors(of: part, from: mixed, pool: pool)
        }
    }

    /// A row of the original with the change that was made to what the network saw; wholly transparent pixels without it.
    private func mix(_ row: ImageRegion, _ values: UnsafePointer<Float>, to mixed: UnsafeMutablePointer<Float>) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * row.width) { seen in
            guard let seen = seen.baseAddress else { return }
            guard let visible else {
                original.copyColors(of: row, to: seen)
                mixed.update(from: values, count: 3 * row.width)
                return mixture.apply(to: row, seen: seen, values: mixed)
            }
            visible.copyColors(of: row, to: seen)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * row.width) { changed in
                guard let changed = changed.baseAddress else { return }
                changed.update(from: values, count: 3 * row.width)
                mixture.apply(to: row, seen: seen, values: changed)
                original.copyColors(of: row, to: mixed)
                original.forEachOpacity(in: row) { x, opacity in
                    // Of such a pixel the network saw the own color, and the result is taken with its very bits.
                    let isTaken = VisibleColors.weight(ofOpacity: opacity) == 1
                    for i in (3 * x)..<(3 * x + 3) {
                        if isTaken {
                            mixed[i] = changed[i]
                        } else if opacity > 0 || !changed[i].isFinite {
                            mixed[i] += changed[i] - seen[i]
                        }
                    }
                }
            }
        }
    }
}
