import RestoreImage
import RestoreNN

/// Applies a network to a picture of any size, window by window, in a fixed amount of memory.
public final class TiledInference {
    private let network: Network
    private let parameters: Parameters
    private let inputChannels: Int
    private let alignment: Int
    private let overlap: Int
    private let pool: WorkerPool
    /// The plan of the last window size; pictures of one size share it.
    private var plan: InferencePlan?

    /// - Parameters:
    ///   - network: with one input and one output of the same sides.
    ///   - alignment: the sides of the input are multiples of it.
    ///   - overlap: at least the receptive radius.
    public init(
        network: Network, parameters: Parameters, inputChannels: Int, alignment: Int, overlap: Int, pool: WorkerPool
    ) {
        self.network = network
        self.parameters = parameters
        self.inputChannels = inputChannels
        self.alignment = alignment
        self.overlap = overlap
        self.pool = pool
    }

    /// The grid for a picture, by a window side in pixels or by the memory in bytes that windows may take.
    ///
    /// - Throws: `NetworkError` where the network does not fit its inputs at all.
    public func grid(width: Int, height: Int, tiling: Tiling) throws(NetworkError) -> TileGrid {
        switch tiling {
        case .side(let side):
            return TileGrid(width: width, height: height, overlap: overlap, alignment: alignment, side: side)
        case .memory(let bytes):
            // Memory grows with the pixels; the working memory of the layers is what a small window takes more.
            let sides = (alignment * 16, alignment * 32)
            let (small, large) = (try memory(sides.0), try memory(sides.1))
            let pixels = (sides.0 * sides.0, sides.1 * sides.1)
            let perPixel = max(1, (large - small) / (pixels.1 - pixels.0))
            let fixed = max(0, small - perPixel * pixels.0)
            return TileGrid(
                width: width, height: height, overlap: overlap, alignment: alignment,
                maximumPixels: max(0, bytes - fixed) / perPixel)
        }
    }

    private func memory(_ side: Int) throws(NetworkError) -> Int {
        let shape = Shape(batch: 1, height: side, width: side, channels: inputChannels)
        return try InferencePlan.memory(network, inputShapes: [shape], workers: pool.workerCount)
    }

    /// Runs the network over the grid.
    ///
    /// - Parameters:
    ///   - fill: writes the input values of a rectangle inside the picture, `inputChannels` a pixel, rows `rowStride`
    ///     floats apart.
    ///   - store: takes the output values of a core, rows `rowStride` floats apart, and the fraction done.
    public func run(
        _ grid: TileGrid, width: Int, height: Int,
        fill: (_ region: ImageRegion, _ values: UnsafeMutablePointer<Float>, _ rowStride: Int) -> Void,
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int, _ done: Double) throws -> Void
    ) throws {
        let plan = try plan(width: grid.windowWidth, height: grid.windowHeight)
        let outputChannels = plan.outputShapes[0].channels
        for (index, tile) in grid.tiles.enumerated() {
            let window = tile.window
            let inside = ImageRegion(
                x: window.x, y: window.y, width: min(window.width, width - window.x),
                height: min(window.height, height - window.y))
            fill(inside, plan.input(0), window.width * inputChannels)
            mirrorEdges(of: plan.input(0), window: window, inside: inside)
            plan.run()
            let corner = (tile.core.y - window.y) * window.width + (tile.core.x - window.x)
            try store(
                tile.core, plan.output(0) + corner * outputChannels, window.width * outputChannels,
                Double(index + 1) / Double(grid.tiles.count))
        }
    }

    private func plan(width: Int, height: Int) throws(NetworkError) -> InferencePlan {
        let shape = Shape(batch: 1, height: height, width: width, channels: inputChannels)
        if let plan, plan.inputShapes == [shape] { return plan }
        // The old plan's memory goes first.
        plan = nil
        let made = try InferencePlan(network, inputShapes: [shape], parameters: parameters, pool: pool)
        plan = made
        return made
    }

    /// Fills what of the window lies beyond the right and lower edge of the picture with its mirror image.
    private func mirrorEdges(of values: UnsafeMutablePointer<Float>, window: ImageRegion, inside: ImageRegion) {
        let rowCount = window.width * inputChannels
        for y in 0..<inside.height {
            let row = values + y * rowCount
            for x in inside.width..<max(window.width, inside.width) {
                let source = max(0, 2 * (inside.width - 1) - x)
                (row + x * inputChannels).update(from: row + source * inputChannels, count: inputChannels)
            }
        }
        for y in inside.height..<max(window.height, inside.height) {
            let source = max(0, 2 * (inside.height - 1) - y)
            (values + y * rowCount).update(from: values + source * rowCount, count: rowCount)
        }
    }
}

/// How a picture is cut.
public enum Tiling: Equatable, Sendable {
    /// Windows of this side in pixels.
    case side(Int)
    /// The largest windows that take at most this many bytes.
    case memory(Int)
}
