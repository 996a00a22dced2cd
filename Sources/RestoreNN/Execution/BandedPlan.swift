import RestoreConcurrency

/// A network prepared to run on one image, from top to bottom in bands of rows. Every node computes each of its rows
/// once, in memory that grows with the image's width but not with its height. The results are bit-identical to those of
/// `InferencePlan`.
///
/// A plan is not thread-safe: use it from one thread at a time.
public final class BandedPlan {
    public let inputShapes: [Shape]
    public let outputShapes: [Shape]
    /// Can be shared with other plans of the same network.
    public let packedParameters: PackedParameters
    private let network: Network
    private let shapes: [Shape]
    private let parameters: Parameters
    private let layout: BandLayout
    private let buffer: FloatBuffer
    private let scratchBuffer: FloatBuffer
    private let pool: WorkerPool
    /// The row of each node that is at the start of its rolling buffer.
    private var origins: [Int]

    /// What a plan allocates besides the parameters, in bytes.
    public struct Memory: Equatable, Sendable {
        /// The rows of a band.
        public let arena: Int
        /// Rows kept between bands, for nodes that keep few.
        public let halos: Int
        /// The rolling buffers of nodes that keep many.
        public let rolling: Int
        /// Working memory of the operators.
        public let scratch: Int

        public var total: Int { arena + halos + rolling + scratch }

        fileprivate init(_ layout: BandLayout, workers: Int) {
            let float = MemoryLayout<Float>.stride
            arena = layout.arenaCount * float
            halos = layout.haloCount * float
            rolling = layout.rollingCount * float
            scratch = layout.scratchCount(workers: workers) * float
        }
    }

    /// - Parameters:
    ///   - inputShapes: each with a batch of one.
    ///   - bandRows: rows by which the tallest output advances in a step. By default chosen to suit the caches; it does
    ///     not affect the results.
    ///   - packed: parameters already packed by an earlier plan of the same network with the same parameters.
    /// - Throws: `NetworkError` if the network does not accept these shapes, the machine has too little memory, or the
    ///   library of the requested algorithm is missing.
    /// - Precondition: `parameters` belong to this network, and the batch size is one.
    public init(
        _ network: Network, inputShapes: [Shape], parameters: Parameters, pool: WorkerPool, bandRows: Int? = nil,
        sharing packed: PackedParameters? = nil
    ) throws(NetworkError) {
        precondition(parameters.layout == ParameterLayout(network), "parameters of another network")
        try network.loadLibraries()
        let (network, shapes) = try network.prepared(inputShapes: inputShapes)
        let layout = BandLayout(network, shapes: shapes, bandRows: bandRows)
        let scratchCount = layout.scratchCount(workers: pool.workerCount)
        try requireMemory(floats: layout.count + scratchCount)
        self.network = network
        self.inputShapes = inputShapes
        self.shapes = shapes
        self.parameters = parameters
        self.layout = layout
        self.pool = pool
        outputShapes = network.outputs.map { shapes[$0.index] }
        buffer = FloatBuffer(count: layout.count)
        scratchBuffer = FloatBuffer(count: scratchCount)
        origins = [Int](repeating: 0, count: shapes.count)
        if let packed, packed.fit(network, shapes: shapes, purpose: .inference) {
            packedParameters = packed
        } else {
            packedParameters = PackedParameters(network, shapes: shapes, purpose: .inference)
            parameters.values.withUnsafeBufferPointer { values in
                if let base = values.baseAddress { packedParameters.pack(base, pool: pool) }
            }
        }
    }

    /// Rows by which the tallest output advances in a step.
    public var bandRows: Int { layout.schedule.bandRows }

    /// What the plan has allocated.
    public var memory: Memory { Memory(layout, workers: pool.workerCount) }

    /// Bytes of the buffers that the plan holds.
    package var allocatedBytes: Int { (buffer.count + scratchBuffer.count) * MemoryLayout<Float>.stride }

    /// What a plan for these shapes would allocate, without creating one.
    ///
    /// - Throws: `NetworkError` if the network does not accept these shapes.
    public static func memory(
        _ network: Network, inputShapes: [Shape], workers: Int, bandRows: Int? = nil
    ) throws(NetworkError) -> Memory {
        let (network, shapes) = try network.prepared(inputShapes: inputShapes)
        return Memory(BandLayout(network, shapes: shapes, bandRows: bandRows), workers: workers)
    }

    /// Bytes of the parameters of a plan for these shapes: both as given and as packed for the operators.
    ///
    /// - Throws: `NetworkError` if the network does not accept these shapes.
    public static func parameterBytes(_ network: Network, inputShapes: [Shape]) throws(NetworkError) -> Int {
        let (network, shapes) = try network.prepared(inputShapes: inputShapes)
        let packed = network.nodes.reduce(0) { count, node in
            count + (node.operation?.packedCount(inputs: node.inputs.map { shapes[$0.index] }, for: .inference) ?? 0)
        }
        return (ParameterLayout(network).count + packed) * MemoryLayout<Float>.stride
    }

    /// Fills all memory with NaN, to expose values that are read before they are written.
    package func poison() {
        buffer.base.update(repeating: .nan, count: buffer.count)
        scratchBuffer.base.update(repeating: .nan, count: scratchBuffer.count)
    }

    /// Runs the network on an image.
    ///
    /// - Parameters:
    ///   - fill: writes rows of an input, in the layout documented by `Shape`, starting at the address of the first of
    ///     them. Called once for each row, from top to bottom; rows at the bottom that no output depends on are not
    ///     requested.
    ///   - store: reads rows of an output in the same way.
    public func run(
        fill: (_ input: Int, _ rows: Range<Int>, _ values: UnsafeMutablePointer<Float>) throws -> Void,
        store: (_ output: Int, _ rows: Range<Int>, _ values: UnsafePointer<Float>) throws -> Void
    ) rethrows {
        origins = [Int](repeating: 0, count: shapes.count)
        for step in layout.schedule {
            for (index, node) in network.nodes.enumerated() {
                if isActive(index, in: step) { bringKeptRows(of: index, in: step) }
                let rows = step.fresh(index)
                if !rows.isEmpty {
                    let first = row(rows.lowerBound, of: index, in: step)
                    if node.operation == nil {
                        for input in network.inputs.indices where network.inputs[input].index == index {
                            try fill(input, rows, first)
                        }
                    } else {
                        compute(index, rows, in: step)
                    }
                    // Immediately, because the next node may work in place.
                    for output in network.outputs.indices where network.outputs[output].index == index {
                        try store(output, rows, UnsafePointer(first))
                    }
                }
                for done in layout.released[index] where isActive(done, in: step) { saveKeptRows(of: done, in: step) }
            }
        }
    }

    /// Copies `inputs` in, runs the network, and copies the outputs out.
    ///
    /// - Precondition: the inputs have `inputShapes`.
    public func run(_ inputs: [Tensor]) -> [Tensor] {
        precondition(inputs.map(\.shape) == inputShapes, "\(inputs.map(\.shape)) instead of \(inputShapes)")
        var outputs = outputShapes.map { Tensor(zeros: $0) }
        run(
            fill: { index, rows, values in
                let line = inputs[index].shape.rowCount
                inputs[index].values.withUnsafeBufferPointer { source in
                    guard let base = source.baseAddress else { return }
                    values.update(from: base + rows.lowerBound * line, count: rows.count * line)
                }
            },
            store: { index, rows, values in
                let line = outputs[index].shape.rowCount
                outputs[index].values.withUnsafeMutableBufferPointer { destination in
                    guard let base = destination.baseAddress else { return }
                    (base + rows.lowerBound * line).update(from: values, count: rows.count * line)
                }
            })
        return outputs
    }

    // MARK: - One node in one step

    /// Whether the node's rows are read or written in this step. If not, they are not moved.
    private func isActive(_ node: Int, in step: BandSchedule.Step) -> Bool {
        !step.fresh(node).isEmpty
            || layout.schedule.graph.readers[node].contains { !step.fresh($0.node).isEmpty }
    }

    private func compute(_ index: Int, _ rows: Range<Int>, in step: BandSchedule.Step) {
        let node = network.nodes[index]
        guard let operation = node.operation else { return }
        parameters.values.withUnsafeBufferPointer { values in
            operation.forward(
                ForwardPass(
                    inputs: node.inputs.map { UnsafePointer(row(0, of: $0.index, in: step)) },
                    inputShapes: node.inputs.map { shapes[$0.index] },
                    output: row(0, of: index, in: step), outputShape: shapes[index], rows: rows,
                    parameters: packedParameters.ranges[index].compactMap { range in
                        values.baseAddress.map { $0 + range.lowerBound }
                    },
                    packed: packedParameters.packed(node: index),
                    scratch: Scratch(base: scratchBuffer.base, size: layout.scratch[index]), pool: pool))
        }
    }

    /// The address of a row of a node. For a row that is not in memory, the address it would have.
    private func row(_ row: Int, of node: Int, in step: BandSchedule.Step) -> UnsafeMutablePointer<Float> {
        let line = shapes[node].rowCount
        switch layout.places[node] {
        case .none: return buffer.base
        case .arena(let offset, let front, _): return buffer.base + offset + (front + row - step.done[node]) * line
        case .rolling(let offset, _): return buffer.base + offset + (row - origins[node]) * line
        }
    }

    /// Restores the kept rows of a node in front of its next rows.
    private func bringKeptRows(of node: Int, in step: BandSchedule.Step) {
        let (oldest, done) = (step.oldest[node], step.done[node])
        switch layout.places[node] {
        case .none: return
        case .arena(_, _, let halo):
            copy(buffer.base + halo, to: row(oldest, of: node, in: step), rows: done - oldest, of: node)
        case .rolling(let offset, let rows):
            guard step.target[node] - origins[node] > rows else { return }
            moveDown(buffer.base + offset, by: oldest - origins[node], rows: done - oldest, of: node)
            origins[node] = oldest
        }
    }

    private func saveKeptRows(of node: Int, in step: BandSchedule.Step) {
        guard case .arena(_, _, let halo) = layout.places[node] else { return }
        let keep = step.keep[node]
        copy(row(keep, of: node, in: step), to: buffer.base + halo, rows: step.target[node] - keep, of: node)
    }

    /// Copies rows of a node to a place that does not overlap them.
    private func copy(
        _ source: UnsafeMutablePointer<Float>, to destination: UnsafeMutablePointer<Float>, rows: Int, of node: Int
    ) {
        pool.runPieces(count: rows * shapes[node].rowCount, piece: 64 * 1024) { start, count in
            (destination + start).update(from: source + start, count: count)
        }
    }

    /// Moves `rows` rows to the start of a buffer, from `distance` rows further down.
    private func moveDown(_ beginning: UnsafeMutablePointer<Float>, by distance: Int, rows: Int, of node: Int) {
        let line = shapes[node].rowCount
        // Moves as many at a time as do not overlap their destination.
        for first in stride(from: 0, to: rows, by: max(1, distance)) {
            let destination = beginning + first * line
            copy(destination + distance * line, to: destination, rows: min(distance, rows - first), of: node)
        }
    }
}
