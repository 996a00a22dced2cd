import RestoreText
import ArgumentParser
import RestoreFiles
import RestoreTraining

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Inspects and makes training data.",
        subcommands: [DataCheckCommand.self, DataSyntheticCommand.self])
}

struct DataCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reads data sets as training would, and reports their contents.",
        discussion: """
            Folders with PNG and JPEG files, CIFAR-10 batches (binary, Python) and IDX files such as MNIST's, plain or \
            gzipped, or such files themselves. In folders, test sets are skipped, as in training. Images whose \
            pixels equal those of an earlier one, in any of the paths, are reported as duplicates.
            """)

    @Argument(help: ArgumentHelp("Folders or files.", valueName: "path"), completion: .file())
    var paths: [String]

    @Option(help: ArgumentHelp("Warn about images smaller than this patch size.", valueName: "px"))
    var patchSize: Int?

    @Flag(help: "Write one JSON record per path to stdout.")
    var json = false

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        if let patchSize, patchSize < 1 { throw ValidationError("--patch-size takes 1 or more.") }
    }

    func run() throws {
        try reportingFailure {
            // Detects mistyped paths before hours of reading.
            for path in paths where pathKind(path) == .missing {
                let error = missingError(path)
                if json {
                    for path in paths { try Console.data(jsonLine(DatasetFailure(path: path, error: "\(error)"))) }
                }
                throw error
            }
            var check = DatasetCheck(minimumSide: patchSize ?? 1, pool: threads.pool)
            var reports: [DatasetReport] = []
            for path in paths {
                let report = try check.report(path)
                try show(report)
                warn(of: report)
                reports.append(report)
            }
            guard reports.contains(where: { $0.pictureCount > 0 }) else {
                throw DataCheckError.nothingUsable(paths)
            }
            for report in reports where report.pictureCount == 0 {
                Console.message("restore: \(DataCheckError.nothingUsable([report.path]))")
            }
            let broken = reports.reduce(0) { $0 + $1.broken.count }
            if broken > 0 {
                Console.message("restore: \(counted(broken, "file or record", "files or records")) broken")
            }
            if broken > 0 || reports.contains(where: { $0.pictureCount == 0 }) { throw ExitCode.someFailed }
        }
    }

    private func show(_ report: DatasetReport) throws {
        if json {
            try Console.data(jsonLine(DatasetRecord(report, patchSize: patchSize)))
        } else {
            for line in DatasetTable(report).lines { try Console.data(line) }
        }
    }

    private func warn(of report: DatasetReport) {
        let logger = verbosity.logger
        for warning in report.warnings { logger.warning("\(warning)") }
        if !report.leftOut.isEmpty {
            logger.info("\(report.path): test sets are skipped; specify a file explicitly to check it")
        }
        if let patchSize, let first = report.small.first {
            let count = counted(report.small.count, "image is", "images are")
            logger.warning(
                "\(report.path): \(count) smaller than \(patchSize)×\(patchSize) and would be skipped, first \(first)")
        }
    }
}

private enum DataCheckError: Error, CustomStringConvertible {
    case nothingUsable([String])

    var description: String {
        switch self {
        case .nothingUsable(let paths): "no usable images in \(paths.joined(separator: ", "))"
        }
    }
}

private func counted(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }

/// A human-readable report in two columns: a label and a value.
private struct DatasetTable {
    private(set) var lines: [String] = []
    /// Number of duplicates and broken files to list; JSON lists all.
    private static let mostNamed = 10

    init(_ report: DatasetReport) {
        lines.append(report.path)
        for format in DatasetFormat.allCases {
            guard let count = report.formats[format] else { continue }
            var text = "\(counted(count.files, "file", "files")), \(counted(count.pictures, "picture", "pictures"))"
            if count.compressedFiles > 0 { text += "; \(count.compressedFiles) gzipped" }
            row(format.name, text)
        }
        row("pictures", "\(report.pictureCount), \(decimals(Double(report.pixelCount) / 1e6, 1)) megapixels")
        if let widths = report.widths, let heights = report.heights {
            row("colors", "\(report.colorCount) color, \(report.grayCount) gray; \(report.alphaCount) with alpha")
            row("depth", "\(report.pictureCount - report.sixteenBitCount) 8 bits, \(report.sixteenBitCount) 16 bits")
            for (name, spread) in [("width", widths), ("height", heights)] {
                row(name, "\(spread.minimum) to \(spread.maximum), median \(spread.median)")
            }
        }
        if !report.labels.isEmpty {
            let counts = report.labels.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            row("labels", counts.joined(separator: ", "))
        }
        named("duplicates", report.duplicates.map { "\($0.path) is \($0.original)" })
        named("broken", report.broken.map(\.reason))
        named("left out", report.leftOut)
    }

    private mutating func row(_ name: String, _ text: String) {
        lines.append("  \(name)" + String(repeating: " ", count: max(1, 26 - name.count)) + text)
    }

    /// Their number, then each on its own line.
    private mutating func named(_ name: String, _ items: [String]) {
        guard !items.isEmpty else { return }
        row(name, "\(items.count)")
        lines += items.prefix(Self.mostNamed).map { "    \($0)" }
        if items.count > Self.mostNamed { lines.append("    and \(items.count - Self.mostNamed) more") }
    }
}

/// A report as a JSON record.
/// A path of a check that could not begin.
private struct DatasetFailure: Encodable {
    let path: String
    let error: String
}

private struct DatasetRecord: Encodable {
    struct Spread: Encodable {
        let min: Int
        let median: Int
        let max: Int

        init(_ spread: DatasetReport.Spread) {
            (min, median, max) = (spread.minimum, spread.median, spread.maximum)
        }
    }

    struct Format: Encodable {
        let files: Int
        let gzipped: Int
        let pictures: Int
    }

    struct Duplicate: Encodable {
        let path: String
        let sameAs: String
    }

    struct Broken: Encodable {
        let path: String
        let reason: String
    }

    let path: String
    let pictures: Int
    let formats: [String: Format]
    let color: Int
    let gray: Int
    /// The same under its former name.
    let grey: Int
    let alpha: Int
    let bits8: Int
    let bits16: Int
    let width: Spread?
    let height: Spread?
    let megapixels: Double
    let labels: [String: Int]
    let duplicates: [Duplicate]
    let broken: [Broken]
    let leftOut: [String]
    let warnings: [String]
    /// Number of images smaller than the given patch size.
    let small: Int?

    init(_ report: DatasetReport, patchSize: Int?) {
        path = report.path
        pictures = report.pictureCount
        formats = Dictionary(
            uniqueKeysWithValues: report.formats.map {
                ($0.rawValue, Format(files: $1.files, gzipped: $1.compressedFiles, pictures: $1.pictures))
            })
        (color, gray, alpha) = (report.colorCount, report.grayCount, report.alphaCount)
        grey = report.grayCount
        (bits8, bits16) = (report.pictureCount - report.sixteenBitCount, report.sixteenBitCount)
        width = report.widths.map { Spread($0) }
        height = report.heights.map { Spread($0) }
        megapixels = Double(report.pixelCount) / 1e6
        labels = Dictionary(uniqueKeysWithValues: report.labels.map { ("\($0)", $1) })
        duplicates = report.duplicates.map { Duplicate(path: $0.path, sameAs: $0.original) }
        broken = report.broken.map { Broken(path: $0.path, reason: $0.reason) }
        leftOut = report.leftOut
        warnings = report.warnings
        small = patchSize.map { _ in report.small.count }
    }
}
