/// Which rows of each node are computed when an image is processed from top to bottom: a pure function of the network,
/// the shapes and the band height.
///
/// In each step the outputs advance by `bandRows`, and every other node as far as the outputs require, rounded up to
/// whole granules. No row is computed twice. Extra steps before the first output rows let the nodes build up their lead
/// over the outputs at the same pace; otherwise the first step would be as large as the lead.
struct BandSchedule: Sequence {
    let graph: AxisGraph
    /// Rows by which the tallest output advances in a step.
    let bandRows: Int
    private let stepCount: Int
    /// Steps before the first output.
    private let leadSteps: Int
    private let tallest: Int
    /// The number of rows of each node that the outputs depend on.
    private let finals: [Int]
    /// The number of rows of each node once the outputs have their first band.
    private let lead: [Int]
    /// The number of rows by which each node advances in a step.
    private let pace: [Int]

    /// The rows of all nodes in one step.
    struct Step {
        /// The first row still in memory when the step begins.
        let oldest: [Int]
        /// Rows computed before the step, and after it.
        let done: [Int]
        let target: [Int]
        /// The first row that a later step needs, or `target` if none is needed.
        let keep: [Int]

        func fresh(_ node: Int) -> Range<Int> { done[node]..<target[node] }
    }

    /// A band takes about this many bytes in the widest node. That is small enough for it to be still in the cache when
    /// it is read, and large enough to make the rows kept between bands and the cost of starting a layer insignificant.
    /// It is a fifth of the L3 cache, where two bands, the weights and what other programs have in it fit.
    static let bandBytes = Swift.min(6 << 20, Swift.max(2 << 20, CacheSizes.current.level3 / 5))

    /// - Parameter bandRows: defaults to the number that `bandBytes` suggests.
    /// - Precondition: `bandRows` is positive.
    init(_ graph: AxisGraph, bandRows: Int? = nil) {
        precondition(bandRows ?? 1 > 0, "bands of \(bandRows ?? 1) rows")
        let tallest = graph.outputs.map(graph.side).max() ?? 1
        let rows = bandRows.map { Swift.min($0, tallest) } ?? Self.defaultRows(graph)
        let bands = (tallest + rows - 1) / rows
        let none = [Int](repeating: 0, count: graph.shapes.count)
        let finals = Self.needed(graph, outputRows: tallest, atLeast: none)
        let lead = Self.needed(graph, outputRows: rows, atLeast: none)
        let unit = Self.outputScale(graph)
        let pace = graph.shapes.indices.map { node in
            let scale = (graph.scale[node] ?? unit) / unit
            return roundedUp(scale.roundedUp(times: rows), graph.granularity[node])
        }
        let leadSteps = zip(lead, pace).map { ($0 + $1 - 1) / $1 - 1 }.max() ?? 0
        self.graph = graph
        self.bandRows = rows
        self.tallest = tallest
        self.finals = finals
        self.lead = lead
        self.pace = pace
        self.leadSteps = Swift.max(0, leadSteps)
        stepCount = bands + Swift.max(0, leadSteps)
    }

    private static func outputScale(_ graph: AxisGraph) -> Ratio {
        graph.outputs.max { graph.side($0) < graph.side($1) }.flatMap { graph.scale[$0] } ?? 1
    }

    private static func defaultRows(_ graph: AxisGraph) -> Int {
        let tallest = graph.outputs.map(graph.side).max() ?? 1
        // Bytes per row of the tallest output, in the node that has the most.
        let widest =
            graph.shapes.indices.filter { graph.isLive[$0] }
            .map { graph.shapes[$0].count * MemoryLayout<Float>.stride / tallest }.max() ?? 1
        let step = Swift.max(1, outputScale(graph).roundedUp(times: graph.step))
        return Swift.min(tallest, roundedUp(Swift.max(1, bandBytes / Swift.max(1, widest)), step))
    }

    /// The number of rows of each node, at least `floor`, that are needed for `outputRows` rows of the tallest output.
    private static func needed(_ graph: AxisGraph, outputRows: Int, atLeast floor: [Int]) -> [Int] {
        let tallest = graph.outputs.map(graph.side).max() ?? 1
        var rows = floor
        for output in graph.outputs {
            rows[output] = Swift.max(rows[output], graph.side(output) * outputRows / tallest)
        }
        for node in rows.indices.reversed() where graph.isLive[node] {
            for reader in graph.readers[node] where rows[reader.node] > 0 {
                let range = graph.inputRange(of: reader, for: 0..<rows[reader.node])
                rows[node] = Swift.max(rows[node], range.upperBound)
            }
            rows[node] = graph.granules(0..<rows[node], of: node).upperBound
        }
        return rows
    }

    private func targets(step: Int) -> [Int] {
        let missing = leadSteps - step
        guard missing > 0 else {
            let none = [Int](repeating: 0, count: lead.count)
            return Self.needed(graph, outputRows: Swift.min(tallest, (1 - missing) * bandRows), atLeast: none)
        }
        let floor = lead.indices.map { node in
            graph.granuleStart(lead[node] - missing * pace[node], of: node)
        }
        return Self.needed(graph, outputRows: 0, atLeast: floor)
    }

    /// The first row of each node that is still read once the nodes have reached `target`.
    private func kept(after target: [Int]) -> [Int] {
        target.indices.map { node in
            graph.readers[node].reduce(target[node]) { first, reader in
                let rest = target[reader.node]..<finals[reader.node]
                return rest.isEmpty ? first : Swift.min(first, graph.inputRange(of: reader, for: rest).lowerBound)
            }
        }
    }

    func makeIterator() -> AnyIterator<Step> {
        var step = 0
        var done = [Int](repeating: 0, count: lead.count)
        var oldest = done
        return AnyIterator {
            guard step < stepCount else { return nil }
            let target = targets(step: step)
            let keep = kept(after: target)
            for node in keep.indices {
                precondition(
                    done[node] <= target[node] && oldest[node] <= keep[node],
                    "node \(node) goes back from rows \(oldest[node])–\(done[node]) to \(keep[node])–\(target[node])")
            }
            defer { (step, done, oldest) = (step + 1, target, keep) }
            return Step(oldest: oldest, done: done, target: target, keep: keep)
        }
    }
}
