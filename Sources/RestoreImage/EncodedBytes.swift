import RestoreConcurrency
import CImageCodecs

/// An encoded file in memory allocated by a C encoder.
struct EncodedBytes: ~Copyable {
    private var output = RestoreBytes()

    /// Encodes `image`, whose depth and channels must be supported by the format.
    init(
        _ image: Image, _ metadata: ImageMetadata, as encoding: ImageEncoding, pool: WorkerPool
    ) throws(CodecFailure) {
        let format = RestorePixelFormat(
            width: UInt32(clamping: image.width), height: UInt32(clamping: image.height),
            channels: UInt32(image.channelLayout.channelCount), bits_per_sample: UInt32(image.bitDepth))
        var output = RestoreBytes()
        do throws(CodecFailure) {
            try image.withSampleBytes { pixels throws(CodecFailure) in
                switch encoding.format {
                case .png:
                    try encodePNG(pixels, format, metadata, encoding, pool: pool, to: &output)
                case .jpeg:
                    try encodeJPEG(pixels, format, metadata, encoding, to: &output)
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

    /// Passes the encoded bytes to `body`, which must not retain them.
    borrowing func withBytes<Outcome, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Outcome
    ) throws(Failure) -> Outcome {
        try body(UnsafeRawBufferPointer(start: output.bytes, count: output.count))
    }
}

private func encodePNG(
    _ pixels: UnsafeRawBufferPointer, _ format: RestorePixelFormat, _ metadata: ImageMetadata,
    _ encoding: ImageEncoding, pool: WorkerPool, to output: inout RestoreBytes
) throws(CodecFailure) {
    let compression = encoding.pngCompression.map { Int32(clamping: $0) } ?? Int32(RESTORE_PNG_COMPRESSION_AUTOMATIC)
    var writer: OpaquePointer?
    var stripCount: UInt32 = 0
    try checked { restore_png_writer_open(pixels.baseAddress, format, compression, &writer, &stripCount, $0) }
    defer { restore_png_writer_close(writer) }
    let opened = writer
    pool.run(taskCount: Int(stripCount)) { strip, _ in
        restore_png_write_strip(opened, UInt32(truncatingIfNeeded: strip))
    }
    let chunks = PNGChunkList(metadata).bytes
    try checked { restore_png_writer_finish(opened, chunks, chunks.count, &output, $0) }
}

private func encodeJPEG(
    _ pixels: UnsafeRawBufferPointer, _ format: RestorePixelFormat, _ metadata: ImageMetadata,
    _ encoding: ImageEncoding, to output: inout RestoreBytes
) throws(CodecFailure) {
    let segments = JPEGSegmentList(metadata).bytes
    let density = JPEGDensity(metadata.resolution)
    let parameters = encoding.jpegParameters.flatMap { $0.storable(channelCount: Int(format.channels)) }
    var settings = RestoreJPEGSettings()
    settings.quality = Int32(clamping: encoding.jpegQuality)
    settings.subsample_color = encoding.subsamplesColor ? 1 : 0
    let optimizesCodes = encoding.optimizesCodes(
        width: Int(format.width), height: Int(format.height), colorChannelCount: Int(format.channels))
    settings.optimize_codes = optimizesCodes ? 1 : 0
    settings.density_unit = density.unit
    settings.horizontal_density = density.x
    settings.vertical_density = density.y
    var failure: CodecFailure?
    segments.withUnsafeBufferPointer { segments in
        settings.segments = segments.baseAddress
        settings.segments_size = segments.count
        do throws(CodecFailure) {
            guard var parameters else {
                try checked { restore_jpeg_encode(pixels.baseAddress, format, &settings, &output, $0) }
                return
            }
            try withUnsafePointer(to: &parameters) { pointer throws(CodecFailure) in
                settings.parameters = pointer
                try checked { restore_jpeg_encode(pixels.baseAddress, format, &settings, &output, $0) }
            }
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
}

extension Image {
    /// Passes the samples to `body` in memory order, 16-bit ones in native byte order.
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
