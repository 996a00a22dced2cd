import FoundationEssentials

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
