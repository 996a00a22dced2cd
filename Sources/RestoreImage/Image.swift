/// An image in memory: interleaved samples, row by row from the top left, without padding.
///
/// Samples are as in the file, in the file's color space: 8-bit values 0…255, 16-bit values 0…65535. Alpha is not
/// premultiplied.
public struct Image: Sendable, Equatable {
    /// The channels of a pixel, in this order.
    public enum ChannelLayout: Sendable, CaseIterable {
        case gray, grayAlpha, rgb, rgbAlpha

        /// Samples per pixel, 1…4.
        public var channelCount: Int {
            switch self {
            case .gray: return 1
            case .grayAlpha: return 2
            case .rgb: return 3
            case .rgbAlpha: return 4
            }
        }

        /// Samples per pixel without alpha: 1 or 3.
        public var colorChannelCount: Int { hasAlpha ? channelCount - 1 : channelCount }

        /// Whether the last sample of a pixel is its opacity.
        public var hasAlpha: Bool { self == .grayAlpha || self == .rgbAlpha }
    }

    /// `width · height · channelCount` samples.
    public enum Samples: Sendable, Equatable {
        case uint8([UInt8])
        case uint16([UInt16])

        /// Number of samples.
        public var count: Int {
            switch self {
            case .uint8(let values): return values.count
            case .uint16(let values): return values.count
            }
        }
    }

    /// Pixels per row, at least 1.
    public let width: Int
    /// Number of rows, at least 1.
    public let height: Int
    public let channelLayout: ChannelLayout
    /// The color space of the samples; sRGB by default.
    ///
    /// - Precondition: a conversion has as many channels as the image has color channels.
    public var colorSpace = ColorSpace.sRGB {
        didSet {
            guard case .converted(let conversion) = colorSpace else { return }
            precondition(
                conversion.channelCount == channelLayout.colorChannelCount,
                "a color space of \(conversion.channelCount) channels for \(channelLayout.colorChannelCount)")
        }
    }
    /// The samples. A new value must have as many as the old one, but may have another bit depth.
    public var samples: Samples {
        get { storage }
        set {
            precondition(
                newValue.count == sampleCount, "expected \(sampleCount) samples, found \(newValue.count)")
            storage = newValue
        }
    }

    /// `samples` without the check, for methods that take the array out while writing to it.
    var storage: Samples

    /// 8 or 16.
    public var bitDepth: Int {
        switch storage {
        case .uint8: return 8
        case .uint16: return 16
        }
    }

    /// The largest sample: 255 or 65535.
    public var maximumSample: Int { bitDepth == 8 ? 255 : 65535 }

    /// `width · height`.
    public var pixelCount: Int { width * height }

    /// `width · height · channelCount`.
    public var sampleCount: Int { pixelCount * channelLayout.channelCount }

    /// Size of the samples in bytes.
    public var byteCount: Int { sampleCount * bitDepth / 8 }

    /// Creates an image with the given samples.
    ///
    /// - Precondition: `width` and `height` are at least 1, and `samples` contains `width · height · channelCount`
    ///   values.
    public init(width: Int, height: Int, channelLayout: ChannelLayout, samples: Samples) {
        let count = Image.sampleCount(width: width, height: height, channelLayout: channelLayout)
        precondition(samples.count == count, "expected \(count) samples, found \(samples.count)")
        self.width = width
        self.height = height
        self.channelLayout = channelLayout
        self.storage = samples
    }

    /// Creates an image of zeros: black, and transparent if there is alpha.
    ///
    /// - Precondition: `width` and `height` are at least 1, and `bitDepth` is 8 or 16.
    public init(width: Int, height: Int, channelLayout: ChannelLayout, bitDepth: Int = 8) {
        precondition(bitDepth == 8 || bitDepth == 16, "bitDepth must be 8 or 16, found \(bitDepth)")
        let count = Image.sampleCount(width: width, height: height, channelLayout: channelLayout)
        let samples: Samples =
            bitDepth == 8
            ? .uint8([UInt8](repeating: 0, count: count))
            : .uint16([UInt16](repeating: 0, count: count))
        self.init(width: width, height: height, channelLayout: channelLayout, samples: samples)
    }

    private static func sampleCount(width: Int, height: Int, channelLayout: ChannelLayout) -> Int {
        precondition(width >= 1 && height >= 1, "an image has at least 1×1 pixels, found \(width)×\(height)")
        let pixels = width.multipliedReportingOverflow(by: height)
        let samples = pixels.partialValue.multipliedReportingOverflow(by: channelLayout.channelCount)
        precondition(!pixels.overflow && !samples.overflow, "\(width)×\(height) pixels overflow")
        return samples.partialValue
    }
}
