import RestoreLinearAlgebra

/// Why an operator does not accept the shapes it is given.
public struct ShapeError: Error, Equatable, Sendable, CustomStringConvertible {
    public let reason: String

    public init(_ reason: String) {
        self.reason = reason
    }

    public var description: String { reason }
}

/// What is wrong with a network for given input shapes. Names the node.
public enum NetworkError: Error, Equatable, Sendable, CustomStringConvertible {
    case shape(node: String, operation: String, inputs: [Shape], reason: String)
    case inputCount(expected: Int, found: Int)
    case noOutput
    /// A plan that takes a gradient per output cannot tell two outputs of the same node apart.
    case outputTwice(node: String)
    /// The buffers would need more memory than the machine has.
    case tooLarge(bytes: Int, memory: Int)
    /// The library of the requested algorithm is missing.
    case library(LinearAlgebraError)

    public var description: String {
        switch self {
        case .shape(let node, let operation, let inputs, let reason):
            let shapes = inputs.map(\.description).joined(separator: ", ")
            return "node \(node) (\(operation)) cannot take \(shapes): \(reason)"
        case .inputCount(let expected, let found):
            return "the network has \(expected) inputs, \(found) were given"
        case .noOutput:
            return "the network has no output"
        case .outputTwice(let node):
            return "node \(node) is an output twice, which training cannot tell apart"
        case .tooLarge(let bytes, let memory):
            return "the network needs \(bytes >> 20) MiB of memory for this; the machine has \(memory >> 20) MiB"
        case .library(let error):
            return error.description
        }
    }
}

/// What a network costs for given input shapes.
public struct NetworkCost: Equatable, Sendable {
    /// Multiply-accumulate operations of convolutions and dense layers, counted as for direct convolution.
    public var multiplyAccumulates: Int
    public var parameters: Int
}

extension Network {
    /// The shape of every node's output, in the order of `nodes`.
    ///
    /// - Throws: `NetworkError.shape` naming the first node that does not accept its inputs.
    public func shapes(inputs inputShapes: [Shape]) throws(NetworkError) -> [Shape] {
        guard inputShapes.count == inputs.count else {
            throw .inputCount(expected: inputs.count, found: inputShapes.count)
        }
        guard !outputs.isEmpty else { throw .noOutput }
        var shapes: [Shape] = []
        var nextInput = 0
        for node in nodes {
            guard let operation = node.operation else {
                shapes.append(try checked(inputShapes[nextInput], node: node))
                nextInput += 1
                continue
            }
            let sources = node.inputs.map { shapes[$0.index] }
            do {
                shapes.append(try operation.outputShape(sources))
            } catch {
                throw .shape(node: node.name, operation: operation.kind, inputs: sources, reason: error.reason)
            }
        }
        return shapes
    }

    private func checked(_ shape: Shape, node: Node) throws(NetworkError) -> Shape {
        guard shape.batch > 0, shape.height > 0, shape.width > 0, shape.channels > 0 else {
            throw .shape(node: node.name, operation: "input", inputs: [shape], reason: "a side is not positive")
        }
        return shape
    }

    /// Parameters of all nodes, named by path, in node order. A parameter shared between nodes is listed at its first
    /// use.
    public var parameterSpecifications: [ParameterSpecification] {
        var names: Set<String> = []
        return nodes.flatMap(\.parameterSpecifications).filter { names.insert($0.name).inserted }
    }

    public func cost(inputs inputShapes: [Shape]) throws(NetworkError) -> NetworkCost {
        let shapes = try shapes(inputs: inputShapes)
        var cost = NetworkCost(
            multiplyAccumulates: 0, parameters: parameterSpecifications.reduce(0) { $0 + $1.count })
        for (node, shape) in zip(nodes, shapes) {
            let sources = node.inputs.map { shapes[$0.index] }
            cost.multiplyAccumulates += node.operation?.multiplyAccumulates(inputs: sources, output: shape) ?? 0
        }
        return cost
    }
}

extension [Shape] {
    /// The single input of an operator that takes exactly one.
    func only() throws(ShapeError) -> Shape {
        guard count == 1, let shape = first else { throw ShapeError("expected 1 input, found \(count)") }
        return shape
    }

    /// The first input of an operator that takes at least one.
    func atLeastOne() throws(ShapeError) -> Shape {
        guard let shape = first else { throw ShapeError("expected at least 1 input, found none") }
        return shape
    }
}
