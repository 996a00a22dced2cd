import RestoreText
import Glibc

/// Maps the values of an axis to positions in 0…1, and determines its ticks.
package struct AxisScale {
    package struct Tick: Equatable {
        /// Position in 0…1.
        package let place: Double
        package let label: String
    }

    package let ticks: [Tick]
    private let range: ClosedRange<Double>
    private let isLogarithmic: Bool

    /// Equal steps of 1, 2 or 5 times a power of ten, about five of them. The axis ends at the values' extremes, or,
    /// with `endsAtTicks`, at the ticks around them.
    ///
    /// - Parameter label: the text of a tick, given its value and the distance between ticks.
    package init(
        linear values: ClosedRange<Double>, endsAtTicks: Bool, label: (Double, Double) -> String = decimalLabel
    ) {
        let values = Self.widened(values)
        let distance = Self.tickDistance((values.upperBound - values.lowerBound) / 4.5)
        var first = (values.lowerBound / distance).rounded(.up)
        var last = (values.upperBound / distance).rounded(.down)
        if endsAtTicks {
            first = (values.lowerBound / distance + 1e-9).rounded(.down)
            last = (values.upperBound / distance - 1e-9).rounded(.up)
        }
        let range = endsAtTicks ? first * distance...last * distance : values
        self.range = range
        isLogarithmic = false
        ticks = stride(from: first, through: last, by: 1).map { index in
            Tick(
                place: (index * distance - range.lowerBound) / (range.upperBound - range.lowerBound),
                label: label(index * distance, distance))
        }
    }

    /// A logarithmic axis with ticks at 1, 2 and 5 times powers of ten, or only at the powers if there are many of
    /// them.
    ///
    /// Nil if a linear axis is more suitable: for values that are not positive or span less than a factor of ten.
    package init?(logarithmic values: ClosedRange<Double>) {
        guard values.lowerBound > 0, values.upperBound / values.lowerBound >= 10 else { return nil }
        let (low, high) = (log10(values.lowerBound), log10(values.upperBound))
        let margin = 0.04 * (high - low)
        let range = low - margin...high + margin
        let decades = Int(range.lowerBound.rounded(.down))...Int(range.upperBound.rounded(.up))
        var candidates = decades.flatMap { decade in [1.0, 2, 5].map { (log10($0) + Double(decade), $0, decade) } }
        candidates = candidates.filter { range.contains($0.0) }
        if candidates.count > 7 { candidates = candidates.filter { $0.1 == 1 } }
        let every = (candidates.count + 6) / 7
        self.range = range
        isLogarithmic = true
        ticks = candidates.enumerated().filter { $0.offset % every == 0 }.map { _, candidate in
            let unit = pow(10, Double(candidate.2))
            return Tick(
                place: (candidate.0 - range.lowerBound) / (range.upperBound - range.lowerBound),
                label: decimalLabel(candidate.1 * unit, unit))
        }
    }

    /// The position of `value`: 0…1 within the axis, less or more outside of it.
    package func place(_ value: Double) -> Double {
        let scaled = isLogarithmic ? log10(max(value, .leastNormalMagnitude)) : value
        return (scaled - range.lowerBound) / (range.upperBound - range.lowerBound)
    }

    /// A range that is not empty even for a single value.
    private static func widened(_ values: ClosedRange<Double>) -> ClosedRange<Double> {
        let width = values.upperBound - values.lowerBound
        guard width <= 1e-9 * max(abs(values.lowerBound), abs(values.upperBound)) else { return values }
        let margin = values.lowerBound == 0 ? 1 : 0.1 * abs(values.lowerBound)
        return values.lowerBound - margin...values.upperBound + margin
    }

    /// The smallest number of the form 1, 2 or 5 times a power of ten that is not below `width`, apart from rounding.
    private static func tickDistance(_ width: Double) -> Double {
        let unit = pow(10, log10(width).rounded(.down))
        return unit * ([1.0, 2, 5, 10].first { $0 * unit >= width * 0.999 } ?? 10)
    }
}

/// The text of a tick, with as many decimals as the distance between ticks requires.
package func decimalLabel(_ value: Double, _ distance: Double) -> String {
    let exponent = Int((log10(distance) + 1e-9).rounded(.down))
    // Beyond four decimals, and from a million on, an exponent is easier to read than zeros.
    if exponent >= -4, abs(value) < 1e6 { return decimals(value, max(0, -exponent)) }
    if abs(value) < distance / 2 { return "0" }
    let power = Int((log10(abs(value)) + 1e-9).rounded(.down))
    return "\(decimals(value / pow(10, Double(power)), max(0, power - exponent)))e\(power)"
}

/// A number of steps as shown at a tick: 500, 20k, 1.5M.
package func stepLabel(_ value: Double, _ distance: Double) -> String {
    for (unit, suffix) in [(1e6, "M"), (1e3, "k")] where abs(value) >= unit {
        return decimalLabel(value / unit, min(1, distance / unit)) + suffix
    }
    return decimalLabel(value, max(1, distance))
}
