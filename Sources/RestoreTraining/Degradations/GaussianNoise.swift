import RestoreImage
import RestoreModels
import RestoreNN

/// Additive white Gaussian noise with mean 0, equally strong in every channel.
public struct GaussianNoise: Hashable, Sendable {
    /// Standard deviation in units of 1/255.
    public let sigma: Double

    /// - Precondition: `sigma` is not negative.
    public init(sigma: Double) {
        precondition(sigma >= 0, "sigma \(sigma)")
        self.sigma = sigma
    }

    /// Adds noise to `pixelCount` interleaved RGB pixels (0…1); the result is not clipped.
    ///
    /// - Parameters:
    ///   - pixelStride: floats from one pixel to the next, at least 3.
    ///   - isGray: whether all three channels get the same deviate, as in a gray image.
    public func add(
        to colors: UnsafeMutablePointer<Float>, pixelCount: Int, pixelStride: Int = 3, isGray: Bool = false,
        generator: inout SeededGenerator
    ) {
        let scale = sigma / 255
        for pixel in 0..<pixelCount {
            let color = colors + pixel * pixelStride
            if isGray {
                let deviate = Float(scale * generator.normal())
                for c in 0..<3 { color[c] += deviate }
            } else {
                for c in 0..<3 { color[c] += Float(scale * generator.normal()) }
            }
        }
    }

    /// The image's colors as interleaved RGB floats with noise, not clipped.
    public func noisyColors(of image: Image, generator: inout SeededGenerator) -> [Float] {
        var colors = [Float](repeating: 0, count: 3 * image.pixelCount)
        colors.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            image.copyColors(of: image.bounds, to: base)
            add(
                to: base, pixelCount: image.pixelCount, isGray: image.channelLayout.colorChannelCount == 1,
                generator: &generator)
        }
        return colors
    }

    /// The image with noise, clipped and rounded to its bit depth; alpha is unchanged.
    public func degrade(_ image: Image, generator: inout SeededGenerator) throws(NonFinitePixel) -> Image {
        let colors = noisyColors(of: image, generator: &generator)
        return try image.withColors(colors)
    }
}

extension Image {
    /// The image with other colors: interleaved RGB floats, clipped to 0…1 and rounded to the bit depth.
    ///
    /// - Precondition: 3 floats per pixel.
    public func withColors(_ colors: [Float]) throws(NonFinitePixel) -> Image {
        precondition(colors.count == 3 * pixelCount, "\(colors.count) floats for \(pixelCount) pixels")
        var result = self
        try colors.withUnsafeBufferPointer { buffer throws(NonFinitePixel) in
            if let base = buffer.baseAddress { try result.setColors(of: bounds, from: base) }
        }
        return result
    }
}
