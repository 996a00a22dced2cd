import RestoreConcurrency
import RestoreNN

/// Groups of points around means: Lloyd's iteration ("Least squares quantization in PCM", IEEE Transactions on Information
/// Theory 28, 1982), started by k-means++ (Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA
/// 2007).
public struct KMeans: Sendable {
    /// The means, `dimensions` values each.
    public let centers: [[Float]]
    /// The group of each point, 0 ..< k.
    public let groups: [Int]
    /// The sum of the squared distances of the points from their means.
    public let inertia: Double

    /// The best of several starts, by inertia.
    ///
    /// - Parameters:
    ///   - points: as many values each, all finite; at least `count` points.
    ///   - count: k, the number of groups.
    ///   - starts: each with its own first means, at least 1.
    ///   - maximumIterations: of each start, which otherwise ends when no point changes its group.
    public init(
        _ points: [[Float]], count: Int, starts: Int = 5, maximumIterations: Int = 300, seed: UInt64,
        pool: WorkerPool = .serial
    ) {
        precondition(count >= 1 && points.count >= count, "\(count) groups of \(points.count) points")
        let data = PointTable(points)
        var best: KMeans?
        for start in 0..<max(1, starts) {
            var generator = SeededGenerator(seed: seed, path: UInt64(start))
            let result = KMeans(data, count: count, maximumIterations: maximumIterations, &generator, pool)
            if result.inertia < best?.inertia ?? .infinity { best = result }
        }
        self = best ?? KMeans(centers: [], groups: [], inertia: .nan)
    }

    private init(centers: [[Float]], groups: [Int], inertia: Double) {
        (self.centers, self.groups, self.inertia) = (centers, groups, inertia)
    }

    private init(
        _ data: PointTable, count: Int, maximumIterations: Int, _ generator: inout SeededGenerator, _ pool: WorkerPool
    ) {
        var centers = data.spreadCenters(count, &generator, pool)
        var nearest = data.nearest(to: centers, pool)
        for _ in 0..<maximumIterations {
            centers = data.means(nearest.map(\.group), of: centers)
            let next = data.nearest(to: centers, pool)
            let hasChanged = zip(nearest, next).contains { $0.group != $1.group }
            nearest = next
            if !hasChanged { break }
        }
        self.init(
            centers: centers, groups: nearest.map(\.group), inertia: nearest.reduce(0) { $0 + $1.squaredDistance })
    }
}

/// Points in one array.
private struct PointTable {
    struct Nearest {
        var group = 0
        var squaredDistance = Double.infinity
    }

    let count: Int
    let dimensions: Int
    let values: [Float]

    init(_ points: [[Float]]) {
        count = points.count
        dimensions = points.first?.count ?? 0
        values = points.flatMap { $0 }
        precondition(values.count == count * dimensions, "points of different dimensions")
    }

    private func point(_ index: Int) -> [Float] {
        Array(values[(index * dimensions)..<((index + 1) * dimensions)])
    }

    /// Means far from each other: each next one is a point, drawn with a probability in proportion to its squared distance
    /// from those before.
    func spreadCenters(_ k: Int, _ generator: inout SeededGenerator, _ pool: WorkerPool) -> [[Float]] {
        var centers = [point(generator.index(below: count))]
        var distances = nearest(to: centers, pool).map(\.squaredDistance)
        while centers.count < k {
            var place = generator.uniform() * distances.reduce(0, +)
            let chosen = distances.firstIndex { distance in
                place -= distance
                return place < 0
            }
            // All points are among the means already.
            centers.append(point(chosen ?? generator.index(below: count)))
            let others = nearest(to: [centers[centers.count - 1]], pool)
            for index in distances.indices { distances[index] = min(distances[index], others[index].squaredDistance) }
        }
        return centers
    }

    /// The nearest mean of each point.
    func nearest(to centers: [[Float]], _ pool: WorkerPool) -> [Nearest] {
        let flat = centers.flatMap { $0 }
        let piece = 1024
        var result = [Nearest](repeating: Nearest(), count: count)
        result.withUnsafeMutableBufferPointer { result in
            values.withUnsafeBufferPointer { values in
                flat.withUnsafeBufferPointer { flat in
                    guard let result = result.baseAddress, let values = values.baseAddress,
                        let flat = flat.baseAddress
                    else { return }
                    pool.run(taskCount: (count + piece - 1) / piece) { task, _ in
                        for index in (task * piece)..<min((task + 1) * piece, count) {
                            result[index] = nearest(values + index * dimensions, flat, centers.count)
                        }
                    }
                }
            }
        }
        return result
    }

    private func nearest(
        _ point: UnsafePointer<Float>, _ centers: UnsafePointer<Float>, _ count: Int
    ) -> Nearest {
        var (group, least) = (0, Float.infinity)
        for candidate in 0..<count {
            let center = centers + candidate * dimensions
            var sum = SIMD16<Float>()
            var index = 0
            while index + 16 <= dimensions {
                var difference = SIMD16<Float>()
                for lane in 0..<16 { difference[lane] = point[index + lane] - center[index + lane] }
                sum += difference * difference
                index += 16
            }
            var distance = sum.sum()
            while index < dimensions {
                let difference = point[index] - center[index]
                distance += difference * difference
                index += 1
            }
            if distance < least { (group, least) = (candidate, distance) }
        }
        return Nearest(group: group, squaredDistance: Double(least))
    }

    /// The mean of each group; one without points stays where it is.
    func means(_ groups: [Int], of centers: [[Float]]) -> [[Float]] {
        var sums = [Double](repeating: 0, count: centers.count * dimensions)
        var counts = [Int](repeating: 0, count: centers.count)
        for (index, group) in groups.enumerated() {
            counts[group] += 1
            for axis in 0..<dimensions { sums[group * dimensions + axis] += Double(values[index * dimensions + axis]) }
        }
        return centers.enumerated().map { group, center in
            guard counts[group] > 0 else { return center }
            return (0..<dimensions).map { Float(sums[group * dimensions + $0] / Double(counts[group])) }
        }
    }
}
