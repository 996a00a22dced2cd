import RestoreTraining
import Testing

@Suite struct MetricsTableTests {
    private static let measures = RunMeasures(terms: ["loss"], metrics: [.psnr], workUnit: "megapixels")
    private let header = "step,loss,learning_rate,gradient_norm,validation_psnr,seconds,megapixels\n"

    private func parsed(_ text: String) throws(MetricsTableError) -> MetricsTable {
        try MetricsTable(Self.measures, csv: Array(text.utf8), path: "run/metrics.csv")
    }

    private func row(_ step: Int, score: Double? = nil) -> MetricsRow {
        MetricsRow(
            step: step, loss: 0.1 / Double(step), learningRate: Double(Float(0.002)), gradientNorm: 1.0 / 3,
            validation: score.map { [$0] }, seconds: 12.34, work: 0.0625)
    }

    @Test func rowsBecomeLines() {
        let table = MetricsTable(Self.measures, rows: [row(50), row(100, score: 31.41592)])
        #expect(
            table.csv == header + "50,0.002,0.002,0.33333334,,12.3,0.063\n"
                + "100,0.001,0.002,0.33333334,31.4159,12.3,0.063\n")
        #expect(MetricsTable(Self.measures).csv == header)
    }

    @Test func whatIsReadIsWrittenWithTheSameBytes() throws {
        var table = MetricsTable(Self.measures)
        for step in 1...200 {
            var row = row(step, score: step % 7 == 0 ? 20 + 10 / Double(step) : nil)
            row.loss = 0.1 / Double(step) + 1e-17 * Double(step)
            row.gradientNorm = 1e-9 * Double(step * step)
            (row.seconds, row.work) = (Double(step) * 1.23456, Double(step) * 98765.4321)
            table.append(row)
        }
        table.append(
            MetricsRow(
                step: 201, loss: 1e300, learningRate: 0, gradientNorm: .infinity, validation: [.infinity],
                seconds: 1e17, work: 0))
        let read = try parsed(table.csv)
        #expect(read.csv == table.csv)
        #expect(read.rows.count == 201)
        #expect(read.rows[13].validation == [20.7143] && read.rows[14].validation == nil)
        #expect(read.rows[4].loss == table.rows[4].loss)
        #expect(try parsed(read.csv) == read)
    }

    @Test func laterRowsAreDroppedAfterAResume() throws {
        let table = MetricsTable(Self.measures, rows: [10, 20, 25, 30].map { row($0) })
        #expect(table.truncated(after: 25).rows.map(\.step) == [10, 20, 25])
        #expect(table.truncated(after: 24).rows.map(\.step) == [10, 20])
        #expect(table.truncated(after: 0).rows.isEmpty)
        var resumed = table.truncated(after: 20)
        resumed.append(row(25))
        #expect(resumed.rows == Array(table.rows.prefix(3)))
    }

    @Test func otherEndsOfLinesAreAccepted() throws {
        let lines = "1,0.5,0.001,2,,1.0,1.000\n2,0.4,0.001,1,30.5,2.0,2.000\n"
        let expected = try parsed(header + lines)
        #expect(expected.rows.map(\.validation) == [nil, [30.5]])
        #expect(try parsed((header + lines).split(separator: "\n").joined(separator: "\r\n") + "\r\n") == expected)
        #expect(try parsed(String((header + lines).dropLast())) == expected)
        #expect(try parsed(header).rows.isEmpty)
    }

    /// The file's text, `HEAD` standing for the line of column names; the line with the damage; what is said of it.
    private static let damages: [(String, Int, String)] = [
        ("", 1, "the file is empty"),
        ("step,loss\n", 1, "expected the columns step,loss,learning_rate"),
        ("1,0.5,0.001,2,,1.0,1.0\n", 1, "found 1,0.5,0.001,2,,1.0,1.0"),
        ("HEAD1,0.5,0.001,2,,1.0\n", 2, "expected 7 fields, found 6"),
        ("HEAD1,0.5,0.001,2,,1.0,1.0,\n", 2, "expected 7 fields, found 8"),
        ("HEAD1,0.5,0.001,2,,1.0,1.0\n\n", 3, "expected 7 fields, found 1"),
        ("HEAD1.5,0.5,0.001,2,,1.0,1.0\n", 2, "expected a whole number for step, found “1.5”"),
        ("HEAD-1,0.5,0.001,2,,1.0,1.0\n", 2, "expected a step after -1, found -1"),
        ("HEAD5,1,1,1,,1,1\n5,1,1,1,,1,1\n", 3, "expected a step after 5, found 5"),
        ("HEAD1,,0.001,2,,1.0,1.0\n", 2, "expected a number for loss, found “”"),
        ("HEAD1,1,0.001,2,x,1.0,1.0\n", 2, "expected a number for validation_psnr, found “x”"),
        ("HEAD1,1,0.001,2,1, 1.0,1.0\n", 2, "expected a number for seconds, found “ 1.0”"),
        ("HEAD1,1,1,1,1,1,\u{0}\n", 2, "expected a number for megapixels"),
    ]

    @Test(arguments: damages)
    func aDamagedLineIsNamed(text: String, line: Int, reason: String) {
        let text = text.hasPrefix("HEAD") ? header + text.dropFirst(4) : text
        let error = #expect(throws: MetricsTableError.self) { try parsed(text) }
        #expect(error?.path == "run/metrics.csv" && error?.line == line)
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.hasPrefix("run/metrics.csv: line \(line): ") == true)
    }

    @Test func bytesThatAreNoTextAreAnError() {
        #expect(throws: MetricsTableError.self) { try MetricsTable(Self.measures, csv: [0xFF, 0xFE, 10, 0], path: "x") }
    }

    @Test func aLongFieldIsCutShortInTheMessage() {
        let error = #expect(throws: MetricsTableError.self) {
            try parsed(header + "1," + String(repeating: "9x", count: 5000) + ",1,1,,1,1\n")
        }
        #expect(error.map { $0.description.count < 200 } == true)
    }
}
