import RestoreText
import RestoreConcurrency
import ArgumentParser
import Logging
import RestoreFiles
import RestoreImage
import RestoreModels

struct DenoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "denoise",
        abstract: "Removes noise from photographs.",
        usage: """
            restore denoise INPUT OUTPUT
            restore denoise INPUT... [--output FOLDER] [--recursive]
            restore denoise - - < INPUT > OUTPUT
            """,
        discussion: """
            \(BatchOptions.discussion(suffix: defaultSuffix))

            The result has the size, the bit depth, the transparency, the colors (by profile) and the metadata of the input. It \
            stands upright; what would then be untrue in the metadata is corrected. A JPEG of a JPEG keeps its quantization.

            Unless --model names one, the model is chosen by what the picture's noise is like (auto): denoise-color for white \
            noise, the same in all channels and tones, which is also meant where --sigma gives its level; denoise-photo for \
            noise that has been through a camera's processing or JPEG.

            --quality takes a word and a number, one each: best is the mean over the picture in eight orientations, a little \
            better for eight times the work; 1…100 is the quality of JPEG output.
            """)

    private static let defaultSuffix = "_denoised"

    @OptionGroup var batch: BatchOptions

    @Option(help: "Added to the name of outputs that are not named. (default: \(Self.defaultSuffix))")
    var suffix: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Noise level (standard deviation, of 255), or auto.", valueName: "auto|0…75"))
    var sigma: SigmaArgument = .auto

    @Option(
        parsing: .unconditional, help: ArgumentHelp("How much of the noise is taken away.", valueName: "0…1"))
    var strength = 1.0

    @Option(
        help: ArgumentHelp("Of the result, fast unless given, and of JPEG output.", valueName: "fast|best|1…100"))
    var quality: [QualityArgument] = []

    @OptionGroup var denoiser: DenoiserOptions
    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard (0...1).contains(strength) else { throw ValidationError("--strength takes 0 to 1.") }
        try quality.validate()
    }

    func run() throws {
        try reportingFailure {
            let pool = threads.pool
            let models = try denoiser.selection(pool: pool, verbosity: verbosity)
            let plan = try batch.plan(suffix: suffix, defaultSuffix: Self.defaultSuffix)
            warnOfUselessQuality(plan)
            let batch = Batch(
                plan: plan, options: batch,
                memory: BatchMemory(limit: tiling.maxMemory.bytes), pool: pool, verbosity: verbosity,
                participle: "denoised")
            // The first picture is read while the model is that most pictures need.
            try batch.run(
                prepare: { try checkLevel(for: models.denoiser(named: expectedModel)) },
                restore: { try denoise($0, with: models, pool: pool) })
        }
    }

    /// In a batch some may be JPEG.
    private func warnOfUselessQuality(_ plan: OutputPlan) {
        guard let number = quality.jpeg, !plan.isBatch, let output = plan.jobs.first?.output,
            (batch.format ?? ImageFormat.forPath(output)) == .png,
            batch.compare.map({ ImageFormat.forPath($0) != .jpeg }) ?? true
        else { return }
        verbosity.logger.warning("--quality \(number) is for JPEG: \(output) is PNG, which loses nothing")
    }

    /// Refuses to tell a noise level to a network that is told none.
    private func checkLevel(for choice: DenoiserSelection.Choice) throws(UsageError) {
        guard case .value = sigma, choice.denoiser.architecture.isBlind else { return }
        throw UsageError(
            description: """
                \(choice.name): is not told the noise level: --strength says how much of the noise goes, and --sigma is for \
                \(DenoiserSelection.name(for: .gaussian))
                """)
    }

    /// The model that was asked for; where the picture is to decide, the one for Gaussian noise, which most decide for.
    private var expectedModel: String {
        guard let model = denoiser.model, model != DenoiserOptions.automatic else {
            return DenoiserSelection.name(for: .gaussian)
        }
        return model
    }

    /// Whether the picture decides: a noise level that is given is that of Gaussian noise.
    private var choosesModel: Bool {
        sigma == .auto && (denoiser.model ?? DenoiserOptions.automatic) == DenoiserOptions.automatic
    }

    private func denoise(
        _ picture: BatchPicture, with models: DenoiserSelection, pool: WorkerPool
    ) throws -> RestoredPicture {
        let (job, image) = (picture.job, picture.decoded.image)
        let encoding = try batch.encoding(
            for: job.output, format: batch.format, of: picture.decoded, quality: quality.jpeg)
        let comparison = try batch.compare.map {
            let encoding = try batch.encoding(for: $0, format: nil, of: picture.decoded, quality: quality.jpeg)
            return (original: image, path: $0, encoding: encoding)
        }
        let noise = choosesModel ? NoiseEstimator(pool: pool).measure(image) : nil
        let choice = try noise.map { try models.denoiser(for: $0.kind) } ?? models.denoiser(named: expectedModel)
        let reserved = picture.reservedBytes + encoding.workingBytes(for: image)
        let tiling = tiling.tiling(
            pictureBytes: image.byteCount, reserved: reserved, threads: pool.workerCount)
        let options = Denoiser.Options(
            noiseLevel: noise.map { .sigma($0.sigma) } ?? sigma.noiseLevel, strength: strength,
            quality: quality.denoising, tiling: tiling)
        let layout = try choice.denoiser.layout(for: image, quality: options.quality, tiling: tiling)
        let result: (image: Image, sigma: Double?)
        do {
            result = try choice.denoiser.denoise(
                image, layout: layout, options: options, progress: picture.progress)
        } catch let pixel as NonFinitePixel {
            throw ImageError.notFinite(path: job.input, x: pixel.x, y: pixel.y)
        }
        return RestoredPicture(
            image: result.image, metadata: batch.metadata(of: picture.decoded), encoding: encoding,
            warnings: memoryWarning(image, layout, reserved: reserved, threads: pool.workerCount).map { [$0] } ?? [],
            comparison: comparison
        ) { [width = image.width, height = image.height, sigma = result.sigma] in
            // Not the picture: it would take its memory while the result is written.
            let record = DenoiseRecord(
                file: job.input, output: job.output, width: width, height: height, model: choice.name,
                noiseKind: noise?.kind, sigma: sigma, seconds: $0.seconds, warnings: $0.warnings)
            return (record, record.lines)
        }
    }

    private func memoryWarning(_ image: Image, _ layout: DenoisingLayout, reserved: Int, threads: Int) -> String? {
        // With pieces of a given size the limit is for what goes on beside.
        guard tiling.tile == .auto else { return nil }
        let others = TilingOptions.memory(pictureBytes: image.byteCount, reserved: reserved, threads: threads)
        let limit = tiling.maxMemory.bytes
        guard others + layout.memory > limit else { return nil }
        let reason =
            if others + layout.fixedMemory > limit {
                "\(mebibytes(others + layout.fixedMemory)) of them whatever it is cut into"
            } else if layout.canBeCutFurther {
                "narrower pieces would more than double the work"
            } else {
                "it cannot be cut any further"
            }
        return "it takes about \(mebibytes(others + layout.memory)), more than --max-memory: \(reason)"
    }

    private func mebibytes(_ bytes: Int) -> String { "\((bytes >> 20) + 1) MiB" }
}

private struct DenoiseRecord: Encodable {
    let file: String
    let output: String
    let width: Int
    let height: Int
    let model: String
    /// What the picture's noise is like, where the picture chose the model.
    let noiseKind: NoiseKind?
    /// The level that the network was told, or that was found; of a blind network that was asked for, none.
    let sigma: Double?
    let seconds: Double
    let warnings: [String]

    /// The same for people.
    var lines: [(level: Logger.Level, text: String)] {
        let noiseLevel = sigma.map { ", noise level \(decimals($0, 1)) of 255" } ?? ""
        let reason = noiseKind.map { ", \(model) for \($0.explanation)" } ?? ""
        var lines: [(level: Logger.Level, text: String)] = [
            (.info, "\(output): \(width)×\(height)\(noiseLevel)\(reason), \(decimals(seconds, 2)) s")
        ]
        if let noiseKind, model != DenoiserSelection.name(for: noiseKind) {
            lines.append(
                (.debug, "\(DenoiserSelection.name(for: noiseKind)) is not installed, which suits this noise"))
        }
        return lines
    }
}

extension NoiseKind {
    fileprivate var explanation: String {
        switch self {
        case .gaussian: "white noise or hardly any"
        case .photo: "the noise of a photograph"
        }
    }
}
