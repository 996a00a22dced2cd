import Glibc

/// The assignment of rows to columns with the least total cost: the Hungarian algorithm (Kuhn, "The Hungarian method for the
/// assignment problem", Naval Research Logistics Quarterly 2, 1955; Munkres 1957), by shortest augmenting paths with
/// potentials (Jonker & Volgenant, Computing 38, 1987), in O(rows² · columns).
///
/// - Parameter costs: as many columns in each row, and no fewer than rows; all finite.
/// - Returns: the column of each row, no two the same.
public func leastCostAssignment(_ costs: [[Double]]) -> [Int] {
    let (rows, columns) = (costs.count, costs.first?.count ?? 0)
    precondition(costs.allSatisfy { $0.count == columns } && columns >= rows, "\(rows) rows of \(columns) columns")
    // Rows and columns count from 1; column 0 stands for "the row that is being added".
    var rowPotential = [Double](repeating: 0, count: rows + 1)
    var columnPotential = [Double](repeating: 0, count: columns + 1)
    var rowOfColumn = [Int](repeating: 0, count: columns + 1)
    for row in 1..<(rows + 1) {
        rowOfColumn[0] = row
        var last = 0
        var least = [Double](repeating: .infinity, count: columns + 1)
        var previous = [Int](repeating: 0, count: columns + 1)
        var isDone = [Bool](repeating: false, count: columns + 1)
        repeat {
            isDone[last] = true
            let current = rowOfColumn[last]
            var (step, next) = (Double.infinity, 0)
            for column in 1..<(columns + 1) where !isDone[column] {
                let reduced = costs[current - 1][column - 1] - rowPotential[current] - columnPotential[column]
                if reduced < least[column] { (least[column], previous[column]) = (reduced, last) }
                if least[column] < step { (step, next) = (least[column], column) }
            }
            for column in 0...columns {
                if isDone[column] {
                    rowPotential[rowOfColumn[column]] += step
                    columnPotential[column] -= step
                } else {
                    least[column] -= step
                }
            }
            last = next
        } while rowOfColumn[last] != 0
        while last != 0 {
            rowOfColumn[last] = rowOfColumn[previous[last]]
            last = previous[last]
        }
    }
    var result = [Int](repeating: 0, count: rows)
    for column in 1..<(columns + 1) where rowOfColumn[column] > 0 { result[rowOfColumn[column] - 1] = column - 1 }
    return result
}

/// How well groups that were found without labels agree with the labels.
public struct ClusterAgreement: Sendable {
    /// Points of each group (row) and label (column).
    public let counts: [[Int]]
    public let labels: [Int]
    /// The label that each group is matched with; nil for groups beyond the labels.
    public let labelOfGroup: [Int?]
    /// The share of points whose group is matched with their label, the greatest that any matching gives.
    public let accuracy: Double
    /// The mutual information of groups and labels divided by the mean of their entropies, 0…1.
    public let normalizedMutualInformation: Double

    /// - Precondition: as many groups as labels, at least one.
    public init(groups: [Int], labels points: [Int]) {
        precondition(groups.count == points.count && !groups.isEmpty, "\(groups.count), \(points.count) points")
        let labels = Set(points).sorted()
        let columnOfLabel = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
        let groupCount = (groups.max() ?? 0) + 1
        var counts = [[Int]](repeating: [Int](repeating: 0, count: labels.count), count: groupCount)
        for (group, label) in zip(groups, points) { counts[group][columnOfLabel[label] ?? 0] += 1 }
        (self.counts, self.labels) = (counts, labels)
        // Padded to a square; matching a group with no label costs nothing and gains nothing.
        let side = max(groupCount, labels.count)
        let costs = (0..<side).map { row in
            (0..<side).map { row < groupCount && $0 < labels.count ? -Double(counts[row][$0]) : 0 }
        }
        let columns = leastCostAssignment(costs)
        labelOfGroup = (0..<groupCount).map { columns[$0] < labels.count ? labels[columns[$0]] : nil }
        let matched = (0..<groupCount).reduce(0) { sum, group in
            columns[group] < labels.count ? sum + counts[group][columns[group]] : sum
        }
        accuracy = Double(matched) / Double(groups.count)
        normalizedMutualInformation = Self.information(counts, total: Double(groups.count))
    }

    private static func information(_ counts: [[Int]], total: Double) -> Double {
        func entropy(_ sums: [Int]) -> Double {
            sums.reduce(0) { $1 > 0 ? $0 - Double($1) / total * log(Double($1) / total) : $0 }
        }
        let rows = counts.map { $0.reduce(0, +) }
        let columns = (counts.first ?? []).indices.map { column in counts.reduce(0) { $0 + $1[column] } }
        let (first, second) = (entropy(rows), entropy(columns))
        let both = entropy(counts.flatMap { $0 })
        return first + second > 0 ? 2 * (first + second - both) / (first + second) : 1
    }
}
