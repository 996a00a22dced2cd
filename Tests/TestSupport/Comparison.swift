import Testing

/// How far a value may be from the expected one: `absolute + relative · |expected|`.
package struct Tolerance: Sendable {
    package let absolute: Float
    package let relative: Float

    package init(absolute: Float, relative: Float) {
        self.absolute = absolute
        self.relative = relative
    }

    /// The same number; 0 and −0 are the same.
    package static let exact = Tolerance(absolute: 0, relative: 0)

    /// What a sum of some hundred terms in single precision may lose against one in double precision.
    package static let singlePrecision = Tolerance(absolute: 1e-5, relative: 1e-5)

    /// By how many times the allowed distance is exceeded: at most 1 where the values agree. A value that is not finite
    /// agrees with none but the same infinity.
    package func excess(_ found: Float, _ expected: Float) -> Float {
        if found == expected { return 0 }
        let excess = abs(found - expected) / (absolute + relative * abs(expected))
        return excess.isNaN || !found.isFinite || !expected.isFinite ? .infinity : excess
    }
}

/// Records an issue unless all values agree, with the place where they differ most, both values there, and the
/// configuration that was tried. A NaN on either side is a difference.
///
/// - Parameters:
///   - configuration: what was computed, in words and sizes.
///   - seed: what the random values were made from, if they were.
package func expectClose(
    _ found: some Collection<Float>, _ expected: some Collection<Float>,
    _ configuration: @autoclosure () -> String,
    tolerance: Tolerance = .singlePrecision, seed: UInt64? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if let difference = worstDifference(Array(found), Array(expected), tolerance) {
        record(difference, configuration(), seed, sourceLocation)
    }
}

/// Records an issue unless all values agree bit by bit, with the first place where they do not.
package func expectSameBits(
    _ found: some Collection<Float>, _ expected: some Collection<Float>,
    _ configuration: @autoclosure () -> String,
    seed: UInt64? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    if let difference = firstDifferentBits(Array(found), Array(expected)) {
        record(difference, configuration(), seed, sourceLocation)
    }
}

private func record(
    _ difference: String, _ configuration: String, _ seed: UInt64?, _ location: SourceLocation
) {
    let origin = seed.map { ", seed \($0)" } ?? ""
    Issue.record("\(configuration)\(origin): \(difference)", sourceLocation: location)
}

/// Says where the values differ most, or nothing where all agree.
package func worstDifference(_ found: [Float], _ expected: [Float], _ tolerance: Tolerance) -> String? {
    guard found.count == expected.count else { return "\(found.count) values, expected \(expected.count)" }
    var worst = (index: 0, excess: Float(0))
    var disagreeing = 0
    for index in found.indices {
        let excess = tolerance.excess(found[index], expected[index])
        if excess > 1 { disagreeing += 1 }
        if excess > worst.excess { worst = (index, excess) }
    }
    guard disagreeing > 0 else { return nil }
    return
        "\(disagreeing) of \(found.count) values differ, most at [\(worst.index)]: found \(found[worst.index]), "
        + "expected \(expected[worst.index]), \(worst.excess) times the tolerance"
}

/// Says where the first bits differ, or nothing where all are the same.
package func firstDifferentBits(_ found: [Float], _ expected: [Float]) -> String? {
    guard found.count == expected.count else { return "\(found.count) values, expected \(expected.count)" }
    let different = found.indices.filter { found[$0].bitPattern != expected[$0].bitPattern }
    guard let first = different.first else { return nil }
    return
        "the bits of \(different.count) of \(found.count) values differ, first at [\(first)]: found \(found[first]), "
        + "expected \(expected[first])"
}
