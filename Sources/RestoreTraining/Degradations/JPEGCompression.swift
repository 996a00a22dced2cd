import RestoreImage

/// Compression as JPEG with a fixed quality, blocks starting at the image's corner.
public struct JPEGCompression: Hashable, Sendable {
    /// libjpeg's quality, 1…100.
    public let quality: Int
    /// Whether color is stored at half the resolution (4:2:0); nil for `ImageEncoding`'s default.
    public let subsamplesColor: Bool?

    public init(quality: Int, subsamplesColor: Bool? = nil) {
        precondition((1...100).contains(quality), "quality \(quality)")
        self.quality = quality
        self.subsamplesColor = subsamplesColor
    }

    /// The image as it would be read from the JPEG file: upright, 8 bits, with the file's quantization tables. The file
    /// is made in memory.
    ///
    /// - Parameter path: used in error messages.
    /// - Throws: `ImageError.cannotEncode` for an image that is transparent or too large for JPEG.
    public func decoded(_ image: Image, path: String) throws(ImageError) -> DecodedImage {
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: quality)
        encoding.jpegSubsamplesColor = subsamplesColor
        var decoded = try decodeImage(
            encodeImage(image, as: encoding, path: path), path: path, limits: ImageLimits(maximumPixels: .max))
        // A file made without a profile would be read as sRGB.
        decoded.image.colorSpace = image.colorSpace
        return decoded
    }
}
