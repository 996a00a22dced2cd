extension Network {
    /// The network with activations, sums and pixel shuffles folded into the preceding operator, wherever that operator
    /// supports it and its output has no other reader. A convolution, for example, then applies them while its results
    /// are still in registers.
    package func fused() -> Network {
        var fusion = Fusion(self)
        for index in nodes.indices { fusion.add(index) }
        return replacingNodes(
            fusion.nodes, inputs: inputs.map { Value(index: fusion.place[$0.index]) },
            outputs: outputs.map { Value(index: fusion.place[$0.index]) })
    }
}

/// The nodes of a network, added one by one; some are merged into the preceding node.
private struct Fusion {
    private let network: Network
    private let readers: [Int]
    private(set) var nodes: [Network.Node] = []
    /// The index of each old node's output among the new nodes.
    private(set) var place: [Int] = []

    init(_ network: Network) {
        self.network = network
        var readers = [Int](repeating: 0, count: network.nodes.count)
        for node in network.nodes {
            for input in node.inputs { readers[input.index] += 1 }
        }
        for output in network.outputs { readers[output.index] += 1 }
        self.readers = readers
    }

    mutating func add(_ index: Int) {
        let node = network.nodes[index]
        if let (producer, fused) = fusing(node) {
            nodes[producer] = fused
            place.append(producer)
        } else {
            place.append(nodes.count)
            let inputs = node.inputs.map { Network.Value(index: place[$0.index]) }
            nodes.append(node.replacing(operation: node.operation, inputs: inputs))
        }
    }

    /// The index of the preceding node if it can also do the work of `node`, and the fused node.
    private func fusing(_ node: Network.Node) -> (Int, Network.Node)? {
        if let sum = node.operation as? Add { return fusing(sum, node) }
        guard let source = node.inputs.first, readers[source.index] == 1 else { return nil }
        let before = nodes[place[source.index]]
        let fusible = before.operation as? any FusibleOperator
        let both: (any Operator)?
        switch node.operation {
        case let activation as Activation: both = fusible?.fusing(activation.function)
        case let shuffle as PixelShuffle: both = fusible?.fusingPixelShuffle(factor: shuffle.factor)
        default: both = nil
        }
        return both.map {
            (place[source.index], before.replacing(operation: $0, inputs: before.inputs))
        }
    }

    /// A sum is fused into the later of its two inputs, so that the other one is available when it runs.
    private func fusing(_ sum: Add, _ node: Network.Node) -> (Int, Network.Node)? {
        guard node.inputs.count == 2 else { return nil }
        let places = node.inputs.map { place[$0.index] }
        let later = places[0] > places[1] ? 0 : 1
        guard places[0] != places[1], readers[node.inputs[later].index] == 1 else { return nil }
        let before = nodes[places[later]]
        return (before.operation as? any FusibleOperator)?.fusingSum().map { both in
            let other = Network.Value(index: places[1 - later])
            return (places[later], before.replacing(operation: both, inputs: before.inputs + [other]))
        }
    }
}
