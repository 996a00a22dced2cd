import RestoreNN

extension SeededGenerator {
    /// Values uniform in `range`.
    package mutating func values(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in range.lowerBound + (range.upperBound - range.lowerBound) * Float(uniform()) }
    }

    /// A tensor of values uniform in `range`.
    package mutating func tensor(_ shape: Shape, in range: ClosedRange<Float> = -1...1) -> Tensor {
        Tensor(shape: shape, values: values(shape.count, in: range))
    }

    /// One of `choices`, which are not none.
    package mutating func choice<Choice>(of choices: [Choice]) -> Choice {
        choices[index(below: choices.count)]
    }
}

/// Σ a·b in double precision.
package func dot(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

/// Euclidean norm.
package func norm(_ values: [Float]) -> Double {
    dot(values, values).squareRoot()
}

/// Random parameters of the size their operators ask for, so that signals keep their strength.
package func randomParameters(_ network: Network, seed: UInt64) -> [Float] {
    var parameters = Parameters(initializing: network, seed: seed)
    var generator = SeededGenerator(seed: seed, path: 1)
    // Biases and scales start at constants, which would hide mistakes.
    for entry in parameters.layout.entries where entry.specification.shape.count == 1 {
        for index in entry.range { parameters.values[index] += Float(generator.uniform() - 0.5) }
    }
    return parameters.values
}
