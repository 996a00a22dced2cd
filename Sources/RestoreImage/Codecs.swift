import CImageCodecs

/// The failure reported by a codec of CImageCodecs.
struct CodecFailure: Error {
    let code: Int32
    /// A single line, as worded by the library.
    let reason: String

    var isDamage: Bool { code == Int32(RESTORE_CODEC_DAMAGED) }

    static func unsupported(_ reason: String) -> CodecFailure {
        CodecFailure(code: Int32(RESTORE_CODEC_UNSUPPORTED), reason: reason)
    }
}

/// Provides `body` with a buffer for a message and turns any code other than 0 into a `CodecFailure`.
func checked(_ body: (UnsafeMutablePointer<CChar>) -> Int32) throws(CodecFailure) {
    let size = Int(RESTORE_CODEC_MESSAGE_SIZE)
    let result: (code: Int32, reason: String) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { room in
        room.initialize(repeating: 0)
        guard let message = room.baseAddress else { return (Int32(RESTORE_CODEC_NO_MEMORY), "") }
        let code = body(message)
        return (code, code == 0 ? "" : String(cString: message))
    }
    if result.code != 0 { throw CodecFailure(code: result.code, reason: result.reason) }
}

/// The functions of one format's reader. `Reader` is an opaque pointer from the C module.
private struct ReaderFunctions: Sendable {
    typealias Message = UnsafeMutablePointer<CChar>
    let open:
        @Sendable (
            UnsafePointer<UInt8>?, Int, Int32, UnsafeMutablePointer<OpaquePointer?>,
            UnsafeMutablePointer<RestorePixelFormat>, Message
        ) -> Int32
    let decode: @Sendable (OpaquePointer?, UnsafeMutableRawPointer?, Int, Message) -> Int32
    let warning: @Sendable (OpaquePointer?, UInt32) -> UnsafePointer<CChar>?
    let close: @Sendable (OpaquePointer?) -> Void

    static let png = ReaderFunctions(
        open: { restore_png_open($0, $1, $2, $3, $4, $5) }, decode: { restore_png_decode($0, $1, $2, $3) },
        warning: { restore_png_warning($0, $1) }, close: { restore_png_close($0) })
    static let jpeg = ReaderFunctions(
        open: { restore_jpeg_open($0, $1, $2, $3, $4, $5) }, decode: { restore_jpeg_decode($0, $1, $2, $3) },
        warning: { restore_jpeg_warning($0, $1) }, close: { restore_jpeg_close($0) })

    static func of(_ format: ImageFormat) -> ReaderFunctions {
        switch format {
        case .png: return png
        case .jpeg: return jpeg
        }
    }
}

/// A file whose header has been read but whose pixels have not been decoded.
struct CodecReader: ~Copyable {
    private let functions: ReaderFunctions
    private let reader: OpaquePointer
    private let format: ImageFormat
    /// Size, channels and depth of the output of `decode`. The four channels of a JPEG are inks.
    let pixelFormat: RestorePixelFormat

    /// Reads the header without allocating memory for pixels. `bytes` must outlive the reader.
    ///
    /// - Parameter tolerant: whether a partially decoded image is accepted.
    init(_ format: ImageFormat, _ bytes: UnsafeBufferPointer<UInt8>, tolerant: Bool) throws(CodecFailure) {
        let functions = ReaderFunctions.of(format)
        var pixelFormat = RestorePixelFormat()
        var reader: OpaquePointer?
        try checked { functions.open(bytes.baseAddress, bytes.count, tolerant ? 1 : 0, &reader, &pixelFormat, $0) }
        guard let reader else {
            throw .unsupported("the decoder could not be created")
        }
        self.functions = functions
        self.reader = reader
        self.format = format
        self.pixelFormat = pixelFormat
    }

    deinit { functions.close(reader) }

    /// Decodes the pixels. May be called only once; the caller has checked the size against its limit.
    func decode() throws(CodecFailure) -> Image.Samples {
        let count = Int(pixelFormat.width) * Int(pixelFormat.height) * Int(pixelFormat.channels)
        if pixelFormat.bits_per_sample == 16 {
            return .uint16(try decodeSamples(count: count))
        }
        return .uint8(try decodeSamples(count: count))
    }

    /// Warnings so far, one line each.
    var warnings: [String] {
        var lines: [String] = []
        while let line = functions.warning(reader, UInt32(lines.count)) { lines.append(String(cString: line)) }
        return lines
    }

    /// The coding parameters of a JPEG, available after decoding; nil for other formats and if a component is missing.
    var jpegParameters: JPEGParameters? {
        guard format == .jpeg else { return nil }
        var parameters = RestoreJPEGParameters()
        restore_jpeg_parameters(reader, &parameters)
        return JPEGParameters(parameters)
    }

    /// Where the image of a JPEG ends in its file; nil for other formats, and until it has been decoded completely.
    var pictureSize: Int? {
        guard format == .jpeg else { return nil }
        let size = restore_jpeg_size(reader)
        return size > 0 ? size : nil
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
