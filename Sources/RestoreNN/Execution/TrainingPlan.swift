/// A network made ready for training on inputs of given shapes: all activations are kept for the backward pass, and the
/// gradients of activations share an arena by first and last use.
///
/// A plan is used from one thread at a time: write the inputs, `forward`, write the output gradients, `backward`.
public final class TrainingPlan {
    public let inputShapes: [Shape]
    public let outputShapes: [Shape]
    private let network: Network
    private let shapes: [Shape]
    private let packed: PackedParameters
    private let activations: [FloatBuffer]
    private let gradients: GradientPlan
    private let gradientArena: FloatBuffer
    private let scratchSize: ScratchSize
    private let scratchBuffer: FloatBuffer
    private let pool: WorkerPool

    /// - Parameter needsInputGradients: whether `inputGradient` is asked for; without it the first layers are cheaper.
    /// - Throws: `NetworkError` where the network cannot take these shapes.
    public init(
        _ network: Network, inputShapes: [Shape], pool: WorkerPool, needsInputGradients: Bool = false
    ) throws(NetworkError) {
        let shapes = try network.shapes(inputs: inputShapes)
        self.network = network
        self.inputShapes = inputShapes
        self.pool = pool
        self.shapes = shapes
        outputShapes = network.outputs.map { shapes[$0.index] }
        packed = PackedParameters(network, shapes: shapes, purpose: .training)
        activations = shapes.map { FloatBuffer(count: $0.count) }
        gradients = GradientPlan(network, shapes: shapes, needsInputGradients: needsInputGradients)
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
    public func outputGradient(_ index: Int) -> UnsafeMutablePointer<Float> {
        gradientArena.base + gradients.offsets[network.outputs[index].index]
    }

    /// Gradient of input `index` after `backward`.
    ///
    /// - Precondition: the plan was made with `needsInputGradients`, and some output depends on this input.
    public func inputGradient(_ index: Int) -> UnsafePointer<Float> {
        let node = network.inputs[index].index
        precondition(gradients.isNeeded[node], "no gradient of input \(index): not asked for, or no output reads it")
        return UnsafePointer(gradientArena.base + gradients.offsets[node])
    }

    /// - Parameter parameters: values in the order of the network's `ParameterLayout`.
    public func forward(parameters: UnsafePointer<Float>) {
        packed.pack(parameters, pool: pool)
        for (index, node) in network.nodes.enumerated() {
            guard let operation = node.operation else { continue }
            operation.forward(
                ForwardPass(
                    inputs: node.inputs.map { UnsafePointer(activations[$0.index].base) },
                    inputShapes: node.inputs.map { shapes[$0.index] },
                    output: activations[index].base, outputShape: shapes[index],
                    parameters: packed.ranges[index].map { parameters + $0.lowerBound },
                    packed: packed.packed(node: index), scratch: scratch, pool: pool))
        }
    }

    /// Adds the gradients of the parameters to `parameterGradients`.
    ///
    /// - Parameters:
    ///   - parameters: those of the forward pass.
    ///   - parameterGradients: in the order of the network's `ParameterLayout`.
    public func backward(
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

    init(_ network: Network, shapes: [Shape], needsInputGradients: Bool) {
        let nodes = network.nodes
        let isNeeded = Self.neededGradients(network, needsInputGradients: needsInputGradients)
        // Steps run backwards: node i works at step count − i, the output gradients are there at step 0.
        let count = nodes.count
        // The gradient of an input of the network stays until it is read.
        func lastUse(of node: Int) -> Int { nodes[node].operation == nil ? count + 1 : count - node }
        var requests = nodes.indices.map { MemoryPlan.Request(count: 0, first: count - $0, last: count - $0) }
        var isWritten = [Bool](repeating: false, count: count)
        for output in network.outputs {
            requests[output.index] = MemoryPlan.Request(
                count: shapes[output.index].count, first: 0, last: lastUse(of: output.index))
            isWritten[output.index] = true
        }
        // For each input of each node: the request it writes to, and whether that is then added.
        var writes = [[(request: Int, isAddend: Bool)?]](repeating: [], count: count)
        for index in nodes.indices.reversed() {
            for input in nodes[index].inputs {
                // A branch that leads to no output has no gradient to pass on.
                guard isNeeded[index], isWritten[index], isNeeded[input.index] else {
                    writes[index].append(nil)
                    continue
                }
                let size = shapes[input.index].count
                if isWritten[input.index] {
                    writes[index].append((requests.count, true))
                    requests.append(MemoryPlan.Request(count: size, first: count - index, last: count - index))
                } else {
                    writes[index].append((input.index, false))
                    requests[input.index] = MemoryPlan.Request(
                        count: size, first: count - index, last: lastUse(of: input.index))
                    isWritten[input.index] = true
                }
            }
        }
        let plan = MemoryPlan(requests)
        self.isNeeded = zip(isNeeded, isWritten).map { $0 && $1 }
        offsets = Array(plan.offsets.prefix(count))
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
