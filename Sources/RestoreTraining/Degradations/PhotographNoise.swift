import Glibc
import RestoreImage
import RestoreNN

/// The noise of photographs as produced by cameras: it depends on brightness, is correlated between colors and between
/// neighboring pixels, and has been through JPEG compression.
///
/// Every example is taken by a different random camera, as described by `CameraPipeline`; see docs/photograph-noise.md
/// for the stages, their ranges and sources. The result depends only on the image and the generator.
public struct PhotographNoise: Hashable, Sendable {
    /// The strength of the noise, with everything else as random as usual: the lower, middle and upper third of the
    /// range of shot levels, on its log scale.
    public enum Level: String, CaseIterable, Encodable, Sendable {
        case low, medium, high
    }

    /// Variance of the sensor's noise per unit of signal (1 at saturation), drawn uniformly on a log scale.
    public let shotLevels: ClosedRange<Double>
    private let variety: CameraVariety

    /// Maximum side of an image in pixels: a JPEG's limit minus the offset of its blocks.
    public static let maximumSide = 65500 - 2 * JPEGPass.block

    /// - Parameter shotLevels: greater than 0; by default the range from the literature.
    public init(shotLevels: ClosedRange<Double>) {
        self.init(shotLevels: shotLevels, variety: .reference)
    }

    private init(shotLevels: ClosedRange<Double>, variety: CameraVariety) {
        precondition(shotLevels.lowerBound > 0, "shot levels \(shotLevels)")
        self.shotLevels = shotLevels
        self.variety = variety
    }

    /// The whole range of noise.
    public init() {
        self.init(shotLevels: ShotReadNoise.shotLevels)
    }

    /// The whole range of noise and more kinds of cameras than in evaluations.
    public static let training = PhotographNoise(shotLevels: ShotReadNoise.shotLevels, variety: .training)

    /// The weakest third of it: what hides in the damage of JPEG.
    public static let weakTraining = PhotographNoise(
        shotLevels: PhotographNoise(level: .low).shotLevels, variety: .training)

    /// A third of the range, for reproducible evaluations.
    public init(level: Level) {
        let (whole, index) = (ShotReadNoise.shotLevels, Level.allCases.firstIndex(of: level) ?? 0)
        let third = cbrt(whole.upperBound / whole.lowerBound)
        let lower = (0..<index).reduce(whole.lowerBound) { value, _ in value * third }
        self.init(shotLevels: lower...min(lower * third, whole.upperBound))
    }

    /// Degrades interleaved RGB pixels in place; the result is that of 8 bits: multiples of 1/255 in 0…1.
    ///
    /// - Parameters:
    ///   - colors: finite; clipped to 0…1.
    ///   - width: in pixels, 1…`maximumSide`, as is `height`.
    ///   - pixelStride: floats from one pixel to the next, at least 3; those beyond the third are not changed.
    ///   - isGray: whether the three channels are equal, before and after.
    ///   - startsAtCorner: whether the file's blocks start at the image's corner, as in a file that is read whole; as
    ///     random as in a crop if not.
    /// - Returns: what the image's JPEG file says about its compression; nil if it has not been compressed.
    @discardableResult
    public func degrade(
        colors: UnsafeMutablePointer<Float>, width: Int, height: Int, pixelStride: Int = 3, isGray: Bool = false,
        startsAtCorner: Bool = false, generator: inout SeededGenerator
    ) -> JPEGParameters? {
        let sides = 1...Self.maximumSide
        precondition(sides.contains(width) && sides.contains(height), "\(width)×\(height) pixels")
        var camera = CameraPipeline(shotLevels: shotLevels, variety: variety, using: &generator)
        if startsAtCorner, let last = camera.passes.popLast() { camera.passes.append(last.atCorner) }
        let clean = PixelRows(colors, width: width, height: height, pixelStride: pixelStride)
        do {
            let (photograph, parameters) = try camera.photograph(clean, isGray: isGray, generator: &generator)
            photograph.copyColors(of: photograph.bounds, to: colors, pixelStride: pixelStride)
            return parameters
        } catch {
            // For images of this size this can only be lack of memory, which ends a Swift program wherever it occurs.
            preconditionFailure("\(error)")
        }
    }

    /// The degraded image, in 8 bits; alpha is kept, rounded to 8 bits.
    ///
    /// - Throws: as `photograph`.
    public func degrade(
        _ image: Image, path: String, generator: inout SeededGenerator
    ) throws(ImageError) -> Image {
        try photograph(image, path: path, generator: &generator).image
    }

    /// The degraded image as a camera's file: with its JPEG parameters if it has been compressed.
    ///
    /// - Throws: `ImageError.cannotEncode`, naming `path`, if the image is larger than `maximumSide`.
    public func photograph(
        _ image: Image, path: String, generator: inout SeededGenerator
    ) throws(ImageError) -> DecodedImage {
        guard max(image.width, image.height) <= Self.maximumSide else {
            throw .cannotEncode(
                path: path,
                reason:
                    "at most \(Self.maximumSide) pixels a side go through JPEG, found \(image.width)×\(image.height)")
        }
        var colors = image.colors
        let parameters = colors.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { base in
                degrade(
                    colors: base, width: image.width, height: image.height,
                    isGray: image.channelLayout.colorChannelCount == 1, startsAtCorner: true, generator: &generator)
            }
        }
        do {
            return DecodedImage(
                image: try image.roundedTo8Bits().withColors(colors), format: parameters == nil ? .png : .jpeg,
                jpeg: parameters)
        } catch {
            throw .notFinite(path: path, x: error.x, y: error.y)
        }
    }
}
