import RestoreConcurrency
import RestoreFiles

/// How a picture is stored.
public struct ImageEncoding: Sendable, Equatable {
    public var format: ImageFormat
    /// libjpeg's quality, 1…100; 95 unless told otherwise.
    public var jpegQuality: Int
    /// Whether color is kept at half the resolution in both directions (4:2:0) or at all of it (4:4:4); nil, unless
    /// told otherwise, for 4:4:4 from quality 90 on and 4:2:0 below.
    public var jpegSubsamplesColor: Bool?
    /// Tables, sampling and progression that a JPEG is written with, in place of quality and subsampling; nil unless told
    /// otherwise. Where they do not fit the picture, as those of CMYK do not fit RGB, quality and subsampling hold.
    public var jpegParameters: JPEGParameters?
    /// zlib's level: 0 (none) … 9 (smallest); nil, unless told otherwise, for level 6 where the picture repeats itself,
    /// as drawings do, and no search for repetitions elsewhere. The pixels are the same at any level.
    public var pngCompression: Int?

    public init(format: ImageFormat, jpegQuality: Int = 95, pngCompression: Int? = nil) {
        self.format = format
        self.jpegQuality = jpegQuality
        self.pngCompression = pngCompression
    }

    var subsamplesColor: Bool { jpegSubsamplesColor ?? (jpegQuality < 90) }
}

/// Encodes a picture in memory.
///
/// A 16-bit picture is rounded to 8 bits for JPEG. A picture with transparency is not encoded as JPEG, which has none:
/// what would stand behind it is the caller's decision. Alpha that is opaque everywhere says nothing and is left out.
///
/// What the format cannot hold of `metadata` is left out: `ImageMetadata.losses(in:)` says what that is.
///
/// - Parameters:
///   - metadata: what the file says beside the pixels; nothing unless told otherwise.
///   - path: what errors name.
///   - pool: compresses the strips of a PNG; the bytes do not depend on it.
/// - Throws: `ImageError.cannotEncode`.
public func encodeImage(
    _ image: Image, metadata: ImageMetadata = ImageMetadata(), as encoding: ImageEncoding, path: String,
    pool: WorkerPool = .serial
) throws(ImageError) -> [UInt8] {
    let encoded = try encode(image, metadata, as: encoding, path: path, pool: pool)
    return encoded.withBytes { [UInt8]($0) }
}

/// Encodes a picture and writes it so that `path` holds its old contents or the whole new picture at any moment;
/// see `writeFileAtomically`.
///
/// - Parameters:
///   - metadata: see `encodeImage`.
///   - encoding: nil for the format that the extension of `path` names, with its default settings.
///   - overwrite: whether a file at `path` may be replaced.
///   - source: the file that the picture is of, if it is of one: see `writeFileAtomically`.
///   - pool: see `encodeImage`.
/// - Throws: `ImageError.unknownExtension`, `.cannotEncode`, or `.file` where the file cannot be written.
public func writeImage(
    _ image: Image, metadata: ImageMetadata = ImageMetadata(), to path: String, encoding: ImageEncoding? = nil,
    overwrite: Bool, madeOf source: String? = nil, pool: WorkerPool = .serial
) throws(ImageError) {
    guard let encoding = encoding ?? ImageFormat.forPath(path).map({ ImageEncoding(format: $0) }) else {
        throw .unknownExtension(path: path)
    }
    let encoded = try encode(image, metadata, as: encoding, path: path, pool: pool)
    do throws(FileError) {
        try encoded.withBytes { bytes throws(FileError) in
            try writeFileAtomically(bytes, to: path, overwrite: overwrite, madeOf: source)
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
    /// - Parameter path: what the error names.
    /// - Throws: `ImageError.cannotEncode` where `image` cannot be stored so.
    public func requireAbility(toStore image: Image, path: String) throws(ImageError) {
        if let reason = obstacle(to: self, of: image) { throw .cannotEncode(path: path, reason: reason) }
    }
}

/// Why `image` cannot be stored so, or nil where it can.
private func obstacle(to encoding: ImageEncoding, of image: Image) -> String? {
    switch encoding.format {
    case .png:
        if let level = encoding.pngCompression, !(0...9).contains(level) {
            return "the PNG compression must be 0…9, found \(level)"
        }
        let limit = Int(Int32.max)
        if image.width > limit || image.height > limit {
            return "a PNG has at most \(limit) pixels a side, found \(image.width)×\(image.height)"
        }
    case .jpeg:
        if !(1...100).contains(encoding.jpegQuality) {
            return "the JPEG quality must be 1…100, found \(encoding.jpegQuality)"
        }
        if !image.isOpaque { return "a JPEG has no transparency; store it as PNG" }
        let limit = 65500  // JPEG_MAX_DIMENSION of libjpeg
        if image.width > limit || image.height > limit {
            return "a JPEG has at most \(limit) pixels a side, found \(image.width)×\(image.height)"
        }
    }
    return nil
}

extension Image {
    /// The same picture in 8 bits a sample, each rounded to the nearest: (v + 128) / 257, as 65535 = 255 · 257.
    public func roundedTo8Bits() -> Image {
        guard case .uint16(let values) = storage else { return self }
        let rounded = values.map { UInt8(truncatingIfNeeded: (UInt32($0) + 128) / 257) }
        var result = Image(width: width, height: height, channelLayout: channelLayout, samples: .uint8(rounded))
        result.colorSpace = colorSpace
        return result
    }
}
