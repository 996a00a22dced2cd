import RestoreText

/// Something that a validation or an evaluation measures, and how it is shown.
public struct Metric: Hashable, Sendable {
    public enum Direction: Sendable {
        case higherIsBetter
        case lowerIsBetter
    }

    /// In tables and records: "psnr".
    public let key: String
    /// In text: "PSNR".
    public let title: String
    /// "dB", or empty for a bare number.
    public let unit: String
    /// Decimals in text.
    public let decimals: Int
    public let direction: Direction

    public init(_ key: String, title: String, unit: String = "", decimals: Int, direction: Direction) {
        self.key = key
        self.title = title
        self.unit = unit
        self.decimals = decimals
        self.direction = direction
    }

    /// Whether a value is better than another. A value that is not a number is better than none.
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

/// What is measured in a run: the columns of its tables, charts and logs.
public struct RunMeasures: Hashable, Sendable {
    /// Names of the objective's terms.
    public var terms: [String]
    /// What a validation gives; the first decides which model is the best.
    public var metrics: [Metric]
    /// The unit of what is trained on, for the pace: "megapixels".
    public var workUnit: String

    public init(terms: [String], metrics: [Metric], workUnit: String) {
        self.terms = terms
        self.metrics = metrics
        self.workUnit = workUnit
    }

    /// The metric that decides which model is the best; nil where nothing is validated.
    public var score: Metric? { metrics.first }

    /// Terms that have a column of their own: of a single one the loss says all.
    public var listedTerms: [String] { terms.count > 1 ? terms : [] }
}
