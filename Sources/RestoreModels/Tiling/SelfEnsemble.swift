import RestoreConcurrency
import RestoreImage
import RestoreNN

/// The mean of a network's results for a picture and its seven rotated and mirrored versions, each turned back: slightly
/// better, for eight times the work (Timofte, Rothe & Van Gool, "Seven Ways to Improve Example-Based Single Image Super
/// Resolution", CVPR 2016, section 3.7).
///
/// Only the sums are kept, of as many rows at a time as fit. The eight are added in one order whatever the threads and the
/// pieces are, and each has the bits of an uncut picture, so the mean has too.
struct SelfEnsemble {
    private let inference: TiledInference
    private let pool: WorkerPool
    /// Floats per pixel that the network takes and gives.
    private let inputChannels: Int
    private let channels: Int
    private let width: Int
    private let height: Int

    /// Approximate number of values that a task adds.
    private static let addedTogether = 16 * 1024

    /// - Throws: `NetworkError` if the network does not fit a picture of these sides at all.
    init(_ inference: TiledInference, width: Int, height: Int) throws(NetworkError) {
        self.inference = inference
        pool = inference.pool
        inputChannels = inference.inputChannels
        channels = try inference.outputChannels(width: width, height: height)
        (self.width, self.height) = (width, height)
    }

    /// - Parameters:
    ///   - layout: made for these sides and an ensemble.
    ///   - fill: writes the input values of a rectangle that is one pixel high or one wide. Called on several threads at once.
    ///   - progress: called with the fraction done, 0…1.
    ///   - store: takes means of the picture's full width, from top to bottom.
    func run(
        _ layout: PictureLayout,
        fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        progress: (Double) throws -> Void,
        store: (_ strip: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int) throws -> Void
    ) throws {
        let rowCount = channels * width
        for strip in layout.strips {
            let (region, passes) = (strip.region, Double(strip.passes.count))
            var sums = [Float](repeating: 0, count: rowCount * region.height)
            try sums.withUnsafeMutableBufferPointer { buffer in
                guard let sums = buffer.baseAddress else { return }
                for (index, pass) in strip.passes.enumerated() {
                    try add(pass, of: region, to: sums, fill) {
                        let done = (Double(index) + $0) / passes
                        try progress((Double(region.y) + done * Double(region.height)) / Double(height))
                    }
                }
                // An eighth is exact.
                let eighth = 1 / Float(passes)
                pool.run(taskCount: region.height) { row, _ in
                    for i in (rowCount * row)..<(rowCount * (row + 1)) { sums[i] *= eighth }
                }
                try store(region, sums, rowCount)
            }
        }
    }

    /// Adds what the network makes of the picture laid in one way.
    private func add(
        _ pass: PictureLayout.Pass, of strip: ImageRegion, to sums: UnsafeMutablePointer<Float>,
        _ fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void, progress: (Double) throws -> Void
    ) throws {
        let (symmetry, seen) = (pass.symmetry, pass.seen)
        let core = symmetry.place(of: strip, width: width, height: height)
        try inference.run(
            pass.grid, width: seen.width, height: seen.height,
            fill: { row, values in
                let place = ImageRegion(x: seen.x + row.x, y: seen.y + row.y, width: row.width, height: 1)
                fill(symmetry.origin(of: place, width: width, height: height), values)
                if symmetry.reversesRuns { reverse(values, count: row.width) }
            },
            store: { piece, values, rowStride, done in
                let place = ImageRegion(
                    x: seen.x + piece.x, y: seen.y + piece.y, width: piece.width, height: piece.height)
                if let kept = place.intersection(core) {
                    let first = values + (kept.y - place.y) * rowStride + channels * (kept.x - place.x)
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
        // Floats from one pixel of the picture to its right and lower neighbors, among the values.
        let (along, across) = symmetry.isTransposed ? (rowStride, channels) : (channels, rowStride)
        let (right, down) = (symmetry.reversesColumns ? -along : along, symmetry.reversesRows ? -across : across)
        let origin =
            values + (symmetry.reversesColumns ? (target.width - 1) * along : 0)
            + (symmetry.reversesRows ? (target.height - 1) * across : 0)
        let (width, channels) = (width, channels)
        let rows = max(1, Self.addedTogether / (channels * target.width))
        pool.run(taskCount: (target.height + rows - 1) / rows) { task, _ in
            for y in (task * rows)..<min((task + 1) * rows, target.height) {
                let sum = sums + channels * ((target.y - strip.y + y) * width + target.x)
                let row = origin + y * down
                for x in 0..<target.width {
                    for channel in 0..<channels { sum[channels * x + channel] += row[x * right + channel] }
                }
            }
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
