import RestoreText
import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

struct EvaluateDenoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "denoise",
        abstract: "Adds noise to clean pictures, removes it, and compares.",
        discussion: """
            The added noise is Gaussian with mean 0, not clipped, and depends on the seed and the file's name. With --noise \
            photo it is that of a random camera, in 8 bits; --noise jpeg compresses with half-resolution color instead. In \
            both cases the level is estimated unless --sigma gives one. With --noisy, no noise is added: the images of the \
            same names there are denoised as restore denoise would, and compared. Results are rounded to 8 bits. PSNR covers \
            all color channels, SSIM is of luma; the means over the images come last. The model is denoise-color unless \
            --model names another; auto chooses by the noise of each image, whose level is then estimated.
            """)

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp("Folders or files with clean images.", valueName: "path"),
        completion: .file())
    var sources: [String]

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Level of the added noise, of 255. (default: 25)", valueName: "0…75"))
    var sigma: Double?

    @OptionGroup var addition: NoiseOptions

    @Option(help: ArgumentHelp("Noisy versions: a folder with the same names, or a file.", valueName: "path"))
    var noisy: String?

    @Flag(help: "Estimate the noise level instead of passing the known one.")
    var auto = false

    @Option(parsing: .unconditional, help: "Evaluate only the first images.")
    var limit: Int?

    @Option(help: "Seed of the noise.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON records to stdout, one per line.")
    var json = false

    @Option(help: "best: the best result this installation can produce.")
    var quality: Effort?

    @OptionGroup var denoiser: DenoiserOptions
    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard NoiseSetting.range.contains(sigma ?? 25) else { throw ValidationError("--sigma takes 0 to 75.") }
        guard !sources.isEmpty else { throw ValidationError("--data needs at least one path.") }
        if let limit, limit < 1 { throw ValidationError("--limit takes 1 or more.") }
        try denoiser.validate(quality)
        guard noisy == nil || addition.isDefault else {
            throw ValidationError("--noisy and --noise exclude each other.")
        }
    }

    /// The noise that is removed.
    var source: NoiseSource { noisy.map { .files($0) } ?? addition.source(sigma: sigma ?? 25) }

    func run() throws {
        try reportingFailure {
            let files = try Array(pictureFiles(below: sources).prefix(limit ?? .max))
            // One error, not one a picture.
            if let noisy, pathKind(noisy) == .missing { throw missingError(noisy) }
            let models = try denoiser.selection(pool: threads.pool, verbosity: verbosity)
            let evaluator = DenoiseEvaluator(items: files, command: self, models: models)
            // A model that is missing is one error, not one a picture.
            _ = try models.denoiser(named: evaluator.expectedModel)
            try EvaluationRun(evaluator: evaluator, json: json).run()
        }
    }
}

/// The noise that is added to clean pictures.
struct NoiseOptions: ParsableArguments {
    enum Noise: String, ExpressibleByArgument, CaseIterable, Encodable {
        case gaussian, photo, jpeg
    }

    @Option(help: ArgumentHelp("Kind of the added noise.", valueName: "gaussian|photo|jpeg"))
    var noise = Noise.gaussian

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Level of --noise photo (default: medium), or quality of --noise jpeg. (default: 50)",
            valueName: "low|medium|high|1…100"))
    var level: NoiseLevelArgument?

    func validate() throws {
        switch (noise, level) {
        case (_, nil), (.photo, .photo), (.jpeg, .quality): break
        case (.gaussian, _): throw ValidationError("--level goes with --noise photo or jpeg.")
        case (.photo, _): throw ValidationError("--noise photo takes --level low, medium or high.")
        case (.jpeg, _): throw ValidationError("--noise jpeg takes --level 1 to 100.")
        }
    }

    var isDefault: Bool { noise == .gaussian && level == nil }

    /// - Parameter sigma: of Gaussian noise.
    func source(sigma: Double) -> NoiseSource {
        switch (noise, level) {
        case (.gaussian, _): .gaussian(sigma: sigma)
        case (.photo, .photo(let level)): .photo(level)
        case (.photo, _): .photo(.medium)
        case (.jpeg, .quality(let quality)): .jpeg(quality: quality)
        case (.jpeg, _): .jpeg(quality: 50)
        }
    }
}

/// A value of `--level`.
enum NoiseLevelArgument: ExpressibleByArgument, Equatable {
    case photo(PhotographNoise.Level)
    /// Of a JPEG.
    case quality(Int)

    init?(argument: String) {
        if let level = PhotographNoise.Level(rawValue: argument) {
            self = .photo(level)
        } else if let quality = Int(argument), (1...100).contains(quality) {
            self = .quality(quality)
        } else {
            return nil
        }
    }
}
