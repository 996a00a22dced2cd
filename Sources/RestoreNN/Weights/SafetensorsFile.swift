import CLibMD
import RestoreFiles

/// A weight file in the safetensors format: named tensors and string metadata. Every length, range and name is
/// validated before any value is used.
public struct SafetensorsFile: Sendable {
    public enum ElementType: String, Sendable, CaseIterable {
        case float32 = "F32"
        case float16 = "F16"
        case bfloat16 = "BF16"

        var size: Int { self == .float32 ? 4 : 2 }

        /// The common name: "float16".
        public var name: String {
            switch self {
            case .float32: "float32"
            case .float16: "float16"
            case .bfloat16: "bfloat16"
            }
        }

        /// The nearest value of the type, ties to even; infinite if `value` is too large.
        func rounded(_ value: Float) -> Float {
            switch self {
            case .float32: value
            case .float16: Float(Float16(value))
            case .bfloat16: Float(bitPattern: UInt32(Self.bfloat16Bits(value)) << 16)
            }
        }

        /// The upper half of the bits, rounded to nearest, ties to even. A NaN is replaced first, since rounding could
        /// carry out of its payload.
        static func bfloat16Bits(_ value: Float) -> UInt16 {
            let bits = value.isNaN ? Float.nan.bitPattern : value.bitPattern
            return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
        }
    }

    /// Whether the file has a checksum, which was then verified.
    public var hasChecksum: Bool { metadata[Self.checksumKey] != nil }

    /// The metadata key of the checksum: SHA-256 over the metadata, the table of tensors and their bytes.
    static let checksumKey = "restore.checksum"
    /// The prefix of this project's metadata keys. A file with any of them must have a checksum; otherwise, damage to
    /// the checksum's own key would go unnoticed.
    private static let ownPrefix = "restore."
    /// The header limit defined by the format.
    private static let maximumHeaderBytes = 100_000_000

    public let path: String
    public let metadata: [String: String]
    private let entries: [SafetensorsHeader.Entry]
    private let places: [String: Int]
    private let bytes: [UInt8]
    private let start: Int

    public var tensorNames: [String] { entries.map(\.name) }

    /// - Throws: `WeightsError.file`, `.damaged` or `.checksumMismatch`. Files from other programs, which have no
    ///   checksum, are accepted without one.
    public init(path: String) throws(WeightsError) {
        let bytes: [UInt8]
        do { bytes = try readFile(path) } catch { throw .file(error) }
        try self.init(bytes: bytes, path: path)
    }

    /// - Parameter path: used in error messages.
    public init(bytes: [UInt8], path: String) throws(WeightsError) {
        func damaged(_ reason: String) -> WeightsError { .damaged(path: path, reason: reason) }
        guard bytes.count >= 8 else { throw damaged("\(bytes.count) bytes are too few for a header") }
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        guard length <= UInt64(Self.maximumHeaderBytes), Int(length) <= bytes.count - 8 else {
            throw damaged("a header of \(length) bytes in a file of \(bytes.count)")
        }
        let start = 8 + Int(length)
        guard length > 0, bytes[8] == UInt8(ascii: "{") else { throw damaged("the header is not a JSON object") }
        let header: SafetensorsHeader
        do { header = try SafetensorsHeader(parsing: bytes[8..<start]) } catch { throw damaged(error.reason) }
        entries = header.entries.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
        if let reason = Self.defect(in: entries, dataBytes: bytes.count - start) { throw damaged(reason) }
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
        metadata = header.metadata
        self.bytes = bytes
        self.start = start
        self.path = path
        if let stated = metadata[Self.checksumKey] {
            let found = Self.checksum(metadata: metadata, entries: entries, values: bytes[start...])
            guard stated == found else { throw .checksumMismatch(path: path) }
        } else if metadata.keys.contains(where: { $0.hasPrefix(Self.ownPrefix) }) {
            throw damaged("it has no checksum")
        }
    }

    /// Ranges must cover the bytes without gaps or overlaps, and match the shapes.
    private static func defect(in entries: [SafetensorsHeader.Entry], dataBytes: Int) -> String? {
        var next = 0
        for entry in entries {
            guard entry.begin <= entry.end else { return "the range of tensor \(entry.name) ends before it begins" }
            guard entry.begin == next else {
                return "a \(entry.begin > next ? "hole" : "overlap") before tensor \(entry.name)"
            }
            guard entry.end <= dataBytes else { return "tensor \(entry.name) extends beyond the end of the file" }
            next = entry.end
            // Elements of types unknown to this program have at least one bit.
            let type = ElementType(rawValue: entry.elementType)
            var size = type?.size ?? 1
            for side in entry.shape {
                let (product, overflowed) = size.multipliedReportingOverflow(by: side)
                guard !overflowed else { return "the shape of tensor \(entry.name) overflows" }
                size = product
            }
            let bytes = entry.end - entry.begin
            guard type == nil ? size / 8 <= bytes : size == bytes else {
                return "tensor \(entry.name) has \(bytes) bytes, its shape needs \(type == nil ? size / 8 : size)"
            }
        }
        return next == dataBytes ? nil : "\(dataBytes - next) bytes belong to no tensor"
    }

    // MARK: Reading tensors

    /// Number of values in all tensors.
    public var valueCount: Int {
        entries.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }

    /// File size in bytes.
    public var byteCount: Int { bytes.count }

    /// The distinct element types of the tensors in the file's notation ("F16"), in alphabetical order.
    public var elementTypes: [String] { Set(entries.map(\.elementType)).sorted() }

    public func shape(of name: String) -> [Int]? {
        places[name].map { entries[$0].shape }
    }

    /// The values of a tensor as 32-bit floats, in the file's order.
    ///
    /// - Throws: `WeightsError.missingTensor`, `.unsupportedElementType` or `.notFinite`.
    public func values(of name: String) throws(WeightsError) -> [Float] {
        guard let place = places[name] else { throw .missingTensor(path: path, tensor: name) }
        let entry = entries[place]
        guard let type = ElementType(rawValue: entry.elementType) else {
            throw .unsupportedElementType(path: path, tensor: name, type: entry.elementType)
        }
        let values = bytes.withUnsafeBytes { raw in
            Self.floats(UnsafeRawBufferPointer(rebasing: raw[(start + entry.begin)..<(start + entry.end)]), type)
        }
        guard values.allSatisfy(\.isFinite) else { throw .notFinite(path: path, tensor: name) }
        return values
    }

    private static func floats(_ raw: UnsafeRawBufferPointer, _ type: ElementType) -> [Float] {
        (0..<(raw.count / type.size)).map { index in
            switch type {
            case .float32:
                return Float(
                    bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
            case .float16:
                return Float(
                    Float16(
                        bitPattern: UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)))
                )
            case .bfloat16:
                let high = UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
                return Float(bitPattern: UInt32(high) << 16)
            }
        }
    }

    /// The parameters of `network`. The file must contain exactly these tensors.
    ///
    /// - Throws: `WeightsError` naming the first tensor that is missing, has another shape, or does not belong to the
    ///   network.
    public func parameters(for network: Network) throws(WeightsError) -> Parameters {
        let layout = ParameterLayout(network)
        let expected = Set(layout.entries.map(\.specification.name))
        if let stranger = tensorNames.first(where: { !expected.contains($0) }) {
            throw .unexpectedTensor(path: path, tensor: stranger)
        }
        var all: [Float] = []
        // An architecture may require more values than fit in memory, but the file cannot supply more than it contains.
        all.reserveCapacity(min(layout.count, valueCount))
        for entry in layout.entries {
            let name = entry.specification.name
            let values = try values(of: name)
            let found = shape(of: name) ?? []
            guard found == entry.specification.shape else {
                throw .wrongShape(path: path, tensor: name, expected: entry.specification.shape, found: found)
            }
            all.append(contentsOf: values)
        }
        return Parameters(layout: layout, values: all)
    }

    /// `fresh`, with values replaced by every tensor in the file that has the same name and shape.
    ///
    /// - Throws: `WeightsError.notFinite` or `.unsupportedElementType`.
    /// - Returns: the parameters and the number of tensors replaced.
    public func parameters(wherePossible fresh: Parameters) throws(WeightsError) -> (Parameters, taken: Int) {
        var parameters = fresh
        var taken = 0
        for entry in fresh.layout.entries where shape(of: entry.specification.name) == entry.specification.shape {
            parameters.values.replaceSubrange(entry.range, with: try values(of: entry.specification.name))
            taken += 1
        }
        return (parameters, taken)
    }

    // MARK: Writing

    /// A tensor to be written.
    public struct NamedTensor: Sendable {
        public let name: String
        public let shape: [Int]
        public let values: [Float]

        /// - Precondition: the number of values matches the shape.
        public init(name: String, shape: [Int], values: [Float]) {
            precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) values for the shape \(shape)")
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// The bytes of a file, with a checksum in the metadata.
    public static func serialize(
        _ tensors: [NamedTensor], metadata: [String: String] = [:], as type: ElementType = .float32
    ) -> [UInt8] {
        var values: [UInt8] = []
        var entries: [SafetensorsHeader.Entry] = []
        for tensor in tensors {
            let begin = values.count
            append(tensor.values, as: type, to: &values)
            entries.append(
                SafetensorsHeader.Entry(
                    name: tensor.name, elementType: type.rawValue, shape: tensor.shape, begin: begin, end: values.count)
            )
        }
        var metadata = metadata
        metadata[checksumKey] = checksum(metadata: metadata, entries: entries, values: values[...])
        let header = SafetensorsHeader(entries: entries, metadata: metadata).serialized
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return length + header + values
    }

    private static func append(_ values: [Float], as type: ElementType, to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + values.count * type.size)
        for value in values {
            switch type {
            case .float32:
                withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            case .float16:
                withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
            case .bfloat16:
                withUnsafeBytes(of: ElementType.bfloat16Bits(value).littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
    }

    /// Converts all `parameters` to named tensors.
    public static func tensors(_ parameters: Parameters) -> [NamedTensor] {
        parameters.layout.entries.map { entry in
            NamedTensor(
                name: entry.specification.name, shape: entry.specification.shape,
                values: Array(parameters.values[entry.range]))
        }
    }

    private static func checksum(
        metadata: [String: String], entries: [SafetensorsHeader.Entry], values: ArraySlice<UInt8>
    ) -> String {
        var others = metadata
        others[checksumKey] = nil
        var table = SafetensorsHeader(entries: entries, metadata: others).serialized
        table.append(contentsOf: values)
        return "sha256:" + sha256(table)
    }
}

/// SHA-256 (FIPS 180-4) in hexadecimal.
func sha256(_ bytes: [UInt8]) -> String {
    var context = SHA2_CTX()
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256Init(&context)
    SHA256Update(&context, bytes, bytes.count)
    SHA256Final(&digest, &context)
    return digest.map { byte in
        let hex = String(byte, radix: 16)
        return byte < 16 ? "0" + hex : hex
    }.joined()
}
