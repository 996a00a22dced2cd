/// A network as a value: named nodes, each an operator applied to the outputs of earlier nodes.
///
/// One definition serves training, inference, the count of cost and the names of the weights: a node `encoder.0.down`
/// with the parameters of a convolution gives `encoder.0.down.weight` and `encoder.0.down.bias`.
public struct Network: Sendable {
    /// The output of a node, to be used as the input of later ones.
    public struct Value: Hashable, Sendable {
        public let index: Int
    }

    public struct Node: Sendable {
        public let name: String
        /// `nil` for an input of the network.
        public let operation: (any Operator)?
        public let inputs: [Value]
    }

    public private(set) var nodes: [Node] = []
    public private(set) var inputs: [Value] = []
    public private(set) var outputs: [Value] = []
    private var names: Set<String> = []

    public init() {}

    /// Adds an input. Its shape is given when a plan is made.
    public mutating func input(_ name: String) -> Value {
        let value = append(Node(name: name, operation: nil, inputs: []))
        inputs.append(value)
        return value
    }

    /// Adds `operation` on the outputs of earlier nodes and returns its output.
    ///
    /// - Precondition: `name` is new in this network and every input belongs to it.
    public mutating func add(_ name: String, _ operation: some Operator, _ inputs: Value...) -> Value {
        for input in inputs {
            precondition(nodes.indices.contains(input.index), "node \(name): its input is not of this network")
        }
        return append(Node(name: name, operation: operation, inputs: inputs))
    }

    /// Marks an output of the network; their order is the order of these calls.
    public mutating func output(_ value: Value) {
        precondition(nodes.indices.contains(value.index), "an output that is not of this network")
        outputs.append(value)
    }

    private mutating func append(_ node: Node) -> Value {
        precondition(names.insert(node.name).inserted, "two nodes are named \(node.name)")
        nodes.append(node)
        return Value(index: nodes.count - 1)
    }

    /// The same network with some nodes replaced; used by the fusion of the inference plan.
    func replacingNodes(_ nodes: [Node], inputs: [Value], outputs: [Value]) -> Network {
        var copy = self
        copy.nodes = nodes
        copy.inputs = inputs
        copy.outputs = outputs
        return copy
    }
}
