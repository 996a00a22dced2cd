import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

struct DenoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "denoise",
        abstract: "Removes noise from photographs.",
        usage: """
            restore denoise INPUT OUTPUT
            restore denoise INPUT... [--output FOLDER]
            """,
        discussion: """
            Without an output the result stands beside the input: photo.jpg becomes photo_denoised.jpg. Nothing is \
            overwritten unless --overwrite is given. The result has the size, the bit depth and the transparency of the \
            input.

            Unless --model names one, the model is chosen by what the picture's noise is like (auto): denoise-color for white \
            noise, the same in all channels and tones, which is also meant where --sigma gives its level; denoise-photo for \
            noise that has been through a camera's processing or JPEG.

            --quality takes a word and a number, one each: best is the mean over the picture in eight orientations, a little \
            better for eight times the work; 1…100 is the quality of JPEG output.
            """)

    @Argument(help: ArgumentHelp("PNG or JPEG files; the second of two is the output.", valueName: "input"))
    var paths: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Input file; may be given several times.", valueName: "path"))
    var input: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Output file, or folder for several inputs.", valueName: "path"))
    var output: String?

    @Option(help: ArgumentHelp("Noise level (standard deviation, of 255), or auto.", valueName: "auto|0…75"))
    var sigma: SigmaArgument = .auto

    @Option(help: ArgumentHelp("How much of the noise is taken away.", valueName: "0…1"))
    var strength = 1.0

    @Option(help: "Added to the name of outputs that are not named.")
    var suffix = "_denoised"

    @Option(name: .shortAndLong, help: "Format of the output, whatever its extension says.")
    var format: ImageFormat?

    @Option(
        help: ArgumentHelp("Of the result, fast unless given, and of JPEG output.", valueName: "fast|best|1…100"))
    var quality: [QualityArgument] = []

    @Option(help: ArgumentHelp("Pictures with more megapixels are refused.", valueName: "megapixels"))
    var maxPixels = 512

    @Option(help: ArgumentHelp("Also write before and after side by side; for one input.", valueName: "path"))
    var compare: String?

    @Flag(help: "Replace outputs that exist.")
    var overwrite = false

    @Flag(help: "One JSON record a file on stdout.")
    var json = false

    @Option(help: "How progress is shown.")
    var progress = ProgressStyle.auto

    @OptionGroup var denoiser: DenoiserOptions
    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard !(paths + input).isEmpty else { throw ValidationError("At least one input is needed.") }
        guard (0...1).contains(strength) else { throw ValidationError("--strength takes 0 to 1.") }
        try quality.validate()
        guard (1...1_000_000).contains(maxPixels) else { throw ValidationError("--max-pixels takes 1 or more.") }
    }

    func run() throws {
        try reportingFailure {
            if let compare { try OutputPlan.requireName(compare) }
            let plan = try OutputPlan(
                OutputPlan.Request(
                    inputs: input, paths: paths, output: output, format: format, suffix: suffix, overwrite: overwrite))
            try checkComparison(plan)
            let pool = threads.pool
            let limits = ImageLimits(maximumPixels: maxPixels * 1_000_000)
            let models = denoiser.selection(pool: pool, verbosity: verbosity)
            // The first picture is read while the model is that most pictures need.
            let (loading, first) = pool.together(
                { Result { try models.denoiser(named: expectedModel) } },
                { plan.jobs.first.map { ReadPicture($0.input, limits: limits) } })
            try checkLevel(for: loading.get())
            var failures = 0
            for (index, job) in plan.jobs.enumerated() {
                do {
                    let read = index == 0 ? first : nil
                    try denoise(job, read ?? ReadPicture(job.input, limits: limits), with: models, pool: pool)
                } catch  where plan.jobs.count > 1 {
                    Console.message("restore: \(explanation(of: error))")
                    failures += 1
                }
            }
            if plan.jobs.count > 1 {
                verbosity.logger.info("\(plan.jobs.count - failures) of \(plan.jobs.count) pictures denoised")
            }
            if failures > 0 { throw ExitCode.someFailed }
        }
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

    private func checkComparison(_ plan: OutputPlan) throws {
        guard let compare else { return }
        guard plan.jobs.count == 1 else { throw UsageError(description: "--compare takes one input") }
        guard plan.jobs[0].output != compare else {
            throw UsageError(description: "\(compare): both the output and the comparison")
        }
        try OutputPlan.requireReplaceable(compare, overwrite: overwrite)
        try OutputPlan.requireFolder(parentFolder(of: compare), for: compare)
    }

    private func denoise(
        _ job: OutputPlan.Job, _ picture: ReadPicture, with models: DenoiserSelection, pool: WorkerPool
    ) throws {
        let clock = ContinuousClock()
        let start = clock.now
        let input = try picture.result.get()
        let image = input.image
        let encoding = try encoding(for: job.output, format: format, input: input)
        let comparison = try compare.map { try self.encoding(for: $0, format: nil, input: input) }
        let bar = Progress(
            job.input, megapixels: Double(image.pixelCount) / 1e6, style: verbosity.quiet ? .none : progress)
        let runner = ConcurrentRunner(pool)
        let noise = choosesModel ? NoiseEstimator(concurrently: runner).measure(image) : nil
        let choice = try noise.map { try models.denoiser(for: $0.kind) } ?? models.denoiser(named: expectedModel)
        let options = Denoiser.Options(
            noiseLevel: noise.map { .sigma($0.sigma) } ?? sigma.noiseLevel, strength: strength,
            quality: quality.denoising, tiling: tiling.tiling(pictureBytes: image.sampleCount * image.bitDepth / 8))
        let result: (image: Image, sigma: Double?)
        do {
            result = try choice.denoiser.denoise(image, options: options) { bar.update($0) }
        } catch let pixel as NonFinitePixel {
            throw ImageError.notFinite(path: job.input, x: pixel.x, y: pixel.y)
        }
        bar.finish()
        try writeImage(result.image, to: job.output, encoding: encoding, overwrite: overwrite, concurrently: runner)
        if let compare {
            try writeImage(
                image.beside(result.image), to: compare, encoding: comparison, overwrite: overwrite,
                concurrently: runner)
        }
        try report(
            DenoiseRecord(
                file: job.input, output: job.output, width: image.width, height: image.height, model: choice.name,
                noiseKind: noise?.kind, sigma: result.sigma,
                seconds: picture.seconds + (clock.now - start).seconds))
    }

    /// How the result is stored at `path`. What cannot be stored is said before the work, which may take minutes.
    private func encoding(for path: String, format: ImageFormat?, input: DecodedImage) throws -> ImageEncoding {
        let encoding = try OutputPlan.encoding(for: path, format: format, input: input.format, quality: quality.jpeg)
        try encoding.requireAbility(toStore: input.image, path: path)
        return encoding
    }

    private func report(_ record: DenoiseRecord) throws {
        if json { try Console.data(jsonLine(record)) }
        let level = record.sigma.map { ", noise level \(decimals($0, 1)) of 255" } ?? ""
        let reason = record.noiseKind.map { ", \(record.model) for \($0.explanation)" } ?? ""
        verbosity.logger.info(
            """
            \(record.output): \(record.width)×\(record.height)\(level)\(reason), \(decimals(record.seconds, 2)) s
            """)
        if let kind = record.noiseKind, record.model != DenoiserSelection.name(for: kind) {
            verbosity.logger.debug("\(DenoiserSelection.name(for: kind)) is not installed, which suits this noise")
        }
    }
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
}

extension NoiseKind {
    fileprivate var explanation: String {
        switch self {
        case .gaussian: "white noise or hardly any"
        case .photo: "the noise of a photograph"
        }
    }
}
