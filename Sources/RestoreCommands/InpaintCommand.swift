import ArgumentParser
import Logging
import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText

struct InpaintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inpaint",
        abstract: "Fills missing or damaged parts of photographs.",
        usage: """
            restore inpaint --mask MASK INPUT OUTPUT
            restore inpaint --mask MASK INPUT... [--output FOLDER] [--recursive]
            restore inpaint --mask MASK - - < INPUT > OUTPUT
            """,
        discussion: """
            \(PictureOptions.discussion(suffix: defaultSuffix))

            The mask is a picture of the same size: white (at least half the brightness) is filled. If the mask has \
            transparent parts, its opaque ones are filled instead. A folder of masks has one for each picture, of the same \
            name or with _mask after it. --mask alpha fills the picture's own transparent parts. All other pixels stay as \
            they are, bit for bit in a PNG.

            By default the result is the network's most probable answer. --samples writes several different ones, numbered \
            from 1; the same --seed gives the same ones. --method harmonic and biharmonic need no model: they continue \
            colors and slopes smoothly into the hole.
            """)

    private static let defaultSuffix = "_inpainted"

    @OptionGroup var pictures: PictureOptions

    @Option(help: "Suffix for outputs without explicit names. (default: \(Self.defaultSuffix))")
    var suffix: String?

    @Option(
        help: ArgumentHelp("What is to be filled: a picture, a folder of them, or alpha.", valueName: "path|alpha"),
        completion: .pictures)
    var mask: String

    @Option(parsing: .unconditional, help: ArgumentHelp("Grow the mask first.", valueName: "pixels"))
    var dilate = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Mix with what was there, this far inside from the mask's edge.", valueName: "pixels"))
    var feather = 0

    @Option(help: "What fills.")
    var method = FillMethod.cvae

    @Option(help: ArgumentHelp("Number of different answers.", valueName: "number"))
    var samples: Int?

    @Option(help: "The same seed gives the same answers.")
    var seed: UInt64 = 1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much answers differ; 1 as much as the model finds plausible.", valueName: "0…1"))
    var temperature = 1.0

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Model: a name or a path. (default: \(Self.defaultModel))", valueName: "name|path"),
        completion: .models)
    var model: String?

    @Option(help: ArgumentHelp("Quality of JPEG output.", valueName: "1…100"))
    var quality: Int?

    @OptionGroup var models: ModelOptions
    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    static let defaultModel = "inpaint-photo"
    private static let alpha = "alpha"
    private static let mostSamples = 100
    private static let dilations = 0...200

    func validate() throws {
        guard Self.dilations.contains(dilate) else { throw ValidationError("--dilate takes 0 to 200.") }
        guard PictureFill.Options.feathers.contains(feather) else { throw ValidationError("--feather takes 0 to 80.") }
        if let samples, !(1...Self.mostSamples).contains(samples) {
            throw ValidationError("--samples takes 1 to \(Self.mostSamples).")
        }
        guard (0...1).contains(temperature) else { throw ValidationError("--temperature takes 0 to 1.") }
        guard method == .cvae || (samples == nil && model == nil) else {
            throw ValidationError("--method \(method.rawValue) has no model and a single answer.")
        }
        if let quality, !(1...100).contains(quality) { throw ValidationError("--quality takes 1 to 100.") }
    }

    func run() throws {
        try reportingFailure {
            let pool = threads.pool
            let companions = mask == Self.alpha ? [] : [OutputPlan.CompanionSource(role: .mask, path: mask)]
            let path = try pictures.recordingFailure {
                method == .cvae ? try models.catalog().find(model ?? Self.defaultModel).path : nil
            }
            let plan = try pictures.plan(
                suffix: suffix, defaultSuffix: Self.defaultSuffix, companions: companions, versionCount: samples ?? 1)
            let run = PictureRun(
                plan: plan, options: pictures, memory: tiling.budget(threads: pool.workerCount), pool: pool,
                verbosity: verbosity, participle: "inpainted")
            var fill: PictureFill?
            func loaded() throws -> PictureFill {
                if let fill { return fill }
                let new = PictureFill(try fillMethod(path, pool), pool: pool)
                fill = new
                return new
            }
            try run.run(
                prepare: { _ = try loaded() },
                restore: { try inpaint($0, with: loaded()) })
        }
    }

    private func fillMethod(_ path: String?, _ pool: WorkerPool) throws(ModelError) -> PictureFill.Method {
        switch method {
        case .harmonic: return .harmonic
        case .biharmonic: return .biharmonic
        case .cvae:
            guard let path else { preconditionFailure("a network without a path") }
            verbosity.logger.debug("model \(path), \(pool.workerCount) threads, \(kernelDescription) kernels")
            return .network(try Inpainter(path: path, pool: pool))
        }
    }

    private func inpaint(_ loaded: LoadedJob, with fill: PictureFill) throws -> RestoredPicture {
        let (job, decoded) = (loaded.job, loaded.decoded)
        let comparison = try pictures.comparison(of: decoded, quality: quality)
        let marked = try fillMask(loaded)
        let isEmpty = !marked.isMissing.contains(true)
        let image = mask == Self.alpha ? decoded.image.opaque(where: marked) : decoded.image
        var versions: [RestoredPicture.Version] = []
        let seeds = samples == nil ? [nil] : (0..<job.outputs.count).map { UInt64?(seed &+ UInt64($0)) }
        for (index, (output, seed)) in zip(job.outputs, seeds).enumerated() {
            let options = PictureFill.Options(seed: seed, temperature: temperature, feather: feather)
            let result = try fill.fill(image, marked, options: options) {
                try loaded.progress((Double(index) + $0) / Double(job.outputs.count))
            }
            let encoding = try pictures.encoding(for: output, format: pictures.format, of: decoded, quality: quality)
            versions.append(
                .init(
                    image: result, metadata: pictures.metadata(of: decoded), encoding: encoding,
                    coded: isEmpty ? pictures.coded(decoded, for: encoding, quality: quality) : nil))
        }
        let warnings = isEmpty ? ["nothing is marked; it is copied"] : []
        return RestoredPicture(versions: versions, warnings: warnings, comparison: comparison) {
            [width = image.width, height = image.height, missing = marked.count] in
            let record = InpaintRecord(
                file: job.picture, output: job.outputs[0], outputs: job.outputs, width: width, height: height,
                missing: missing, method: method.rawValue, model: method == .cvae ? model ?? Self.defaultModel : nil,
                seeds: seeds.compactMap { $0 }, seconds: $0.seconds, warnings: $0.warnings)
            return (record, record.lines)
        }
    }

    /// What is to be filled, grown.
    private func fillMask(_ loaded: LoadedJob) throws(UsageError) -> FillMask {
        let image = loaded.decoded.image
        let found: FillMask
        if mask == Self.alpha {
            guard let own = FillMask(transparencyOf: image) else {
                throw UsageError(description: "\(loaded.job.picture): has no transparency, which --mask alpha is about")
            }
            found = own
        } else {
            guard let given = loaded.companions[.mask]?.image else { preconditionFailure("a job without its mask") }
            let path = loaded.job.companions.first { $0.role == .mask }?.path ?? mask
            guard (given.width, given.height) == (image.width, image.height) else {
                throw UsageError(
                    description: """
                        \(path): the mask is \(given.width)×\(given.height), \(loaded.job.picture) is \
                        \(image.width)×\(image.height)
                        """)
            }
            found = FillMask(given)
        }
        let grown = found.dilated(by: dilate)
        guard grown.isMissing.contains(false) else {
            throw UsageError(
                description: "\(loaded.job.picture): all of it is marked, and nothing is left to continue")
        }
        return grown
    }
}

/// `--method`.
enum FillMethod: String, CaseIterable, ExpressibleByArgument {
    case cvae, harmonic, biharmonic
}

private struct InpaintRecord: Encodable {
    let file: String
    let output: String
    /// All of them, in the order of `seeds`.
    let outputs: [String]
    let width: Int
    let height: Int
    /// Number of pixels that were filled.
    let missing: Int
    let method: String
    /// Null for a method without one.
    let model: String?
    /// Of the answers; empty for the most probable one.
    let seeds: [UInt64]
    let seconds: Double
    let warnings: [String]

    func encode(to encoder: any Encoder) throws {
        var record = encoder.container(keyedBy: RecordKey.self)
        try record.encode(file, forKey: "file")
        try record.encode(output, forKey: "output")
        try record.encode(outputs, forKey: "outputs")
        try record.encode(width, forKey: "width")
        try record.encode(height, forKey: "height")
        try record.encode(missing, forKey: "missing")
        try record.encode(method, forKey: "method")
        try record.encode(model, forKey: "model")
        try record.encode(seeds, forKey: "seeds")
        try record.encode(seconds, forKey: "seconds")
        try record.encode(warnings, forKey: "warnings")
    }

    /// The same for people.
    var lines: [(level: Logger.Level, text: String)] {
        let share = 100 * Double(missing) / Double(width * height)
        return outputs.map {
            (.info, "\($0): \(width)×\(height), \(decimals(share, 1)) % filled, \(decimals(seconds, 2)) s")
        }
    }
}
