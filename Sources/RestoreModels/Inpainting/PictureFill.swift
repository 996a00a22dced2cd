import RestoreConcurrency
import RestoreImage
import RestoreNN

/// Fills the missing pixels of pictures of any size; the others stay as they are, bit for bit.
///
/// Damage is repaired in crops with some context, at full resolution as far as `ringWidth` from what is known. What lies
/// deeper in a hole is filled at half the resolution first, in the same way, and is context for the rest. So memory and
/// time do not depend on the size of holes.
public struct PictureFill {
    /// What fills a crop.
    public enum Method {
        /// A conditional variational autoencoder.
        case network(Inpainter)
        /// The solution of Laplace's equation: each missing pixel is the mean of its neighbors.
        case harmonic
        /// The solution of the biharmonic equation: gradients continue, too.
        case biharmonic
    }

    public struct Options: Equatable, Sendable {
        /// The seed of one of several answers of a network; nil for the most probable one.
        public var seed: UInt64?
        /// Factor of the deviation of codes: below 1, answers differ less than a network finds plausible.
        public var temperature: Double
        /// How many pixels inside from the edge of a hole the result is mixed with what was there.
        public var feather: Int

        public init(seed: UInt64? = nil, temperature: Double = 1, feather: Int = 0) {
            (self.seed, self.temperature, self.feather) = (seed, temperature, feather)
        }

        /// Pixels.
        public static let feathers = 0...80
    }

    private let method: Method
    private let pool: WorkerPool

    /// Chosen on training photographs.
    static let ringWidth = 24

    public init(_ method: Method, pool: WorkerPool) {
        (self.method, self.pool) = (method, pool)
    }

    /// - Parameter progress: called with the fraction done, 0…1; an error it throws ends the work.
    /// - Precondition: the mask has the picture's size, and `feather` is in `Options.feathers`.
    /// - Throws: `NetworkError` if the machine has too little memory, `NonFinitePixel` if a network's output is not finite.
    public func fill(
        _ image: Image, _ mask: FillMask, options: Options = Options(),
        progress: @escaping (Double) throws -> Void = { _ in }
    ) throws -> Image {
        precondition((mask.width, mask.height) == (image.width, image.height), "a mask of another size")
        precondition(Options.feathers.contains(options.feather), "feather \(options.feather)")
        guard mask.isMissing.contains(true) else { return image }
        let canvas = PictureCanvas(image)
        try Level(index: 0, canvas: canvas, mask: mask, wanted: mask.isMissing).fill {
            try filled($0, options)
        } progress: {
            try progress($0)
        }
        return options.feather == 0 ? canvas.image : try feathered(canvas.image, image, mask, options.feather)
    }

    private func filled(_ crop: Inpainter.Crop, _ options: Options) throws -> [Float] {
        switch method {
        case .network(let inpainter):
            try inpainter.fill(crop.harmonic, seed: options.seed, temperature: Float(options.temperature))
        case .harmonic: crop.harmonic.colors
        case .biharmonic:
            BiharmonicFill(width: crop.width, height: crop.height, mask: crop.mask).applied(to: crop.colors)
        }
    }

    private func feathered(_ result: Image, _ image: Image, _ mask: FillMask, _ width: Int) throws -> Image {
        let depths = mask.depths(limit: UInt8(3 * (width + 1)))
        var result = result
        for y in 0..<image.height {
            let (row, start) = (ImageRegion(x: 0, y: y, width: image.width, height: 1), y * image.width)
            guard (start..<(start + image.width)).contains(where: { depths[$0] > 0 }) else { continue }
            var (new, old) = (
                [Float](repeating: 0, count: 3 * image.width), [Float](repeating: 0, count: 3 * image.width)
            )
            result.copyColors(of: row, to: &new)
            image.copyColors(of: row, to: &old)
            for x in 0..<image.width where depths[start + x] > 0 {
                let share = Float(depths[start + x]) / Float(3 * (width + 1))
                for index in (3 * x)..<(3 * x + 3) { new[index] = old[index] + share * (new[index] - old[index]) }
            }
            try result.setColors(of: row, from: new, pool: pool)
        }
        return result
    }
}

extension Inpainter.Crop {
    /// With the harmonic fill of its missing pixels.
    package var harmonic: Inpainter.Crop {
        Inpainter.Crop(
            width: width, height: height,
            colors: HarmonicFill(width: width, height: height, mask: mask).applied(to: colors),
            mask: mask, place: place)
    }
}

// MARK: Canvases

/// Colors that are read and written in parts.
private protocol Canvas: AnyObject {
    var width: Int { get }
    var height: Int { get }
    /// Interleaved R, G, B.
    func colors(of region: ImageRegion) -> [Float]
    func set(_ region: ImageRegion, to colors: [Float]) throws
}

private final class PictureCanvas: Canvas {
    private(set) var image: Image
    var width: Int { image.width }
    var height: Int { image.height }

    init(_ image: Image) {
        self.image = image
    }

    func colors(of region: ImageRegion) -> [Float] {
        [Float](unsafeUninitializedCapacity: 3 * region.width * region.height) { buffer, count in
            if let base = buffer.baseAddress { image.copyColors(of: region, to: base) }
            count = 3 * region.width * region.height
        }
    }

    func set(_ region: ImageRegion, to colors: [Float]) throws {
        try image.setColors(of: region, from: colors)
    }
}

private final class ReducedCanvas: Canvas {
    let width: Int
    let height: Int
    private var values: [Float]

    init(width: Int, height: Int, values: [Float]) {
        (self.width, self.height, self.values) = (width, height, values)
    }

    func colors(of region: ImageRegion) -> [Float] {
        var colors: [Float] = []
        colors.reserveCapacity(3 * region.width * region.height)
        for y in region.y..<(region.y + region.height) {
            let start = 3 * (y * width + region.x)
            colors += values[start..<(start + 3 * region.width)]
        }
        return colors
    }

    func set(_ region: ImageRegion, to colors: [Float]) {
        for row in 0..<region.height {
            let (target, source) = (3 * ((region.y + row) * width + region.x), 3 * row * region.width)
            for index in 0..<(3 * region.width) { values[target + index] = min(1, max(0, colors[source + index])) }
        }
    }
}

// MARK: Levels

/// A resolution at which holes are filled, each half the one before.
private struct Level {
    let index: Int
    let canvas: any Canvas
    let mask: FillMask
    /// The missing pixels that are to be filled; others may be.
    let wanted: [Bool]

    /// Sides of the cells that are filled at a time, and what is added of the surroundings; both are multiples of the
    /// network's alignment.
    private static let cellSide = 160
    private static let margin = 48
    /// Sides of crops are multiples of this, so that few plans are made.
    private static let cropStep = 64
    private static let leastSide = 32

    func fill(
        _ fill: (Inpainter.Crop) throws -> [Float], progress: (Double) throws -> Void
    ) throws {
        let limit = UInt8(3 * PictureFill.ringWidth)
        let depths = mask.depths(limit: limit + 3)
        let isDeep = depths.indices.map { depths[$0] > limit && wanted[$0] }
        let goesDeeper = min(canvas.width, canvas.height) >= 2 * Self.leastSide && isDeep.contains(true)
        guard goesDeeper else {
            return try fillCells(mask.isMissing, fill, progress: progress)
        }
        try fillCoarsely(depths.map { $0 > limit }, wanted: isDeep, fill, progress: { try progress(0.3 * $0) })
        try fillCells(depths.map { $0 > 0 && $0 <= limit }, fill, progress: { try progress(0.3 + 0.7 * $0) })
    }

    // MARK: Cells

    /// The smallest rectangle of a cell that holds its missing pixels, and the crop that they are filled in.
    private struct Cell {
        let core: ImageRegion
        let crop: ImageRegion
    }

    private func fillCells(
        _ isMissing: [Bool], _ fill: (Inpainter.Crop) throws -> [Float], progress: (Double) throws -> Void
    ) throws {
        let cells = cells(isMissing)
        for (number, cell) in cells.enumerated() {
            let crop = cell.crop
            var colors = canvas.colors(of: crop)
            let marks = marks(isMissing, crop)
            let result = try fill(
                Inpainter.Crop(
                    width: crop.width, height: crop.height, colors: colors, mask: marks,
                    place: .init(level: index, x: crop.x, y: crop.y)))
            for y in (cell.core.y - crop.y)..<(cell.core.y - crop.y + cell.core.height) {
                for x in (cell.core.x - crop.x)..<(cell.core.x - crop.x + cell.core.width)
                where marks[y * crop.width + x] != 0 {
                    let pixel = 3 * (y * crop.width + x)
                    for index in pixel..<(pixel + 3) { colors[index] = result[index] }
                }
            }
            try canvas.set(crop, to: colors)
            try progress(Double(number + 1) / Double(cells.count))
        }
    }

    private func marks(_ isMissing: [Bool], _ region: ImageRegion) -> [Float] {
        var marks = [Float](repeating: 0, count: region.width * region.height)
        for y in 0..<region.height {
            let row = (region.y + y) * canvas.width + region.x
            for x in 0..<region.width where isMissing[row + x] { marks[y * region.width + x] = 1 }
        }
        return marks
    }

    /// The cells with pixels to fill, those with crops of the same size one after the other.
    private func cells(_ isMissing: [Bool]) -> [Cell] {
        var cells: [Cell] = []
        for top in stride(from: 0, to: canvas.height, by: Self.cellSide) {
            for left in stride(from: 0, to: canvas.width, by: Self.cellSide) {
                guard let core = core(isMissing, left, top) else { continue }
                let across = Self.extent(core.x, core.width, of: canvas.width)
                let down = Self.extent(core.y, core.height, of: canvas.height)
                cells.append(
                    Cell(
                        core: core,
                        crop: ImageRegion(x: across.start, y: down.start, width: across.count, height: down.count)))
            }
        }
        func key(_ cell: Cell) -> [Int] { [cell.crop.height, cell.crop.width, cell.crop.y, cell.crop.x] }
        return cells.sorted { key($0).lexicographicallyPrecedes(key($1)) }
    }

    private func core(_ isMissing: [Bool], _ left: Int, _ top: Int) -> ImageRegion? {
        var (x0, x1, y0, y1) = (Int.max, -1, Int.max, -1)
        for y in top..<min(top + Self.cellSide, canvas.height) {
            for x in left..<min(left + Self.cellSide, canvas.width) {
                let pixel = y * canvas.width + x
                guard isMissing[pixel], wanted[pixel] else { continue }
                (x0, x1, y0, y1) = (min(x0, x), max(x1, x), min(y0, y), max(y1, y))
            }
        }
        return x1 < 0 ? nil : ImageRegion(x: x0, y: y0, width: x1 - x0 + 1, height: y1 - y0 + 1)
    }

    /// The part of a side that a crop covers. It starts at a multiple of the alignment, so that codes of neighbors fit.
    private static func extent(_ start: Int, _ count: Int, of side: Int) -> (start: Int, count: Int) {
        let first = max(0, start - margin) / 16 * 16
        let end = min(side, start + count + margin)
        let wanted = (end - first + cropStep - 1) / cropStep * cropStep
        guard first + wanted > side else { return (first, wanted) }
        let earlier = max(0, (side - wanted) / 16 * 16)
        return (earlier, side - earlier)
    }

    // MARK: Half the resolution

    /// Fills what lies deep in holes at half the resolution.
    private func fillCoarsely(
        _ isDeep: [Bool], wanted: [Bool], _ fill: (Inpainter.Crop) throws -> [Float],
        progress: (Double) throws -> Void
    ) throws {
        let (width, height) = ((canvas.width + 1) / 2, (canvas.height + 1) / 2)
        let coarse = reduced(width, height)
        let level = Level(
            index: index + 1, canvas: coarse.canvas, mask: coarse.mask, wanted: reduced(wanted, width, height))
        try level.fill(fill, progress: progress)
        for y in 0..<canvas.height {
            let row = y * canvas.width
            guard let first = (0..<canvas.width).first(where: { isDeep[row + $0] }),
                let last = (0..<canvas.width).last(where: { isDeep[row + $0] })
            else { continue }
            let region = ImageRegion(x: first, y: y, width: last - first + 1, height: 1)
            var colors = canvas.colors(of: region)
            let lines = Self.neighbors(y, height).map {
                (coarse.canvas.colors(of: ImageRegion(x: 0, y: $0.index, width: width, height: 1)), $0.weight)
            }
            for x in first...last where isDeep[row + x] {
                let columns = Self.neighbors(x, width)
                for channel in 0..<3 {
                    var sum: Float = 0
                    for (line, weight) in lines {
                        for column in columns { sum += weight * column.weight * line[3 * column.index + channel] }
                    }
                    colors[3 * (x - first) + channel] = sum
                }
            }
            try canvas.set(region, to: colors)
        }
    }

    /// The two coarse pixels around a fine one, and their weights in linear interpolation.
    private static func neighbors(_ fine: Int, _ count: Int) -> [(index: Int, weight: Float)] {
        let near = fine / 2
        let far = fine % 2 == 0 ? near - 1 : near + 1
        return [(min(near, count - 1), 0.75), (min(max(far, 0), count - 1), 0.25)]
    }

    /// The means of the known pixels of squares of four. Where none is known the color is missing.
    private func reduced(_ width: Int, _ height: Int) -> (canvas: ReducedCanvas, mask: FillMask) {
        var values = [Float](repeating: 0, count: 3 * width * height)
        var isMissing = [Bool](repeating: true, count: width * height)
        for y in 0..<height {
            let count = min(2, canvas.height - 2 * y)
            let colors = canvas.colors(of: ImageRegion(x: 0, y: 2 * y, width: canvas.width, height: count))
            for x in 0..<width {
                var (sum, known) = (SIMD3<Float>(), Float(0))
                for row in 0..<count {
                    for column in (2 * x)..<min(2 * x + 2, canvas.width)
                    where !mask.isMissing[(2 * y + row) * canvas.width + column] {
                        let pixel = 3 * (row * canvas.width + column)
                        sum += SIMD3(colors[pixel], colors[pixel + 1], colors[pixel + 2])
                        known += 1
                    }
                }
                guard known > 0 else { continue }
                let (mean, target) = (sum / known, y * width + x)
                isMissing[target] = false
                for channel in 0..<3 { values[3 * target + channel] = mean[channel] }
            }
        }
        return (
            ReducedCanvas(width: width, height: height, values: values),
            FillMask(width: width, height: height, isMissing: isMissing)
        )
    }

    /// The coarse pixels that fine ones of a set are interpolated from.
    private func reduced(_ set: [Bool], _ width: Int, _ height: Int) -> [Bool] {
        var result = [Bool](repeating: false, count: width * height)
        for y in 0..<canvas.height {
            for x in 0..<canvas.width where set[y * canvas.width + x] {
                for row in Self.neighbors(y, height) {
                    for column in Self.neighbors(x, width) { result[row.index * width + column.index] = true }
                }
            }
        }
        return result
    }
}
