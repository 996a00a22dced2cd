import CImageCodecs
import RestoreFiles

/// Limits on the size of an image.
public struct ImageLimits: Sendable, Equatable {
    /// The maximum number of pixels (`width · height`); larger images are rejected before memory is allocated for them.
    public var maximumPixels: Int
    /// A side counts as at least this many pixels: networks pad narrow images, and compute the padding, too.
    public var minimumCountedSide: Int
    /// The maximum width and height, regardless of the other side.
    public var maximumSide: Int

    public init(maximumPixels: Int = 512_000_000, minimumCountedSide: Int = 1, maximumSide: Int = 1_000_000) {
        self.maximumPixels = maximumPixels
        self.minimumCountedSide = minimumCountedSide
        self.maximumSide = maximumSide
    }

    /// - Throws: `ImageError.tooLarge` or `.sideTooLong`.
    func check(width: Int, height: Int, path: String) throws(ImageError) {
        guard max(width, minimumCountedSide) <= maximumPixels / max(height, minimumCountedSide) else {
            throw .tooLarge(path: path, width: width, height: height, limit: maximumPixels)
        }
        guard max(width, height) <= maximumSide else {
            throw .sideTooLong(path: path, width: width, height: height, limit: maximumSide)
        }
    }

    /// 512 megapixels, and a million pixels a side.
    public static let `default` = ImageLimits()
}

/// An image and the information in its file.
public struct DecodedImage: Sendable, Equatable {
    /// Upright, in the color space described by the file.
    public var image: Image
    public var format: ImageFormat
    /// Metadata of the file, adjusted to match `image`; those of the first image if the file contains several.
    public var metadata: ImageMetadata
    /// The coding parameters of a JPEG; nil for other formats.
    public var jpeg: JPEGParameters?
    /// The image as the file codes it, for a result with the very same pixels; nil if `image` is another one: turned
    /// upright, converted from CMYK, or only partially read.
    public var coded: CodedImage?
    /// Damage or irregularities that are not errors, one line each, without the path.
    public var warnings: [String]

    public init(
        image: Image, format: ImageFormat, metadata: ImageMetadata = ImageMetadata(), jpeg: JPEGParameters? = nil,
        coded: CodedImage? = nil, warnings: [String] = []
    ) {
        self.image = image
        self.format = format
        self.metadata = metadata
        self.jpeg = jpeg
        self.coded = coded
        self.warnings = warnings
    }

    /// Whether two files have the same contents, however these are coded.
    public static func == (left: DecodedImage, right: DecodedImage) -> Bool {
        left.image == right.image && left.format == right.format && left.metadata == right.metadata
            && left.jpeg == right.jpeg && left.warnings == right.warnings
    }
}

/// Reads a PNG or JPEG file. The format is determined by the content, not the extension.
///
/// - Parameters: see `decodeImage`.
/// - Throws: `ImageError.file` if the file cannot be read, and the errors of `decodeImage`.
public func readImage(
    _ path: String, limits: ImageLimits = .default, tolerant: Bool = false
) throws(ImageError) -> DecodedImage {
    let bytes: [UInt8]
    do throws(FileError) {
        // A disk image of gigabytes need not be read to find out that it is no image.
        let start = try readStart(of: path, maximumBytes: ImageFormat.signatureBytes)
        let mayBeImage = start.isEmpty || ImageFormat.detect(start) != nil
        bytes = mayBeImage ? try readFile(path) : start
    } catch {
        throw .file(error)
    }
    return try decodeImage(bytes, path: path, limits: limits, tolerant: tolerant)
}

/// Decodes a PNG or JPEG file in memory. Bytes after the end of the image are ignored, including further images (MPO);
/// for an animation (APNG) the default image is read. Both cause a warning.
///
/// PNG: palettes become RGB; 1, 2 and 4 bits become 8 (scaled to 0…255); `tRNS` transparency becomes alpha; 16 bits
/// stay 16 bits; interlaced files are supported. JPEG: baseline, extended, progressive, Huffman and arithmetic coding,
/// 8 bits; gray or RGB. CMYK and YCCK are converted to sRGB (`rgb(fromCMYK:profile:)`) and lose their profile, with a
/// warning.
///
/// Rules of the formats that nearly no viewer insists on cause a warning if they are broken: a `tRNS` chunk that is
/// misplaced, repeated or of a wrong length does not count; palette indices without a color are black; a JPEG may lack its
/// end marker if nothing else is missing.
///
/// Otherwise samples are as in the file, in its color space (`Image.colorSpace`). The orientation is applied to the
/// pixels. Thumbnails are dropped, because they would show the image before processing. Damaged metadata cause a
/// warning.
///
/// - Parameters:
///   - bytes: the file.
///   - path: used in error messages.
///   - limits: the maximum size to accept.
///   - tolerant: whether a partially decodable file is read as far as possible, with a warning, instead of being
///     rejected. The missing part is zero in a PNG, and filled in by libjpeg, mostly with gray, in a JPEG. A file
///     without any decodable pixels is rejected anyway.
/// - Throws: `ImageError.unknownFormat`, `.damaged`, `.tooLarge`, `.sideTooLong` or `.unsupported`.
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
    if metadata.orientation <= 1, pixels.areAsCoded(in: format, tolerant: tolerant) {
        decoded.coded = CodedImage(bytes, format, pictureSize: pixels.pictureSize)
    }
    // With two owners, the image could not be rotated in place.
    pixels.samples = .uint8([])
    decoded.applyMetadata()
    return decoded
}

extension DecodedImage {
    /// Applies the metadata to the image.
    fileprivate mutating func applyMetadata() {
        if let warning = adoptColorSpace() { warnings.append(warning) }
        if let warning = makeUpright() { warnings.append(warning) }
    }
}

/// A codec's output for a file.
private struct DecodedPixels {
    let width: Int
    let height: Int
    let layout: Image.ChannelLayout
    /// Whether the samples are C, M, Y and K, regardless of `layout`.
    let areInks: Bool
    var samples: Image.Samples
    let jpeg: JPEGParameters?
    /// See `CodecReader`.
    let pictureSize: Int?
    let warnings: [String]

    /// Whether another file with the same coded pixels would be a proper one with the same samples. A PNG that is read
    /// with a warning has parts that break the format's rules.
    func areAsCoded(in format: ImageFormat, tolerant: Bool) -> Bool {
        !areInks && (warnings.isEmpty || (format == .jpeg && !tolerant))
    }
}

private func decodePixels(
    _ bytes: [UInt8], _ format: ImageFormat, path: String, limits: ImageLimits, tolerant: Bool
) throws -> DecodedPixels {
    try bytes.withUnsafeBufferPointer { bytes in
        let reader = try CodecReader(format, bytes, tolerant: tolerant)
        let (width, height) = (Int(reader.pixelFormat.width), Int(reader.pixelFormat.height))
        try limits.check(width: width, height: height, path: path)
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
