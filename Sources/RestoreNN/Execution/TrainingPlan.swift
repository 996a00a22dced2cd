import RestoreConcurrency

/// A network made ready for training on inputs of given shapes: all activations are kept for the backward pass, and the
/// gradients of activations share an arena by first and last use.
///
/// A plan is used from one thread at a time. With an objective: write the inputs, `forward`, read `termValues`, `backward`
/// with the terms' weights. Without one: write the inputs, `forward`, write the gradient of every output, `backward`.
public final class TrainingPlan {
    public let inputShapes: [Shape]
    public let outputShapes: [Shape]
    /// The value of each term of the objective in the last forward pass; in `Double` where the term is a loss.
    public private(set) var termValues: [Double] = []
    private let network: Network
    /// Where gradients come from: the terms of the objective, or the outputs.
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
    ///   - objective: of terms that are nodes of this network. Outputs that lead to no term then get no gradient.
    ///   - needsInputGradients: whether `inputGradient` is asked for; without it the first layers are cheaper.
    /// - Throws: `NetworkError` where the network cannot take these shapes, a term is not a single number, an output without
    ///   an objective is listed twice, or the machine has too little memory.
    public init(
        _ network: Network, inputShapes: [Shape], objective: Objective? = nil, pool: WorkerPool,
        needsInputGradients: Bool = false
    ) throws(NetworkError) {
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
        // Beside the activations: the weights, packed twice, and as many each of values, gradients, moments and average.
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

    /// Where the values of input `index` are to be written before `forward`.
    public func input(_ index: Int) -> UnsafeMutablePointer<Float> {
        activations[network.inputs[index].index].base
    }

    /// Output `index` of the last forward pass.
    public func output(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(activations[network.outputs[index].index].base)
    }

    /// Where the gradient of output `index` is to be written before `backward`.
    ///
    /// - Precondition: the plan has no objective, which would write the gradients itself.
    public func outputGradient(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(!hasObjective, "the objective writes the gradients")
        return gradientArena.base + gradients.offsets[network.outputs[index].index]
    }

    /// Gradient of input `index` after `backward`.
    ///
    /// - Precondition: the plan was made with `needsInputGradients`, and some output depends on this input.
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
    ///   - weights: one for each term.
    ///   - parameters: those of the forward pass.
    ///   - parameterGradients: in the order of the network's `ParameterLayout`.
    /// - Precondition: the plan has an objective of so many terms.
    public func backward(
        weights: [Double], parameters: UnsafePointer<Float>, parameterGradients: UnsafeMutablePointer<Float>
    ) {
        precondition(hasObjective && weights.count == sources.count, "\(weights.count) weights, \(sources.count) terms")
        for (term, weight) in zip(sources, weights) {
            gradientArena.base[gradients.offsets[term.index]] = Float(weight)
        }
        backpropagate(parameters: parameters, parameterGradients: parameterGradients)
    }

    /// Adds the gradients of the parameters to `parameterGradients`, from the gradients that were written for all outputs.
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

    /// A node that several others read gets the sum of their gradients.
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

/// Where the gradient of each node's output lies, and where each operator writes the gradients of its inputs.
private struct GradientPlan {
    struct Destination {
        let offset: Int
        /// Written to a place of its own, then added: another reader of the same node has written before.
        let isAddend: Bool
    }

    let isNeeded: [Bool]
    let offsets: [Int]
    let destinations: [[Destination?]]
    let arenaCount: Int

    /// - Parameter sources: where gradients come from.
    init(_ network: Network, shapes: [Shape], sources: [Network.Value], needsInputGradients: Bool) {
        let nodes = network.nodes
        let isNeeded = Self.neededGradients(network, needsInputGradients: needsInputGradients)
        var buffers = GradientRequests(nodes)
        for source in sources { buffers.writeSource(source.index, size: shapes[source.index].count) }
        // For each input of each node: where its gradient is written.
        var writes = [[GradientRequests.Write?]](repeating: [], count: nodes.count)
        for index in nodes.indices.reversed() {
            for input in nodes[index].inputs {
                // A branch that leads to no output has no gradient to pass on.
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

    /// A gradient is needed where a parameter lies at or before the node, or an input whose gradient is asked for.
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

/// The buffers of a gradient plan, asked for from the outputs back to the inputs.
private struct GradientRequests {
    struct Write {
        /// The buffer that is written.
        let request: Int
        /// Whether it is then added to the node's gradient, which another reader has written before.
        let isAddend: Bool
    }

    private let nodes: [Network.Node]
    /// One for each node, then one for each addend.
    private(set) var requests: [MemoryPlan.Request]
    /// Whether the gradient of a node's output has a writer.
    private(set) var isWritten: [Bool]

    // Steps run backwards: node i works at step count − i, the gradients of the sources are there at step 0.
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

    /// A `reader` of `node` sends its share of the node's gradient.
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

    /// The gradient of an input of the network stays until it is read.
    private func lastUse(of node: Int) -> Int {
        nodes[node].operation == nil ? nodes.count + 1 : nodes.count - node
    }
}
