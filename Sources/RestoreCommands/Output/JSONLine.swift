import FoundationEssentials
import RestoreFiles

/// A record as one line of JSON. Numbers that are not finite, which JSON lacks, become the strings "inf", "-inf" and "nan".
///
/// A byte b of a file name that is not UTF-8 stands as the character U+10FE00 + b (`pathFromSystem`), escaped as JSON
/// escapes characters.
func jsonLine(_ record: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    // Records are numbers and texts, which always encode.
    return (try? encoder.encode(record)).map { escapingInvisible(String(decoding: $0, as: UTF8.self)) } ?? "{}"
}

/// A key of a record whose fields depend on the task.
struct RecordKey: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init(stringLiteral name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// A time in seconds without digits that mean nothing.
func roundedToMicroseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

/// The record with the characters escaped that a terminal obeys or does not show, which the encoder leaves as they are. They
/// stand in its texts only.
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
