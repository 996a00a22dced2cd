import FoundationEssentials
import RestoreFiles

/// A record as one line of JSON. Infinities and NaN, which JSON lacks, become null: a figure is a number or null.
///
/// A byte b of a file name that is not valid UTF-8 is represented by the character U+10FE00 + b (`pathFromSystem`),
/// escaped as in JSON.
func jsonLine(_ record: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: noNumber, negativeInfinity: noNumber, nan: noNumber)
    // Encoding numbers and strings cannot fail.
    guard let bytes = try? encoder.encode(record) else { return "{}" }
    let text = String(decoding: bytes, as: UTF8.self).replacing("\"\(noNumber)\"", with: "null")
    return escapingInvisible(text)
}

/// Stands for null until the record is complete: the encoder only has strings to offer. U+10FFFF is not a character, so
/// that no other string of a record is equal to this one.
private let noNumber = "\u{10FFFF}no number\u{10FFFF}"

/// A key of a record whose fields depend on the task.
struct RecordKey: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init(stringLiteral name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// A time in seconds without meaningless digits.
func roundedToMicroseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

/// Escapes the characters that control a terminal or are invisible, which the encoder leaves unchanged. They occur only
/// in strings.
private func escapingInvisible(_ record: String) -> String {
    func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        Console.isInvisible(scalar) || systemByte(for: scalar) != nil
    }
    guard record.unicodeScalars.contains(where: isInvisible) else { return record }
    var result = String.UnicodeScalarView()
    for scalar in record.unicodeScalars {
        guard isInvisible(scalar) else {
            result.append(scalar)
            continue
        }
        for unit in UTF16.encode(scalar).map(Array.init) ?? [] {
            let digits = String(unit, radix: 16)
            result += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars
        }
    }
    return String(result)
}
