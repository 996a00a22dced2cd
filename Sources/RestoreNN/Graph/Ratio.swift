/// A positive fraction in lowest terms: pixels of one image per pixel of another.
public struct Ratio: Hashable, Sendable, ExpressibleByIntegerLiteral {
    public let numerator: Int
    public let denominator: Int

    /// - Precondition: both are positive.
    public init(_ numerator: Int, _ denominator: Int) {
        precondition(numerator > 0 && denominator > 0, "the ratio \(numerator) / \(denominator)")
        let divisor = greatestCommonDivisor(numerator, denominator)
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }

    public init(integerLiteral value: Int) {
        self.init(value, 1)
    }

    static func * (a: Ratio, b: Ratio) -> Ratio {
        Ratio(a.numerator * b.numerator, a.denominator * b.denominator)
    }

    static func / (a: Ratio, b: Ratio) -> Ratio {
        Ratio(a.numerator * b.denominator, a.denominator * b.numerator)
    }

    /// `count` times the ratio, rounded up.
    func roundedUp(times count: Int) -> Int {
        (count * numerator + denominator - 1) / denominator
    }
}
