// A file name is a sequence of bytes in Linux and a string in Swift. This is the mapping between them, modeled on
// Python's surrogateescape (PEP 383): valid UTF-8 is kept as it is; every other byte becomes one character from a range
// in a private-use plane.

/// The string for a path given by the system as bytes.
///
/// A byte b that is not part of valid UTF-8 becomes the character U+10FE00 + b, in the last private-use plane. A
/// character from that range in a name is treated as four such bytes, so the mapping is one to one.
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

/// Like `pathFromSystem` of bytes, for C strings.
public func pathFromSystem(_ text: UnsafePointer<CChar>) -> String {
    var count = 0
    while text[count] != 0 { count += 1 }
    return UnsafeBufferPointer(start: text, count: count).withMemoryRebound(to: UInt8.self) { pathFromSystem($0) }
}

/// The arguments of this program, starting with its name. `CommandLine.arguments` repairs invalid UTF-8, and would thus
/// name files that do not exist.
public func argumentsFromSystem() -> [String] {
    (0..<Int(CommandLine.argc)).compactMap { index in CommandLine.unsafeArgv[index].map { pathFromSystem($0) } }
}

/// The byte of a path that `scalar` represents in `pathFromSystem`, or nil for any other character.
public func systemByte(for scalar: Unicode.Scalar) -> UInt8? {
    isEscapedByte(scalar) ? UInt8(scalar.value - escapeBase) : nil
}

/// The bytes of a path for the system, including the terminating NUL: the inverse of `pathFromSystem`.
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

/// The last code points of a plane are noncharacters (U+10FFFE, U+10FFFF), so the very last 256 cannot be used.
private let escapeBase: UInt32 = 0x10FE00

/// Bytes below 0x80 are always valid UTF-8.
private func isEscapedByte(_ scalar: Unicode.Scalar) -> Bool {
    (escapeBase + 0x80...escapeBase + 0xFF).contains(scalar.value)
}

private func escaped(_ byte: UInt8) -> Unicode.Scalar {
    // The range contains no surrogates: every such value is a valid scalar.
    Unicode.Scalar(escapeBase + UInt32(byte)) ?? "\u{FFFD}"
}
