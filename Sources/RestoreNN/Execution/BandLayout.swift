/// Where each node's rows are stored while an image is processed in bands, and how much memory that takes.
///
/// The rows of a band live in an arena that every step reuses, so that they are still in the cache when they are read.
/// Rows that a later step needs are saved to the node's own halo buffer after their last reader in the step, and
/// restored in front of the node's next rows. A node that would have to save many rows, as in a skip connection across
/// half the network, gets a rolling buffer of its own instead.
struct BandLayout {
    enum Place {
        case none
        /// A band begins `front` rows into the arena's buffer at `offset`. Kept rows go directly in front of it, and
        /// are stored at `halo` between steps.
        case arena(offset: Int, front: Int, halo: Int)
        /// A buffer of `rows` rows whose contents move back to its start when they reach its end.
        case rolling(offset: Int, rows: Int)
    }

    let schedule: BandSchedule
    let places: [Place]
    /// Working memory of each node. Nodes run one after the other and share the same space.
    let scratch: [ScratchSize]
    /// For each node, the nodes whose rows are read for the last time in a step by this one.
    let released: [[Int]]
    /// Floats used by all steps together.
    let arenaCount: Int
    let haloCount: Int
    let rollingCount: Int

    /// Floats of working memory, shared by all nodes.
    func scratchCount(workers: Int) -> Int {
        scratch.map { Scratch.count($0, workers: workers) }.max() ?? 0
    }

    var count: Int { arenaCount + haloCount + rollingCount }

    /// Nodes that keep more than this many times the rows of a band get a rolling buffer.
    private static let longRetention = 3

    /// - Precondition: every shape has a batch of one.
    init(_ network: Network, shapes: [Shape], bandRows: Int?) {
        precondition(shapes.allSatisfy { $0.batch == 1 }, "bands are of one picture, not of a batch")
        let graph = AxisGraph(network, shapes: shapes, axis: .height)
        schedule = BandSchedule(graph, bandRows: bandRows)
        let extent = Extents(network, schedule)
        let lastReader = shapes.indices.map { node in graph.readers[node].map(\.node).max() ?? node }
        var released = [[Int]](repeating: [], count: shapes.count)
        for node in shapes.indices where graph.isLive[node] { released[lastReader[node]].append(node) }
        self.released = released
        scratch = network.forwardScratchOfNodes(shapes: shapes)

        var buffers = Buffers(shapes: shapes, extent: extent)
        for (node, shape) in shapes.enumerated() where graph.isLive[node] {
            if extent.kept[node] > Self.longRetention * extent.fresh[node] {
                buffers.addRolling(node, rows: Self.rollingRows(extent, node, side: shape.height))
            } else if let source = extent.inPlaceSource[node], lastReader[source] == node, buffers.owner[source] != nil
            {
                buffers.takeOver(source, by: node, last: lastReader[node])
            } else {
                buffers.add(node, last: lastReader[node])
            }
        }
        let plan = MemoryPlan(buffers.requests)
        arenaCount = plan.total
        haloCount = buffers.haloCount
        rollingCount = buffers.rollingCount
        places = shapes.indices.map { node in
            if let rolling = buffers.rolling[node] {
                return .rolling(offset: plan.total + buffers.haloCount + rolling.offset, rows: rolling.rows)
            }
            guard let owner = buffers.owner[node] else { return .none }
            return .arena(
                offset: plan.offsets[owner], front: buffers.fronts[owner], halo: plan.total + buffers.halos[node])
        }
    }

    /// The rows present in a step, plus half of the kept rows as slack: each row is then moved twice on its way.
    private static func rollingRows(_ extent: Extents, _ node: Int, side: Int) -> Int {
        min(side, extent.present[node] + max(extent.fresh[node], extent.kept[node] / 2))
    }
}

/// The largest number of rows that each node has in any step.
private struct Extents {
    private(set) var fresh: [Int]
    private(set) var kept: [Int]
    /// Kept and fresh rows together.
    private(set) var present: [Int]
    /// The input that each node may overwrite, row by row. No rows of that input are kept, so both nodes have the same
    /// fresh rows in every step in which the node runs.
    private(set) var inPlaceSource: [Int?]

    init(_ network: Network, _ schedule: BandSchedule) {
        let nodes = network.nodes
        let shapes = schedule.graph.shapes
        fresh = [Int](repeating: 0, count: nodes.count)
        (kept, present) = (fresh, fresh)
        inPlaceSource = nodes.enumerated().map { index, node in
            guard let slot = (node.operation as? any PiecewiseOperator)?.inPlaceInput else { return nil }
            let source = node.inputs[slot].index
            let readOnce = node.inputs.filter { $0.index == source }.count == 1
            return readOnce && shapes[source].rowCount == shapes[index].rowCount ? source : nil
        }
        for step in schedule {
            for node in nodes.indices {
                fresh[node] = max(fresh[node], step.fresh(node).count)
                kept[node] = max(kept[node], step.target[node] - step.keep[node])
                present[node] = max(present[node], step.target[node] - step.oldest[node])
            }
        }
        for node in nodes.indices {
            if let source = inPlaceSource[node], kept[source] > 0 { inPlaceSource[node] = nil }
        }
    }
}

/// Collects the buffers of a layout.
private struct Buffers {
    let shapes: [Shape]
    let extent: Extents
    /// The arena's buffers, and how many rows each has in front of the band.
    private(set) var requests: [MemoryPlan.Request] = []
    private(set) var fronts: [Int] = []
    /// The arena buffer of each node, if it has one.
    private(set) var owner: [Int?]
    /// Where each node's kept rows are stored between steps.
    private(set) var halos: [Int]
    private(set) var haloCount = 0
    private(set) var rolling: [Int: (offset: Int, rows: Int)] = [:]
    private(set) var rollingCount = 0

    init(shapes: [Shape], extent: Extents) {
        self.shapes = shapes
        self.extent = extent
        owner = [Int?](repeating: nil, count: shapes.count)
        halos = [Int](repeating: 0, count: shapes.count)
    }

    mutating func addRolling(_ node: Int, rows: Int) {
        rolling[node] = (rollingCount, rows)
        rollingCount += roundedUp(rows * shapes[node].rowCount, 16)
    }

    mutating func add(_ node: Int, last: Int) {
        owner[node] = requests.count
        let rows = extent.kept[node] + extent.fresh[node]
        requests.append(MemoryPlan.Request(count: rows * shapes[node].rowCount, first: node, last: last))
        fronts.append(extent.kept[node])
        addHalo(node)
    }

    /// `node`, the last reader of `source`, overwrites its rows.
    mutating func takeOver(_ source: Int, by node: Int, last: Int) {
        guard let buffer = owner[source] else { return }
        owner[node] = buffer
        fronts[buffer] = max(fronts[buffer], extent.kept[node])
        let rows = fronts[buffer] + extent.fresh[node]
        let first = requests[buffer].first
        requests[buffer] = MemoryPlan.Request(count: rows * shapes[node].rowCount, first: first, last: last)
        addHalo(node)
    }

    private mutating func addHalo(_ node: Int) {
        halos[node] = haloCount
        haloCount += roundedUp(extent.kept[node] * shapes[node].rowCount, 16)
    }
}
