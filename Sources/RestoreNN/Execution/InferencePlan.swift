import RestoreConcurrency

/// A network prepared to run on whole inputs of given shapes, with any batch size: activations fused into the preceding
/// operators, parameters packed for the kernels, and all activations placed in one arena by first and last use.
///
/// Use `BandedPlan` for large images. A plan is not thread-safe: use it from one thread at a time.
public final class InferencePlan {
    public let inputShapes: [Shape]
    public let outputShapes: [Shape]
    private let network: Network
    private let shapes: [Shape]
    private let packed: PackedParameters
    private let parameters: Parameters
    private let arena: FloatBuffer
    private let offsets: [Int]
    private let scratchSize: ScratchSize
    private let scratchBuffer: FloatBuffer
    private let pool: WorkerPool

    /// - Throws: `NetworkError` if the network does not accept these shapes, the machine has too little memory, or the
    ///   library of the requested algorithm is missing.
    /// - Precondition: `parameters` belong to this network.
    public init(_ network: Network, inputShapes: [Shape], parameters: Parameters, pool: WorkerPool) throws(NetworkError)
    {
        precondition(parameters.layout == ParameterLayout(network), "parameters of another network")
        try network.loadLibraries()
        let (network, shapes) = try network.prepared(inputShapes: inputShapes)
        let layout = Layout(network, shapes: shapes)
        let scratchCount = Scratch.count(layout.scratch, workers: pool.workerCount)
        try requireMemory(floats: layout.arenaCount + scratchCount)
        self.network = network
        self.inputShapes = inputShapes
        self.parameters = parameters
        self.pool = pool
        self.shapes = shapes
        offsets = layout.offsets
        scratchSize = layout.scratch
        outputShapes = network.outputs.map { shapes[$0.index] }
        arena = FloatBuffer(count: layout.arenaCount)
        scratchBuffer = FloatBuffer(count: scratchCount)
        packed = PackedParameters(network, shapes: shapes, purpose: .inference)
        parameters.values.withUnsafeBufferPointer { values in
            if let base = values.baseAddress { packed.pack(base, pool: pool) }
        }
    }

    /// Bytes that a plan for these shapes would allocate for activations and working memory, without creating one.
    ///
    /// - Throws: `NetworkError` if the network does not accept these shapes.
    public static func memory(
        _ network: Network, inputShapes: [Shape], workers: Int
    ) throws(NetworkError) -> Int {
        let (network, shapes) = try network.prepared(inputShapes: inputShapes)
        let layout = Layout(network, shapes: shapes)
        let floats = layout.arenaCount + Scratch.count(layout.scratch, workers: workers)
        return floats * MemoryLayout<Float>.stride
    }

    /// Where to write the values of input `index` before `run`, in the layout documented by `Shape`. The run overwrites
    /// them.
    public func input(_ index: Int) -> UnsafeMutablePointer<Float> {
        arena.base + offsets[network.inputs[index].index]
    }

    /// Where `run` puts output `index`; valid until the next run.
    public func output(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(arena.base + offsets[network.outputs[index].index])
    }

    public func run() {
        let scratch = Scratch(base: scratchBuffer.base, size: scratchSize)
        parameters.values.withUnsafeBufferPointer { values in
            for (index, node) in network.nodes.enumerated() {
                guard let operation = node.operation else { continue }
                operation.forward(
                    ForwardPass(
                        inputs: node.inputs.map { UnsafePointer(arena.base + offsets[$0.index]) },
                        inputShapes: node.inputs.map { shapes[$0.index] },
                        output: arena.base + offsets[index], outputShape: shapes[index],
                        rows: 0..<shapes[index].height,
                        parameters: packed.ranges[index].compactMap { range in
                            values.baseAddress.map { $0 + range.lowerBound }
                        },
                        packed: packed.packed(node: index), scratch: scratch, pool: pool))
            }
        }
    }

    /// Copies `inputs` in, runs the network, and copies the outputs out.
    ///
    /// - Precondition: the inputs have `inputShapes`.
    public func run(_ inputs: [Tensor]) -> [Tensor] {
        precondition(inputs.map(\.shape) == inputShapes, "\(inputs.map(\.shape)) instead of \(inputShapes)")
        for (index, tensor) in inputs.enumerated() {
            tensor.values.withUnsafeBufferPointer { values in
                if let base = values.baseAddress { input(index).update(from: base, count: values.count) }
            }
        }
        run()
        return outputShapes.enumerated().map { index, shape in
            Tensor(shape: shape, values: Array(UnsafeBufferPointer(start: output(index), count: shape.count)))
        }
    }
}

extension Network {
    /// Working memory, shared by all nodes.
    func forwardScratch(shapes: [Shape]) -> ScratchSize {
        forwardScratchOfNodes(shapes: shapes).reduce(ScratchSize()) { $0.union($1) }
    }

    /// Working memory of each node.
    func forwardScratchOfNodes(shapes: [Shape]) -> [ScratchSize] {
        zip(nodes, shapes).map { node, shape in
            let sources = node.inputs.map { shapes[$0.index] }
            return node.operation?.forwardScratch(inputs: sources, output: shape) ?? ScratchSize()
        }
    }
}

/// Arena offsets and working memory of a plan.
private struct Layout {
    let offsets: [Int]
    let arenaCount: Int
    let scratch: ScratchSize

    init(_ network: Network, shapes: [Shape]) {
        let (owner, requests) = Self.buffers(network, shapes)
        let plan = MemoryPlan(requests)
        scratch = network.forwardScratch(shapes: shapes)
        offsets = owner.map { plan.offsets[$0] }
        arenaCount = plan.total
    }

    /// The buffers, and the index of each node's buffer. A node that may work in place takes over its input's buffer if
    /// it is the last reader.
    private static func buffers(_ network: Network, _ shapes: [Shape]) -> ([Int], [MemoryPlan.Request]) {
        let end = network.nodes.count
        var lastUse = Array(network.nodes.indices)
        for (index, node) in network.nodes.enumerated() {
            for input in node.inputs { lastUse[input.index] = index }
        }
        for output in network.outputs { lastUse[output.index] = end }

        var owner: [Int] = []
        var requests: [MemoryPlan.Request] = []
        for (index, node) in network.nodes.enumerated() {
            if let inPlace = (node.operation as? any PiecewiseOperator)?.inPlaceInput {
                let source = node.inputs[inPlace].index
                let readOnce = node.inputs.filter { $0.index == source }.count == 1
                if lastUse[source] == index, readOnce, shapes[source].count == shapes[index].count {
                    owner.append(owner[source])
                    requests[owner[source]].last = lastUse[index]
                    continue
                }
            }
            // All inputs are written before the first node runs.
            let first = node.operation == nil ? -1 : index
            owner.append(requests.count)
            requests.append(MemoryPlan.Request(count: shapes[index].count, first: first, last: lastUse[index]))
        }
        return (owner, requests)
    }
}
