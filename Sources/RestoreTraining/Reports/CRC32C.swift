/// CRC-32C with Castagnoli's polynomial 0x1EDC6F41, reflected, as in iSCSI (RFC 3720, section 12.1 and appendix B.4).
///
/// zlib's CRC-32 uses a different polynomial. Event files are megabytes in size, so a single 256-entry table is fast
/// enough.
package enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { remainder, _ in
            // 0x82F63B78 is the polynomial with its bits reversed.
            remainder & 1 == 1 ? remainder >> 1 ^ 0x82F6_3B78 : remainder >> 1
        }
    }

    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var remainder: UInt32 = .max
        for byte in bytes {
            remainder = table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)] ^ remainder >> 8
        }
        return ~remainder
    }

    /// The form in which TFRecord files store it: rotated right by 15 bits and added to a constant, so that the
    /// checksum of data that itself contains checksums stays useful (tensorflow/core/lib/hash/crc32c.h).
    package static func maskedChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let checksum = checksum(bytes)
        return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
    }
}
