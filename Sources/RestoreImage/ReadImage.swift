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

/// A picture and the format it was stored in.
public struct DecodedImage: Sendable, Equatable {
    public var image: Image
    public var format: ImageFormat

    public init(image: Image, format: ImageFormat) {
        self.image = image
        self.format = format
    }
}

/// Reads a PNG or JPEG file; the content decides which, not the extension.
///
/// - Throws: `ImageError.file` where the file cannot be read, and the errors of `decodeImage`.
public func readImage(_ path: String, limits: ImageLimits = .default) throws(ImageError) -> DecodedImage {
    let bytes: [UInt8]
    do throws(FileError) {
        bytes = try readFile(path)
    } catch {
        throw .file(error)
    }
    return try decodeImage(bytes, path: path, limits: limits)
}

/// Decodes a PNG or JPEG file that is in memory. Bytes after the picture's end are ignored.
///
/// PNG: palettes come out as RGB, 1, 2 and 4 bits as 8 (scaled to 0…255), `tRNS` transparency as alpha, 16 bits
/// as 16 bits; interlaced files too. JPEG: baseline and progressive, 8 bits; grey or RGB; CMYK and YCCK are
/// converted to RGB without a profile. A file that decodes only in part is refused.
///
/// - Parameters:
///   - bytes: the file.
///   - path: what errors name.
///   - limits: the most pixels to accept.
/// - Throws: `ImageError.unknownFormat`, `.damaged`, `.tooLarge` or `.unsupported`.
public func decodeImage(
    _ bytes: [UInt8], path: String, limits: ImageLimits = .default
) throws(ImageError) -> DecodedImage {
    guard let format = ImageFormat.detect(bytes) else {
        throw .unknownFormat(path: path, found: ImageFormat.describe(bytes))
    }
    var result: Result<Image, ImageError>?
    bytes.withUnsafeBufferPointer { buffer in
        do throws(ImageError) {
            result = .success(try decode(buffer, format, path: path, limits: limits))
        } catch {
            result = .failure(error)
        }
    }
    guard let result else { throw .unsupported(path: path, reason: "it was not decoded") }
    return DecodedImage(image: try result.get(), format: format)
}

private func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ format: ImageFormat, path: String, limits: ImageLimits
) throws(ImageError) -> Image {
    do {
        let reader = try CodecReader(format, bytes)
        let (width, height) = (Int(reader.pixelFormat.width), Int(reader.pixelFormat.height))
        guard width <= limits.maximumPixels / height else {
            throw ImageError.tooLarge(path: path, width: width, height: height, limit: limits.maximumPixels)
        }
        let layout = try channelLayout(reader.pixelFormat)
        return Image(width: width, height: height, channelLayout: layout, samples: try reader.decode())
    } catch let failure as CodecFailure {
        throw failure.isDamage
            ? .damaged(path: path, format: format, reason: failure.reason)
            : .unsupported(path: path, reason: failure.reason)
    } catch let error as ImageError {
        throw error
    } catch {
        throw .unsupported(path: path, reason: "\(error)")
    }
}

private func channelLayout(_ format: RestorePixelFormat) throws(CodecFailure) -> Image.ChannelLayout {
    switch format.channels {
    case 1: return .grey
    case 2: return .greyAlpha
    case 3: return .rgb
    case 4: return .rgbAlpha
    default:
        throw .unsupported("\(format.channels) channels")
    }
}
