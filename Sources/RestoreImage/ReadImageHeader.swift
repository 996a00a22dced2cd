import RestoreFiles

/// What the header of a picture claims.
public struct ImageHeader: Sendable, Equatable {
    public let format: ImageFormat
    /// Pixels, at least 1.
    public let width: Int
    public let height: Int
    /// Samples of a pixel, 1…4.
    public let channelCount: Int
    /// 8 or 16.
    public let bitDepth: Int

    /// Memory that the decoded picture takes; at most `Int.max`.
    public var decodedBytes: Int {
        let (bytes, overflowed) = (width * channelCount * bitDepth / 8).multipliedReportingOverflow(by: height)
        return overflowed ? .max : bytes
    }
}

/// The header of a PNG or JPEG file, for planning ahead; no memory is taken for its pixels.
///
/// - Parameter maximumBytes: only the first bytes of the file are looked at.
/// - Returns: nil where they do not say enough, or the file cannot be read; `readImage` says what is wrong with it, if
///   anything is.
public func readImageHeader(_ path: String, maximumBytes: Int = 1 << 20) -> ImageHeader? {
    // Whatever the reason, reading the picture meets it again.
    guard let bytes = try? readStart(of: path, maximumBytes: maximumBytes),
        let format = ImageFormat.detect(bytes)
    else { return nil }
    return bytes.withUnsafeBufferPointer { buffer -> ImageHeader? in
        guard let reader = try? CodecReader(format, buffer, tolerant: false) else { return nil }
        let pixels = reader.pixelFormat
        return ImageHeader(
            format: format, width: Int(pixels.width), height: Int(pixels.height), channelCount: Int(pixels.channels),
            bitDepth: Int(pixels.bits_per_sample))
    }
}
