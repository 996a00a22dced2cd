import RestoreConcurrency
import CKernels

// Winograd convolution: Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
//
// A tile of m × m outputs of a 3×3 convolution with stride 1 comes from (m + 2)² inputs. Inputs and filters are
// transformed to (m + 2)² points; at each point, all tiles and channels together are one matrix product; its results
// are transformed back. `docs/operators/winograd.md` lists the matrices, the errors and the share of time spent in each
// stage.
//
// Glossary: V transformed inputs, U transformed weights, M their products, Z transformed output gradients; a *point* is
// one of the (m + 2)² positions in a transformed tile; ty tx position of a tile.

/// The size of the output tiles.
enum WinogradTile: Int, Sendable {
    /// F(2×2, 3×3): 16 products for 4 outputs.
    case two = 2
    /// F(4×4, 3×3): 36 products for 16 outputs.
    case four = 4

    var points: Int { (rawValue + 2) * (rawValue + 2) }
}

/// A convolution that Winograd can compute: 3×3, stride 1, dilation 1, any padding.
struct WinogradConvolution {
    let tile: WinogradTile
    /// The windows; `channels` are those of the input.
    let windows: WindowGeometry
    let outputs: Int
    /// The row at which the topmost tiles begin: 0, or above the picture by less than a tile.
    var firstTileRow = 0

    /// Whether these windows can be computed this way.
    static func canCompute(_ windows: WindowGeometry) -> Bool {
        windows.kernel == 3 && windows.stride == 1 && windows.dilation == 1
    }

    /// With fewer tiles in a block, reading the weights would not pay off.
    private static let leastTiles = 12

    /// The maximum number of tiles computed together. V and M take two thirds of the L2 cache at most, which leaves room
    /// for the weights on their way, unless that would be so few tiles that the weights would be read too often. A
    /// multiple of the row counts of all matrix-product tiles.
    private var mostTiles: Int {
        let tileBytes = (tile.points + 1) * max(inputStride, outputStride) * MemoryLayout<Float>.stride
        return min(48, max(24, CacheSizes.current.level2 * 2 / 3 / tileBytes / 12 * 12))
    }

    /// The number of tiles per block, out of `count`, chosen so that the workers get equally many blocks if there are
    /// few. It does not affect the results.
    private func blockTiles(of count: Int, workers: Int) -> Int {
        let most = mostTiles
        let blocks = (count + most - 1) / most
        guard blocks % workers != 0, blocks < 8 * workers else { return most }
        let even = roundedUp(blocks, workers)
        return min(most, max(Self.leastTiles, roundedUp((count + even - 1) / even, 4)))
    }

    var inputs: Int { windows.channels }
    private var m: Int { tile.rawValue }
    var tilesAcross: Int { (windows.grid.width + m - 1) / m }
    var tilesDown: Int { (windows.grid.height - firstTileRow + m - 1) / m }
    /// Floats of one point of a tile.
    var inputStride: Int { Self.padded(inputs) }
    var outputStride: Int { Self.padded(outputs) }

    static func padded(_ channels: Int) -> Int { (channels + panelWidth - 1) / panelWidth * panelWidth }

    /// Floats from one point of `count` tiles to the next. The extra cache line keeps the points of a tile from
    /// mapping to the same L1 cache sets.
    static func pointStride(_ count: Int, _ stride: Int) -> Int { count * stride + panelWidth }

    // MARK: Weights

    private var weightPointStride: Int { Self.pointStride(inputs, outputStride) }

    /// Floats that `packWeights` writes.
    var weightCount: Int { tile.points * weightPointStride }

    /// U of PyTorch's `weights` (grid channels × channels × 3 × 3), packed for the products.
    ///
    /// - Parameter isTurned: for the gradient of the input; filters are rotated by 180°, and `inputs` are the grid's
    ///   channels.
    func packWeights(_ weights: UnsafePointer<Float>, isTurned: Bool, into packed: UnsafeMutablePointer<Float>) {
        var filters = filters(weights, isTurned: isTurned, pointStride: weightPointStride)
        for panel in 0..<(outputStride / panelWidth) {
            rk_winograd_weights(
                KernelVariant.selected.raw, Int32(m), &filters, panel, packed + panel * inputs * panelWidth)
        }
    }

    private func filters(_ weights: UnsafePointer<Float>?, isTurned: Bool, pointStride: Int) -> rk_filters {
        rk_filters(
            weights: weights, inputs: inputs, outputs: outputs, input_stride: isTurned ? 9 * outputs : 9,
            output_stride: isTurned ? 9 : 9 * inputs, is_turned: isTurned ? 1 : 0, point_stride: pointStride)
    }

    // MARK: Forward

    /// Floats from a point of a block of `count` tiles to the next, in V as well as in M.
    private func blockStride(_ count: Int) -> Int { Self.pointStride(count, max(inputStride, outputStride)) }

    /// Floats of V and M of a block. M takes the place of V: the products of a point overwrite the inputs of the point
    /// before, which are no longer needed and still in the cache.
    private var blockCount: Int { (tile.points + 1) * blockStride(mostTiles) }

    /// V and M of a block, followed by the working memory of `TileReader` and of a pixel shuffle.
    func forwardScratch(shuffle: Int = 1) -> ScratchSize {
        let shuffled = shuffle > 1 ? m * m * mostTiles * outputs : 0
        let tiles = windows.batch * tilesDown * tilesAcross
        return ScratchSize(
            perWorker: blockCount + TileReader.scratchCount(self) + shuffled,
            tasks: (tiles + Self.leastTiles - 1) / Self.leastTiles)
    }

    /// Computes output rows `rows` of every picture of the batch.
    ///
    /// - Parameters:
    ///   - rows: from a tile or row 0 to the end of a tile or the last row.
    ///   - shuffle: the factor of a pixel shuffle that places the results.
    func forward(
        picture: UnsafePointer<Float>, weights: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
        rows: Range<Int>, shuffle: Int = 1, epilogue: Epilogue, scratch: Scratch, pool: WorkerPool
    ) {
        let band = TileBand(self, rows: rows)
        let size = blockTiles(of: band.count, workers: pool.workerCount)
        pool.run(taskCount: (band.count + size - 1) / size) { block, worker in
            let first = block * size
            let count = min(size, band.count - first)
            let stride = blockStride(count)
            let products = scratch.worker(worker)
            let v = products + stride
            let rest = products + blockCount
            transformInputs(
                band, first: first, count: count, picture: picture, into: v, pointStride: stride, patch: rest)
            multiplyPoints(v, weights, count: count, into: products)
            let store = TileStore(
                convolution: self, output: output, shuffle: shuffle, epilogue: epilogue,
                block: rest + TileReader.scratchCount(self))
            band.forEachRun(first: first, count: count) { run in
                store.store(run, products: products + run.place * outputStride, pointStride: stride)
            }
        }
    }

    private func multiplyPoints(
        _ v: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, count: Int,
        into products: UnsafeMutablePointer<Float>
    ) {
        let stride = blockStride(count)
        // The transform of the products reads whole vectors.
        let columns = roundedUp(outputs, KernelVariant.selected.lanes)
        for point in 0..<tile.points {
            multiply(
                LeftRows(base: v + point * stride, stride: inputStride, depth: inputs),
                packed: weights + point * weightPointStride, panelDepth: inputs, into: products + point * stride,
                stride: outputStride, rows: count, columns: columns, epilogue: rk_epilogue())
        }
    }

    /// V of `count` tiles starting at `first`; tile i is at `v + i · inputStride`.
    ///
    /// - Parameter patch: working memory of `TileReader.scratchCount` floats.
    private func transformInputs(
        _ band: TileBand, first: Int, count: Int, picture: UnsafePointer<Float>,
        into v: UnsafeMutablePointer<Float>, pointStride: Int, patch: UnsafeMutablePointer<Float>
    ) {
        let reader = TileReader(self, patch: patch)
        band.forEachRun(first: first, count: count) { run in
            let source = picture + run.picture * windows.pictureCount
            reader.read(run, picture: source) { rows, tiles, place in
                rk_winograd_input(
                    KernelVariant.selected.raw, Int32(m), rows, inputs, tiles, v + place * inputStride, pointStride,
                    inputStride)
            }
        }
    }

    // MARK: Weight gradient

    /// The number of tiles transformed before their products are computed, chosen so that the sums are read and written
    /// infrequently.
    private static let gradientBlockTiles = 256
    /// Tiles per task of the transforms.
    private static let gradientPiece = 16

    func weightGradientScratch() -> ScratchSize {
        let count = min(Self.gradientBlockTiles, TileBand(self, rows: 0..<windows.grid.height).count)
        let points = Self.pointStride(count, inputStride) + Self.pointStride(count, outputStride)
        return ScratchSize(
            perWorker: TileReader.scratchCount(self),
            shared: tile.points * (points + Self.pointStride(inputs, outputStride)))
    }

    /// Adds Gᵀ (Σ over tiles Vᵀ Z) G to `gradient`, in PyTorch's order. The products are computed point by point, each
    /// by one worker and in the order of the tiles, so that the sum does not depend on the number of workers.
    ///
    /// - Precondition: the tiles begin at row 0.
    func accumulateWeightGradient(
        picture: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
        onto gradient: UnsafeMutablePointer<Float>, scratch: Scratch, pool: WorkerPool
    ) {
        let band = TileBand(self, rows: 0..<windows.grid.height)
        let block = min(Self.gradientBlockTiles, band.count)
        let sumStride = Self.pointStride(inputs, outputStride)
        let sums = scratch.shared
        let v = sums + tile.points * sumStride
        let z = v + tile.points * Self.pointStride(block, inputStride)
        for first in stride(from: 0, to: band.count, by: block) {
            let count = min(block, band.count - first)
            let (vStride, zStride) = (Self.pointStride(count, inputStride), Self.pointStride(count, outputStride))
            pool.run(taskCount: (count + Self.gradientPiece - 1) / Self.gradientPiece) { piece, worker in
                let start = piece * Self.gradientPiece
                let tiles = min(Self.gradientPiece, count - start)
                transformInputs(
                    band, first: first + start, count: tiles, picture: picture, into: v + start * inputStride,
                    pointStride: vStride, patch: scratch.worker(worker))
                transformGradients(
                    band, first: first + start, count: tiles, gradient: outputGradient,
                    into: z + start * outputStride, pointStride: zStride)
            }
            pool.run(taskCount: tile.points) { point, _ in
                multiplyTransposed(
                    v + point * vStride, stride: inputStride, z + point * zStride, stride: outputStride,
                    into: sums + point * sumStride, stride: outputStride, rows: inputs, columns: outputStride,
                    depth: count, accumulate: first > 0)
            }
        }
        var filters = filters(nil, isTurned: false, pointStride: sumStride)
        pool.run(taskCount: inputs) { input, _ in
            rk_winograd_weight_gradient(
                KernelVariant.selected.raw, Int32(m), &filters, input, sums + input * outputStride, gradient)
        }
    }

    private func transformGradients(
        _ band: TileBand, first: Int, count: Int, gradient: UnsafePointer<Float>,
        into z: UnsafeMutablePointer<Float>, pointStride: Int
    ) {
        let line = windows.grid.width * outputs
        band.forEachRun(first: first, count: count) { run in
            let place = (run.picture * windows.grid.height + run.y) * line + run.tx * m * outputs
            rk_winograd_output_gradient(
                KernelVariant.selected.raw, Int32(m), gradient + place, line, run.rows.count, run.width, outputs,
                run.count,
                z + run.place * outputStride, pointStride, outputStride)
        }
    }
}
