import Glibc
import RestoreImage
import RestoreModels
import RestoreNN

/// The damage of JPEG compression alone: blocks, ringing, lost detail and smeared color.
///
/// The image is compressed once, or in one of four cases twice, on different block grids, as when a picture from the
/// web is cropped and saved again. The qualities span those of published test protocols; the probabilities are ours.
public struct JPEGDamage: Hashable, Sendable {
    static let qualities = 10...95
    private static let twiceShare = 0.25
    /// A uniform number to this power gives the place in `qualities`: half of them are below 31, because strong damage
    /// takes longer to learn.
    private static let qualityPower = 2.0

    public init() {}

    /// Damages interleaved RGB pixels in place; the result is that of 8 bits: multiples of 1/255 in 0…1.
    ///
    /// - Parameters:
    ///   - colors: finite; clipped to 0…1.
    ///   - width: in pixels, 1…`PhotographNoise.maximumSide`, as is `height`.
    ///   - pixelStride: floats from one pixel to the next, at least 3; those beyond the third are not changed.
    ///   - isGray: whether the three channels are equal, before and after.
    ///   - startsAtCorner: whether the file's blocks start at the image's corner, as in a file that is read whole; as
    ///     random as in a crop if not.
    /// - Returns: what the file says about its compression.
    @discardableResult
    public func degrade(
        colors: UnsafeMutablePointer<Float>, width: Int, height: Int, pixelStride: Int = 3, isGray: Bool = false,
        startsAtCorner: Bool = false, generator: inout SeededGenerator
    ) -> JPEGParameters? {
        let sides = 1...PhotographNoise.maximumSide
        precondition(sides.contains(width) && sides.contains(height), "\(width)×\(height) pixels")
        let count = generator.happens(Self.twiceShare) ? 2 : 1
        var passes = (0..<count).map { _ in
            let place = pow(generator.uniform(), Self.qualityPower) * Double(Self.qualities.count)
            let quality = Self.qualities.lowerBound + min(Int(place), Self.qualities.count - 1)
            return JPEGPass(qualities: quality...quality, using: &generator)
        }
        if startsAtCorner { passes[count - 1] = passes[count - 1].atCorner }
        var image = PixelRows(colors, width: width, height: height, pixelStride: pixelStride).image(isGray: isGray)
        var parameters: JPEGParameters?
        do {
            for pass in passes { (image, parameters) = try pass.apply(to: image) }
        } catch {
            // For images of this size this can only be lack of memory, which ends a Swift program wherever it occurs.
            preconditionFailure("\(error)")
        }
        image.copyColors(of: image.bounds, to: colors, pixelStride: pixelStride)
        return parameters
    }
}

extension PixelRows {
    /// The colors rounded to 8 bits: RGB, or their luma.
    fileprivate func image(isGray: Bool) -> Image {
        let channels = isGray ? 1 : 3
        let samples = [UInt8](unsafeUninitializedCapacity: channels * width * height) { buffer, count in
            for y in 0..<height {
                for x in 0..<width {
                    let color = self[column: x, row: y]
                    let target = channels * (y * width + x)
                    if isGray {
                        buffer[target] = quantized((color * Luma.weights).sum())
                    } else {
                        for c in 0..<3 { buffer[target + c] = quantized(color[c]) }
                    }
                }
            }
            count = channels * width * height
        }
        return Image(width: width, height: height, channelLayout: isGray ? .gray : .rgb, samples: .uint8(samples))
    }
}
