import CZlib

/// Metadata blocks compressed by zlib (RFC 1950).
enum ZlibStream {
    /// The contents of a stream; bytes that follow it are ignored.
    ///
    /// - Parameters:
    ///   - limit: the maximum number of bytes to inflate. A kilobyte can contain a megabyte.
    ///   - work: increased by the number of bytes inflated, even if an error is thrown.
    static func inflated(
        _ bytes: ArraySlice<UInt8>, limit: Int, counting work: inout Int
    ) throws(MetadataProblem) -> [UInt8] {
        var stream = z_stream()
        guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw MetadataProblem(reason: "cannot be inflated: not enough memory")
        }
        defer { inflateEnd(&stream) }
        var content: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 15)
        var position = bytes.startIndex
        while true {
            let step = bytes[position...].withUnsafeBufferPointer { source in
                room.withUnsafeMutableBufferPointer { target in pass(&stream, from: source, to: target) }
            }
            position += step.taken
            work += step.made
            guard step.made <= limit - content.count else {
                throw MetadataProblem(reason: "exceeds the limits for metadata")
            }
            content += room[..<step.made]
            if step.status == Z_STREAM_END { return content }
            guard step.status == Z_OK, step.taken > 0 || step.made > 0 else {
                throw MetadataProblem(reason: "is damaged: it cannot be inflated")
            }
        }
    }

    /// A stream compressed with zlib's level 6; nil if there is not enough memory.
    static func deflated(_ bytes: [UInt8]) -> [UInt8]? {
        var size = compressBound(UInt(bytes.count))
        var result = [UInt8](repeating: 0, count: Int(size))
        guard compress2(&result, &size, bytes, UInt(bytes.count), 6) == Z_OK else { return nil }
        return Array(result[..<Int(size)])
    }

    /// One call of zlib.
    private static func pass(
        _ stream: inout z_stream, from source: UnsafeBufferPointer<UInt8>, to target: UnsafeMutableBufferPointer<UInt8>
    ) -> (status: Int32, taken: Int, made: Int) {
        let available = min(source.count, 1 << 30)
        // zlib does not write through next_in; its declaration predates const.
        stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.avail_in = UInt32(available)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, available - Int(stream.avail_in), target.count - Int(stream.avail_out))
    }
}
