import RestoreConcurrency
import Glibc

/// How a convolution is computed. All algorithms give the same result up to rounding.
///
/// The choice depends only on the layer and the picture's size, not on the processor, the number of threads or which
/// piece of the picture is being computed. `docs/operators/convolution.md` explains the rule, its cost model and the
/// resulting choices.
package enum ConvolutionAlgorithm: String, CaseIterable, Sendable {
    /// The definition, computed literally: the reference for testing the others.
    case naive
    /// Matrix product with an explicit column matrix: the straightforward method, and the reference for `implicit`.
    case im2col
    /// Matrix product that reads its left side directly from the picture.
    case implicit
    /// Winograd F(2×2, 3×3).
    case winograd2
    /// Winograd F(4×4, 3×3).
    case winograd4
    /// Matrix product of OpenBLAS with a column matrix (`PlainProducts`): a reference that shares no product with the
    /// others. Its bits depend on a value's position, so the rule never chooses it.
    case openblas

    /// The engine's own algorithms: a value's bits depend only on the layer and the values it is computed from.
    package static let own = allCases.filter { $0 != .openblas }

    /// The algorithm requested by the environment, used wherever it applies: `RESTORE_GEMM=openblas`, or
    /// `RESTORE_CONVOLUTION` with the name of any.
    package static let forced: ConvolutionAlgorithm? =
        getenv("RESTORE_GEMM").map { String(cString: $0) } == openblas.rawValue
        ? .openblas
        : getenv("RESTORE_CONVOLUTION").flatMap { ConvolutionAlgorithm(rawValue: String(cString: $0)) }

    /// The tile of a Winograd algorithm.
    var tile: WinogradTile? {
        switch self {
        case .winograd2: .two
        case .winograd4: .four
        case .naive, .im2col, .implicit, .openblas: nil
        }
    }

    /// The algorithm for a layer: the forced one if it applies, otherwise the cheapest.
    ///
    /// - Parameters:
    ///   - windows: those of the whole picture.
    ///   - outputs: channels of the grid.
    static func choose(
        for windows: WindowGeometry, outputs: Int, asked: ConvolutionAlgorithm? = nil
    ) -> ConvolutionAlgorithm {
        let isWinograd = WinogradConvolution.canCompute(windows)
        if let asked = asked ?? forced, asked.tile == nil || isWinograd { return asked }
        guard isWinograd else { return .implicit }
        let candidates: [ConvolutionAlgorithm] = [.winograd4, .winograd2, .implicit]
        return candidates.min { $0.cost(windows, outputs: outputs) < $1.cost(windows, outputs: outputs) } ?? .implicit
    }

    /// The cost of one picture, in fused multiply-adds of vectors of `panelWidth` lanes.
    func cost(_ windows: WindowGeometry, outputs: Int) -> Double {
        // Channels are computed in whole vectors.
        let (depth, vectorsIn, vectorsOut) = (windows.channels, Self.vectors(windows.channels), Self.vectors(outputs))
        guard let tile else {
            let taps = windows.kernel.height * windows.kernel.width
            return Self.side(windows.grid.height, 1) * Self.side(windows.grid.width, 1)
                * Double(taps * depth * vectorsOut)
        }
        // Measured on one core (AVX-512, 16 to 192 channels), in multiply-adds per vector of a tile's channels.
        let (inputTransform, outputTransform) = tile == .four ? (380.0, 230.0) : (150.0, 90.0)
        let tiles = Self.side(windows.grid.height, tile.rawValue) * Self.side(windows.grid.width, tile.rawValue)
        return tiles
            * (Double(tile.points * depth * vectorsOut)
                + inputTransform * Double(vectorsIn) + outputTransform * Double(vectorsOut))
    }

    private static func vectors(_ channels: Int) -> Int { (channels + panelWidth - 1) / panelWidth }

    /// Tiles along a side. The unused part of the last tile is counted only for small pictures: the choice must not
    /// change when a large picture is cut into pieces.
    private static func side(_ length: Int, _ tile: Int) -> Double {
        length < 8 ? Double((length + tile - 1) / tile) : Double(length) / Double(tile)
    }
}

/// A convolution from picture to grid by one algorithm: its packed weights, its working memory and its kernel. Used for
/// the forward pass of a convolution, and for the gradient of the input if that is a convolution too.
struct ConvolutionKernel {
    let windows: WindowGeometry
    /// Channels of the grid.
    let outputs: Int
    /// Whether filters are rotated by 180° and inputs and outputs exchanged, for the gradient of the input.
    let isTurned: Bool
    /// The factor of a pixel shuffle that places the results.
    let shuffle: Int
    /// Rows of the grid above the first whole tile, if there are tiles. It affects how results are rounded.
    let firstRows: Int
    let algorithm: ConvolutionAlgorithm

    init(
        _ windows: WindowGeometry, outputs: Int, isTurned: Bool = false, shuffle: Int = 1, firstRows: Int = 0,
        asked: ConvolutionAlgorithm? = nil
    ) {
        self.windows = windows
        self.outputs = outputs
        self.isTurned = isTurned
        self.shuffle = shuffle
        self.firstRows = firstRows
        algorithm = .choose(for: windows, outputs: outputs, asked: asked)
    }

    private var winograd: WinogradConvolution? {
        algorithm.tile.map { tile in
            let first = firstRows % tile.rawValue
            return WinogradConvolution(
                tile: tile, windows: windows, outputs: outputs, firstTileRow: first > 0 ? first - tile.rawValue : 0)
        }
    }

    private var gather: Gather {
        Gather(
            geometry: windows, gridChannels: outputs, matrix: algorithm == .implicit ? .implicit : .explicit,
            shuffle: shuffle)
    }

    private var plain: PlainProducts { PlainProducts(geometry: windows, gridChannels: outputs) }

    private var packing: WeightPacking {
        isTurned
            ? WeightPacking(kernel: windows.kernel, channels: outputs, gridChannels: windows.channels)
            : WeightPacking(kernel: windows.kernel, channels: windows.channels, gridChannels: outputs)
    }

    private var order: WeightOrder { algorithm == .openblas ? .plain : isTurned ? .turned : .gather }

    /// Rows and columns of the grid are computed in multiples of this: columns counted from 0, rows from `firstRows`.
    var granularity: Int { algorithm.tile?.rawValue ?? 1 }

    /// A multiple of a cache line.
    var packedCount: Int {
        let count = winograd?.weightCount ?? packing.count(order)
        return (count + panelWidth - 1) / panelWidth * panelWidth
    }

    func pack(_ weights: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
        if let winograd {
            winograd.packWeights(weights, isTurned: isTurned, into: packed)
        } else {
            packing.pack(weights, as: order, into: packed)
        }
    }

    var scratch: ScratchSize {
        if algorithm == .naive {
            return ScratchSize(perWorker: windows.grid.width * outputs, tasks: windows.batch * windows.grid.height)
        }
        if algorithm == .openblas { return plain.scratch }
        return winograd?.forwardScratch(shuffle: shuffle) ?? gather.scratch
    }

    /// Computes grid rows `rows` of every picture of the batch. The range goes from the beginning of a tile or row 0 to
    /// the end of one or the last row.
    func run(
        picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        rows: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        if algorithm == .naive {
            naiveConvolution(
                windows, outputs: outputs, shuffle: shuffle, picture: picture, weights: weights, into: output,
                rows: rows, epilogue: epilogue, scratch: scratch, pool: pool)
        } else if algorithm == .openblas {
            plain.gather(
                picture: picture, weights: weights, into: output, rows: rows, shuffle: shuffle, epilogue: epilogue,
                scratch: scratch, pool: pool)
        } else if let winograd {
            winograd.forward(
                picture: picture, weights: weights, into: output, rows: rows, shuffle: shuffle, epilogue: epilogue,
                scratch: scratch, pool: pool)
        } else {
            gather.run(
                picture: picture, weights: weights, into: output, rows: rows, epilogue: epilogue, scratch: scratch,
                pool: pool)
        }
    }
}

/// The gradient of a convolution's weights, given a picture and the gradient of its grid.
struct WeightGradientKernel {
    let windows: WindowGeometry
    let gridChannels: Int
    private let algorithm: ConvolutionAlgorithm

    init(_ windows: WindowGeometry, gridChannels: Int, asked: ConvolutionAlgorithm? = nil) {
        self.windows = windows
        self.gridChannels = gridChannels
        algorithm = .choose(for: windows, outputs: gridChannels, asked: asked)
    }

    private var winograd: WinogradConvolution? {
        algorithm.tile.map { WinogradConvolution(tile: $0, windows: windows, outputs: gridChannels) }
    }

    private var plain: PlainProducts? {
        algorithm == .openblas ? PlainProducts(geometry: windows, gridChannels: gridChannels) : nil
    }

    var scratch: ScratchSize {
        plain?.weightGradientScratch ?? winograd?.weightGradientScratch()
            ?? weightGradientScratch(windows, gridChannels: gridChannels)
    }

    /// Adds to `gradient`, in PyTorch's order (grid channel, channel, ky, kx).
    func accumulate(
        picture: UnsafePointer<Float>, grid: UnsafePointer<Float>, onto gradient: UnsafeMutablePointer<Float>,
        scratch: Scratch, pool: WorkerPool
    ) {
        if let plain {
            plain.accumulateWeightGradient(
                picture: picture, grid: grid, onto: gradient, scratch: scratch, pool: pool)
        } else if let winograd {
            winograd.accumulateWeightGradient(
                picture: picture, outputGradient: grid, onto: gradient, scratch: scratch, pool: pool)
        } else {
            accumulateWeightGradient(
                windows, picture: picture, grid: grid, gridChannels: gridChannels, onto: gradient, scratch: scratch,
                pool: pool)
        }
    }
}

/// The way back from grid to picture by adding columns: a transposed convolution, and the gradient of a convolution's input
/// where that is no convolution itself. By the engine's own products, or OpenBLAS's.
struct ScatterKernel {
    let windows: WindowGeometry
    let gridChannels: Int
    private let isPlain: Bool

    init(_ windows: WindowGeometry, gridChannels: Int, asked: ConvolutionAlgorithm?) {
        self.windows = windows
        self.gridChannels = gridChannels
        isPlain = (asked ?? .forced) == .openblas
    }

    private var plain: PlainProducts { PlainProducts(geometry: windows, gridChannels: gridChannels) }
    private var order: WeightOrder { isPlain ? .plain : .scatter }

    var packedCount: Int { plain.packing.count(order) }

    func pack(_ weights: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
        plain.packing.pack(weights, as: order, into: packed)
    }

    /// - Parameter tasks: of a pass at most, where the operator knows.
    func scratch(tasks: Int? = nil) -> ScratchSize {
        isPlain ? plain.scratch : productScratch(windows, tasks: tasks)
    }

    /// Picture rows `rows` of every picture of the batch, which are overwritten.
    func run(
        grid: UnsafePointer<Float>, weights: UnsafePointer<Float>, into picture: UnsafeMutablePointer<Float>,
        rows: Range<Int>, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        if isPlain {
            plain.scatter(
                grid: grid, weights: weights, into: picture, rows: rows, epilogue: epilogue, scratch: scratch,
                pool: pool)
        } else {
            scatter(
                windows, grid: grid, weights: weights, gridChannels: gridChannels, into: picture, rows: rows,
                epilogue: epilogue, scratch: scratch, pool: pool)
        }
    }
}
