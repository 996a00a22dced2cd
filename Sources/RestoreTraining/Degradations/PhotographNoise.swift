import Glibc
import RestoreImage
import RestoreNN

/// The noise of photographs as cameras give them: it depends on the brightness, is related between colors and between
/// neighbors, and has been through JPEG.
///
/// Every example is taken by another random camera, as `CameraPipeline` describes; docs/photograph-noise.md has its
/// stages, their ranges and where they come from. What becomes of a picture depends on the picture and the generator
/// alone.
public struct PhotographNoise: Hashable, Sendable {
    /// How strong the noise is, everything else being as random as ever: the lower, middle and upper third of the range
    /// of shot levels, on its log scale.
    public enum Level: String, CaseIterable, Encodable, Sendable {
        case low, medium, high
    }

    /// Variance of the sensor's noise for each unit of signal (1 where the sensor is full), drawn uniformly on a log
    /// scale.
    public let shotLevels: ClosedRange<Double>

    /// Side of the largest picture in pixels: a JPEG's, less the shift of its blocks.
    public static let maximumSide = 65500 - 2 * JPEGPass.block

    /// - Parameter shotLevels: greater than 0; the range of the literature unless given.
    public init(shotLevels: ClosedRange<Double>) {
        precondition(shotLevels.lowerBound > 0, "shot levels \(shotLevels)")
        self.shotLevels = shotLevels
    }

    /// The whole range, for training.
    public init() {
        self.init(shotLevels: ShotReadNoise.shotLevels)
    }

    /// A third of the range, for tests whose figures can be repeated.
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
    ///   - pixelStride: floats from one pixel to the next, at least 3; those beyond the third are left alone.
    ///   - isGray: the three channels are one, before and after.
    public func degrade(
        colors: UnsafeMutablePointer<Float>, width: Int, height: Int, pixelStride: Int = 3, isGray: Bool = false,
        generator: inout SeededGenerator
    ) {
        let sides = 1...Self.maximumSide
        precondition(sides.contains(width) && sides.contains(height), "\(width)×\(height) pixels")
        let camera = CameraPipeline(shotLevels: shotLevels, using: &generator)
        let clean = PixelRows(colors, width: width, height: height, pixelStride: pixelStride)
        do {
            let photograph = try camera.photograph(clean, isGray: isGray, generator: &generator)
            photograph.copyColors(of: photograph.bounds, to: colors, pixelStride: pixelStride)
        } catch {
            // Of pictures this size only for want of memory, which ends a Swift program wherever it occurs.
            preconditionFailure("\(error)")
        }
    }

    /// The picture degraded, in 8 bits; alpha stays, rounded to 8 bits.
    ///
    /// - Throws: `ImageError.cannotEncode`, naming `path`, where the picture is larger than `maximumSide`.
    public func degrade(
        _ image: Image, path: String, generator: inout SeededGenerator
    ) throws(ImageError) -> Image {
        guard max(image.width, image.height) <= Self.maximumSide else {
            throw .cannotEncode(
                path: path,
                reason:
                    "at most \(Self.maximumSide) pixels a side go through JPEG, found \(image.width)×\(image.height)")
        }
        var colors = [Float](repeating: 0, count: 3 * image.pixelCount)
        colors.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            image.copyColors(of: image.bounds, to: base)
            degrade(
                colors: base, width: image.width, height: image.height,
                isGray: image.channelLayout.colorChannelCount == 1, generator: &generator)
        }
        do {
            return try image.roundedTo8Bits().withColors(colors)
        } catch {
            throw .notFinite(path: path, x: error.x, y: error.y)
        }
    }
}
