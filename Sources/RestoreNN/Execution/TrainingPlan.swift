import RestoreConcurrency

/// What runs a training graph: on the processor (`TrainingPlan`), or elsewhere.
public protocol TrainingExecution: AnyObject {
    /// Where to write the values of input `index` before `forward`.
    func input(_ index: Int) -> UnsafeMutablePointer<Float>
    /// The value of each term of the objective in the last forward pass.
    var termValues: [Double] { get }
    /// Why the last pass failed, which cannot happen on the processor.
    var failure: (any Error)? { get }

    /// - Parameter parameters: values in the order of the network's `ParameterLayout`.
    func forward(parameters: UnsafePointer<Float>)
    /// Adds the gradients of the weighted sum of the terms to `parameterGradients`.
    func backward(
        weights: [Double], parameters: UnsafePointer<Float>, parameterGradients: UnsafeMutablePointer<Float>)
}

extension TrainingExecution {
    public var failure: (any Error)? { nil }
}

/// A network prepared for training on inputs of given shapes. All activations are kept for the backward pass, and the
/// gradients of activations share an arena by first and last use.
///
/// With an objective: write the inputs, call `forward`, read `termValues`, call `backward` with the terms' weights.
/// Without one: write the inputs, call `forward`, write the gradient of every output, call `backward`. A plan is not
/// thread-safe: use it from one thread at a time.
public final class TrainingPlan: TrainingExecution {
    public let inputShapes: [Shape]
    public let outputShapes: [Shape]
    /// The value of each term of the objective in the last forward pass; in `Double` precision if the term is a loss.
    public private(set) var termValues: [Double] = []
    private let network: Network
    /// Where gradients originate: the terms of the objective, or the outputs.
    private let sources: [Network.Value]
    private let hasObjective: Bool
    private let shapes: [Shape]
    private let packed: PackedParameters
    private let activations: [FloatBuffer]
    private let gradients: GradientPlan
    private let gradientArena: FloatBuffer
    private let scratchSize: ScratchSize
    private let scratchBuffer: FloatBuffer
    private let pool: WorkerPool

    /// - Parameters:
    ///   - objective: its terms are nodes of this network. Outputs that lead to no term get no gradient.
    ///   - needsInputGradients: whether `inputGradient` will be used. Without it the first layers are cheaper.
    /// - Throws: `NetworkError` if the network does not accept these shapes, a term is not a scalar, an output without
    ///   an objective is listed twice, the machine has too little memory, or the library of the requested algorithm is
    ///   missing.
    public init(
        _ network: Network, inputShapes: [Shape], objective: Objective? = nil, pool: WorkerPool,
        needsInputGradients: Bool = false
    ) throws(NetworkError) {
        try network.loadLibraries()
        let shapes = try network.shapes(inputs: inputShapes)
        for term in objective?.terms ?? [] where shapes[term.value.index].count != 1 {
            let node = network.nodes[term.value.index]
            throw .shape(
                node: node.name, operation: "objective", inputs: [shapes[term.value.index]],
                reason: "the term \(term.name) must be a single number")
        }
        let outputs = network.outputs
        if objective == nil, let twice = outputs.indices.first(where: { outputs[..<$0].contains(outputs[$0]) }) {
            throw .outputTwice(node: network.nodes[outputs[twice].index].name)
        }
        sources = objective?.terms.map(\.value) ?? network.outputs
        hasObjective = objective != nil
        // Besides the activations: the weights, packed twice, plus values, gradients, two moments and the average.
        let parameterCount = ParameterLayout(network).count
        try requireMemory(floats: shapes.reduce(7 * parameterCount) { $0 + $1.count })
        self.network = network
        self.inputShapes = inputShapes
        self.pool = pool
        self.shapes = shapes
        outputShapes = network.outputs.map { shapes[$0.index] }
        packed = PackedParameters(network, shapes: shapes, purpose: .training)
        activations = shapes.map { FloatBuffer(count: $0.count) }
        gradients = GradientPlan(
            network, shapes: shapes, sources: sources, needsInputGradients: needsInputGradients)
        gradientArena = FloatBuffer(count: gradients.arenaCount)
        var scratch = ScratchSize()
        for (node, shape) in zip(network.nodes, shapes) {
            guard let operation = node.operation else { continue }
            let sources = node.inputs.map { shapes[$0.index] }
            scratch = scratch.union(operation.forwardScratch(inputs: sources, output: shape))
                .union(operation.backwardScratch(inputs: sources, output: shape))
        }
        scratchSize = scratch
        scratchBuffer = FloatBuffer(count: Scratch.count(scratch, workers: pool.workerCount))
    }

    /// Where to write the values of input `index` before `forward`.
    public func input(_ index: Int) -> UnsafeMutablePointer<Float> {
        activations[network.inputs[index].index].base
    }

    /// Output `index` of the last forward pass.
    public func output(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(activations[network.outputs[index].index].base)
    }

    /// Where to write the gradient of output `index` before `backward`.
    ///
    /// - Precondition: the plan has no objective; with one, the plan writes these gradients itself.
    public func outputGradient(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(!hasObjective, "the objective writes the gradients")
        return gradientArena.base + gradients.offsets[network.outputs[index].index]
    }

    /// Gradient of input `index` after `backward`.
    ///
    /// - Precondition: the plan was created with `needsInputGradients`, and some output depends on this input.
    public func inputGradient(_ index: Int) -> UnsafePointer<Float> {
        let node = network.inputs[index].index
        precondition(gradients.isNeeded[node], "no gradient of input \(index): not asked for, or no output reads it")
        return UnsafePointer(gradientArena.base + gradients.offsets[node])
    }

    /// Fills all activations, gradients and working memory with NaN, so that a value which is read before it is written
    /// shows: an operator that adds to the gradient of an input, say, instead of overwriting it.
    package func poison() {
        for buffer in activations { buffer.base.update(repeating: .nan, count: buffer.count) }
        poisonGradients()
    }

    /// The same after `forward` and before the gradients of the outputs are written.
    package func poisonGradients() {
        for buffer in [gradientArena, scratchBuffer] { buffer.base.update(repeating: .nan, count: buffer.count) }
    }

    /// - Parameter parameters: values in the order of the network's `ParameterLayout`.
    public func forward(parameters: UnsafePointer<Float>) {
        packed.pack(parameters, pool: pool)
        var losses: [Int: Double] = [:]
        for (index, node) in network.nodes.enumerated() {
            guard let operation = node.operation else { continue }
            let pass = ForwardPass(
                inputs: node.inputs.map { UnsafePointer(activations[$0.index].base) },
                inputShapes: node.inputs.map { shapes[$0.index] },
                output: activations[index].base, outputShape: shapes[index],
                rows: 0..<shapes[index].height,
                parameters: packed.ranges[index].map { parameters + $0.lowerBound },
                packed: packed.packed(node: index), scratch: scratch, pool: pool)
            if let loss = operation as? any LossOperator {
                let value = loss.evaluate(pass)
                losses[index] = value
                pass.output[0] = Float(value)
            } else {
                operation.forward(pass)
            }
        }
        guard hasObjective else { return }
        termValues = sources.map { losses[$0.index] ?? Double(activations[$0.index].base[0]) }
    }

    /// Adds the gradients of the weighted sum of the objective's terms to `parameterGradients`.
    ///
    /// - Parameters:
    ///   - weights: one per term.
    ///   - parameters: those of the forward pass.
    ///   - parameterGradients: in the order of the network's `ParameterLayout`.
    /// - Precondition: the plan has an objective with this many terms.
    public func backward(
        weights: [Double], parameters: UnsafePointer<Float>, parameterGradients: UnsafeMutablePointer<Float>
    ) {
        precondition(hasObjective && weights.count == sources.count, "\(weights.count) weights, \(sources.count) terms")
        for (term, weight) in zip(sources, weights) {
            gradientArena.base[gradients.offsets[term.index]] = Float(weight)
        }
        backpropagate(parameters: parameters, parameterGradients: parameterGradients)
    }

    /// Adds the gradients of the parameters to `parameterGradients`, given the gradients written for all outputs.
    ///
    /// - Parameters:
    ///   - parameters: those of the forward pass.
    ///   - parameterGradients: in the order of the network's `ParameterLayout`.
    /// - Precondition: the plan has no objective.
    public func backward(
        parameters: UnsafePointer<Float>, parameterGradients: UnsafeMutablePointer<Float>
    ) {
        precondition(!hasObjective, "the objective needs its weights")
        backpropagate(parameters: parameters, parameterGradients: parameterGradients)
    }

    private func backpropagate(
        parameters: UnsafePointer<Float>, parameterGradients: UnsafeMutablePointer<Float>
    ) {
        for index in network.nodes.indices.reversed() where gradients.isNeeded[index] {
            let node = network.nodes[index]
            guard let operation = node.operation else { continue }
            operation.backward(
                BackwardPass(
                    inputs: node.inputs.map { UnsafePointer(activations[$0.index].base) },
                    inputShapes: node.inputs.map { shapes[$0.index] },
                    output: UnsafePointer(activations[index].base), outputShape: shapes[index],
                    outputGradient: UnsafePointer(gradientArena.base + gradients.offsets[index]),
                    inputGradients: gradients.destinations[index].map { $0.map { gradientArena.base + $0.offset } },
                    parameters: packed.ranges[index].map { parameters + $0.lowerBound },
                    parameterGradients: packed.ranges[index].map { parameterGradients + $0.lowerBound },
                    packed: packed.packed(node: index), scratch: scratch, pool: pool))
            addSharedGradients(of: index)
        }
    }

    /// A node with several readers gets the sum of their gradients.
    private func addSharedGradients(of index: Int) {
        for (input, destination) in zip(network.nodes[index].inputs, gradients.destinations[index]) {
            guard let destination, destination.isAddend else { continue }
            let sum = gradientArena.base + gradients.offsets[input.index]
            pool.runPieces(count: shapes[input.index].count) { start, count in
                add(gradientArena.base + destination.offset + start, onto: sum + start, count: count)
            }
        }
    }

    private var scratch: Scratch {
        Scratch(base: scratchBuffer.base, size: scratchSize)
    }
}

/// Where the gradient of each node's output is stored, and where each operator writes the gradients of its inputs.
private struct GradientPlan {
    struct Destination {
        let offset: Int
        /// Written to a buffer of its own, then added, because another reader of the same node has already written its
        /// gradient.
        let isAddend: Bool
    }

    let isNeeded: [Bool]
    let offsets: [Int]
    let destinations: [[Destination?]]
    let arenaCount: Int

    /// - Parameter sources: where gradients originate.
    init(_ network: Network, shapes: [Shape], sources: [Network.Value], needsInputGradients: Bool) {
        let nodes = network.nodes
        let isNeeded = Self.neededGradients(network, needsInputGradients: needsInputGradients)
        var buffers = GradientRequests(nodes)
        for source in sources { buffers.writeSource(source.index, size: shapes[source.index].count) }
        // For each input of each node, where its gradient is written.
        var writes = [[GradientRequests.Write?]](repeating: [], count: nodes.count)
        for index in nodes.indices.reversed() {
            for input in nodes[index].inputs {
                // A branch that leads to no output has no gradient to propagate.
                guard isNeeded[index], buffers.isWritten[index], isNeeded[input.index] else {
                    writes[index].append(nil)
                    continue
                }
                writes[index].append(buffers.write(input.index, size: shapes[input.index].count, reader: index))
            }
        }
        let plan = MemoryPlan(buffers.requests)
        self.isNeeded = zip(isNeeded, buffers.isWritten).map { $0 && $1 }
        offsets = Array(plan.offsets.prefix(nodes.count))
        destinations = writes.map { row in
            row.map { write in
                write.map { Destination(offset: plan.offsets[$0.request], isAddend: $0.isAddend) }
            }
        }
        arenaCount = plan.total
    }

    /// A gradient is needed if there is a parameter at or before the node, or an input whose gradient is requested.
    private static func neededGradients(_ network: Network, needsInputGradients: Bool) -> [Bool] {
        var needed: [Bool] = []
        for node in network.nodes {
            guard let operation = node.operation else {
                needed.append(needsInputGradients)
                continue
            }
            needed.append(!operation.parameters.isEmpty || node.inputs.contains { needed[$0.index] })
        }
        return needed
    }
}

/// The buffers of a gradient plan, requested from the outputs back to the inputs.
private struct GradientRequests {
    struct Write {
        /// The buffer that is written.
        let request: Int
        /// Whether it is then added to the node's gradient, which another reader has already written.
        let isAddend: Bool
    }

    private let nodes: [Network.Node]
    /// One per node, then one per addend.
    private(set) var requests: [MemoryPlan.Request]
    /// Whether the gradient of a node's output has a writer.
    private(set) var isWritten: [Bool]

    // Steps run backward: node i runs at step count − i, and the gradients of the sources are available at step 0.
    init(_ nodes: [Network.Node]) {
        self.nodes = nodes
        let count = nodes.count
        requests = nodes.indices.map { MemoryPlan.Request(count: 0, first: count - $0, last: count - $0) }
        isWritten = [Bool](repeating: false, count: count)
    }

    mutating func writeSource(_ node: Int, size: Int) {
        requests[node] = MemoryPlan.Request(count: size, first: 0, last: lastUse(of: node))
        isWritten[node] = true
    }

    /// `reader` contributes its share of the gradient of `node`.
    mutating func write(_ node: Int, size: Int, reader: Int) -> Write {
        let step = nodes.count - reader
        guard isWritten[node] else {
            requests[node] = MemoryPlan.Request(count: size, first: step, last: lastUse(of: node))
            isWritten[node] = true
            return Write(request: node, isAddend: false)
        }
        requests.append(MemoryPlan.Request(count: size, first: step, last: step))
        return Write(request: requests.count - 1, isAddend: true)
    }

    /// The gradient of a network input stays valid until it is read.
    private func lastUse(of node: Int) -> Int {
        nodes[node].operation == nil ? nodes.count + 1 : nodes.count - node
    }
}
