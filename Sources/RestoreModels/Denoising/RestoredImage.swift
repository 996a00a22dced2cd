import RestoreConcurrency
import RestoreImage

/// A picture into which the results of a network are put, piece by piece.
struct RestoredImage {
    private(set) var image: Image
    private let original: Image
    private let visible: VisibleColors?
    private let mixture: ResultMixture
    private let constantAreas: ConstantAreas
    private let pool: WorkerPool

    /// Pixels that a task mixes, about.
    private static let pixelsOfTask = 8192
    /// Columns of which a task marks the pixels that are kept.
    private static let examinedWidth = 1024

    /// - Parameters:
    ///   - original: what the network saw, as it was.
    ///   - visible: its colors as the network saw them, where these are not the picture's own.
    ///   - mixture: what of the network's answer is taken.
    ///   - constantAreas: what stays as it is.
    init(
        _ original: Image, visible: VisibleColors?, mixture: ResultMixture, constantAreas: ConstantAreas,
        pool: WorkerPool
    ) {
        (image, self.original) = (original, original)
        (self.visible, self.mixture, self.constantAreas, self.pool) = (visible, mixture, constantAreas, pool)
    }

    /// - Parameters:
    ///   - values: sRGB, 3 floats a pixel, rows `rowStride` floats apart.
    /// - Throws: `NonFinitePixel`.
    mutating func store(_ core: ImageRegion, _ values: UnsafePointer<Float>, rowStride: Int) throws(NonFinitePixel) {
        let kept = keptPixels(of: core)
        if visible == nil, mixture.isWholeAnswer, kept == nil {
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
                        let marks = kept.map { $0[((top + y) * core.width)..<((top + y + 1) * core.width)] }
                        mix(row, values + (top + y) * rowStride, kept: marks, to: mixed + y * width)
                    }
                }
            }
            try image.setColors(of: part, from: mixed, pool: pool)
        }
    }

    /// Marks the pixels of a rectangle that stay as they are, row by row; nil if there are none.
    private func keptPixels(of core: ImageRegion) -> [Bool]? {
        // By columns: strips of few rows would be examined several times, as squares reach beyond them.
        let width = Self.examinedWidth
        var pieces = [[Bool]?](repeating: nil, count: (core.width + width - 1) / width)
        func piece(_ index: Int) -> ImageRegion {
            ImageRegion(
                x: core.x + index * width, y: core.y, width: min(width, core.width - index * width),
                height: core.height)
        }
        pieces.withUnsafeMutableBufferPointer { pieces in
            pool.run(taskCount: pieces.count) { task, _ in
                pieces[task] = constantAreas.marks(of: piece(task), in: original)
            }
        }
        guard pieces.contains(where: { $0 != nil }) else { return nil }
        var kept = [Bool](repeating: false, count: core.width * core.height)
        for (index, marks) in pieces.enumerated() {
            guard let marks else { continue }
            let place = piece(index)
            for y in 0..<core.height {
                let start = y * core.width + index * width
                kept.replaceSubrange(
                    start..<(start + place.width), with: marks[(y * place.width)..<((y + 1) * place.width)])
            }
        }
        return kept
    }

    /// A row of the original with the change that was made to what the network saw; wholly transparent pixels without it.
    private func mix(
        _ row: ImageRegion, _ values: UnsafePointer<Float>, kept: ArraySlice<Bool>?,
        to mixed: UnsafeMutablePointer<Float>
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * row.width) { seen in
            guard let seen = seen.baseAddress else { return }
            guard let visible else {
                original.copyColors(of: row, to: seen)
                mixed.update(from: values, count: 3 * row.width)
                return mixture.apply(to: row, seen: seen, values: mixed, kept: kept)
            }
            visible.copyColors(of: row, to: seen)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * row.width) { changed in
                guard let changed = changed.baseAddress else { return }
                changed.update(from: values, count: 3 * row.width)
                mixture.apply(to: row, seen: seen, values: changed, kept: kept)
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
