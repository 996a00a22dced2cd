import RestoreText
import RestoreConcurrency
import ArgumentParser
import Glibc
import Logging
import RestoreFiles
import RestoreImage

/// Applies a task to its pictures: plan, stages and report are the same for all tasks that make pictures of pictures.
package struct PictureRun {
    let plan: OutputPlan
    let options: PictureOptions
    let memory: MemoryBudget
    let pool: WorkerPool
    let verbosity: VerbosityOptions
    /// What is done to the pictures, as in "denoised".
    let participle: String

    package init(
        plan: OutputPlan, options: PictureOptions, memory: MemoryBudget, pool: WorkerPool,
        verbosity: VerbosityOptions, participle: String
    ) {
        (self.plan, self.options, self.memory, self.pool) = (plan, options, memory, pool)
        (self.verbosity, self.participle) = (verbosity, participle)
    }

    /// Does everything and reports what became of each picture. A signal ends it between files.
    ///
    /// - Parameters:
    ///   - prepare: loads what every picture needs while the first one is read. An error ends the work.
    ///   - restore: called on one thread, with the pool to itself. An error is that of its picture.
    /// - Throws: the error of `prepare` or of a single input, or an `ExitCode`.
    package func run(
        prepare: @escaping () throws -> Void, restore: @escaping (LoadedJob) throws -> RestoredPicture
    ) throws {
        let report = PictureReport(plan, participle: participle, isJSON: options.json, logger: verbosity.logger)
        if options.dryRun { return try report.rehearse(comparison: options.compare) }
        Interruption.watch()
        keepFreedMemoryFromPilingUp()
        let folder = try options.recordingFailure { try plan.folder.map { try OutputFolder($0) } }
        try report.begin()
        let stages = Stages(run: self, report: report, folder: folder, restore: restore)
        PicturePipeline(
            pictureCount: plan.jobs.count, overlaps: stages.overlaps, read: stages.read, restore: stages.restore,
            write: stages.write, prepare: { stages.prepare(prepare) }
        ).run(overlapping: pool.workerCount > 1)
        try stages.finish()
    }
}

/// The inputs of a job, or why they could not be read, and how long that took.
private struct ReadJob {
    let result: Result<[InputRole: DecodedImage], any Error>
    let seconds: Double

    /// - Parameter willRead: an error that it throws is the result.
    init(_ job: PictureJob, limits: ImageLimits, tolerant: Bool, willRead: () throws -> Void) {
        let clock = ContinuousClock()
        let start = clock.now
        result = Result {
            try willRead()
            var images: [InputRole: DecodedImage] = [:]
            for input in job.inputs {
                images[input.role] = try Self.read(input.path, limits: limits, tolerant: tolerant)
            }
            return images
        }
        seconds = (clock.now - start).seconds
    }

    private static func read(_ path: String, limits: ImageLimits, tolerant: Bool) throws -> DecodedImage {
        guard path != OutputPlan.stream else {
            let name = "standard input"
            let bytes = try readStream(
                STDIN_FILENO, name: name, isCancelled: { Interruption.isRequested },
                startBytes: ImageFormat.signatureBytes, isWanted: { ImageFormat.detect($0) != nil })
            try Interruption.check()
            return try advisingTolerance(tolerant) { tolerant throws(ImageError) in
                try decodeImage(bytes, path: name, limits: limits, tolerant: tolerant)
            }
        }
        do {
            return try advisingTolerance(tolerant) { tolerant throws(ImageError) in
                try readImage(path, limits: limits, tolerant: tolerant)
            }
        } catch ImageError.file(.notARegularFile) {
            throw FileError.unreadable(
                path: path, reason: "it is a pipe, a device or a socket; - reads standard input")
        }
    }
}

/// Reads a picture. If it is damaged and may not be, finds out whether `--tolerant` would help.
private func advisingTolerance(
    _ tolerant: Bool, _ read: (_ tolerant: Bool) throws(ImageError) -> DecodedImage
) throws -> DecodedImage {
    do throws(ImageError) {
        return try read(tolerant)
    } catch {
        guard case .damaged = error, !tolerant, (try? read(true)) != nil else { throw error }
        throw PartlyReadable(cause: error)
    }
}

/// Another program has written the outputs since the plan was made, and existing ones are to be skipped.
private struct MadeMeanwhile: Error {}

/// What became of a picture so far.
private struct Product {
    let result: Result<RestoredPicture, any Error>
    let seconds: Double
    /// About the inputs.
    let warnings: [String]
}

/// The stages of a run in progress. Each member belongs to one of them.
private final class Stages {
    private let run: PictureRun
    private let report: PictureReport
    private let work: (LoadedJob) throws -> RestoredPicture
    private let progress: Progress
    /// What ended the work before its last picture; written by the stage that ended it, read when all have ended.
    private var preparationFailure: (any Error)?
    private var recordFailure: (any Error)?
    /// An error that all further outputs would share, with the number of pictures up to the one that met it first.
    private var outputFailure: (error: any Error, endedPictures: Int)?
    /// Where outputs were written; the writing stage's.
    private var folders: Set<[UInt8]> = []
    /// Where they belong, if it is the same folder for all; the writing stage's.
    private let folder: OutputFolder?

    init(
        run: PictureRun, report: PictureReport, folder: OutputFolder?,
        restore: @escaping (LoadedJob) throws -> RestoredPicture
    ) {
        self.run = run
        self.report = report
        self.folder = folder
        work = restore
        progress = Progress(
            pictureCount: run.plan.jobs.count, style: run.verbosity.quiet ? .none : run.options.progress)
    }

    func overlaps(_ index: Int) -> Bool {
        // A single picture has no neighbors.
        guard run.plan.jobs.count > 1 else { return true }
        var bytes: Int? = 0
        for input in run.plan.jobs[index].inputs {
            guard let sum = bytes, let header = readImageHeader(input.path), let size = fileSize(input.path) else {
                bytes = nil
                break
            }
            // A small picture may be followed by a large video.
            let (total, isHuge) = header.decodedBytes.addingReportingOverflow(sum + size)
            bytes = isHuge ? nil : total
        }
        return run.memory.overlaps(inputBytes: bytes)
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

    func read(_ index: Int) -> ReadJob {
        let job = run.plan.jobs[index]
        return ReadJob(job, limits: run.options.limits, tolerant: run.options.tolerant) {
            try Interruption.check()
            if run.options.skipExisting, job.isDone { throw MadeMeanwhile() }
        }
    }

    func restore(_ index: Int, _ read: ReadJob, isAlone: Bool) -> Product? {
        let clock = ContinuousClock()
        let start = clock.now
        let job = run.plan.jobs[index]
        let result = Result {
            try Interruption.check()
            let inputs = try read.result.get()
            for output in job.outputs where output != OutputPlan.stream {
                if let reason = obstacle(toWriting: output) {
                    throw FileError.cannotWrite(path: output, reason: reason)
                }
            }
            let restored = try restore(job, index: index, inputs: inputs, isAlone: isAlone)
            try Interruption.check()
            return restored
        }
        if case .failure(is Interrupted) = result { return nil }
        let inputs = try? read.result.get()
        return Product(
            result: result, seconds: read.seconds + (clock.now - start).seconds,
            warnings: job.inputs.flatMap { input in
                (inputs?[input.role]?.warnings ?? []).map {
                    input.role == .picture ? $0 : "\(input.path): \($0)"
                }
            })
    }

    private func restore(
        _ job: PictureJob, index: Int, inputs: [InputRole: DecodedImage], isAlone: Bool
    ) throws -> RestoredPicture {
        guard let decoded = inputs[.picture] else { preconditionFailure("a job without a picture") }
        progress.begin(job.picture, index: index, megapixels: Double(decoded.image.pixelCount) / 1e6)
        let inputBytes = inputs.values.reduce(0) { $0 + $1.image.byteCount + ($1.coded?.byteCount ?? 0) }
        let loaded = LoadedJob(
            job: job, decoded: decoded, companions: inputs.filter { $0.key != .picture },
            memory: run.memory.job(inputBytes: inputBytes, isAlone: isAlone),
            progress: { [progress] in
                try Interruption.check()
                progress.update($0)
            })
        do {
            let restored = try work(loaded)
            precondition(
                restored.versions.count == job.outputs.count,
                "\(restored.versions.count) results for \(job.outputs.count) outputs")
            return restored
        } catch let pixel as NonFinitePixel {
            throw ImageError.notFinite(path: job.picture, x: pixel.x, y: pixel.y)
        }
    }

    func write(_ index: Int, _ product: Product, isAlone: Bool) -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        let job = run.plan.jobs[index]
        // The pool belongs to the picture that is being restored.
        let pool = isAlone ? run.pool : .serial
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
                    warnings: product.warnings + restored.warnings + losses(of: restored))
                try report.succeed(restored, of: job, circumstances)
            case .failure(is MadeMeanwhile):
                try report.skip(job)
            case .failure(let error):
                try report.fail(job.picture, error)
                guard !concernsAllOutputs(error) else {
                    outputFailure = (error, index + 1)
                    return false
                }
            }
            return true
        } catch {
            recordFailure = error
            return false
        }
    }

    /// What the files of the results cannot hold of their metadata, each loss once.
    private func losses(of restored: RestoredPicture) -> [String] {
        var losses: [String] = []
        for version in restored.versions {
            var ofVersion = version.metadata.losses(in: version.encoding.format)
            if version.encoding.format == .jpeg, version.image.bitDepth == 16 {
                ofVersion.insert("its 16 bits per channel become 8: a JPEG cannot store more", at: 0)
            }
            for loss in ofVersion where !losses.contains(loss) { losses.append(loss) }
        }
        return losses
    }

    /// - Throws: what ended the work early, or what became of it.
    func finish() throws {
        progress.finish()
        if let preparationFailure {
            try report.failAll(preparationFailure)
            throw preparationFailure
        }
        let canGoOn = !run.options.overwrite
        if let recordFailure {
            if run.plan.hasSeveralInputs { report.stop("stopped", canGoOn: canGoOn) }
            throw recordFailure
        }
        if let outputFailure, run.plan.hasSeveralInputs {
            try report.failAll(outputFailure.error, from: outputFailure.endedPictures)
            report.stop("stopped", remedy: remedy(for: outputFailure.error), canGoOn: canGoOn)
            throw ExitCode.cannotCreate
        }
        // A signal that came when the last picture was written changes nothing.
        if !report.isComplete {
            report.stop("interrupted", canGoOn: canGoOn)
            throw ExitCode.interrupted
        }
        try report.finish()
    }

    /// Writes the results one after the other; an error leaves those before it.
    ///
    /// - Throws: `MadeMeanwhile` if all outputs exist by now and existing ones are to be skipped.
    private func store(_ restored: RestoredPicture, of job: PictureJob, pool: WorkerPool) throws {
        let source =
            job.picture == OutputPlan.stream ? nil : FileSource(job.picture, keepsTime: run.options.preserveTimes)
        var written: [String] = []
        for (output, version) in zip(job.outputs, restored.versions) {
            if try store(version, to: output, madeOf: source, pool: pool) { written.append(output) }
        }
        guard !written.isEmpty else { throw MadeMeanwhile() }
        guard let comparison = restored.comparison else { return }
        do {
            // It has other sides, but the colors of the results.
            try writeImage(
                sideBySide(comparison.original, restored.versions.map(\.image)),
                metadata: restored.versions[0].metadata.stripped, to: comparison.path,
                encoding: comparison.encoding, overwrite: run.options.overwrite, madeOf: source, pool: pool)
        } catch {
            let names = written.map { $0 == OutputPlan.stream ? "the picture" : $0 }
            throw UnwrittenComparison(cause: error, outputs: names)
        }
    }

    /// Returns false if the output exists by now and existing ones are to be skipped.
    private func store(
        _ version: RestoredPicture.Version, to output: String, madeOf source: FileSource?, pool: WorkerPool
    ) throws -> Bool {
        guard output != OutputPlan.stream else {
            try writeStream(bytes(of: version, pool: pool), to: STDOUT_FILENO, name: "standard output")
            return true
        }
        enter(parentFolder(of: output))
        do {
            try write(version, to: output, madeOf: source, pool: pool)
        } catch ImageError.file(.alreadyExists) where run.options.skipExisting {
            return false
        }
        return true
    }

    private func bytes(of version: RestoredPicture.Version, pool: WorkerPool) throws -> [UInt8] {
        guard let coded = version.coded else {
            return try encodeImage(
                version.image, metadata: version.metadata, as: version.encoding, path: "standard output", pool: pool)
        }
        return coded.bytes(with: version.metadata)
    }

    private func write(
        _ version: RestoredPicture.Version, to output: String, madeOf source: FileSource?, pool: WorkerPool
    ) throws(ImageError) {
        guard let coded = version.coded else {
            return try writeImage(
                version.image, metadata: version.metadata, to: output, encoding: version.encoding,
                overwrite: run.options.overwrite, madeOf: source, in: folder, pool: pool)
        }
        do throws(FileError) {
            try writeFileAtomically(
                coded.bytes(with: version.metadata), to: output, overwrite: run.options.overwrite, madeOf: source,
                in: folder)
        } catch {
            throw .file(error)
        }
    }

    /// A gray picture whose results have colors is shown in color.
    private func sideBySide(_ original: Image, _ results: [Image]) -> Image {
        results.reduce(results[0].channelLayout == original.channelLayout ? original : original.inColor()) {
            $0.beside($1)
        }
    }

    /// Once removes what programs that were killed have left in the folder of an output half written.
    private func enter(_ folder: String) {
        if folders.insert(Array(folder.utf8)).inserted { removeAbandonedTemporaryFiles(in: folder) }
    }
}

/// Whether no other output could be written either.
private func concernsAllOutputs(_ error: any Error) -> Bool {
    switch error {
    case let error as FileError: error.concernsAllOutputs
    case ImageError.file(let error): error.concernsAllOutputs
    case let error as UnwrittenComparison: concernsAllOutputs(error.cause)
    default: false
    }
}

/// What must be done before the rest of a batch can be written.
private func remedy(for error: any Error) -> String {
    switch error {
    case FileError.folderGone, ImageError.file(.folderGone): "bring the folder back"
    default: "free some space"
    }
}
