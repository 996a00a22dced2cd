import RestoreNN

extension ConvolutionAlgorithm {
    /// The root mean square error of its results, relative to theirs, for sums of up to `statedTerms` products:
    /// `docs/operators/winograd.md`.
    package var statedError: Double {
        switch self {
        case .naive, .im2col, .implicit, .openblas: 4.3e-7
        case .winograd2: 3e-7
        case .winograd4: 1.1e-6
        }
    }

    /// 64 channels of 3×3.
    private static let statedTerms = 576.0

    /// The root mean square error of results, for sums of `terms` products of values uniform in −1…1.
    ///
    /// Such a product has a root mean square of ⅓, a sum √terms / 3: a scale that holds where results are small by chance,
    /// too. The error of a chain of additions grows with the root of its length once more.
    package func error(terms: Int) -> Double {
        let length = max(1, (Double(terms) / Self.statedTerms).squareRoot())
        return statedError * length * Double(terms).squareRoot() / 3
    }

    /// How far a single result may be from that in double precision.
    ///
    /// Each rounding is proportional to a sum that is itself a normal number: of a million products of two normal numbers
    /// the greatest is 12 times their root mean square.
    package func tolerance(terms: Int) -> Tolerance {
        // The bias, and a single rounding of the result.
        Tolerance(absolute: Float(12 * error(terms: terms)) + 1e-7, relative: 1.2e-7)
    }
}

/// √ mean of squares.
package func rootMeanSquare(_ values: [Float]) -> Double {
    norm(values) / Double(max(values.count, 1)).squareRoot()
}

/// The root mean square of the differences.
package func rootMeanSquareError(_ found: [Float], _ expected: [Float]) -> Double {
    let squares = zip(found, expected).reduce(0.0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
    }
    return (squares / Double(max(found.count, 1))).squareRoot()
}
