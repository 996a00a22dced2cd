// A file name is bytes to Linux and a text to Swift. The mapping between them, in the manner of Python's surrogateescape
// (PEP 383): what is valid UTF-8 is that text; every other byte becomes one character of a range in a private plane.

/// The path that the system means by these bytes.
///
/// A byte b that is not part of valid UTF-8 becomes the character U+10FE00 + b, in the last plane for private use. A
/// character of that range in a name is taken for four such bytes, so that every name has one text, and no two the same.
public func pathFromSystem(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !text.unicodeScalars.contains(where: isEscapedByte) {
        return text
    }
    var path = String.UnicodeScalarView()
    var (iterator, place) = (bytes.makeIterator(), bytes.startIndex)
    var parser = UTF8.ForwardParser()
    while true {
        let (taken, scalar): (Int, Unicode.Scalar?)
        switch parser.parseScalar(from: &iterator) {
        case .valid(let encoded): (taken, scalar) = (encoded.count, UTF8.decode(encoded))
        case .error(let length): (taken, scalar) = (length, nil)
        case .emptyInput: return String(path)
        }
        let end = bytes.index(place, offsetBy: taken)
        if let scalar, !isEscapedByte(scalar) {
            path.append(scalar)
        } else {
            for byte in bytes[place..<end] { path.append(escaped(byte)) }
        }
        place = end
    }
}

/// As `pathFromSystem` of bytes, for the C library's texts.
public func pathFromSystem(_ text: UnsafePointer<CChar>) -> String {
    var count = 0
    while text[count] != 0 { count += 1 }
    return UnsafeBufferPointer(start: text, count: count).withMemoryRebound(to: UInt8.self) { pathFromSystem($0) }
}

/// The arguments of this program, its name first. `CommandLine.arguments` repairs what is not UTF-8, and so names files
/// that are not there.
public func argumentsFromSystem() -> [String] {
    (0..<Int(CommandLine.argc)).compactMap { index in CommandLine.unsafeArgv[index].map { pathFromSystem($0) } }
}

/// The byte of a path that is not UTF-8 for which `scalar` stands in `pathFromSystem`, or nil for any other character.
public func systemByte(for scalar: Unicode.Scalar) -> UInt8? {
    isEscapedByte(scalar) ? UInt8(scalar.value - escapeBase) : nil
}

/// The bytes that the system knows a path by, with the NUL at their end: the inverse of `pathFromSystem`.
package func systemPath(_ path: String) -> [CChar] {
    var bytes: [CChar] = []
    bytes.reserveCapacity(path.utf8.count + 1)
    for scalar in path.unicodeScalars {
        if let byte = systemByte(for: scalar) {
            bytes.append(CChar(bitPattern: byte))
        } else {
            bytes.append(contentsOf: UTF8.encode(scalar)?.map { CChar(bitPattern: $0) } ?? [])
        }
    }
    bytes.append(0)
    return bytes
}

/// The last characters of a plane are no characters (U+10FFFE, U+10FFFF), so not the very last 256.
private let escapeBase: UInt32 = 0x10FE00

/// Bytes below 0x80 are always UTF-8.
private func isEscapedByte(_ scalar: Unicode.Scalar) -> Bool {
    (escapeBase + 0x80...escapeBase + 0xFF).contains(scalar.value)
}

private func escaped(_ byte: UInt8) -> Unicode.Scalar {
    // No surrogate is near: every such value is a character.
    Unicode.Scalar(escapeBase + UInt32(byte)) ?? "\u{FFFD}"
}
