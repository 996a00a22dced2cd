/// The directions in which data vary most: the eigenvectors of their covariance (Pearson, Phil. Mag. 2, 1901; Jolliffe,
/// "Principal Component Analysis", 2002, chapter 3).
public struct PrincipalComponents: Equatable, Sendable {
    public let featureCount: Int

    /// The mean of each feature.
    public let mean: [Float]

    /// Orthonormal, component × feature, the one with the greatest variance first. The entry of a component with the
    /// greatest magnitude (the first such entry) is positive.
    public let components: [Float]

    /// The variance of the data along each component, not negative, descending: Σ (x − mean)² / (rows − 1).
    public let explainedVariance: [Double]

    /// The sum of the variances of all features.
    public let totalVariance: Double

    /// Component `index`.
    public func component(_ index: Int) -> ArraySlice<Float> {
        components[index * featureCount..<(index + 1) * featureCount]
    }
}

/// Rows whose products are added to the covariance by one call.
private let rowsTogether = 256

/// The first principal components of data, from the eigensystem of their covariance, in double precision by LAPACK.
///
/// Takes 8 · (4 · features² + 256 · features) bytes of memory besides the data, and about rows · features² + 9 · features³
/// operations, on one thread. The result is the same in every run on one processor; other processors may differ in the last
/// bits. With fewer rows than features at most rows − 1 components have any variance, and the others are arbitrary.
///
/// - Parameters:
///   - rows: Row by row, `featureCount` values each, at least two rows. All finite.
///   - featureCount: Values per row, at least 1.
///   - count: Components to find, 1 to `featureCount`.
/// - Throws: `LinearAlgebraError`: too few rows, too many components, values that are not finite, or no OpenBLAS.
public func principalComponents(
    _ rows: UnsafeBufferPointer<Float>, featureCount: Int, count: Int
) throws(LinearAlgebraError) -> PrincipalComponents {
    precondition(featureCount > 0 && rows.count % featureCount == 0, "\(rows.count) values in rows of \(featureCount)")
    guard (1...featureCount).contains(count) else { throw .tooManyComponents(count, features: featureCount) }
    let rowCount = rows.count / featureCount
    guard rowCount >= 2 else { throw .tooFewRows(rowCount) }
    let library = try OpenBLAS.load()

    let mean = mean(of: rows, featureCount: featureCount)
    var covariance = covariance(of: rows, mean: mean, library)
    for feature in 0..<featureCount where !covariance[feature * (featureCount + 1)].isFinite {
        throw .notFinite(feature: feature)
    }
    let total = (0..<featureCount).reduce(0) { $0 + covariance[$1 * (featureCount + 1)] }
    let ascending = try library.symmetricEigensystem(&covariance, order: featureCount)

    var components: [Float] = []
    components.reserveCapacity(count * featureCount)
    var variances: [Double] = []
    for index in (featureCount - count..<featureCount).reversed() {
        let vector = covariance[index * featureCount..<(index + 1) * featureCount]
        let largest = vector.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
        components += vector.map { Float(largest < 0 ? -$0 : $0) }
        variances.append(max(0, ascending[index]))
    }
    return PrincipalComponents(
        featureCount: featureCount, mean: mean.map { Float($0) }, components: components,
        explainedVariance: variances, totalVariance: total)
}

private func mean(of rows: UnsafeBufferPointer<Float>, featureCount: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: featureCount)
    sums.withUnsafeMutableBufferPointer { sums in
        for start in stride(from: 0, to: rows.count, by: featureCount) {
            for feature in 0..<featureCount { sums[feature] += Double(rows[start + feature]) }
        }
    }
    let rowCount = Double(rows.count / featureCount)
    return sums.map { $0 / rowCount }
}

/// The upper triangle of Σ (x − mean)(x − mean)ᵀ / (rows − 1).
private func covariance(of rows: UnsafeBufferPointer<Float>, mean: [Double], _ library: OpenBLAS) -> [Double] {
    let featureCount = mean.count
    let rowCount = rows.count / featureCount
    var products = [Double](repeating: 0, count: featureCount * featureCount)
    var centered = [Double](repeating: 0, count: min(rowCount, rowsTogether) * featureCount)
    for first in stride(from: 0, to: rowCount, by: rowsTogether) {
        let count = min(rowsTogether, rowCount - first)
        centered.withUnsafeMutableBufferPointer { centered in
            for row in 0..<count {
                let source = (first + row) * featureCount
                for feature in 0..<featureCount {
                    centered[row * featureCount + feature] = Double(rows[source + feature]) - mean[feature]
                }
            }
        }
        library.addGram(centered, rows: count, columns: featureCount, onto: &products)
    }
    let divisor = Double(rowCount - 1)
    for index in products.indices { products[index] /= divisor }
    return products
}
