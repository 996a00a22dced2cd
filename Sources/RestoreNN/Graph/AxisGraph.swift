/// How the nodes of a network depend on each other along one axis, for inputs of given shapes.
struct AxisGraph {
    /// A node that reads another one as its input number `slot`.
    struct Reader {
        let node: Int
        let slot: Int
    }

    let axis: Axis
    let shapes: [Shape]
    let outputs: [Int]
    /// Whether an output depends on the node. Other nodes need not be computed.
    let isLive: [Bool]
    /// The live nodes that read each node.
    let readers: [[Reader]]
    let granularity: [Int]
    /// The size of each node's first granule, or 0 if it is as large as the others.
    private let firstGranule: [Int]
    /// Pixels of each node per pixel of the first input; `nil` if a node's inputs disagree.
    let scale: [Ratio?]
    private let nodes: [Network.Node]

    /// - Parameter shapes: those of all nodes.
    init(_ network: Network, shapes: [Shape], axis: Axis) {
        nodes = network.nodes
        self.axis = axis
        self.shapes = shapes
        outputs = network.outputs.map(\.index)
        var isLive = [Bool](repeating: false, count: nodes.count)
        var readers = [[Reader]](repeating: [], count: nodes.count)
        for output in network.outputs { isLive[output.index] = true }
        for (index, node) in nodes.enumerated().reversed() where isLive[index] {
            for (slot, input) in node.inputs.enumerated() {
                isLive[input.index] = true
                readers[input.index].append(Reader(node: index, slot: slot))
            }
        }
        self.isLive = isLive
        self.readers = readers
        granularity = zip(nodes, shapes).map { node, shape in
            let inputs = node.inputs.map { shapes[$0.index] }
            return node.operation?.pieceGranularity(axis: axis, inputs: inputs, output: shape) ?? 1
        }
        firstGranule = zip(nodes, granularity).map { node, granularity in
            axis == .height ? ((node.operation as? any RowAligning)?.firstGranule ?? 0) % granularity : 0
        }
        scale = Self.scales(network, shapes, axis)
    }

    private static func scales(_ network: Network, _ shapes: [Shape], _ axis: Axis) -> [Ratio?] {
        let unit = network.inputs.first.map { shapes[$0.index].side(axis) } ?? 1
        var scale: [Ratio?] = []
        for (node, shape) in zip(network.nodes, shapes) {
            guard let operation = node.operation, !node.inputs.isEmpty else {
                scale.append(Ratio(shape.side(axis), unit))
                continue
            }
            // An input whose single row is broadcast to all rows of another does not determine the scale; nor does one
            // that a fused operator adds to what it has brought to another scale.
            let longest = node.inputs.map { shapes[$0.index].side(axis) }.max()
            let inputs =
                operation.pieceScale(axis: axis) == 1
                ? node.inputs.filter { shapes[$0.index].side(axis) == longest } : [node.inputs[0]]
            let first = inputs[0]
            let agree = inputs.allSatisfy { scale[$0.index] == scale[first.index] }
            scale.append(agree ? scale[first.index].map { $0 * operation.pieceScale(axis: axis) } : nil)
        }
        return scale
    }

    func side(_ node: Int) -> Int { shapes[node].side(axis) }

    /// Whether the node is computed in one piece. Its grid then says nothing about where an image may be cut.
    private func comesWhole(_ node: Int) -> Bool { granularity[node] >= side(node) }

    /// `range` expanded to whole granules of the node, up to the end of the node.
    func granules(_ range: Range<Int>, of node: Int) -> Range<Int> {
        let first = firstGranule[node]
        let lower = granuleStart(range.lowerBound, of: node)
        let end = range.upperBound
        let upper = end <= 0 ? 0 : end <= first ? first : first + roundedUp(end - first, granularity[node])
        return lower..<max(lower, min(side(node), upper))
    }

    /// The beginning of the granule that contains `place`; 0 if that is in front of the first.
    func granuleStart(_ place: Int, of node: Int) -> Int {
        let first = firstGranule[node]
        guard place > 0, place >= first else { return 0 }
        return first + (place - first) / granularity[node] * granularity[node]
    }

    /// The range that `reader` reads of its input for a range of its own output that consists of whole granules.
    func inputRange(of reader: Reader, for range: Range<Int>) -> Range<Int> {
        let node = nodes[reader.node]
        guard let operation = node.operation else { return 0..<0 }
        return operation.pieceInputRange(
            for: range, axis: axis, input: reader.slot, inputs: node.inputs.map { shapes[$0.index] },
            output: shapes[reader.node])
    }

    /// The smallest number of pixels of the first input that corresponds to a whole number of granules in every live
    /// node. Nodes computed in one piece are left out.
    var step: Int {
        var step = 1
        for node in nodes.indices where isLive[node] && !comesWhole(node) {
            guard let scale = scale[node] else { continue }
            let granule = scale.denominator * granularity[node]
            let own = granule / greatestCommonDivisor(granule, scale.numerator)
            step = step / greatestCommonDivisor(step, own) * own
        }
        return step
    }

    /// The pixels of the first input that correspond to everything, in any node, that a range of the outputs depends
    /// on. `nil` if scales disagree.
    ///
    /// - Parameter range: a multiple of `step`, in pixels of the first input.
    func reach(of range: Range<Int>) -> Range<Int>? {
        var needed = [Range<Int>?](repeating: nil, count: nodes.count)
        for output in outputs {
            guard let scale = scale[output] else { return nil }
            needed[output] = scale.roundedUp(times: range.lowerBound)..<scale.roundedUp(times: range.upperBound)
        }
        var reach = range
        for node in nodes.indices.reversed() where isLive[node] {
            for reader in readers[node] {
                guard let outer = needed[reader.node] else { continue }
                let inner = inputRange(of: reader, for: outer)
                needed[node] = needed[node]?.hull(inner) ?? inner
            }
            guard let scale = scale[node], let all = needed[node].map({ granules($0, of: node) }) else { return nil }
            needed[node] = all
            let first = all.lowerBound * scale.denominator / scale.numerator
            reach = reach.hull(first..<max(first, (1 / scale).roundedUp(times: all.upperBound)))
        }
        return reach
    }
}
