import Glibc

/// A number with this many decimals.
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

/// A time as people say it: "1 h 05 min", "3 min 20 s", "12 s".
public func duration(_ seconds: Double) -> String {
    guard abs(seconds) < 1e9 else { return "unknown time" }
    let whole = Int(seconds.rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if whole >= 3600 { return "\(whole / 3600) h \(two(whole % 3600 / 60)) min" }
    if whole >= 60 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole) s"
}

extension Duration {
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
