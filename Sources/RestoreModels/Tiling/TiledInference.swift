import RestoreConcurrency
import RestoreImage
import RestoreNN

/// Applies a network to an image of any size: from top to bottom in bands of rows and, if that takes too much memory,
/// in adjacent windows of columns.
public final class TiledInference {
    private let network: Network
    private let parameters: Parameters
    let inputChannels: Int
    private let alignment: Int
    let pool: WorkerPool
    /// The plan of the last window size; pictures of one size share it.
    private var plan: BandedPlan?
    /// Shared by images of all sizes.
    private var packed: PackedParameters?

    /// Memory use by window shape for the last images, since computing it takes as long as processing a small image.
    private var memories: [Shape: Int] = [:]
    private static let mostMemories = 1000
    /// The last layout: asking what a picture needs and then processing it takes one computation.
    private var lastLayout: PictureLayout?

    /// - Parameters:
    ///   - network: with one input and one output of the same width and height; `inputChannels` may combine several planes,
    ///     such as a picture, a mask and hints.
    ///   - alignment: the sides of the input are multiples of it.
    public init(network: Network, parameters: Parameters, inputChannels: Int, alignment: Int, pool: WorkerPool) {
        self.network = network
        self.parameters = parameters
        self.inputChannels = inputChannels
        self.alignment = alignment
        self.pool = pool
    }

    /// How a picture of these sides is processed, and the memory that takes.
    ///
    /// - Parameters:
    ///   - usesEnsemble: whether the results of eight orientations are averaged: eight times the work.
    ///   - preparation: what the caller holds beside the picture and its result; it counts toward a limit of memory.
    /// - Throws: `NetworkError` if the network does not fit its inputs at all.
    public func layout(
        width: Int, height: Int, usesEnsemble: Bool = false, tiling: Tiling,
        preparation: PreparationMemory = PreparationMemory()
    ) throws(NetworkError) -> PictureLayout {
        let request = PictureLayout.Request(
            width: width, height: height, usesEnsemble: usesEnsemble, tiling: tiling, preparation: preparation)
        if let lastLayout, lastLayout.request == request { return lastLayout }
        let layout = try PictureLayout(request, for: self)
        lastLayout = layout
        return layout
    }

    /// Applies the network to a picture.
    ///
    /// - Parameters:
    ///   - layout: made by this object for the picture's sides.
    ///   - fill: writes the input values of a rectangle that is one pixel high or, with an ensemble, one pixel wide;
    ///     `inputChannels` floats per pixel. Called on several threads at once.
    ///   - progress: called with the fraction done, 0…1; an error it throws ends the work.
    ///   - store: takes the output values of a rectangle, rows `rowStride` floats apart. Rectangles come from top to bottom,
    ///     window by window.
    public func run(
        _ layout: PictureLayout,
        fill: (_ run: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        progress: (Double) throws -> Void = { _ in },
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int) throws -> Void
    ) throws {
        let (width, height) = (layout.request.width, layout.request.height)
        guard !layout.request.usesEnsemble else {
            return try SelfEnsemble(self, width: width, height: height).run(
                layout, fill: fill, progress: progress, store: store)
        }
        for pass in layout.strips.flatMap(\.passes) {
            try run(pass.grid, width: width, height: height, fill: fill) { core, values, rowStride, done in
                try store(core, values, rowStride)
                try progress(done)
            }
        }
    }

    /// How an image is divided, given the width of a window or the memory it may take.
    ///
    /// - Parameter mostWork: the maximum work under a memory limit, relative to the undivided image; at least 1.
    /// - Throws: `NetworkError` if the network does not accept its inputs at all.
    package func grid(
        width: Int, height: Int, tiling: Tiling, mostWork: Double = ColumnGrid.mostWork
    ) throws(NetworkError) -> ColumnGrid {
        let padded = inputShape(width: width, height: height)
        let rule = try network.pieceRule(axis: .width, inputShape: padded)
        switch tiling {
        case .side(let side):
            return ColumnGrid(width: width, alignment: alignment, rule: rule, windowWidth: side)
        case .memory(let bytes):
            return try ColumnGrid(width: width, alignment: alignment, rule: rule, mostWork: mostWork) {
                windowWidth throws(NetworkError) in
                try memory(windowWidth: windowWidth, height: height) <= bytes
            }
        }
    }

    /// Bytes allocated for a window while the network processes it.
    ///
    /// - Throws: `NetworkError` if the network does not accept its inputs at all.
    func memory(windowWidth: Int, height: Int) throws(NetworkError) -> Int {
        let shape = inputShape(width: windowWidth, height: height)
        if let known = memories[shape] { return known }
        let memory = try BandedPlan.memory(network, inputShapes: [shape], workers: pool.workerCount).total
        if memories.count == Self.mostMemories { memories = [:] }
        memories[shape] = memory
        return memory
    }

    /// Bytes of the parameters for an image of this size, both as stored and as packed for the network.
    ///
    /// - Throws: `NetworkError` if the network does not accept its inputs at all.
    func parameterBytes(width: Int, height: Int) throws(NetworkError) -> Int {
        try BandedPlan.parameterBytes(network, inputShapes: [inputShape(width: width, height: height)])
    }

    /// Floats per pixel of the output.
    ///
    /// - Throws: `NetworkError` if the network does not fit its inputs at all.
    func outputChannels(width: Int, height: Int) throws(NetworkError) -> Int {
        let shapes = try network.shapes(inputs: [inputShape(width: width, height: height)])
        return shapes[network.outputs[0].index].channels
    }

    /// The part of an image that, processed as an image of its own, gives `core` the same bits as processing the whole:
    /// `core` extended by the network's reach on each side, starting where the image may be cut.
    ///
    /// - Parameter core: inside the image, in its pixels; so is the result.
    /// - Throws: `NetworkError` if the network does not accept its inputs at all.
    func region(for core: ImageRegion, width: Int, height: Int) throws(NetworkError) -> ImageRegion {
        let padded = inputShape(width: width, height: height)
        func range(_ core: Range<Int>, _ side: Int, _ axis: Axis) throws(NetworkError) -> Range<Int> {
            guard core != 0..<side, let rule = try network.pieceRule(axis: axis, inputShape: padded) else {
                return 0..<side
            }
            var step = rule.step
            while step % alignment != 0 { step += rule.step }
            let start = (core.lowerBound / step * step - rule.before) / step * step
            let end = (core.upperBound + step - 1) / step * step + rule.after
            let isCutBefore = core.lowerBound / step * step > rule.before
            let lower = min(isCutBefore ? start : 0, max(0, side - rule.least) / step * step)
            let upper = (max(end, lower + rule.least) + alignment - 1) / alignment * alignment
            return lower..<min(side, upper)
        }
        let columns = try range(core.x..<(core.x + core.width), width, .width)
        let rows = try range(core.y..<(core.y + core.height), height, .height)
        return ImageRegion(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
    }

    /// Runs the network on an image.
    ///
    /// - Parameters:
    ///   - grid: created for this image size.
    ///   - fill: writes the input values of part of one row of the image, `inputChannels` per pixel. Called on several
    ///     threads at once.
    ///   - store: receives the output values of a rectangle, with rows `rowStride` floats apart, and the fraction done.
    ///     Rectangles come from top to bottom, window by window.
    package func run(
        _ grid: ColumnGrid, width: Int, height: Int,
        fill: (_ row: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void,
        store: (_ core: ImageRegion, _ values: UnsafePointer<Float>, _ rowStride: Int, _ done: Double) throws -> Void
    ) throws {
        let plan = try plan(inputShape(width: grid.windowWidth, height: height))
        let channels = plan.outputShapes[0].channels
        for (index, window) in grid.windows.enumerated() {
            try plan.run(
                fill: { _, rows, values in
                    self.fill(rows, of: window, width: width, height: height, values, fill)
                },
                store: { _, rows, values in
                    let inside = rows.clamped(to: 0..<height)
                    guard !inside.isEmpty else { return }
                    let core = ImageRegion(
                        x: window.core.lowerBound, y: inside.lowerBound, width: window.core.count, height: inside.count)
                    let done = Double(index * height + inside.upperBound) / Double(grid.windows.count * height)
                    let left = (window.core.lowerBound - window.columns.lowerBound) * channels
                    try store(core, values + left, grid.windowWidth * channels, done)
                })
        }
    }

    /// Rows of a window. The image is mirrored beyond its right and bottom edges.
    private func fill(
        _ rows: Range<Int>, of window: ColumnGrid.Window, width: Int, height: Int,
        _ values: UnsafeMutablePointer<Float>,
        _ fill: (_ row: ImageRegion, _ values: UnsafeMutablePointer<Float>) -> Void
    ) {
        let (channels, columns) = (inputChannels, window.columns)
        let inside = min(columns.upperBound, width) - columns.lowerBound
        pool.run(taskCount: rows.count) { task, _ in
            let y = rows.lowerBound + task
            let row = values + task * columns.count * channels
            let mirrored = y < height ? y : max(0, 2 * (height - 1) - y)
            fill(ImageRegion(x: columns.lowerBound, y: mirrored, width: inside, height: 1), row)
            for x in inside..<columns.count {
                let source = max(0, 2 * (inside - 1) - x)
                (row + x * channels).update(from: row + source * channels, count: channels)
            }
        }
    }

    private func inputShape(width: Int, height: Int) -> Shape {
        func padded(_ side: Int) -> Int { (side + alignment - 1) / alignment * alignment }
        return Shape(batch: 1, height: padded(height), width: padded(width), channels: inputChannels)
    }

    /// Frees the buffers of the last image.
    func releasePlan() { plan = nil }

    /// Frees the buffers and packed parameters of the last image.
    public func releaseMemory() { (plan, packed) = (nil, nil) }

    private func plan(_ shape: Shape) throws(NetworkError) -> BandedPlan {
        if let plan, plan.inputShapes == [shape] { return plan }
        // Frees the old plan's memory first.
        plan = nil
        let made = try BandedPlan(
            network, inputShapes: [shape], parameters: parameters, pool: pool, sharing: packed)
        (plan, packed) = (made, made.packedParameters)
        return made
    }
}

/// How an image is divided.
public enum Tiling: Equatable, Sendable {
    /// Windows of this width in pixels, with the height of the image.
    case side(Int)
    /// As wide as this many bytes allow, with at most twice the work.
    case memory(Int)
}
