extension Network {
    /// Images of at least this many rows are computed with aligned granules. In lower ones, the granules that are cut at
    /// the top edge would cost more than alignment saves.
    static let leastAlignedHeight = 512

    /// The network as plans for inference run it, and the shapes of its nodes: with its operators fused and, for tall
    /// images, their granules of rows aligned.
    ///
    /// - Parameter isTall: whether granules are aligned; by default if an input is tall enough.
    /// - Throws: `NetworkError` if the network does not accept these shapes.
    func prepared(
        inputShapes: [Shape], isTall: Bool? = nil
    ) throws(NetworkError) -> (network: Network, shapes: [Shape]) {
        let network = fused()
        let shapes = try network.shapes(inputs: inputShapes)
        let isTall = isTall ?? inputShapes.contains { $0.height >= Self.leastAlignedHeight }
        return (isTall ? network.aligningRows(shapes: shapes) : network, shapes)
    }

    /// The same network with the granules of rows of each operator shifted so that they end where those of its readers
    /// stop reading. If the tiles of all 3×3 convolutions in a chain began at row 0, each would be computed a whole tile
    /// ahead of its reader instead of one row, and that many rows would be kept between bands.
    ///
    /// The shifts do not depend on the height, so that an image's bits do not depend on how it is cut.
    ///
    /// - Parameter shapes: those of all nodes.
    func aligningRows(shapes: [Shape]) -> Network {
        let alignment = RowAlignment(self, shapes: shapes)
        return replacingNodes(
            nodes.enumerated().map { index, node in
                node.replacing(operation: alignment.operations[index], inputs: node.inputs)
            }, inputs: inputs, outputs: outputs)
    }
}

/// Finds the shifts from the outputs back to the inputs, at a place far from the edges of a tall image.
private struct RowAlignment {
    private(set) var operations: [(any Operator)?]

    /// The height of the image in steps of its `AxisGraph`: more than any network reaches.
    private static let steps = 1 << 16

    init(_ network: Network, shapes: [Shape]) {
        operations = network.nodes.map(\.operation)
        guard operations.contains(where: { $0 is any RowAligning }) else { return }
        let actual = AxisGraph(network, shapes: shapes, axis: .height)
        let height = actual.step * Self.steps
        let graph = AxisGraph(network, shapes: Self.tall(actual, height: height), axis: .height)
        // Rows of each node, counted from the top, that the upper half of the outputs depends on.
        var needed = [Int](repeating: 0, count: shapes.count)
        for output in graph.outputs {
            needed[output] = graph.scale[output]?.roundedUp(times: height / 2) ?? graph.side(output)
        }
        for node in needed.indices.reversed() where graph.isLive[node] {
            for reader in graph.readers[node] where needed[reader.node] > 0 {
                let range = graph.inputRange(of: reader, for: 0..<needed[reader.node])
                needed[node] = max(needed[node], range.upperBound)
            }
            guard var operation = operations[node] as? any RowAligning, needed[node] < graph.side(node) else {
                needed[node] = graph.granules(0..<needed[node], of: node).upperBound
                continue
            }
            needed[node] = roundedUp(needed[node], operation.rowStep)
            operation.firstGranule = needed[node] % graph.granularity[node]
            operations[node] = operation
        }
    }

    /// The shapes if the first input had this height. Nodes of a single row, which is broadcast to the others, keep it.
    private static func tall(_ graph: AxisGraph, height: Int) -> [Shape] {
        graph.shapes.enumerated().map { node, shape in
            guard let scale = graph.scale[node], shape.height > 1 || graph.shapes[0].height == 1 else { return shape }
            var tall = shape
            tall.height = scale.roundedUp(times: height)
            return tall
        }
    }
}
