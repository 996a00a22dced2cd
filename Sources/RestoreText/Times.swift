import Glibc

/// A human-readable duration: "1 h 05 min", "3 min 20 s", "12 s".
public func duration(_ seconds: Double) -> String {
    guard abs(seconds) < 1e9 else { return "unknown time" }
    let whole = Int(seconds.rounded())
    if whole >= 3600 { return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min" }
    if whole >= 60 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
    return "\(whole) s"
}

/// A date and time in UTC: 2026-01-31 09:05 UTC.
///
/// - Parameter seconds: since 1970.
public func universalTime(_ seconds: Int) -> String {
    var (time, parts) = (time_t(seconds), tm())
    guard gmtime_r(&time, &parts) != nil else { return "unknown time" }
    let date = "\(Int(parts.tm_year) + 1900)-\(twoDigits(parts.tm_mon + 1))-\(twoDigits(parts.tm_mday))"
    return "\(date) \(twoDigits(parts.tm_hour)):\(twoDigits(parts.tm_min)) UTC"
}

private func twoDigits(_ value: some BinaryInteger) -> String { value < 10 ? "0\(value)" : "\(value)" }

extension Duration {
    public var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
