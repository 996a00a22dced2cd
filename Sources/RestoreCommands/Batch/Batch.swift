import RestoreText
import RestoreConcurrency
import ArgumentParser
import Glibc
import Logging
import RestoreFiles
import RestoreImage

/// A picture for a command to work on.
struct BatchPicture {
    let job: OutputPlan.Job
    let decoded: DecodedImage
    /// What other pictures may take of the memory meanwhile.
    let reservedBytes: Int
    /// To be called with the fraction done, 0…1; throws where the work is to be left.
    let progress: (Double) throws -> Void
}

/// A result, and how it is stored.
struct RestoredPicture {
    let image: Image
    /// What its file says beside the pixels.
    let metadata: ImageMetadata
    let encoding: ImageEncoding
    /// What the user should know of the work, a line each.
    var warnings: [String] = []
    /// The picture as it was and how both side by side are stored, where that is asked for.
    var comparison: (original: Image, path: String, encoding: ImageEncoding)?
    /// What is said when it is written.
    let report: (Circumstances) -> (record: any Encodable, lines: [(level: Logger.Level, text: String)])

    /// How it came about.
    struct Circumstances {
        /// That reading, restoring and writing took.
        let seconds: Double
        /// What was damaged or unusual in the input, and what the output cannot hold of it, a line each.
        let warnings: [String]
    }
}

/// Runs a command over its pictures: the same for all that make pictures of pictures.
struct Batch {
    let plan: OutputPlan
    let options: BatchOptions
    let memory: BatchMemory
    let pool: WorkerPool
    let verbosity: VerbosityOptions
    /// What is done to the pictures, as in "denoised".
    let participle: String

    /// Does everything, and says what became of each picture. A signal ends it between files.
    ///
    /// - Parameters:
    ///   - prepare: loads what every picture needs, while the first one is read. An error ends the work.
    ///   - restore: on one thread, with the pool to itself. An error is that of its picture.
    /// - Throws: the error of `prepare` or of a single input, or an `ExitCode`.
    func run(
        prepare: @escaping () throws -> Void, restore: @escaping (BatchPicture) throws -> RestoredPicture
    ) throws {
        let report = BatchReport(plan, participle: participle, isJSON: options.json, logger: verbosity.logger)
        if options.dryRun { return try report.rehearse(comparison: options.compare) }
        Interruption.watch()
        keepFreedMemoryFromPilingUp()
        try report.begin()
        let run = Run(batch: self, report: report, restore: restore)
        BatchPipeline(
            pictureCount: plan.jobs.count, overlaps: run.overlaps, read: run.read, restore: run.restore,
            write: run.write, prepare: { run.prepare(prepare) }
        ).run(overlapping: pool.workerCount > 1)
        try run.finish()
    }
}

/// A picture that has been read, or why it could not be, and how long that took.
struct ReadPicture {
    let result: Result<DecodedImage, any Error>
    let seconds: Double

    /// - Parameter willRead: an error that it throws stands for the picture.
    init(_ path: String, limits: ImageLimits, tolerant: Bool, willRead: () throws -> Void = {}) {
        let clock = ContinuousClock()
        let start = clock.now
        result = Result {
            try willRead()
            guard path == OutputPlan.stream else { return try Self.file(path, limits: limits, tolerant: tolerant) }
            let name = "standard input"
            let bytes = try readStream(STDIN_FILENO, name: name, isCancelled: { Interruption.isRequested })
            try Interruption.check()
            return try decodeImage(bytes, path: name, limits: limits, tolerant: tolerant)
        }
        seconds = (clock.now - start).seconds
    }

    private static func file(_ path: String, limits: ImageLimits, tolerant: Bool) throws -> DecodedImage {
        do {
            return try readImage(path, limits: limits, tolerant: tolerant)
        } catch ImageError.file(.notARegularFile) {
            throw FileError.unreadable(
                path: path, reason: "it is a pipe, a device or a socket; - reads standard input")
        }
    }
}

/// Another program has made the output since the batch was laid out, which leaves out what exists.
private struct MadeMeanwhile: Error {}

/// What became of a picture so far.
private struct Product {
    let result: Result<RestoredPicture, any Error>
    let seconds: Double
    /// About the input.
    let warnings: [String]
}

/// The stages of a batch that is under way. Each member belongs to one of them.
private final class Run {
    private let batch: Batch
    private let report: BatchReport
    private let work: (BatchPicture) throws -> RestoredPicture
    private let progress: Progress
    /// What ended the work before its last picture; written by the stage that ended it, read when all have ended.
    private var preparationFailure: (any Error)?
    private var recordFailure: (any Error)?
    /// Where outputs were written; the writing stage's.
    private var folders: Set<[UInt8]> = []

    init(batch: Batch, report: BatchReport, restore: @escaping (BatchPicture) throws -> RestoredPicture) {
        self.batch = batch
        self.report = report
        work = restore
        progress = Progress(
            pictureCount: batch.plan.jobs.count, style: batch.verbosity.quiet ? .none : batch.options.progress)
    }

    func overlaps(_ index: Int) -> Bool {
        // Of a single picture there is nothing to plan.
        guard batch.plan.jobs.count > 1 else { return true }
        return batch.memory.overlaps(decodedBytes: readImageHeader(batch.plan.jobs[index].input)?.decodedBytes)
    }

    func prepare(_ prepare: () throws -> Void) -> Bool {
        do {
            try prepare()
            return true
        } catch {
            preparationFailure = error
            return false
        }
    }

    func read(_ index: Int) -> ReadPicture {
        let job = batch.plan.jobs[index]
        return ReadPicture(job.input, limits: batch.options.limits, tolerant: batch.options.tolerant) {
            try Interruption.check()
            if batch.options.skipExisting, job.output != OutputPlan.stream, pathKind(job.output) == .regularFile {
                throw MadeMeanwhile()
            }
        }
    }

    func restore(_ index: Int, _ picture: ReadPicture, isAlone: Bool) -> Product? {
        let clock = ContinuousClock()
        let start = clock.now
        let job = batch.plan.jobs[index]
        let result = Result {
            try Interruption.check()
            let decoded = try picture.result.get()
            if let reason = job.output == OutputPlan.stream ? nil : obstacle(toWriting: job.output) {
                throw FileError.cannotWrite(path: job.output, reason: reason)
            }
            progress.begin(job.input, index: index, megapixels: Double(decoded.image.pixelCount) / 1e6)
            let restored = try work(
                BatchPicture(
                    job: job, decoded: decoded, reservedBytes: isAlone ? 0 : batch.memory.neighbors,
                    progress: { [progress] in
                        try Interruption.check()
                        progress.update($0)
                    }))
            try Interruption.check()
            return restored
        }
        if case .failure(is Interrupted) = result { return nil }
        return Product(
            result: result, seconds: picture.seconds + (clock.now - start).seconds,
            warnings: (try? picture.result.get())?.warnings ?? [])
    }

    func write(_ index: Int, _ product: Product, isAlone: Bool) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        let job = batch.plan.jobs[index]
        // The pool belongs to the picture that is being restored.
        let pool = isAlone ? batch.pool : .serial
        let stored = Result {
            let restored = try product.result.get()
            try store(restored, of: job, pool: pool)
            return restored
        }
        do {
            switch stored {
            case .success(let restored):
                let circumstances = RestoredPicture.Circumstances(
                    seconds: roundedToMicroseconds(product.seconds + (clock.now - start).seconds),
                    warnings: product.warnings + restored.warnings
                        + restored.metadata.losses(in: restored.encoding.format))
                try report.succeed(restored, of: job, circumstances)
            case .failure(let error) where isMadeMeanwhile(error):
                try report.skip(job)
            case .failure(let error):
                try report.fail(job.input, error)
            }
            return true
        } catch {
            recordFailure = error
            return false
        }
    }

    private func isMadeMeanwhile(_ error: any Error) -> Bool {
        switch error {
        case is MadeMeanwhile: true
        case ImageError.file(.alreadyExists): batch.options.skipExisting
        default: false
        }
    }

    /// - Throws: what ended the work early, or what became of it.
    func finish() throws {
        progress.finish()
        if let preparationFailure { throw preparationFailure }
        let canGoOn = !batch.options.overwrite
        if let recordFailure {
            if batch.plan.isBatch { report.stop("stopped", canGoOn: canGoOn) }
            throw recordFailure
        }
        // A signal that came when the last picture was written changes nothing.
        if !report.isComplete {
            report.stop("interrupted", canGoOn: canGoOn)
            throw ExitCode.interrupted
        }
        try report.finish()
    }

    private func store(
        _ restored: RestoredPicture, of job: OutputPlan.Job, pool: WorkerPool
    ) throws {
        let output = job.output
        let source = job.input == OutputPlan.stream ? nil : job.input
        if output == OutputPlan.stream {
            let bytes = try encodeImage(
                restored.image, metadata: restored.metadata, as: restored.encoding, path: "standard output",
                pool: pool)
            try writeStream(bytes, to: STDOUT_FILENO, name: "standard output")
        } else {
            try enter(parentFolder(of: output))
            try writeImage(
                restored.image, metadata: restored.metadata, to: output, encoding: restored.encoding,
                overwrite: batch.options.overwrite, madeOf: source, pool: pool)
        }
        guard let comparison = restored.comparison else { return }
        do {
            // Its sides are others, but its colors are the picture's.
            try writeImage(
                comparison.original.beside(restored.image), metadata: restored.metadata.stripped, to: comparison.path,
                encoding: comparison.encoding, overwrite: batch.options.overwrite, madeOf: source, pool: pool)
        } catch {
            throw UnwrittenComparison(
                cause: error, output: output == OutputPlan.stream ? "the picture" : output)
        }
    }

    /// Makes the folder of an output, and once removes what programs that were killed have left there half written.
    private func enter(_ folder: String) throws {
        if pathKind(folder) == .missing { try makeDirectory(folder) }
        if folders.insert(Array(folder.utf8)).inserted { removeAbandonedTemporaryFiles(in: folder) }
    }
}
