/// A network as a value: named nodes, each an operator applied to the outputs of earlier nodes.
///
/// One definition serves training, inference, cost estimation and weight names: a node `encoder.0.down` with the
/// parameters of a convolution gives `encoder.0.down.weight` and `encoder.0.down.bias`.
public struct Network: Sendable {
    /// The output of a node, for use as an input of later ones.
    public struct Value: Hashable, Sendable {
        public let index: Int
    }

    public struct Node: Sendable {
        public let name: String
        /// `nil` for an input of the network.
        public let operation: (any Operator)?
        public let inputs: [Value]
        /// Parameters that belong to an earlier node: the operator's name for the parameter ("weight") mapped to its
        /// full name there ("encoder.1.weight").
        public let sharedParameters: [String: String]

        init(
            name: String, operation: (any Operator)?, inputs: [Value], sharedParameters: [String: String] = [:]
        ) {
            self.name = name
            self.operation = operation
            self.inputs = inputs
            self.sharedParameters = sharedParameters
        }

        /// The same node, with the same parameters, computed by another operator.
        func replacing(operation: (any Operator)?, inputs: [Value]) -> Node {
            Node(name: name, operation: operation, inputs: inputs, sharedParameters: sharedParameters)
        }

        /// The node's parameters by full name, in the operator's order.
        var parameterSpecifications: [ParameterSpecification] {
            (operation?.parameters ?? []).map { parameter in
                sharedParameters[parameter.name].map { parameter.named($0) } ?? parameter.prefixed(by: name)
            }
        }
    }

    public private(set) var nodes: [Node] = []
    public private(set) var inputs: [Value] = []
    public private(set) var outputs: [Value] = []
    private var names: Set<String> = []

    public init() {}

    /// Adds an input. Its shape is specified when a plan is created.
    public mutating func input(_ name: String) -> Value {
        let value = append(Node(name: name, operation: nil, inputs: []))
        inputs.append(value)
        return value
    }

    /// Adds a node that applies `operation` to the outputs of earlier nodes, and returns its output.
    ///
    /// - Parameter sharing: parameters of the operator that are shared with an earlier node, from their name in the
    ///   operator to their full name: `["weight": "encoder.1.weight"]` ties a decoder's weights to an encoder's. Their
    ///   gradients add up.
    /// - Precondition: `name` is new in this network, every input belongs to it, and shared parameters exist and have
    ///   the same shape.
    public mutating func add(
        _ name: String, _ operation: some Operator, _ inputs: Value..., sharing: [String: String] = [:]
    ) -> Value {
        add(name, operation, inputs: inputs, sharing: sharing)
    }

    /// The same with inputs in an array.
    public mutating func add(
        _ name: String, _ operation: some Operator, inputs: [Value], sharing: [String: String] = [:]
    ) -> Value {
        for input in inputs {
            precondition(nodes.indices.contains(input.index), "node \(name): its input is not of this network")
        }
        for (own, shared) in sharing { requireShareable(operation, own, shared, node: name) }
        return append(Node(name: name, operation: operation, inputs: inputs, sharedParameters: sharing))
    }

    private func requireShareable(_ operation: some Operator, _ own: String, _ shared: String, node: String) {
        let wanted = operation.parameters.first { $0.name == own }
        let found = parameterSpecifications.first { $0.name == shared }
        precondition(wanted != nil, "node \(node): a \(operation.kind) has no parameter \(own)")
        precondition(found != nil, "node \(node): no earlier node has a parameter \(shared)")
        precondition(
            wanted?.shape == found?.shape,
            "node \(node): \(own) is \(wanted?.shape ?? []), the shared \(shared) is \(found?.shape ?? [])")
    }

    /// Marks an output of the network. Outputs are in the order of these calls.
    public mutating func output(_ value: Value) {
        precondition(nodes.indices.contains(value.index), "an output that is not of this network")
        outputs.append(value)
    }

    /// The output of the node with this name, if there is one.
    public func value(named name: String) -> Value? {
        nodes.firstIndex { $0.name == name }.map { Value(index: $0) }
    }

    /// The output of the node at an index of `nodes`.
    public func value(at index: Int) -> Value {
        precondition(nodes.indices.contains(index), "node \(index) of \(nodes.count)")
        return Value(index: index)
    }

    /// The part of the network that these outputs depend on. Nodes keep their names, and thus their parameter names;
    /// inputs keep their order.
    ///
    /// - Precondition: there is at least one output, and all belong to this network.
    public func subnetwork(to outputs: [Value]) -> Network {
        precondition(!outputs.isEmpty, "a subnetwork without outputs")
        var isNeeded = [Bool](repeating: false, count: nodes.count)
        for output in outputs {
            precondition(nodes.indices.contains(output.index), "an output that is not of this network")
            isNeeded[output.index] = true
        }
        for index in nodes.indices.reversed() where isNeeded[index] {
            for input in nodes[index].inputs { isNeeded[input.index] = true }
        }
        var result = Network()
        var places: [Value] = []
        for (index, node) in nodes.enumerated() {
            // Nothing refers to the index of a node that is not needed.
            places.append(Value(index: result.nodes.count))
            guard isNeeded[index] else { continue }
            let value = result.append(
                node.replacing(operation: node.operation, inputs: node.inputs.map { places[$0.index] }))
            if node.operation == nil { result.inputs.append(value) }
        }
        for output in outputs { result.output(places[output.index]) }
        return result
    }

    private mutating func append(_ node: Node) -> Value {
        precondition(names.insert(node.name).inserted, "two nodes are named \(node.name)")
        nodes.append(node)
        return Value(index: nodes.count - 1)
    }

    /// The same network with some nodes replaced. Used for fusion in inference plans.
    func replacingNodes(_ nodes: [Node], inputs: [Value], outputs: [Value]) -> Network {
        var copy = self
        copy.nodes = nodes
        copy.inputs = inputs
        copy.outputs = outputs
        return copy
    }
}
