import RestoreConcurrency
import RestoreImage

/// A picture into which the results of a network are put, piece by piece.
struct RestoredImage {
    private(set) var image: Image
    private let original: Image
    private let visible: VisibleColors?
    private let strength: Float
    private let pool: WorkerPool

    /// Pixels that a task mixes, about.
    private static let pixelsOfTask = 8192

    /// - Parameters:
    ///   - original: what the network saw, as it was.
    ///   - visible: its colors as the network saw them, where these are not the picture's own.
    ///   - strength: 0 keeps the original, 1 takes what the network gives.
    init(_ original: Image, visible: VisibleColors?, strength: Float, pool: WorkerPool) {
        (image, self.original) = (original, original)
        (self.visible, self.strength, self.pool) = (visible, strength, pool)
    }

    /// - Parameters:
    ///   - values: sRGB, 3 floats a pixel, rows `rowStride` floats apart.
    /// - Throws: `NonFinitePixel`.
    mutating func store(_ core: ImageRegion, _ values: UnsafePointer<Float>, rowStride: Int) throws(NonFinitePixel) {
        if visible == nil, strength == 1 {
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

    /// A row of the original with the change that the network made to what it saw; wholly transparent pixels without it.
    private func mix(_ row: ImageRegion, _ values: UnsafePointer<Float>, to mixed: UnsafeMutablePointer<Float>) {
        original.copyColors(of: row, to: mixed)
        guard let visible else {
            for i in 0..<(3 * row.width) { mixed[i] += strength * (values[i] - mixed[i]) }
            return
        }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * row.width) { seen in
            guard let seen = seen.baseAddress else { return }
            visible.copyColors(of: row, to: seen)
            original.forEachOpacity(in: row) { x, opacity in
                // Of such a pixel the network saw the own color, and full strength takes the very bits.
                let isTaken = strength == 1 && VisibleColors.weight(ofOpacity: opacity) == 1
                for i in (3 * x)..<(3 * x + 3) {
                    if isTaken {
                        mixed[i] = values[i]
                    } else if opacity > 0 || !values[i].isFinite {
                        mixed[i] += strength * (values[i] - seen[i])
                    }
                }
            }
        }
    }
}
