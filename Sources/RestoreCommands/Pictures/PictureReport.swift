import ArgumentParser
import Logging
import RestoreFiles

/// The messages of a run: a record and a line for each picture, and a summary.
///
/// Used from one thread at a time.
final class PictureReport {
    /// Done, as in "denoised".
    private let participle: String
    private let isJSON: Bool
    private let logger: Logger
    private let plan: OutputPlan
    private(set) var done = 0
    private(set) var failed = 0
    /// Left out because their outputs exist.
    private(set) var skipped = 0
    /// Of a single input, which is told by its own exit code.
    private var failure: (any Error)?

    init(_ plan: OutputPlan, participle: String, isJSON: Bool, logger: Logger) {
        self.plan = plan
        self.participle = participle
        self.isJSON = isJSON
        self.logger = logger
    }

    /// Whether every picture has come to its end.
    var isComplete: Bool { done + failed + skipped == total }

    /// Pictures, and folders that failed, in all.
    private var total: Int { pictureCount + plan.failures.count }

    private var pictureCount: Int { plan.jobs.count + plan.existing.count }

    /// What is known before any picture is read: folders that failed, and pictures that are done already.
    ///
    /// - Throws: `FileError.cannotWrite` where records cannot be written; so do the others.
    func begin() throws {
        for failure in plan.failures { try fail(failure.path, failure) }
        for job in plan.existing { try skip(job) }
        for line in plan.remarks + plan.unsupported { logger.warning("\(line)") }
        if plan.passedOver > 0 {
            let files = plan.passedOver == 1 ? "file is a result" : "files are results"
            logger.info("\(plan.passedOver) \(files) of an earlier run, passed over")
        }
    }

    func succeed(
        _ restored: RestoredPicture, of job: PictureJob, _ circumstances: RestoredPicture.Circumstances
    ) throws {
        let report = restored.report(circumstances)
        done += 1
        if isJSON { try Console.data(jsonLine(report.record)) }
        for warning in circumstances.warnings { logger.warning("\(job.picture): \(warning)") }
        for (level, line) in report.lines { logger.log(level: level, "\(line)") }
    }

    /// A picture whose outputs exist.
    func skip(_ job: PictureJob) throws {
        skipped += 1
        if isJSON { try Console.data(jsonLine(SkippedRecord(file: job.picture, outputs: job.outputs))) }
        let verb = job.outputs.count == 1 ? "exists" : "exist"
        logger.info("\(job.outputs.joined(separator: ", ")): \(verb) already, left out")
    }

    func fail(_ file: String, _ error: any Error) throws {
        failed += 1
        if isJSON { try Console.data(jsonLine(FailureRecord(file: file, error: explanation(of: error)))) }
        if plan.hasSeveralInputs { Console.message("restore: \(explanation(of: error))") } else { failure = error }
    }

    /// The records of all pictures, none of which could be begun because of an error that the caller reports.
    ///
    /// - Parameter first: the index of the first of them.
    func failAll(_ error: any Error, from first: Int = 0) throws {
        guard isJSON else { return }
        for job in plan.jobs[first...] {
            try Console.data(jsonLine(FailureRecord(file: job.picture, error: explanation(of: error))))
        }
    }

    /// The summary of a run that has come to its end.
    ///
    /// - Throws: the error of a single input, or `ExitCode.someFailed`.
    func finish() throws {
        if plan.hasSeveralInputs || skipped > 0 { logger.info("\(summary)") }
        if let bytes = peakMemory() { logger.debug("peak memory \(bytes >> 10) KiB") }
        if let failure { throw failure }
        if failed > 0 { throw ExitCode.someFailed }
    }

    /// What an end before the last picture leaves undone.
    ///
    /// - Parameters:
    ///   - reason: as in "interrupted".
    ///   - remedy: what must be done first, as in "free some space".
    func stop(_ reason: String, remedy: String? = nil, canGoOn: Bool) {
        guard plan.hasSeveralInputs else { return Console.message("restore: \(reason); nothing was written") }
        let condition = remedy.map { "\($0), then " } ?? ""
        let hint =
            canGoOn ? "; \(condition)resume with --skip-existing" : remedy.map { "; \($0) and start again" } ?? ""
        let failures = failureCounts.map { ", \($0)" }.joined()
        let ended = done + skipped + failedPictures
        Console.message("restore: \(reason) after \(ended) of \(pictureCount) pictures\(failures)\(hint)")
    }

    /// What would be done.
    ///
    /// - Parameter comparison: where before and after would be written side by side, if they would.
    func rehearse(comparison: String?) throws {
        for failure in plan.failures { try fail(failure.path, failure) }
        for job in plan.existing { try rehearse(job, isSkipped: true, comparison: nil) }
        for job in plan.jobs { try rehearse(job, isSkipped: false, comparison: comparison) }
        if failed > 0 { throw ExitCode.someFailed }
    }

    private func rehearse(_ job: PictureJob, isSkipped: Bool, comparison: String?) throws {
        guard !isJSON else {
            let record = RehearsalRecord(
                file: job.picture, outputs: job.outputs, inputs: job.companions, comparison: comparison,
                skipped: isSkipped)
            return try Console.data(jsonLine(record))
        }
        let inputs = job.inputs.map(\.path).joined(separator: " + ")
        // There are no columns: a tab is one of a name.
        for output in job.outputs {
            try Console.data(Console.printable("\(inputs) -> \(output)\(isSkipped ? " (exists, left out)" : "")"))
        }
        if let comparison {
            try Console.data(Console.printable("\(job.picture) -> \(comparison) (before and after)"))
        }
    }

    private var summary: String {
        var text = "\(done) of \(pictureCount) picture\(pictureCount == 1 ? "" : "s") \(participle)"
        if skipped > 0 { text += ", \(skipped) skipped" }
        for count in failureCounts { text += ", \(count)" }
        return text
    }

    /// Folders come first, all of them.
    private var failedFolders: Int { min(failed, plan.failures.count) }

    private var failedPictures: Int { failed - failedFolders }

    /// As in "2 failed" and "1 folder failed".
    private var failureCounts: [String] {
        var counts: [String] = []
        if failedPictures > 0 { counts.append("\(failedPictures) failed") }
        if failedFolders > 0 { counts.append("\(failedFolders) folder\(failedFolders == 1 ? "" : "s") failed") }
        return counts
    }
}

/// A picture that was not restored, and why.
struct FailureRecord: Encodable {
    let file: String
    let error: String
}

/// A picture whose outputs exist.
private struct SkippedRecord: Encodable {
    let file: String
    let outputs: [String]

    func encode(to encoder: any Encoder) throws {
        var record = encoder.container(keyedBy: RecordKey.self)
        try record.encode(file, forKey: "file")
        try record.encode(outputs: outputs)
        try record.encode(true, forKey: "skipped")
    }
}

private struct RehearsalRecord: Encodable {
    let file: String
    let outputs: [String]
    /// Inputs besides the picture, by their roles.
    let inputs: [PictureJob.Companion]
    let comparison: String?
    let skipped: Bool

    func encode(to encoder: any Encoder) throws {
        var record = encoder.container(keyedBy: RecordKey.self)
        try record.encode(file, forKey: "file")
        try record.encode(outputs: outputs)
        for input in inputs { try record.encode(input.path, forKey: RecordKey(input.role.rawValue)) }
        try record.encodeIfPresent(comparison, forKey: "comparison")
        try record.encode(skipped, forKey: "skipped")
    }
}

extension KeyedEncodingContainer<RecordKey> {
    /// The output, or the outputs if there are several.
    fileprivate mutating func encode(outputs: [String]) throws {
        if outputs.count == 1 {
            try encode(outputs[0], forKey: "output")
        } else {
            try encode(outputs, forKey: "outputs")
        }
    }
}
