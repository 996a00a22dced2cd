import CZlib

// Files put together piece by piece, for tests of what readers do with pieces that are wrong.

/// Bytes of a number, the higher first.
func bigEndian(_ value: Int, bytes: Int = 4) -> [UInt8] {
    (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// A chunk of a PNG file.
func chunk(_ name: String, _ payload: [UInt8], isIntact: Bool = true) -> [UInt8] {
    let covered = Array(name.utf8) + payload
    let sum = Int(crc32(0, covered, UInt32(covered.count)))
    return bigEndian(payload.count) + covered + bigEndian(isIntact ? sum : sum ^ 1)
}

/// A PNG file with chunks put in behind its header.
func png(_ file: [UInt8], with chunks: [UInt8]) -> [UInt8] { Array(file[..<33]) + chunks + file[33...] }

/// A segment of a JPEG file.
func segment(_ marker: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0xFF, marker] + bigEndian(payload.count + 2, bytes: 2) + payload
}

/// A JPEG file with segments put in behind its start.
func jpeg(_ file: [UInt8], with segments: [UInt8]) -> [UInt8] { Array(file[..<2]) + segments + file[2...] }

/// A stream of zlib's.
func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    var result = [UInt8](repeating: 0, count: Int(size))
    guard compress(&result, &size, bytes, UInt(bytes.count)) == Z_OK else { return [] }
    return Array(result[..<Int(size)])
}
