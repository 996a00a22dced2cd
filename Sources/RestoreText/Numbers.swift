import Glibc

/// A number with this many decimal places.
public func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    let scale = pow(10, Double(count))
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, count + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return count == 0 ? sign + padded : sign + padded.dropLast(count) + "." + padded.suffix(count)
}

/// A number with its digits grouped by narrow no-break spaces: 40 000.
public func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3)..<$0]) }
    return (value < 0 ? "−" : "") + groups.reversed().joined(separator: "\u{202F}")
}

/// The same for a number of any magnitude, rounded.
public func grouped(_ value: Double) -> String {
    abs(value) < 1e15 ? grouped(Int(value.rounded())) : "\(value)"
}

/// A number with `digits` significant digits: 0.01234, 3.142, 1234; in scientific notation if it is tiny or huge.
public func significant(_ value: Double, digits: Int = 4) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var exponent = Int(log10(abs(value)).rounded(.down))
    if exponent >= 15 || exponent < -5 {
        var mantissa = decimals(value / pow(10, Double(exponent)), 2)
        // 9.999 rounds to 10.00.
        if mantissa.hasSuffix("10.00") { (mantissa, exponent) = (value < 0 ? "-1.00" : "1.00", exponent + 1) }
        return "\(mantissa)e\(exponent)"
    }
    return decimals(value, max(0, digits - 1 - exponent))
}
