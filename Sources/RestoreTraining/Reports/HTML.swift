import FoundationEssentials
import Glibc

/// Escapes a text for use between tags and in quoted attributes. Control characters, which HTML does not allow, become
/// replacement characters.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        case "\n", "\t": result.unicodeScalars.append(scalar)
        case "\r": break
        case _ where scalar.properties.generalCategory == .control: result += "\u{FFFD}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A data URL that contains the PNG file.
func pngAddress(_ png: [UInt8]) -> String {
    "data:image/png;base64," + Data(png).base64EncodedString()
}

/// Width and height in pixels from a PNG file's header (bytes 16 to 23); nil for anything else.
func pngSize(_ png: [UInt8]) -> (width: Int, height: Int)? {
    guard png.count > 24, png.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { return nil }
    func number(_ start: Int) -> Int { png[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    return (number(16), number(20))
}

/// A number with its digits in groups of three: 40 000, with narrow no-break spaces.
func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    let groups = stride(from: digits.count, to: 0, by: -3).map { String(digits[max(0, $0 - 3)..<$0]) }
    return (value < 0 ? "−" : "") + groups.reversed().joined(separator: "\u{202F}")
}

/// The same for a number of any size, rounded.
func grouped(_ value: Double) -> String {
    abs(value) < 1e15 ? grouped(Int(value.rounded())) : "\(value)"
}

/// A point in time in Coordinated Universal Time: 2026-01-31 09:05 UTC.
///
/// - Parameter seconds: since 1970.
func universalTime(_ seconds: Int) -> String {
    var (time, parts) = (time_t(seconds), tm())
    guard gmtime_r(&time, &parts) != nil else { return "unknown time" }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let date = "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(date) \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
}

/// A number with `digits` significant digits: 0.01234, 3.142, 1234; with an exponent if it is tiny or huge.
func significant(_ value: Double, digits: Int = 4) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var exponent = Int(log10(abs(value)).rounded(.down))
    if exponent >= 15 || exponent < -5 {
        var mantissa = decimals(value / pow(10, Double(exponent)), 2)
        // 9.999 is rounded to 10.00.
        if mantissa.hasSuffix("10.00") { (mantissa, exponent) = (value < 0 ? "-1.00" : "1.00", exponent + 1) }
        return "\(mantissa)e\(exponent)"
    }
    return decimals(value, max(0, digits - 1 - exponent))
}
