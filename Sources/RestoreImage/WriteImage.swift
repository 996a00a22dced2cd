import RestoreConcurrency
import RestoreFiles

/// How an image is stored.
public struct ImageEncoding: Sendable, Equatable {
    public var format: ImageFormat
    /// libjpeg's quality, 1…100; 95 by default.
    public var jpegQuality: Int
    /// Whether color is stored at half the resolution in both directions (4:2:0) or at full resolution (4:4:4). By
    /// default nil, for 4:4:4 at a quality of 90 or more and 4:2:0 below.
    public var jpegSubsamplesColor: Bool?
    /// Tables, sampling and progression for writing a JPEG, overriding quality and subsampling; nil by default. If they
    /// do not fit the image, as those of CMYK do not fit RGB, quality and subsampling are used.
    public var jpegParameters: JPEGParameters?
    /// zlib's level: 0 (none) … 9 (smallest). By default nil, for level 6 if the image is repetitive, as drawings are,
    /// and otherwise no search for repetitions. The pixels are the same at any level.
    public var pngCompression: Int?

    public init(format: ImageFormat, jpegQuality: Int = 95, pngCompression: Int? = nil) {
        self.format = format
        self.jpegQuality = jpegQuality
        self.pngCompression = pngCompression
    }

    var subsamplesColor: Bool { jpegSubsamplesColor ?? (jpegQuality < 90) }
}

/// Encodes an image in memory.
///
/// A 16-bit image is rounded to 8 bits for JPEG. An image with transparency cannot be encoded as JPEG: it is up to the
/// caller to choose a background. Alpha that is opaque everywhere is omitted.
///
/// Metadata that the format does not support are omitted; `ImageMetadata.losses(in:)` lists them.
///
/// - Parameters:
///   - metadata: the file's metadata; empty by default.
///   - path: used in error messages.
///   - pool: compresses the strips of a PNG; the output does not depend on it.
/// - Throws: `ImageError.cannotEncode`.
public func encodeImage(
    _ image: Image, metadata: ImageMetadata = ImageMetadata(), as encoding: ImageEncoding, path: String,
    pool: WorkerPool = .serial
) throws(ImageError) -> [UInt8] {
    let encoded = try encode(image, metadata, as: encoding, path: path, pool: pool)
    return encoded.withBytes { [UInt8]($0) }
}

/// Encodes an image and writes it atomically, so that `path` contains either its old contents or the complete new image
/// at any moment; see `writeFileAtomically`.
///
/// - Parameters:
///   - metadata: see `encodeImage`.
///   - encoding: nil for the format given by the extension of `path`, with default settings.
///   - overwrite: whether a file at `path` may be replaced.
///   - source: the file that the image was read from, if any: see `writeFileAtomically`.
///   - folder: the folder for outputs that `path` is in, if any: see `writeFileAtomically`.
///   - pool: see `encodeImage`.
/// - Throws: `ImageError.unknownExtension`, `.cannotEncode`, or `.file` if the file cannot be written.
public func writeImage(
    _ image: Image, metadata: ImageMetadata = ImageMetadata(), to path: String, encoding: ImageEncoding? = nil,
    overwrite: Bool, madeOf source: FileSource? = nil, in folder: OutputFolder? = nil, pool: WorkerPool = .serial
) throws(ImageError) {
    guard let encoding = encoding ?? ImageFormat.forPath(path).map({ ImageEncoding(format: $0) }) else {
        throw .unknownExtension(path: path)
    }
    let encoded = try encode(image, metadata, as: encoding, path: path, pool: pool)
    do throws(FileError) {
        try encoded.withBytes { bytes throws(FileError) in
            try writeFileAtomically(bytes, to: path, overwrite: overwrite, madeOf: source, in: folder)
        }
    } catch {
        throw .file(error)
    }
}

private func encode(
    _ image: Image, _ metadata: ImageMetadata, as encoding: ImageEncoding, path: String,
    pool: WorkerPool
) throws(ImageError) -> EncodedBytes {
    try encoding.requireAbility(toStore: image, path: path)
    let storable = encoding.format == .jpeg ? image.withoutAlpha().roundedTo8Bits() : image
    do throws(CodecFailure) {
        let metadata =
            encoding.format == .jpeg ? metadata.describingColorsByProfile(of: storable.channelLayout) : metadata
        return try EncodedBytes(storable, metadata, as: encoding, pool: pool)
    } catch {
        throw .cannotEncode(path: path, reason: error.reason)
    }
}

extension ImageEncoding {
    /// - Parameter path: used in the error message.
    /// - Throws: `ImageError.cannotEncode` if `image` cannot be stored with these settings.
    public func requireAbility(toStore image: Image, path: String) throws(ImageError) {
        if let reason = obstacle(to: self, of: image) { throw .cannotEncode(path: path, reason: reason) }
    }
}

/// Why `image` cannot be stored with these settings, or nil if it can.
private func obstacle(to encoding: ImageEncoding, of image: Image) -> String? {
    switch encoding.format {
    case .png:
        if let level = encoding.pngCompression, !(0...9).contains(level) {
            return "the PNG compression must be 0…9, found \(level)"
        }
        let limit = Int(Int32.max)
        if image.width > limit || image.height > limit {
            return "a PNG has at most \(limit) pixels per side, found \(image.width)×\(image.height)"
        }
    case .jpeg:
        if !(1...100).contains(encoding.jpegQuality) {
            return "the JPEG quality must be 1…100, found \(encoding.jpegQuality)"
        }
        if !image.isOpaque { return "JPEG does not support transparency; use PNG" }
        let limit = 65500  // JPEG_MAX_DIMENSION of libjpeg
        if image.width > limit || image.height > limit {
            return "a JPEG has at most \(limit) pixels per side, found \(image.width)×\(image.height)"
        }
    }
    return nil
}

extension Image {
    /// The same image with 8 bits per sample, each rounded to nearest: (v + 128) / 257, as 65535 = 255 · 257.
    public func roundedTo8Bits() -> Image {
        guard case .uint16(let values) = storage else { return self }
        let rounded = values.map { UInt8(truncatingIfNeeded: (UInt32($0) + 128) / 257) }
        var result = Image(width: width, height: height, channelLayout: channelLayout, samples: .uint8(rounded))
        result.colorSpace = colorSpace
        return result
    }
}
