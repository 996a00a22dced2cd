import Glibc

/// Why two images cannot be compared.
public enum ImageComparisonError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Widths or heights differ; both sizes as "width×height".
    case sizesDiffer(String, String)
    /// One is gray and the other has color.
    case colorChannelsDiffer(Int, Int)
    /// One has 8 bits per sample and the other 16.
    case bitDepthsDiffer(Int, Int)
    /// The metric needs at least `minimum` pixels per side.
    case tooSmall(width: Int, height: Int, minimum: Int)

    public var description: String {
        switch self {
        case .sizesDiffer(let first, let second):
            return "the images differ in size: \(first) and \(second) pixels"
        case .colorChannelsDiffer(let first, let second):
            return "the images differ in color channels: \(first) and \(second)"
        case .bitDepthsDiffer(let first, let second):
            return "the images differ in bits per sample: \(first) and \(second)"
        case .tooSmall(let width, let height, let minimum):
            return "an image of \(width)×\(height) pixels is too small to compare, at least "
                + "\(minimum)×\(minimum) are needed"
        }
    }
}

/// The mean of (a − b)² over all color samples, in squared sample units (0…255² or 0…65535²). Alpha is ignored.
///
/// - Throws: `ImageComparisonError` if size, color channels or bit depth differ.
public func meanSquaredError(_ a: Image, _ b: Image) throws(ImageComparisonError) -> Double {
    try requireComparable(a, b)
    let sum: UInt64
    switch (a.storage, b.storage) {
    case (.uint8(let first), .uint8(let second)):
        sum = sumOfSquaredDifferences(first, a.channelLayout, second, b.channelLayout)
    case (.uint16(let first), .uint16(let second)):
        sum = sumOfSquaredDifferences(first, a.channelLayout, second, b.channelLayout)
    default:
        throw .bitDepthsDiffer(a.bitDepth, b.bitDepth)
    }
    return Double(sum) / Double(a.pixelCount * a.channelLayout.colorChannelCount)
}

/// Peak signal-to-noise ratio in decibels over all color samples: 10 · log10(peak² / MSE), with a peak of 255 or 65535;
/// infinity for equal images. Alpha is ignored.
///
/// - Throws: `ImageComparisonError` if size, color channels or bit depth differ.
public func peakSignalToNoiseRatio(_ a: Image, _ b: Image) throws(ImageComparisonError) -> Double {
    let error = try meanSquaredError(a, b)
    let peak = Double(a.maximumSample)
    return error == 0 ? .infinity : 10 * log10(peak * peak / error)
}

func requireComparable(_ a: Image, _ b: Image) throws(ImageComparisonError) {
    guard a.width == b.width && a.height == b.height else {
        throw .sizesDiffer("\(a.width)×\(a.height)", "\(b.width)×\(b.height)")
    }
    let channels = (a.channelLayout.colorChannelCount, b.channelLayout.colorChannelCount)
    guard channels.0 == channels.1 else { throw .colorChannelsDiffer(channels.0, channels.1) }
    guard a.bitDepth == b.bitDepth else { throw .bitDepthsDiffer(a.bitDepth, b.bitDepth) }
}

/// Exact, so the order of summation does not matter: 64 bits are enough for more than 2³² samples of 16 bits.
private func sumOfSquaredDifferences<Sample: FixedWidthInteger>(
    _ first: [Sample], _ firstLayout: Image.ChannelLayout, _ second: [Sample],
    _ secondLayout: Image.ChannelLayout
) -> UInt64 {
    let (firstStep, secondStep) = (firstLayout.channelCount, secondLayout.channelCount)
    let colors = firstLayout.colorChannelCount
    var sum: UInt64 = 0
    first.withUnsafeBufferPointer { a in
        second.withUnsafeBufferPointer { b in
            if firstStep == colors && secondStep == colors {
                for index in 0..<a.count { sum &+= squaredDifference(a[index], b[index]) }
            } else {
                for pixel in 0..<a.count / firstStep {
                    for channel in 0..<colors {
                        sum &+= squaredDifference(
                            a[pixel * firstStep + channel], b[pixel * secondStep + channel])
                    }
                }
            }
        }
    }
    return sum
}

@inline(__always)
private func squaredDifference<Sample: FixedWidthInteger>(_ a: Sample, _ b: Sample) -> UInt64 {
    let difference = Int32(truncatingIfNeeded: a) &- Int32(truncatingIfNeeded: b)
    // A product of two 16-bit differences needs 32 unsigned bits.
    return UInt64(UInt32(bitPattern: difference &* difference))
}
