import CImageCodecs
import RestoreFiles

/// How large a picture may be.
public struct ImageLimits: Sendable, Equatable {
    /// The most pixels (`width · height`) a picture may claim; it is refused before memory is taken for them.
    public var maximumPixels: Int

    public init(maximumPixels: Int = 512_000_000) {
        self.maximumPixels = maximumPixels
    }

    /// 512 megapixels.
    public static let `default` = ImageLimits()
}

/// A picture and what its file says of it.
public struct DecodedImage: Sendable, Equatable {
    /// Upright, in the color space that the file describes.
    public var image: Image
    public var format: ImageFormat
    /// What the file says beside the pixels, true of `image`; of the first picture, where the file holds several.
    public var metadata: ImageMetadata
    /// How a JPEG was coded; nil for other formats.
    public var jpeg: JPEGParameters?
    /// What is damaged or unusual without being an error, a line each, without the path.
    public var warnings: [String]

    public init(
        image: Image, format: ImageFormat, metadata: ImageMetadata = ImageMetadata(), jpeg: JPEGParameters? = nil,
        warnings: [String] = []
    ) {
        self.image = image
        self.format = format
        self.metadata = metadata
        self.jpeg = jpeg
        self.warnings = warnings
    }
}

/// Reads a PNG or JPEG file; the content decides which, not the extension.
///
/// - Parameters: see `decodeImage`.
/// - Throws: `ImageError.file` where the file cannot be read, and the errors of `decodeImage`.
public func readImage(
    _ path: String, limits: ImageLimits = .default, tolerant: Bool = false
) throws(ImageError) -> DecodedImage {
    let bytes: [UInt8]
    do throws(FileError) {
        bytes = try readFile(path)
    } catch {
        throw .file(error)
    }
    return try decodeImage(bytes, path: path, limits: limits, tolerant: tolerant)
}

/// Decodes a PNG or JPEG file that is in memory. Bytes after the picture's end are ignored, and with them further pictures
/// (MPO); of an animation (APNG) the default picture is read. Both are a warning.
///
/// PNG: palettes come out as RGB, 1, 2 and 4 bits as 8 (scaled to 0…255), `tRNS` transparency as alpha, 16 bits
/// as 16 bits; interlaced files too. JPEG: baseline, extended, progressive, Huffman and arithmetic coding, 8 bits; gray or
/// RGB; CMYK and YCCK come out as sRGB (`rgb(fromCMYK:profile:)`), without their profile, which is a warning.
///
/// Other samples are as the file has them, in its color space (`Image.colorSpace`). The orientation is baked in, thumbnails,
/// which would show the picture before what is done to it, are dropped. Damaged metadata are a warning.
///
/// - Parameters:
///   - bytes: the file.
///   - path: what errors name.
///   - limits: the most pixels to accept.
///   - tolerant: whether a file that decodes only in part is read as far as it goes, with a warning, instead of being
///     refused. What is missing is zero in a PNG and what libjpeg makes of it, mostly gray, in a JPEG. A file of which
///     no pixel decodes is refused all the same.
/// - Throws: `ImageError.unknownFormat`, `.damaged`, `.tooLarge` or `.unsupported`.
public func decodeImage(
    _ bytes: [UInt8], path: String, limits: ImageLimits = .default, tolerant: Bool = false
) throws(ImageError) -> DecodedImage {
    guard let format = ImageFormat.detect(bytes) else {
        throw .unknownFormat(path: path, found: ImageFormat.describe(bytes))
    }
    var pixels: DecodedPixels
    do {
        pixels = try decodePixels(bytes, format, path: path, limits: limits, tolerant: tolerant)
    } catch let failure as CodecFailure {
        throw failure.isDamage
            ? .damaged(path: path, format: format, reason: failure.reason)
            : .unsupported(path: path, reason: failure.reason)
    } catch let error as ImageError {
        throw error
    } catch {
        throw .unsupported(path: path, reason: "\(error)")
    }
    var (metadata, warnings) = ImageMetadata.read(bytes, format)
    warnings += unreadContent(of: bytes, format, pictureSize: pixels.pictureSize)
    if pixels.areInks, case .uint8(let inks) = pixels.samples {
        let (colors, warning) = colorsAndWarning(fromCMYK: inks, profile: metadata.colorProfile)
        pixels.samples = .uint8(colors)
        warnings.append(warning)
        metadata = metadata.describingSRGB
    }
    var decoded = DecodedImage(
        image: Image(
            width: pixels.width, height: pixels.height, channelLayout: pixels.layout, samples: pixels.samples),
        format: format, metadata: metadata, jpeg: pixels.jpeg, warnings: pixels.warnings + warnings)
    // With two owners the picture could not be turned in place.
    pixels.samples = .uint8([])
    decoded.applyMetadata()
    return decoded
}

extension DecodedImage {
    /// Makes the picture what its metadata say that is meant.
    fileprivate mutating func applyMetadata() {
        if let warning = adoptColorSpace() { warnings.append(warning) }
        if let warning = makeUpright() { warnings.append(warning) }
    }
}

/// What a codec makes of a file.
private struct DecodedPixels {
    let width: Int
    let height: Int
    let layout: Image.ChannelLayout
    /// Whether the samples are C, M, Y and K instead of what `layout` says.
    let areInks: Bool
    var samples: Image.Samples
    let jpeg: JPEGParameters?
    /// As `CodecReader` has it.
    let pictureSize: Int?
    let warnings: [String]
}

private func decodePixels(
    _ bytes: [UInt8], _ format: ImageFormat, path: String, limits: ImageLimits, tolerant: Bool
) throws -> DecodedPixels {
    try bytes.withUnsafeBufferPointer { bytes in
        let reader = try CodecReader(format, bytes, tolerant: tolerant)
        let (width, height) = (Int(reader.pixelFormat.width), Int(reader.pixelFormat.height))
        guard width <= limits.maximumPixels / height else {
            throw ImageError.tooLarge(path: path, width: width, height: height, limit: limits.maximumPixels)
        }
        let areInks = format == .jpeg && reader.pixelFormat.channels == 4
        let layout = areInks ? .rgb : try channelLayout(reader.pixelFormat)
        let samples = try reader.decode()
        return DecodedPixels(
            width: width, height: height, layout: layout, areInks: areInks, samples: samples,
            jpeg: reader.jpegParameters, pictureSize: reader.pictureSize, warnings: reader.warnings)
    }
}

private func channelLayout(_ format: RestorePixelFormat) throws(CodecFailure) -> Image.ChannelLayout {
    switch format.channels {
    case 1: return .gray
    case 2: return .grayAlpha
    case 3: return .rgb
    case 4: return .rgbAlpha
    default:
        throw .unsupported("\(format.channels) channels")
    }
}
