import CImageCodecs

/// What a codec of CImageCodecs answered when it did not succeed.
struct CodecFailure: Error {
    let code: Int32
    /// One line, as the library words it.
    let reason: String

    var isDamage: Bool { code == Int32(RESTORE_CODEC_DAMAGED) }

    static func unsupported(_ reason: String) -> CodecFailure {
        CodecFailure(code: Int32(RESTORE_CODEC_UNSUPPORTED), reason: reason)
    }
}

/// Hands `body` room for a message and turns a code other than 0 into a `CodecFailure`.
private func checked(_ body: (UnsafeMutablePointer<CChar>) -> Int32) throws(CodecFailure) {
    let size = Int(RESTORE_CODEC_MESSAGE_SIZE)
    let result: (code: Int32, reason: String) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { room in
        room.initialize(repeating: 0)
        guard let message = room.baseAddress else { return (Int32(RESTORE_CODEC_NO_MEMORY), "") }
        let code = body(message)
        return (code, code == 0 ? "" : String(cString: message))
    }
    if result.code != 0 { throw CodecFailure(code: result.code, reason: result.reason) }
}

/// The three functions of one format's reader. `Reader` is an opaque pointer of the C module.
private struct ReaderFunctions: Sendable {
    typealias Message = UnsafeMutablePointer<CChar>
    let open:
        @Sendable (
            UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<OpaquePointer?>,
            UnsafeMutablePointer<RestorePixelFormat>, Message
        ) -> Int32
    let decode: @Sendable (OpaquePointer?, UnsafeMutableRawPointer?, Int, Message) -> Int32
    let close: @Sendable (OpaquePointer?) -> Void

    static let png = ReaderFunctions(
        open: { restore_png_open($0, $1, $2, $3, $4) }, decode: { restore_png_decode($0, $1, $2, $3) },
        close: { restore_png_close($0) })
    static let jpeg = ReaderFunctions(
        open: { restore_jpeg_open($0, $1, $2, $3, $4) }, decode: { restore_jpeg_decode($0, $1, $2, $3) },
        close: { restore_jpeg_close($0) })

    static func of(_ format: ImageFormat) -> ReaderFunctions {
        switch format {
        case .png: return png
        case .jpeg: return jpeg
        }
    }
}

/// A file whose header has been read and whose pixels have not.
struct CodecReader: ~Copyable {
    private let functions: ReaderFunctions
    private let reader: OpaquePointer
    /// Size, channels and depth of what `decode` will give.
    let pixelFormat: RestorePixelFormat

    /// Reads the header; takes no memory for pixels. `bytes` must outlive the reader.
    init(_ format: ImageFormat, _ bytes: UnsafeBufferPointer<UInt8>) throws(CodecFailure) {
        let functions = ReaderFunctions.of(format)
        var pixelFormat = RestorePixelFormat()
        var reader: OpaquePointer?
        try checked { functions.open(bytes.baseAddress, bytes.count, &reader, &pixelFormat, $0) }
        guard let reader else {
            throw .unsupported("no reader was made")
        }
        self.functions = functions
        self.reader = reader
        self.pixelFormat = pixelFormat
    }

    deinit { functions.close(reader) }

    /// Decodes the pixels, once. The caller has checked the size against its limit.
    func decode() throws(CodecFailure) -> Image.Samples {
        let count = Int(pixelFormat.width) * Int(pixelFormat.height) * Int(pixelFormat.channels)
        if pixelFormat.bits_per_sample == 16 {
            return .uint16(try decodeSamples(count: count))
        }
        return .uint8(try decodeSamples(count: count))
    }

    private func decodeSamples<Sample: FixedWidthInteger>(count: Int) throws(CodecFailure) -> [Sample] {
        var failure: CodecFailure?
        let samples = [Sample](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            let bytes = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(count * MemoryLayout<Sample>.size)])
            do throws(CodecFailure) {
                try checked { functions.decode(reader, bytes.baseAddress, bytes.count, $0) }
                initializedCount = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return samples
    }
}

/// An encoded file in memory that a C encoder allocated.
struct EncodedBytes: ~Copyable {
    private var output = RestoreBytes()

    /// Encodes `image`, whose depth and channels the format must be able to store.
    init(_ image: Image, as encoding: ImageEncoding, concurrently runner: ConcurrentRunner) throws(CodecFailure) {
        let format = RestorePixelFormat(
            width: UInt32(clamping: image.width), height: UInt32(clamping: image.height),
            channels: UInt32(image.channelLayout.channelCount), bits_per_sample: UInt32(image.bitDepth))
        var output = RestoreBytes()
        do throws(CodecFailure) {
            try image.withSampleBytes { pixels throws(CodecFailure) in
                switch encoding.format {
                case .png:
                    try encodePNG(pixels, format, encoding, concurrently: runner, to: &output)
                case .jpeg:
                    try checked {
                        restore_jpeg_encode(
                            pixels.baseAddress, format, Int32(clamping: encoding.jpegQuality),
                            encoding.subsamplesColor ? 1 : 0, &output, $0)
                    }
                }
            }
        } catch {
            restore_bytes_free(&output)
            throw error
        }
        self.output = output
    }

    deinit {
        var output = output
        restore_bytes_free(&output)
    }

    /// Hands `body` the encoded bytes, which it must not keep.
    borrowing func withBytes<Outcome, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Outcome
    ) throws(Failure) -> Outcome {
        try body(UnsafeRawBufferPointer(start: output.bytes, count: output.count))
    }
}

private func encodePNG(
    _ pixels: UnsafeRawBufferPointer, _ format: RestorePixelFormat, _ encoding: ImageEncoding,
    concurrently runner: ConcurrentRunner, to output: inout RestoreBytes
) throws(CodecFailure) {
    let compression = encoding.pngCompression.map { Int32(clamping: $0) } ?? Int32(RESTORE_PNG_COMPRESSION_AUTOMATIC)
    var writer: OpaquePointer?
    var stripCount: UInt32 = 0
    try checked { restore_png_writer_open(pixels.baseAddress, format, compression, &writer, &stripCount, $0) }
    defer { restore_png_writer_close(writer) }
    let opened = writer
    runner.run(taskCount: Int(stripCount)) { restore_png_write_strip(opened, UInt32(truncatingIfNeeded: $0)) }
    try checked { restore_png_writer_finish(opened, &output, $0) }
}

extension Image {
    /// Hands `body` the samples in memory order, 16-bit ones in the machine's byte order.
    fileprivate func withSampleBytes(
        _ body: (UnsafeRawBufferPointer) throws(CodecFailure) -> Void
    ) throws(CodecFailure) {
        var failure: CodecFailure?
        func run(_ bytes: UnsafeRawBufferPointer) {
            do throws(CodecFailure) { try body(bytes) } catch { failure = error }
        }
        switch storage {
        case .uint8(let values): values.withUnsafeBytes(run)
        case .uint16(let values): values.withUnsafeBytes(run)
        }
        if let failure { throw failure }
    }
}
