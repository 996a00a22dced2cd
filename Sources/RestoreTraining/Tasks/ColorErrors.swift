import Glibc
import RestoreImage

/// Errors of colorized pictures, pooled over all their values.
public struct ColorErrors: Sendable {
    private var absolute = 0.0
    private var squared = 0.0
    private var count = 0

    public init() {}

    /// - Precondition: the pictures have the same size, 8 bits and color.
    public mutating func add(_ image: Image, _ truth: Image) {
        let (found, expected) = (image.colors, truth.colors)
        precondition(found.count == expected.count, "\(found.count) and \(expected.count) values")
        for (a, b) in zip(found, expected) {
            let difference = Double(a) - Double(b)
            absolute += abs(difference)
            squared += difference * difference
        }
        count += found.count
    }

    /// In units of 1/255.
    public var meanAbsoluteError: Double { count == 0 ? 0 : 255 * absolute / Double(count) }
    /// Of values in 0…1.
    public var meanSquaredError: Double { count == 0 ? 0 : squared / Double(count) }
    /// In dB; infinite without any error.
    public var pooledPSNR: Double { -10 * log10(meanSquaredError) }
}

extension Metric {
    /// Of values in 0…255, a value.
    public static let meanAbsoluteError = Metric("mae", title: "MAE", decimals: 3, direction: .lowerIsBetter)
    /// Of the squared errors of all pictures together.
    public static let pooledPSNR = Metric(
        "psnr_pooled", title: "pooled PSNR", unit: "dB", decimals: 2, direction: .higherIsBetter, averaging: .decibel)
}
