/// The JSON header of a safetensors file: https://huggingface.co/docs/safetensors (format).
///
/// It has its own parser because general ones are too lenient: here a duplicate key, an unknown field, a fractional
/// number, or anything after the end is an error.
struct SafetensorsHeader: Equatable {
    struct Entry: Equatable {
        let name: String
        let elementType: String
        let shape: [Int]
        let begin: Int
        let end: Int
    }

    var entries: [Entry] = []
    var metadata: [String: String] = [:]

    struct SyntaxError: Error {
        let reason: String
    }

    init(entries: [Entry], metadata: [String: String]) {
        self.entries = entries
        self.metadata = metadata
    }

    init(parsing bytes: ArraySlice<UInt8>) throws(SyntaxError) {
        var scanner = HeaderScanner(bytes: bytes)
        var names: Set<String> = []
        try scanner.object { key, scanner throws(SyntaxError) in
            guard names.insert(key).inserted else {
                throw SyntaxError(reason: "\"\(key)\" appears twice in the header")
            }
            if key == "__metadata__" {
                try scanner.object { name, scanner throws(SyntaxError) in
                    let value = try scanner.string()
                    guard self.metadata.updateValue(value, forKey: name) == nil else {
                        throw SyntaxError(reason: "\"\(name)\" appears twice in the metadata")
                    }
                }
            } else {
                self.entries.append(try Self.entry(named: key, &scanner))
            }
        }
        try scanner.end()
    }

    private static func entry(named name: String, _ scanner: inout HeaderScanner) throws(SyntaxError) -> Entry {
        var elementType: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { key, scanner throws(SyntaxError) in
            switch key {
            case "dtype" where elementType == nil: elementType = try scanner.string()
            case "shape" where shape == nil: shape = try scanner.integers()
            case "data_offsets" where offsets == nil: offsets = try scanner.integers()
            default: throw SyntaxError(reason: "tensor \(name) has an unknown or repeated field \"\(key)\"")
            }
        }
        guard let elementType, let shape, let offsets, offsets.count == 2 else {
            throw SyntaxError(reason: "tensor \(name) lacks dtype, shape or data_offsets")
        }
        return Entry(name: name, elementType: elementType, shape: shape, begin: offsets[0], end: offsets[1])
    }

    /// The header as bytes, padded with spaces to a multiple of 8 like the reference implementation.
    var serialized: [UInt8] {
        var parts: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
            parts.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        for entry in entries {
            let shape = entry.shape.map(String.init).joined(separator: ",")
            parts.append(
                "\(Self.quoted(entry.name)):{\"dtype\":\(Self.quoted(entry.elementType)),\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(entry.begin),\(entry.end)]}")
        }
        var bytes = Array("{\(parts.joined(separator: ","))}".utf8)
        while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
        return bytes
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// Reads the subset of JSON that a header may contain: objects, strings and arrays of non-negative integers.
struct HeaderScanner {
    typealias SyntaxError = SafetensorsHeader.SyntaxError
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    private func failure(_ expectation: String) -> SyntaxError {
        SyntaxError(reason: "the header is not valid JSON: \(expectation) at byte \(position - bytes.startIndex)")
    }

    /// The next byte that is not white space, without consuming it.
    private mutating func peek() -> UInt8? {
        while position < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        return position < bytes.endIndex ? bytes[position] : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(SyntaxError) {
        guard take(character) else { throw failure("expected '\(character)'") }
    }

    /// Reads an object; `member` is called after each key and reads its value.
    mutating func object(
        _ member: (_ key: String, _ scanner: inout HeaderScanner) throws(SyntaxError) -> Void
    ) throws(SyntaxError) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(key, &self)
        } while take(",")
        try expect("}")
    }

    mutating func integers() throws(SyntaxError) -> [Int] {
        try expect("[")
        if take("]") { return [] }
        var values: [Int] = []
        repeat { values.append(try integer()) } while take(",")
        try expect("]")
        return values
    }

    private mutating func integer() throws(SyntaxError) -> Int {
        _ = peek()
        let start = position
        var value = 0
        while position < bytes.endIndex, (0x30...0x39).contains(bytes[position]) {
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(Int(bytes[position] - 0x30))
            guard !overflowed, !carried else { throw failure("a number is too large") }
            value = sum
            position += 1
        }
        let digits = position - start
        guard digits > 0, digits == 1 || bytes[start] != 0x30 else { throw failure("expected a whole number") }
        return value
    }

    mutating func string() throws(SyntaxError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while position < bytes.endIndex {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw failure("a string is not valid UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                text.append(contentsOf: try escape())
            case 0..<0x20:
                throw failure("a control character in a string")
            default:
                text.append(byte)
            }
        }
        throw failure("a string is not terminated")
    }

    /// The escape sequence after a backslash, as UTF-8.
    private mutating func escape() throws(SyntaxError) -> [UInt8] {
        guard position < bytes.endIndex else { throw failure("a string is not terminated") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "u"): return Array(String(try unicodeEscape()).utf8)
        default: throw failure("an unknown escape")
        }
    }

    private mutating func unicodeEscape() throws(SyntaxError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // A surrogate: characters above U+FFFF are encoded as two.
        guard (0xD800...0xDBFF).contains(first), position + 1 < bytes.endIndex,
            bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
        else { throw failure("half a surrogate pair") }
        position += 2
        let second = try hexadecimal()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(SyntaxError) -> UInt32 {
        guard position + 4 <= bytes.endIndex,
            let digits = String(validating: bytes[position..<(position + 4)], as: UTF8.self),
            digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16)
        else { throw failure("expected four hexadecimal digits") }
        position += 4
        return value
    }

    /// Only white space may follow.
    mutating func end() throws(SyntaxError) {
        guard peek() == nil else { throw failure("expected the end") }
    }
}
