/// The measurements of a training run up to a step: a row of `metrics.csv`.
public struct MetricsRow: Sendable, Equatable {
    /// Completed steps, at least 0.
    public var step: Int
    /// Training loss, averaged over the steps since the previous row.
    public var loss: Double
    /// At the last step, like the gradient norm, which is taken before clipping.
    public var learningRate: Double
    public var gradientNorm: Double
    /// PSNR in dB of the averaged weights, if there was a validation at this step; higher is better.
    public var validationScore: Double?
    /// Training time, excluding interruptions.
    public var seconds: Double
    /// Pixels of all patches trained on so far, in millions.
    public var megapixels: Double

    public init(
        step: Int, loss: Double, learningRate: Double, gradientNorm: Double, validationScore: Double? = nil,
        seconds: Double, megapixels: Double
    ) {
        self.step = step
        self.loss = loss
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.validationScore = validationScore
        self.seconds = seconds
        self.megapixels = megapixels
    }
}

/// Describes where a `metrics.csv` is malformed.
public struct MetricsTableError: Error, Equatable, Sendable, CustomStringConvertible {
    public let path: String
    /// From 1, which is the line of the column names.
    public let line: Int
    public let reason: String

    public var description: String { "\(path): line \(line): \(reason)" }
}

/// The rows of a run in step order, and their representation as comma-separated values.
///
/// Writing rounds: learning rates and norms to single precision, scores to 4 decimals, seconds to 1 and megapixels to
/// 3. A table that was read writes the same bytes again, so a resumed run produces the same file as an uninterrupted
/// one.
public struct MetricsTable: Sendable, Equatable {
    public private(set) var rows: [MetricsRow]

    private static let columns = [
        "step", "loss", "learning_rate", "gradient_norm", "validation_psnr", "seconds", "megapixels",
    ]

    /// - Precondition: steps are ascending and not negative.
    public init(rows: [MetricsRow] = []) {
        self.rows = []
        for row in rows { append(row) }
    }

    /// - Precondition: the row's step is greater than that of the last row.
    public mutating func append(_ row: MetricsRow) {
        precondition(row.step > rows.last?.step ?? -1, "step \(row.step) after \(rows.last?.step ?? -1)")
        rows.append(row)
    }

    /// The rows up to `step`, from which a run is resumed; the run writes the later ones again.
    public func truncated(after step: Int) -> MetricsTable {
        MetricsTable(rows: rows.filter { $0.step <= step })
    }

    // MARK: Comma-separated values

    /// A line of column names and one line per row.
    public var csv: String {
        Self.columns.joined(separator: ",") + "\n" + rows.map { Self.line($0) }.joined()
    }

    private static func line(_ row: MetricsRow) -> String {
        let fields = [
            "\(row.step)", "\(row.loss)", "\(Float(row.learningRate))", "\(Float(row.gradientNorm))",
            row.validationScore.map { decimals($0, 4) } ?? "", decimals(row.seconds, 1), decimals(row.megapixels, 3),
        ]
        return fields.joined(separator: ",") + "\n"
    }

    /// Reads the output of `csv`. Line endings of spreadsheets are accepted; steps must be ascending; `nan` and `inf`
    /// are numbers.
    ///
    /// - Parameter path: for messages.
    public init(csv bytes: [UInt8], path: String) throws(MetricsTableError) {
        // Split at bytes: to Swift, a carriage return followed by a line feed is one character.
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        rows = []
        for (index, line) in lines.enumerated() {
            let text = String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            let fields = text.split(separator: ",", omittingEmptySubsequences: false)
            do throws(Damage) {
                if index == 0 { try Self.check(columns: fields) } else { try add(fields) }
            } catch {
                throw MetricsTableError(path: path, line: index + 1, reason: error.reason)
            }
        }
        if lines.isEmpty { throw MetricsTableError(path: path, line: 1, reason: "the file is empty") }
    }

    private struct Damage: Error {
        let reason: String
    }

    private static func check(columns: [Substring]) throws(Damage) {
        guard columns.elementsEqual(Self.columns, by: ==) else {
            let expected = Self.columns.joined(separator: ",")
            throw Damage(reason: "expected the columns \(expected), found \(excerpt(columns.joined(separator: ",")))")
        }
    }

    private mutating func add(_ fields: [Substring]) throws(Damage) {
        guard fields.count == Self.columns.count else {
            throw Damage(reason: "expected \(Self.columns.count) fields, found \(fields.count)")
        }
        guard let step = Int(fields[0]) else {
            throw Damage(reason: "expected a whole number for step, found “\(excerpt(fields[0]))”")
        }
        let previous = rows.last?.step ?? -1
        guard step > previous else {
            throw Damage(reason: "expected a step after \(previous), found \(step)")
        }
        rows.append(
            MetricsRow(
                step: step, loss: try Self.number(fields, 1), learningRate: try Self.number(fields, 2),
                gradientNorm: try Self.number(fields, 3),
                validationScore: fields[4].isEmpty ? nil : try Self.number(fields, 4),
                seconds: try Self.number(fields, 5), megapixels: try Self.number(fields, 6)))
    }

    private static func number(_ fields: [Substring], _ index: Int) throws(Damage) -> Double {
        guard let value = Double(fields[index]) else {
            throw Damage(reason: "expected a number for \(columns[index]), found “\(excerpt(fields[index]))”")
        }
        return value
    }
}

/// Enough of a damaged text to recognize it.
private func excerpt(_ text: some StringProtocol) -> String {
    text.count > 80 ? text.prefix(80) + "…" : String(text)
}
