import CZlib

/// The chunks of a PNG file, in order (PNG 3rd edition, 5.3), up to the first truncated one.
struct PNGChunks: Sequence, IteratorProtocol {
    struct Chunk {
        /// Four letters.
        let name: String
        let payload: ArraySlice<UInt8>
        /// The name and the payload, which the checksum covers.
        fileprivate let covered: ArraySlice<UInt8>
        fileprivate let checksum: Int

        /// Whether the checksum is correct.
        var isIntact: Bool {
            covered.withUnsafeBufferPointer { crc32_z(0, $0.baseAddress, $0.count) } == UInt(checksum)
        }
    }

    private let bytes: [UInt8]
    private var position = 8  // after the signature

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Chunk? {
        // Length, name and checksum around the payload.
        guard let length = bytes.bigEndian32(at: position), length <= bytes.count - position - 12,
            let checksum = bytes.bigEndian32(at: position + 8 + length)
        else { return nil }
        let covered = bytes[position + 4..<position + 8 + length]
        position += 12 + length
        return Chunk(
            name: String(decoding: covered.prefix(4), as: UTF8.self), payload: covered.dropFirst(4), covered: covered,
            checksum: checksum)
    }
}
