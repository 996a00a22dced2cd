import Glibc
import RestoreText

/// A quantity measured by validation or evaluation, and how it is displayed.
public struct Metric: Hashable, Sendable {
    public enum Direction: Sendable {
        case higherIsBetter
        case lowerIsBetter
    }

    /// The name in tables and records: "psnr".
    public let key: String
    /// The name in text: "PSNR".
    public let title: String
    /// "dB", or empty for a dimensionless quantity.
    public let unit: String
    /// Number of decimal places in text.
    public let decimals: Int
    public let direction: Direction
    public let averaging: Averaging

    /// How the values of several pictures become one.
    public enum Averaging: Sendable {
        case arithmetic
        /// As decibels: the mean of what they are the logarithms of. That of the PSNRs of equally large pictures is the
        /// PSNR of all their errors together.
        case decibel
    }

    public init(
        _ key: String, title: String, unit: String = "", decimals: Int, direction: Direction,
        averaging: Averaging = .arithmetic
    ) {
        self.key = key
        self.title = title
        self.unit = unit
        self.decimals = decimals
        self.direction = direction
        self.averaging = averaging
    }

    /// The mean of values, at least one.
    public func mean(_ values: [Double]) -> Double {
        let count = Double(values.count)
        switch averaging {
        case .arithmetic: return values.reduce(0, +) / count
        case .decibel: return -10 * log10(values.reduce(0) { $0 + pow(10, -$1 / 10) } / count)
        }
    }

    /// Whether a value is better than another. NaN is never better.
    public func isBetter(_ value: Double, than other: Double) -> Bool {
        direction == .higherIsBetter ? value > other : value < other
    }

    /// A value with its unit: "31.20 dB".
    public func text(_ value: Double) -> String {
        RestoreText.decimals(value, decimals) + (unit.isEmpty ? "" : " \(unit)")
    }

    /// Peak signal-to-noise ratio.
    public static let psnr = Metric("psnr", title: "PSNR", unit: "dB", decimals: 2, direction: .higherIsBetter)
    /// Structural similarity.
    public static let ssim = Metric("ssim", title: "SSIM", decimals: 4, direction: .higherIsBetter)
}

/// What is measured during a run: the columns of its tables, charts and logs.
public struct RunMeasures: Hashable, Sendable {
    /// Names of the objective's terms.
    public var terms: [String]
    /// The results of a validation; the first one determines the best model.
    public var metrics: [Metric]
    /// The unit of work for the training speed: "megapixels".
    public var workUnit: String

    public init(terms: [String], metrics: [Metric], workUnit: String) {
        self.terms = terms
        self.metrics = metrics
        self.workUnit = workUnit
    }

    /// The metric that determines the best model; nil if there is no validation.
    public var score: Metric? { metrics.first }

    /// The terms shown in columns of their own. With a single term, the loss is sufficient.
    public var listedTerms: [String] { terms.count > 1 ? terms : [] }
}
