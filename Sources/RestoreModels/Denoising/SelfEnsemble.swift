import RestoreImage
import RestoreNN

/// The mean of what a network makes of a picture and of its seven turned and mirrored versions, these laid back: a little better,
/// and eight times the work (Timofte, Rothe & Van Gool, "Seven Ways to Improve Example-Based Single Image Super Resolution",
/// CVPR 2016, section 3.7).
///
/// Only the sums are kept, of as many rows at a time as fit. The eight are added in one order whatever the threads and the
/// pieces are, and each has the bits of an uncut picture, so the mean has too.
struct SelfEnsemble {
    let inference: TiledInference
    let pool: WorkerPool
    /// Floats a pixel that the network takes.
    let inputChannels: Int
    let width: Int
    let height: Int

    /// Rows that a strip has at least: beside each lie rows that are computed and not kept.
    private static let leastRows = 1024
    /// Bytes of sums where the width of pieces, and not the memory, is given.
    private static let sumBytes = 512 << 20
    /// Values that a task adds, about.
    private static let addedTogether = 16 * 1024

    /// - Parameters:
    ///   - stripRows: rows whose sums are kept at a time; unless given, as many as take half of the memory.
    ///   - fill: writes the input values of a rectangle that is one pixel high or one wide. Called on several threads at once.
    ///   - store: takes means, from top to bottom, all of the picture's width, 3 floats a pixel.
    ///   - progress: called with the fraction done, 0…1.
    func run(
        tiling: Tiling, stripRows: Int? = nil,
        fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        progress: (Double) throws -> Void,
        store: (_ strip: ImageRegion, _ values: UnsafePointer<Float>) throws -> Void
    ) throws {
        let rows = stripRows ?? rowsOfStrip(tiling)
        let passes = Double(SquareSymmetry.all.count)
        for top in stride(from: 0, to: height, by: rows) {
            let strip = ImageRegion(x: 0, y: top, width: width, height: min(rows, height - top))
            var sums = [Float](repeating: 0, count: 3 * width * strip.height)
            try sums.withUnsafeMutableBufferPointer { buffer in
                guard let sums = buffer.baseAddress else { return }
                for (pass, symmetry) in SquareSymmetry.all.enumerated() {
                    try add(symmetry, of: strip, to: sums, tiling: tiling.without(bytes: 4 * buffer.count), fill) {
                        let done = (Double(pass) + $0) / passes
                        try progress((Double(top) + done * Double(strip.height)) / Double(height))
                    }
                }
                // An eighth is exact.
                let eighth = 1 / Float(passes)
                pool.run(taskCount: strip.height) { row, _ in
                    for i in (3 * width * row)..<(3 * width * (row + 1)) { sums[i] *= eighth }
                }
                try store(strip, sums)
            }
        }
    }

    private func rowsOfStrip(_ tiling: Tiling) -> Int {
        let bytes =
            switch tiling {
            case .memory(let bytes): bytes / 2
            case .side: Self.sumBytes
            }
        let rows = max(Self.leastRows, bytes / (3 * width * MemoryLayout<Float>.stride))
        // Strips of about one height.
        let count = (height + rows - 1) / rows
        return (height + count - 1) / count
    }

    /// Adds what the network makes of the picture laid in one way.
    private func add(
        _ symmetry: SquareSymmetry, of strip: ImageRegion, to sums: UnsafeMutablePointer<Float>, tiling: Tiling,
        _ fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void, progress: (Double) throws -> Void
    ) throws {
        let laid = symmetry.sides(width: width, height: height)
        let core = symmetry.place(of: strip, width: width, height: height)
        let seen = try inference.region(for: core, width: laid.width, height: laid.height)
        let grid = try inference.grid(width: seen.width, height: seen.height, tiling: tiling)
        try inference.run(
            grid, width: seen.width, height: seen.height,
            fill: { row, values in
                let place = ImageRegion(x: seen.x + row.x, y: seen.y + row.y, width: row.width, height: 1)
                fill(symmetry.origin(of: place, width: width, height: height), values)
                if symmetry.reversesRuns { reverse(values, count: row.width) }
            },
            store: { piece, values, rowStride, done in
                let place = ImageRegion(
                    x: seen.x + piece.x, y: seen.y + piece.y, width: piece.width, height: piece.height)
                if let kept = place.intersection(core) {
                    let first = values + (kept.y - place.y) * rowStride + 3 * (kept.x - place.x)
                    add(first, rowStride: rowStride, laid: kept, by: symmetry, of: strip, to: sums)
                }
                try progress(done)
            })
    }

    private func reverse(_ values: UnsafeMutablePointer<Float>, count: Int) {
        for x in 0..<(count / 2) {
            let (left, right) = (values + x * inputChannels, values + (count - 1 - x) * inputChannels)
            for channel in 0..<inputChannels {
                let value = left[channel]
                left[channel] = right[channel]
                right[channel] = value
            }
        }
    }

    /// Adds values of a rectangle of the laid picture where they belong.
    private func add(
        _ values: UnsafePointer<Float>, rowStride: Int, laid: ImageRegion, by symmetry: SquareSymmetry,
        of strip: ImageRegion, to sums: UnsafeMutablePointer<Float>
    ) {
        let target = symmetry.origin(of: laid, width: width, height: height)
        // Floats from one pixel of the picture to its right and lower neighbours, among the values.
        let (along, across) = symmetry.isTransposed ? (rowStride, 3) : (3, rowStride)
        let (right, down) = (symmetry.reversesColumns ? -along : along, symmetry.reversesRows ? -across : across)
        let origin =
            values + (symmetry.reversesColumns ? (target.width - 1) * along : 0)
            + (symmetry.reversesRows ? (target.height - 1) * across : 0)
        let rows = max(1, Self.addedTogether / (3 * target.width))
        pool.run(taskCount: (target.height + rows - 1) / rows) { task, _ in
            for y in (task * rows)..<min((task + 1) * rows, target.height) {
                let sum = sums + 3 * ((target.y - strip.y + y) * width + target.x)
                let row = origin + y * down
                for x in 0..<target.width {
                    for channel in 0..<3 { sum[3 * x + channel] += row[x * right + channel] }
                }
            }
        }
    }
}

extension Tiling {
    /// The same with less memory, but for half of it.
    fileprivate func without(bytes taken: Int) -> Tiling {
        switch self {
        case .side: self
        case .memory(let bytes): .memory(max(bytes / 2, bytes - taken))
        }
    }
}

extension ImageRegion {
    /// What two rectangles share, or nil if that is nothing.
    fileprivate func intersection(_ other: ImageRegion) -> ImageRegion? {
        let (left, top) = (max(x, other.x), max(y, other.y))
        let (right, bottom) = (min(x + width, other.x + other.width), min(y + height, other.y + other.height))
        guard left < right, top < bottom else { return nil }
        return ImageRegion(x: left, y: top, width: right - left, height: bottom - top)
    }
}
