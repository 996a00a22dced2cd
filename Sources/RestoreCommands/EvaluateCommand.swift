import RestoreText
import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measures a model on pictures.",
        subcommands: Tasks.all.map { $0.evaluateCommand })
}

struct EvaluateDenoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "denoise",
        abstract: "Adds noise to clean pictures, removes it, and compares.",
        discussion: """
            The noise is Gaussian with mean 0, not clipped, and depends on the seed and the file's name. With --noise \
            photo it is that of a random camera, in 8 bits, and its level is estimated unless --sigma tells one. The result is \
            rounded to 8 bits. PSNR is taken over all color channels, SSIM on luma; the mean over the pictures comes last. \
            With --noisy no noise is added: the pictures of the same names there are denoised and compared. The model is \
            denoise-color unless --model names another; auto chooses by the noise of each picture, where its level is \
            estimated.
            """)

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp("Folders or files with clean pictures.", valueName: "path"))
    var sources: [String]

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Noise that is added, of 255: 25 unless given.", valueName: "0…75"))
    var sigma: Double?

    @OptionGroup var addition: NoiseOptions

    @Option(help: ArgumentHelp("Noisy versions: a folder with the same names, or a file.", valueName: "path"))
    var noisy: String?

    @Flag(help: "Let the program estimate the noise level instead of telling it.")
    var auto = false

    @Option(parsing: .unconditional, help: "Only the first pictures.")
    var limit: Int?

    @Option(help: "The same seed gives the same noise.")
    var seed: UInt64 = 1

    @Flag(help: "JSON records on stdout, a line each.")
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

    func run() throws {
        try reportingFailure {
            let files = try Array(pictureFiles(below: sources).prefix(limit ?? .max))
            // One error, not one a picture.
            if let noisy, pathKind(noisy) == .missing { throw missingError(noisy) }
            let models = try denoiser.selection(pool: threads.pool, verbosity: verbosity)
            // A model that is missing is one error, not one a picture.
            _ = try models.denoiser(named: expectedModel)
            var scores: [DenoiseScore] = []
            var failures = 0
            Interruption.watch()
            for file in files {
                do {
                    try Interruption.check()
                    scores.append(try evaluate(file, with: models))
                } catch is Interrupted {
                    let failed = failures > 0 ? ", \(failures) failed" : ""
                    Console.message(
                        "restore: interrupted after \(scores.count + failures) of \(files.count) pictures\(failed)")
                    throw ExitCode.interrupted
                } catch  where files.count > 1 {
                    Console.message("restore: \(explanation(of: error))")
                    failures += 1
                    continue
                }
                try scores.last.map(show)
            }
            guard !scores.isEmpty else { throw ExitCode.badData }
            try show(
                EvaluationSummary(
                    scores, model: model, sigma: addedSigma, isAutomatic: knownSigma == nil, seed: seed,
                    noise: noisy == nil ? addition.noise : nil, level: addition.addedLevel))
            if failures > 0 { throw ExitCode.someFailed }
        }
    }

    private func evaluate(_ file: String, with models: DenoiserSelection) throws -> DenoiseScore {
        do {
            return try measure(file, with: models)
        } catch let error as ImageComparisonError {
            throw EvaluationError.notComparable(file, error)
        } catch let pixel as NonFinitePixel {
            throw ImageError.notFinite(path: file, x: pixel.x, y: pixel.y)
        }
    }

    private func measure(_ file: String, with models: DenoiserSelection) throws -> DenoiseScore {
        let clean = try readImage(file).image.roundedTo8Bits()
        let colors = try noisyColors(of: clean, file: file)
        let noisy = try clean.withColors(colors)

        let clock = ContinuousClock()
        let start = clock.now
        let noise = choosesModel ? noise(in: colors, of: clean) : nil
        let choice = try noise.map { try models.denoiser(for: $0.kind) } ?? models.denoiser(named: expectedModel)
        let isBlind = choice.denoiser.architecture.isBlind
        let level = isBlind ? nil : knownSigma ?? (noise ?? self.noise(in: colors, of: clean)).sigma
        let restored = try choice.denoiser.denoise(
            colors: colors, width: clean.width, height: clean.height,
            options: Denoiser.Options(
                noiseLevel: .sigma(level ?? 0), usesEnsemble: denoiser.usesEnsemble(quality),
                tiling: tiling.budget(threads: threads.count).share(besides: 24 * colors.count).tiling),
            progress: { _ in try Interruption.check() }
        ).colors
        let seconds = roundedToMicroseconds((clock.now - start).seconds)
        let result = try clean.withColors(restored)
        return DenoiseScore(
            file: file, psnr: try peakSignalToNoiseRatio(result, clean), ssim: try structuralSimilarity(result, clean),
            seconds: seconds, sigma: level, model: noise == nil ? nil : choice.name, noiseKind: noise?.kind,
            baselines: [
                "noisy": Score(
                    psnr: try peakSignalToNoiseRatio(noisy, clean), ssim: try structuralSimilarity(noisy, clean))
            ])
    }

    /// The Gaussian noise that is added where there is no noisy version.
    private var addedSigma: Double? { noisy == nil && addition.noise == .gaussian ? sigma ?? 25 : nil }

    /// What the network is told; nil where the level is estimated.
    private var knownSigma: Double? { auto ? nil : sigma ?? addedSigma }

    /// The model that was asked for, or that is measured unless one is.
    private var model: String { denoiser.model ?? DenoiserSelection.name(for: .gaussian) }

    /// Whether each picture decides: a level that is told is that of Gaussian noise.
    private var choosesModel: Bool { denoiser.model == DenoiserOptions.automatic && knownSigma == nil }

    /// The model to begin with.
    private var expectedModel: String {
        model == DenoiserOptions.automatic ? DenoiserSelection.name(for: .gaussian) : model
    }

    private func noise(in colors: [Float], of clean: Image) -> NoiseMeasurement {
        NoiseEstimator().measure(
            colors: colors, width: clean.width, height: clean.height,
            isGray: clean.channelLayout.colorChannelCount == 1)
    }

    /// The picture with noise that depends on the seed and the file's name, or its noisy version.
    private func noisyColors(of clean: Image, file: String) throws -> [Float] {
        if let addedSigma {
            var generator = SeededGenerator(seed: seed, path: stableHash(lastPathComponent(of: file)))
            return GaussianNoise(sigma: addedSigma).noisyColors(of: clean, generator: &generator)
        }
        if let level = addition.addedLevel {
            var generator = SeededGenerator(seed: seed, path: stableHash(lastPathComponent(of: file)))
            return try PhotographNoise(level: level).degrade(clean, path: file, generator: &generator).colors
        }
        var path = noisy ?? ""
        if pathKind(path) == .directory { path = joinPath(path, lastPathComponent(of: file)) }
        let version = try readImage(path).image
        guard (version.width, version.height) == (clean.width, clean.height) else {
            throw EvaluationError.differentSizes(path, version, file, clean)
        }
        return version.colors
    }

    private func show(_ score: DenoiseScore) throws {
        if json {
            try Console.data(jsonLine(score))
        } else {
            try Console.data(
                """
                \(score.file)  \(decimals(score.psnr, 2)) dB  SSIM \(decimals(score.ssim, 4))  \
                \(decimals(score.seconds, 2)) s
                """)
        }
    }

    private func show(_ summary: EvaluationSummary) throws {
        if json {
            try Console.data(jsonLine(summary))
        } else {
            let mean = summary.mean
            try Console.data(
                """
                mean of \(summary.pictures) picture\(summary.pictures == 1 ? "" : "s")  \(decimals(mean.psnr, 2)) dB  \
                SSIM \(decimals(mean.ssim, 4))  \(decimals(mean.seconds, 2)) s  (noisy: \(decimals(summary.baselines["noisy"]?.psnr ?? 0, 2)) dB)
                """)
        }
    }
}

/// The noise that is added to clean pictures.
struct NoiseOptions: ParsableArguments {
    enum Noise: String, ExpressibleByArgument, CaseIterable, Encodable {
        case gaussian, photo
    }

    @Option(help: ArgumentHelp("Which noise is added.", valueName: "gaussian|photo"))
    var noise = Noise.gaussian

    @Option(
        help: ArgumentHelp(
            "How strong the noise of --noise photo is: medium unless given.", valueName: "low|medium|high"))
    var level: PhotographNoise.Level?

    func validate() throws {
        guard level == nil || noise == .photo else { throw ValidationError("--level goes with --noise photo.") }
    }

    var isDefault: Bool { noise == .gaussian && level == nil }

    /// The level of the noise of photographs, where it is that which is added.
    var addedLevel: PhotographNoise.Level? { noise == .photo ? level ?? .medium : nil }
}

private enum EvaluationError: Error, CustomStringConvertible {
    case differentSizes(String, Image, String, Image)
    case notComparable(String, ImageComparisonError)

    var description: String {
        switch self {
        case .differentSizes(let path, let image, let other, let expected):
            "\(path): is \(image.width)×\(image.height), expected \(expected.width)×\(expected.height) as \(other)"
        case .notComparable(let path, let error):
            "\(path): \(error)"
        }
    }
}

/// Files with pictures in folders, or the files themselves.
///
/// - Throws: `FileError` for a path that is not there, or a folder without pictures.
func pictureFiles(below paths: [String]) throws(FileError) -> [String] {
    var files: [String] = []
    for path in paths {
        switch pathKind(path) {
        case .missing: throw missingError(path)
        case .directory:
            let found = try listFilesRecursively(path, extensions: ImageFormat.allFileExtensions)
            guard !found.isEmpty else { throw .unreadable(path: path, reason: "it holds no PNG or JPEG file") }
            files += found
        default: files.append(path)
        }
    }
    return files
}

struct Score: Encodable {
    let psnr: Double
    let ssim: Double
}

struct DenoiseScore: Encodable {
    let file: String
    let psnr: Double
    let ssim: Double
    let seconds: Double
    /// The level that the network was told; none for a blind one.
    let sigma: Double?
    /// The model that was chosen, and why, where the picture chose it.
    let model: String?
    let noiseKind: NoiseKind?
    let baselines: [String: Score]
}

struct EvaluationSummary: Encodable {
    struct Mean: Encodable {
        let psnr: Double
        let ssim: Double
        let seconds: Double
        /// Over the pictures that have one.
        let sigma: Double?
    }

    let mean: Mean
    let pictures: Int
    let model: String
    /// The noise that was added, if any was.
    let sigma: Double?
    let automatic: Bool
    let seed: UInt64
    /// What kind of noise was added, if any was.
    let noise: NoiseOptions.Noise?
    /// The level of the noise of photographs.
    let level: PhotographNoise.Level?
    let baselines: [String: Score]

    init(
        _ scores: [DenoiseScore], model: String, sigma: Double?, isAutomatic: Bool, seed: UInt64,
        noise: NoiseOptions.Noise?, level: PhotographNoise.Level?
    ) {
        func mean(_ value: (DenoiseScore) -> Double) -> Double {
            scores.reduce(0) { $0 + value($1) } / Double(scores.count)
        }
        let levels = scores.compactMap(\.sigma)
        self.mean = Mean(
            psnr: mean(\.psnr), ssim: mean(\.ssim), seconds: roundedToMicroseconds(mean(\.seconds)),
            sigma: levels.isEmpty ? nil : levels.reduce(0, +) / Double(levels.count))
        pictures = scores.count
        self.model = model
        self.sigma = sigma
        automatic = isAutomatic
        self.seed = seed
        self.noise = noise
        self.level = level
        baselines = [
            "noisy": Score(
                psnr: mean { $0.baselines["noisy"]?.psnr ?? 0 }, ssim: mean { $0.baselines["noisy"]?.ssim ?? 0 })
        ]
    }
}
