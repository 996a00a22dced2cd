/// A side of a picture: rows are counted along the height, columns along the width.
public enum Axis: Hashable, Sendable, CaseIterable {
    case height
    case width
}

extension Shape {
    /// The height or the width.
    public func side(_ axis: Axis) -> Int { axis == .height ? height : width }

    /// Floats of one row of a picture.
    var rowCount: Int { width * channels }
}

extension Extent {
    func side(_ axis: Axis) -> Int { axis == .height ? height : width }
}

/// A positive fraction in lowest terms: how many pixels of one picture lie beside how many of another.
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

func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
}

/// The least multiple of `step` that is not below `value`.
func roundedUp(_ value: Int, _ step: Int) -> Int { (value + step - 1) / step * step }

extension Range<Int> {
    /// The smallest range that holds both.
    func hull(_ other: Self) -> Self {
        Swift.min(lowerBound, other.lowerBound)..<Swift.max(upperBound, other.upperBound)
    }
}

/// An operator each of whose output pixels depends on the same pixel of every input and on nothing else.
protocol PointwiseOperator: Operator {}

extension PointwiseOperator {
    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        range
    }
}
