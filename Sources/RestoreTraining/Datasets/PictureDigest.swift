import CLibMD
import RestoreImage

/// Identifies an image: SHA-256 of its size, channels, depth and samples.
struct PictureDigest: Hashable, Sendable {
    private let words: SIMD4<UInt64>

    init(_ image: Image) {
        var context = SHA2_CTX()
        SHA256Init(&context)
        let shape = [image.width, image.height, image.channelLayout.channelCount, image.bitDepth]
        shape.withUnsafeBytes { SHA256Update(&context, $0.baseAddress, $0.count) }
        switch image.samples {
        case .uint8(let samples): samples.withUnsafeBytes { SHA256Update(&context, $0.baseAddress, $0.count) }
        case .uint16(let samples): samples.withUnsafeBytes { SHA256Update(&context, $0.baseAddress, $0.count) }
        }
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256Final(&digest, &context)
        words = digest.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
    }
}
