/// A training run on one page: `report.html`.
///
/// The page contains everything it shows. It loads nothing and runs no script, and tells the browser to enforce this.
public struct RunReport: Sendable {
    /// The progress of the run.
    public enum State: Sendable, Equatable {
        case running
        /// It ended as planned. The reason is given if not all steps were done: patience or a time limit.
        case finished(reason: String? = nil)
        /// It was stopped on request; it can be resumed.
        case stopped(reason: String)
        /// It could not continue.
        case failed(reason: String)
    }

    /// An image of the newest validation.
    public struct Sample: Sendable {
        public let name: String
        /// A complete PNG file.
        public let png: [UInt8]

        public init(name: String, png: [UInt8]) {
            self.name = name
            self.png = png
        }
    }

    /// A fact about the run, such as "parameters" and "2.35 million".
    public struct Fact: Sendable {
        public let label: String
        public let value: String

        public init(_ label: String, _ value: String) {
            self.label = label
            self.value = value
        }
    }

    /// A data set used for training or validation.
    public struct DataSet: Sendable {
        public let name: String
        /// Its use, such as "training, weight 2".
        public let role: String
        public let pictureCount: Int
        /// Files that could not be used, each with the reason.
        public let skipped: [String]

        public init(name: String, role: String, pictureCount: Int, skipped: [String] = []) {
            self.name = name
            self.role = role
            self.pictureCount = pictureCount
            self.skipped = skipped
        }
    }

    public var title: String
    public var state: State
    /// Planned number of steps; nil if a time limit or patience ends the run.
    public var plannedSteps: Int?
    /// When the report was generated, in seconds since 1970.
    public var timestamp: Int?
    /// Every setting, in the format of `config.yaml`.
    public var configuration: String
    public var measures: RunMeasures
    public var rows: [MetricsRow]
    public var samples: [Sample]
    /// The step at which the samples were generated.
    public var sampleStep: Int?
    public var dataSets: [DataSet]
    public var facts: [Fact]

    /// Maximum total size of the samples; any further ones are only counted. A larger page is slow to open on a phone.
    package static let maximumSampleBytes = 16 << 20

    public init(
        title: String, state: State, plannedSteps: Int? = nil, timestamp: Int? = nil, configuration: String,
        measures: RunMeasures, rows: [MetricsRow], samples: [Sample] = [], sampleStep: Int? = nil,
        dataSets: [DataSet] = [],
        facts: [Fact] = []
    ) {
        self.title = title
        self.state = state
        self.plannedSteps = plannedSteps
        self.timestamp = timestamp
        self.configuration = configuration
        self.measures = measures
        self.rows = rows
        self.samples = samples
        self.sampleStep = sampleStep
        self.dataSets = dataSets
        self.facts = facts
    }

    /// The page. The same report gives the same bytes.
    public func html() -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(escaped(title))</title>
        <style>
        \(reportStyle)</style>
        </head>
        <body>
        <main>
        \(header)\(tiles)\(charts)\(sampleSection)\(validationSection)\(dataSection)\(factSection)\(configurationSection)\
        </main>
        </body>
        </html>

        """
    }
}
