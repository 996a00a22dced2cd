extension Network {
    /// The network with every activation folded into the operator before it, where that operator can and nobody else
    /// reads its output. The convolution then applies it while its results are still in the cache.
    func fusingActivations() -> Network {
        var readers = [Int](repeating: 0, count: nodes.count)
        for node in nodes {
            for input in node.inputs { readers[input.index] += 1 }
        }
        for output in outputs { readers[output.index] += 1 }

        var fused: [Node] = []
        // Where the output of each old node is found among the new ones.
        var place = [Int](repeating: 0, count: nodes.count)
        for (index, node) in nodes.enumerated() {
            let inputs = node.inputs.map { Value(index: place[$0.index]) }
            if let activation = node.operation as? Activation, let source = node.inputs.first,
                readers[source.index] == 1, let before = fused[place[source.index]].operation,
                let both = before.fusing(activation.function)
            {
                let producer = fused[place[source.index]]
                fused[place[source.index]] = Node(name: producer.name, operation: both, inputs: producer.inputs)
                place[index] = place[source.index]
                continue
            }
            place[index] = fused.count
            fused.append(Node(name: node.name, operation: node.operation, inputs: inputs))
        }
        return replacingNodes(
            fused, inputs: inputs.map { Value(index: place[$0.index]) },
            outputs: outputs.map { Value(index: place[$0.index]) })
    }
}
