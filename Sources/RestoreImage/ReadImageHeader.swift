import RestoreFiles

/// The size and format of an image, according to its header.
public struct ImageHeader: Sendable, Equatable {
    public let format: ImageFormat
    /// In pixels, at least 1.
    public let width: Int
    public let height: Int
    /// Samples per pixel, 1…4.
    public let channelCount: Int
    /// 8 or 16.
    public let bitDepth: Int

    /// Size of the decoded image in bytes; at most `Int.max`.
    public var decodedBytes: Int {
        let (bytes, overflowed) = (width * channelCount * bitDepth / 8).multipliedReportingOverflow(by: height)
        return overflowed ? .max : bytes
    }
}

/// The header of a PNG or JPEG file, for planning ahead. Does not allocate memory for the pixels.
///
/// - Parameter maximumBytes: only this many bytes at the start of the file are read.
/// - Returns: nil if they are not sufficient, or the file cannot be read; `readImage` then reports what is wrong with
///   it, if anything.
public func readImageHeader(_ path: String, maximumBytes: Int = 1 << 20) -> ImageHeader? {
    // Any error will occur again when the image is read.
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
