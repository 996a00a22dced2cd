import CZlib

/// Files compressed with gzip (RFC 1952).
enum GzipStream {
    /// Whether a file starts with the gzip magic number and the only compression method, deflate.
    static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B, 0x08]) }

    /// The uncompressed contents of a file. Consecutive members are concatenated, as by gzip; zero padding may follow
    /// the last.
    ///
    /// The length stored in the file is only a hint: at most `maximumBytes` are reserved for it, and the memory is not
    /// touched until there is content for it.
    ///
    /// - Parameter maximumBytes: limit on the uncompressed size. Larger contents are rejected whatever the file's own
    ///   size, because a kilobyte can expand to a megabyte.
    static func inflated(_ bytes: [UInt8], maximumBytes: Int) throws(FormatProblem) -> [UInt8] {
        var stream = z_stream()
        let windowBits: Int32 = 15 + 16  // 32 KiB, and a gzip header
        guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .unsupported("there is not enough memory to inflate it")
        }
        defer { inflateEnd(&stream) }
        var content: [UInt8] = []
        content.reserveCapacity(min(maximumBytes, expectedBytes(bytes)))
        var position = 0
        repeat {
            position += try inflateMember(
                &stream, bytes, from: position, appendingTo: &content, maximumBytes: maximumBytes)
            inflateReset(&stream)
        } while bytes[position...].starts(with: [0x1F, 0x8B])
        guard bytes[position...].allSatisfy({ $0 == 0 }) else {
            throw .damage("\(bytes.count - position) bytes follow its end")
        }
        return content
    }

    /// The size stored in the last member, modulo 4 GiB, but no more than deflate could have compressed into the file.
    private static func expectedBytes(_ bytes: [UInt8]) -> Int {
        let stated = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        return min(stated, 1032 * bytes.count)
    }

    /// Inflates one member and returns the number of bytes it takes in the file.
    private static func inflateMember(
        _ stream: inout z_stream, _ bytes: [UInt8], from start: Int, appendingTo content: inout [UInt8],
        maximumBytes: Int
    ) throws(FormatProblem) -> Int {
        var consumed = 0
        var piece = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let (status, taken, made) = step(&stream, bytes, from: start + consumed, into: &piece)
            consumed += taken
            guard made <= maximumBytes - content.count else {
                throw .unsupported("it inflates to more than the limit of \(maximumBytes) bytes")
            }
            content += piece[..<made]
            switch status {
            case Z_STREAM_END:
                return consumed
            case Z_OK where taken > 0 || made > 0:
                continue
            case Z_OK, Z_BUF_ERROR:
                throw .damage("it ends after \(bytes.count) bytes, inside the compressed content")
            case Z_MEM_ERROR:
                throw .unsupported("there is not enough memory to inflate it")
            default:
                let reason = stream.msg.map { String(cString: $0) } ?? "zlib's code \(status)"
                throw .damage("\(reason) before byte \(start + consumed)")
            }
        }
    }

    /// One call to zlib: from the rest of the file, at most 1 GiB of it, into one buffer.
    private static func step(
        _ stream: inout z_stream, _ bytes: [UInt8], from start: Int, into piece: inout [UInt8]
    ) -> (status: Int32, taken: Int, made: Int) {
        bytes.withUnsafeBufferPointer { source in
            piece.withUnsafeMutableBufferPointer { destination in
                let available = min(source.count - start, 1 << 30)
                // zlib does not write through next_in; its declaration predates const.
                stream.next_in = source.baseAddress.map { UnsafeMutablePointer(mutating: $0 + start) }
                stream.avail_in = UInt32(available)
                stream.next_out = destination.baseAddress
                stream.avail_out = UInt32(destination.count)
                let status = inflate(&stream, Z_NO_FLUSH)
                return (status, available - Int(stream.avail_in), destination.count - Int(stream.avail_out))
            }
        }
    }
}
