import RestoreText
import RestoreConcurrency
import Glibc
import Logging
import RestoreFiles
import RestoreImage

/// Writes the run's logs, metrics and report: the log, `metrics.csv`, TensorBoard events, samples and `report.html`.
///
/// Steps repeated by a resumed run appear only once: rows and events after the step from which it resumes are
/// discarded.
final class RunRecorder {
    private let folder: RunFolder
    private let about: RunDescription
    private let totalSteps: Int?
    private let measures: RunMeasures
    private let workPerStep: Double
    private let pool: WorkerPool
    private let logger: Logger
    private let observer: (any TrainingObserver)?
    private let events: EventLog
    private var metrics: MetricsTable
    private var samples: [RunReport.Sample] = []
    private var sampleStep: Int?
    /// Where the speed measurement starts: the previous row, or the start.
    private var pace: (step: Int, seconds: Double)

    /// What is known about a run before it begins.
    struct Opening {
        let folder: RunFolder
        let about: RunDescription
        let isResumed: Bool
        /// Steps and seconds completed in earlier sessions.
        let step: Int
        let seconds: Double
        let totalSteps: Int?
        let measures: RunMeasures
        let workPerStep: Double
    }

    /// Creates the files of a run, or continues them.
    init(
        _ opening: Opening, pool: WorkerPool, logger: Logger, observer: (any TrainingObserver)?
    ) throws(TrainingError) {
        folder = opening.folder
        about = opening.about
        totalSteps = opening.totalSteps
        measures = opening.measures
        workPerStep = opening.workPerStep
        metrics = MetricsTable(measures)
        self.pool = pool
        pace = (opening.step, opening.seconds)
        self.logger = logger
        self.observer = observer
        if opening.isResumed {
            // The process may have been killed in the middle of a write.
            removeAbandonedTemporaryFiles(in: opening.folder.path)
            removeAbandonedTemporaryFiles(in: opening.folder(RunFolder.samples))
            metrics = try Self.metrics(of: opening.folder, opening.measures).truncated(after: opening.step)
            sampleStep = metrics.rows.last { $0.validation != nil }?.step
            samples = sampleStep.map(opening.folder.samples)?.map { RunReport.Sample(name: $0, png: $1) } ?? []
        } else {
            try opening.folder.removeEarlierRun()
            try opening.folder.write(Array(opening.about.configuration.utf8), RunFolder.configuration)
        }
        do throws(FileError) {
            try makeDirectory(opening.folder(RunFolder.samples))
            events = try EventLog(
                folder: opening.folder.path, resumingAfter: opening.isResumed ? opening.step : nil)
        } catch { throw .file(error) }
    }

    /// The rows so far; none if the run was interrupted before the first.
    private static func metrics(
        of folder: RunFolder, _ measures: RunMeasures
    ) throws(TrainingError) -> MetricsTable {
        let path = folder(RunFolder.metrics)
        guard pathKind(path) != .missing else { return MetricsTable(measures) }
        let bytes: [UInt8]
        do { bytes = try readFile(path) } catch { throw .file(error) }
        do { return try MetricsTable(measures, csv: bytes, path: path) } catch { throw .metrics(error) }
    }

    // MARK: During the run

    /// Shows a step if there is an observer.
    func show(_ step: Int, loss: Double, learningRate: Double, seconds: Double) {
        guard let observer else { return }
        let rate = Double(step - pace.step) / max(1e-9, seconds - pace.seconds)
        observer.step(
            TrainingProgress(
                step: step, totalSteps: totalSteps, loss: loss, learningRate: learningRate,
                workPerSecond: rate * workPerStep, workUnit: measures.workUnit, stepsPerSecond: rate))
    }

    /// Logs a row of the metrics.
    func log(_ row: MetricsRow) {
        let rate = Double(row.step - pace.step) / max(1e-9, row.seconds - pace.seconds)
        let left = totalSteps.map { "  \(duration(Double($0 - row.step) / rate)) left" } ?? ""
        let terms = zip(measures.terms, row.terms).map { "\($0) \(decimals($1, 5))  " }.joined()
        info(
            """
            \(position(row.step))  loss \(decimals(row.loss, 5))  \(measures.listedTerms.isEmpty ? "" : terms)\
            learning rate \(decimals(row.learningRate * 1e3, 3))e-3  \
            gradient \(decimals(row.gradientNorm, 2))  \(decimals(rate, 2)) steps/s  \
            \(decimals(rate * workPerStep, 2)) \(measures.workUnit)/s\(left)
            """)
        events.scalar("speed/\(measures.workUnit)_per_second", rate * workPerStep, step: row.step)
        pace = (row.step, row.seconds)
    }

    /// Restarts the speed measurement after a report and a validation, which do not count.
    func resumePace(seconds: Double) { pace.seconds = seconds }

    /// Logs a validation and saves its samples.
    func validation(
        step: Int, metrics values: [Double]?, isBest: Bool, samples pictures: [SamplePicture]
    ) throws {
        if let values {
            let texts = zip(measures.metrics, values).map { "\($0.title) \($0.text($1))" }
            info("\(position(step))  validation \(texts.joined(separator: ", "))\(isBest ? ", the best" : "")")
        }
        samples = []
        sampleStep = step
        for picture in pictures {
            let path = joinPath(RunFolder.samples, RunFolder.sampleName(picture.name, step: step))
            let png = try encodeImage(
                picture.image, as: ImageEncoding(format: .png), path: folder(path), pool: pool)
            try folder.write(png, path)
            events.image(
                "samples/\(picture.name)", png: png, width: picture.image.width, height: picture.image.height,
                step: step)
            samples.append(RunReport.Sample(name: picture.name, png: png))
        }
    }

    /// Adds a row to the metrics after its validation.
    func record(_ row: MetricsRow, isValidated: Bool) throws(TrainingError) {
        metrics.append(row)
        try folder.write(Array(metrics.csv.utf8), RunFolder.metrics)
        events.scalar("loss/training", row.loss, step: row.step)
        for (name, value) in zip(measures.listedTerms, row.terms) {
            events.scalar("loss/\(name)", value, step: row.step)
        }
        events.scalar("learning_rate", row.learningRate, step: row.step)
        events.scalar("gradient_norm", row.gradientNorm, step: row.step)
        for (metric, value) in zip(measures.metrics, row.validation ?? []) {
            events.scalar("validation/\(metric.key)", value, step: row.step)
        }
        do { try events.flush() } catch { throw .file(error) }
        if isValidated { try writeReport(.running) }
    }

    /// Completes the record of the run.
    func finish(_ state: RunReport.State) throws(TrainingError) {
        observer?.clear()
        try writeReport(state)
        do { try events.close() } catch { throw .file(error) }
    }

    private func writeReport(_ state: RunReport.State) throws(TrainingError) {
        let report = RunReport(
            title: about.title, state: state, plannedSteps: totalSteps, timestamp: Glibc.time(nil),
            configuration: about.configuration, measures: measures, rows: metrics.rows, samples: samples,
            sampleStep: sampleStep,
            dataSets: about.dataSets, facts: about.facts)
        try folder.write(Array(report.html().utf8), RunFolder.report)
    }

    private func info(_ line: String) {
        observer?.clear()
        logger.info("\(line)")
    }

    private func position(_ step: Int) -> String {
        "step \(step)" + (totalSteps.map { "/\($0)" } ?? "")
    }
}

/// What the report states about a run in addition to its results.
public struct RunDescription: Sendable {
    public var title: String
    /// The text of `config.yaml`.
    public var configuration: String
    /// A digest of the settings. A checkpoint with a different digest belongs to another run.
    public var settingsDigest: String
    public var dataSets: [RunReport.DataSet]
    public var facts: [RunReport.Fact]

    public init(
        title: String = "Training", configuration: String = "", settingsDigest: String = "",
        dataSets: [RunReport.DataSet] = [],
        facts: [RunReport.Fact] = []
    ) {
        self.title = title
        self.configuration = configuration
        self.settingsDigest = settingsDigest
        self.dataSets = dataSets
        self.facts = facts
    }
}
