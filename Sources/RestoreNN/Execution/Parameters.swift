import RestoreConcurrency

/// The position of each parameter of a network in one flat array.
public struct ParameterLayout: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let specification: ParameterSpecification
        public let range: Range<Int>
    }

    public let entries: [Entry]
    public let count: Int

    public init(_ specifications: [ParameterSpecification]) {
        var next = 0
        entries = specifications.map { specification in
            defer { next += specification.count }
            return Entry(specification: specification, range: next..<(next + specification.count))
        }
        count = next
    }

    public init(_ network: Network) {
        self.init(network.parameterSpecifications)
    }

    var rangesByName: [String: Range<Int>] {
        Dictionary(uniqueKeysWithValues: entries.map { ($0.specification.name, $0.range) })
    }
}

/// The values of all parameters of a network in one flat array, so that optimizers, averages and norms are single
/// loops.
public struct Parameters: Hashable, Sendable {
    public let layout: ParameterLayout
    public var values: [Float]

    /// - Precondition: the number of values matches the layout.
    public init(layout: ParameterLayout, values: [Float]) {
        precondition(values.count == layout.count, "\(values.count) values for \(layout.count) parameters")
        self.layout = layout
        self.values = values
    }

    /// Fresh parameters, each initialized as its operator specifies from `seed` and the parameter's name. Adding a
    /// layer therefore does not change the initial values of the others.
    public init(initializing network: Network, seed: UInt64) {
        layout = ParameterLayout(network)
        values = [Float](repeating: 0, count: layout.count)
        for entry in layout.entries {
            switch entry.specification.initialization {
            case .zeros: break
            case .ones:
                for i in entry.range { values[i] = 1 }
            case .uniform(let fanIn):
                var generator = SeededGenerator(seed: seed, path: stableHash(entry.specification.name))
                let bound = 1 / Double(fanIn).squareRoot()
                for i in entry.range { values[i] = Float((2 * generator.uniform() - 1) * bound) }
            case .normal(let deviation):
                var generator = SeededGenerator(seed: seed, path: stableHash(entry.specification.name))
                for i in entry.range { values[i] = deviation * Float(generator.normal()) }
            }
        }
    }

    /// The parameters of a subnetwork of the network that these belong to.
    ///
    /// - Precondition: these parameters include every parameter of `subnetwork`.
    public func restricted(to subnetwork: Network) -> Parameters {
        let ranges = layout.rangesByName
        let part = ParameterLayout(subnetwork)
        let values = part.entries.flatMap { entry -> ArraySlice<Float> in
            let range = ranges[entry.specification.name]
            precondition(range?.count == entry.range.count, "no parameter \(entry.specification.name) to take")
            return self.values[range ?? 0..<0]
        }
        return Parameters(layout: part, values: values)
    }

    /// The values of the parameter named `name`, if there is one.
    public subscript(name: String) -> ArraySlice<Float>? {
        layout.entries.first { $0.specification.name == name }.map { values[$0.range] }
    }
}

/// Parameters of a network's nodes in the layout that the kernels read. Plans of one network for different image sizes
/// share them.
public final class PackedParameters: Sendable {
    /// Ranges of the flat parameter array, node by node.
    let ranges: [[Range<Int>]]
    private let offsets: [Int]
    private let buffer: FloatBuffer
    private let nodes: [Network.Node]
    private let sources: [[Shape]]
    private let purpose: ExecutionPurpose

    init(_ network: Network, shapes: [Shape], purpose: ExecutionPurpose) {
        nodes = network.nodes
        sources = nodes.map { $0.inputs.map { shapes[$0.index] } }
        self.purpose = purpose
        let rangesByName = ParameterLayout(network).rangesByName
        ranges = nodes.map { node in
            // The network's layout contains every parameter of a node.
            node.parameterSpecifications.map { rangesByName[$0.name] ?? 0..<0 }
        }
        var packed = 0
        offsets = zip(nodes, sources).map { node, inputs in
            let count = node.operation?.packedCount(inputs: inputs, for: purpose) ?? 0
            defer { packed += (count + 15) / 16 * 16 }
            return packed
        }
        buffer = FloatBuffer(count: packed)
    }

    /// Whether they are packed the way nodes of these shapes need them.
    func fit(_ network: Network, shapes: [Shape], purpose: ExecutionPurpose) -> Bool {
        guard purpose == self.purpose, network.nodes.map(\.name) == nodes.map(\.name) else { return false }
        return zip(network.nodes, sources).allSatisfy { node, inputs in
            let found = node.inputs.map { shapes[$0.index] }
            return node.operation?.packsAlike(inputs, found) ?? true
        }
    }

    func pack(_ values: UnsafePointer<Float>, pool: WorkerPool) {
        pool.run(taskCount: nodes.count) { index, _ in
            guard let operation = nodes[index].operation, !ranges[index].isEmpty else { return }
            operation.pack(
                ranges[index].map { values + $0.lowerBound }, inputs: sources[index], for: purpose,
                into: buffer.base + offsets[index])
        }
    }

    func packed(node: Int) -> UnsafePointer<Float> {
        UnsafePointer(buffer.base + offsets[node])
    }
}
