/// A pickle whose value is a dictionary, with access to the values of its keys.
struct PickleDictionary {
    private let bytes: [UInt8]
    private let store: PickleStore
    private let pairs: [PickleValue]

    init(_ bytes: [UInt8]) throws(FormatProblem) {
        let (value, store) = try PickleReader.read(bytes)
        guard case .dictionary(let index) = value else {
            throw .unsupported("it contains \(value.name), expected a dictionary")
        }
        self.bytes = bytes
        self.store = store
        pairs = store.dictionaries[index]
    }

    /// The value of key `name`. As in Python, if a key is repeated, its last value counts.
    subscript(name: String) -> PickleValue? {
        let places = stride(from: 0, to: pairs.count, by: 2)
        return places.reversed().first { text(pairs[$0]) == name }.map { pairs[$0 + 1] }
    }

    /// The first keys, for messages.
    var keyList: String {
        let names = stride(from: 0, to: pairs.count, by: 2).prefix(8).map { text(pairs[$0]) ?? pairs[$0].name }
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    /// Strings of Python 2 are byte strings.
    private func text(_ value: PickleValue) -> String? {
        switch value {
        case .bytes(let range), .text(let range), .latin1(let range):
            String(decoding: bytes[range.prefix(64)], as: UTF8.self)
        default: nil
        }
    }

    /// A list of numbers.
    func numbers(_ value: PickleValue, named name: String) throws(FormatProblem) -> [Int] {
        guard case .list(let index) = value else { throw .damage("'\(name)' is \(value.name), expected a list") }
        return try store.lists[index].map { (element) throws(FormatProblem) in
            guard case .int(let number) = element else {
                throw .damage("'\(name)' contains \(element.name), expected numbers")
            }
            return number
        }
    }

    /// A matrix of bytes with this many columns and at least one row; returns the range of its values, in row-major
    /// order.
    func byteArray(
        _ value: PickleValue, named name: String, columns: Int
    ) throws(FormatProblem) -> (bytes: [UInt8], range: Range<Int>) {
        guard case .array(let index) = value, let array = store.arrays[index] else {
            throw .damage("'\(name)' is \(value.name), expected a NumPy array")
        }
        let type = String(decoding: bytes[array.typeCode.prefix(16)], as: UTF8.self)
        guard ["u1", "|u1", "B", "uint8"].contains(type) else {
            throw .unsupported("'\(name)' has values of the type \(type), expected u1")
        }
        guard array.shape.count == 2, array.shape[1] == columns, array.shape[0] > 0 else {
            let shape = array.shape.map { "\($0)" }.joined(separator: "×")
            throw .unsupported("'\(name)' has the shape \(shape), expected n×\(columns)")
        }
        guard !array.isFortran else { throw .unsupported("'\(name)' is stored column by column") }
        let (content, range) = try rawBytes(array.values, named: name)
        let expected = array.shape[0].multipliedReportingOverflow(by: columns)
        guard !expected.overflow, range.count == expected.partialValue else {
            throw .damage("'\(name)' has the shape \(array.shape[0])×\(columns), found \(range.count) bytes")
        }
        return (content, range)
    }

    private func rawBytes(
        _ value: PickleValue, named name: String
    ) throws(FormatProblem) -> (bytes: [UInt8], range: Range<Int>) {
        switch value {
        case .bytes(let range):
            return (bytes, range)
        case .latin1(let range):
            guard let decoded = Self.latin1(bytes[range]) else {
                throw .damage("'\(name)' is a string with characters that are not bytes")
            }
            return (decoded, 0..<decoded.count)
        default:
            throw .damage("'\(name)' has \(value.name) for its content, expected bytes")
        }
    }

    /// The bytes represented by a UTF-8 string of the characters U+0000…U+00FF; nil for any other string.
    private static func latin1(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var lead: UInt8?
        for byte in text {
            switch (lead, byte) {
            case (nil, 0..<0x80): result.append(byte)
            case (nil, 0xC2...0xC3): lead = byte
            case (let first?, 0x80..<0xC0):
                result.append((first & 3) << 6 | byte & 0x3F)
                lead = nil
            default: return nil
            }
        }
        return lead == nil ? result : nil
    }
}
