import CZlib

/// What gzip makes of some bytes.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    deflateInit2_(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    defer { deflateEnd(&stream) }
    var (source, result) = (bytes, [UInt8](repeating: 0, count: bytes.count + 1024))
    let count = source.withUnsafeMutableBufferPointer { source in
        result.withUnsafeMutableBufferPointer { result in
            (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
            (stream.next_out, stream.avail_out) = (result.baseAddress, UInt32(result.count))
            deflate(&stream, Z_FINISH)
            return result.count - Int(stream.avail_out)
        }
    }
    return Array(result[..<count])
}
