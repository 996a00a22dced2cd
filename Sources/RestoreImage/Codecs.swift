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

/// The functions of one format's reader. `Reader` is an opaque pointer of the C module.
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

/// A file whose header has been read and whose pixels have not.
struct CodecReader: ~Copyable {
    private let functions: ReaderFunctions
    private let reader: OpaquePointer
    private let format: ImageFormat
    /// Size, channels and depth of what `decode` will give; a JPEG's four channels are inks.
    let pixelFormat: RestorePixelFormat

    /// Reads the header; takes no memory for pixels. `bytes` must outlive the reader.
    ///
    /// - Parameter tolerant: whether a picture that is there in part counts.
    init(_ format: ImageFormat, _ bytes: UnsafeBufferPointer<UInt8>, tolerant: Bool) throws(CodecFailure) {
        let functions = ReaderFunctions.of(format)
        var pixelFormat = RestorePixelFormat()
        var reader: OpaquePointer?
        try checked { functions.open(bytes.baseAddress, bytes.count, tolerant ? 1 : 0, &reader, &pixelFormat, $0) }
        guard let reader else {
            throw .unsupported("no reader was made")
        }
        self.functions = functions
        self.reader = reader
        self.format = format
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

    /// What was noticed so far and is no failure, a line each.
    var warnings: [String] {
        var lines: [String] = []
        while let line = functions.warning(reader, UInt32(lines.count)) { lines.append(String(cString: line)) }
        return lines
    }

    /// How finely a JPEG stores what, once it has been decoded; nil for other formats and where a component is missing.
    var jpegParameters: JPEGParameters? {
        guard format == .jpeg else { return nil }
        var parameters = RestoreJPEGParameters()
        restore_jpeg_parameters(reader, &parameters)
        return JPEGParameters(parameters)
    }

    /// Where a JPEG's picture ends in its file; nil for other formats, and until it was decoded to its end.
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
