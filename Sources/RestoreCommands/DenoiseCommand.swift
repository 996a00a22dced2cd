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
            \(PictureOptions.discussion(suffix: defaultSuffix))

            The result keeps the input's size, bit depth, transparency, colors (by profile) and metadata. It is rotated \
            upright, and the metadata is corrected accordingly. JPEG to JPEG keeps the quantization tables.

            Unless --model names one, the model is chosen by the image's noise (auto): denoise-photo for strong noise that has \
            passed through a camera's processing or JPEG; denoise-jpeg for the damage of JPEG; denoise-color for weaker noise, \
            for white noise, and whenever --sigma gives the level. Without noise that is certain, the image stays as it is.

            --ensemble averages over eight orientations of the image: slightly better, eight times the work. --quality best \
            asks for the best result that this installation can produce, which today means --ensemble. --quality 1…100 sets \
            the quality of JPEG output. Both may be given.
            """)

    private static let defaultSuffix = "_denoised"

    @OptionGroup var pictures: PictureOptions

    @Option(help: "Suffix for outputs without explicit names. (default: \(Self.defaultSuffix))")
    var suffix: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Noise level (standard deviation, of 255), or auto.", valueName: "auto|0…75"))
    var sigma: NoiseSetting = .automatic

    @Option(
        parsing: .unconditional, help: ArgumentHelp("How much of the noise to remove.", valueName: "0…1"))
    var strength = 1.0

    @Option(
        help: ArgumentHelp(
            "best: the best result possible; fast: the default; 1…100: quality of JPEG output.",
            valueName: "fast|best|1…100"))
    var quality: [QualityArgument] = []

    @Option(
        help: ArgumentHelp(
            "Opposite borders meet: horizontal for 360° panoramas, both for tileable textures.",
            valueName: "direction"))
    var wrap: WrapDirection?

    @OptionGroup var denoiser: DenoiserOptions
    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard (0...1).contains(strength) else { throw ValidationError("--strength takes 0 to 1.") }
        try quality.validate()
        try denoiser.validate(quality.effort)
    }

    func run() throws {
        try reportingFailure {
            let pool = threads.pool
            let models = try pictures.recordingFailure { try denoiser.selection(pool: pool, verbosity: verbosity) }
            let plan = try pictures.plan(suffix: suffix, defaultSuffix: Self.defaultSuffix)
            warnOfUselessQuality(plan)
            let run = PictureRun(
                plan: plan, options: pictures, memory: tiling.budget(threads: pool.workerCount), pool: pool,
                verbosity: verbosity, participle: "denoised")
            // The model that most pictures need is loaded while the first picture is read.
            try run.run(
                prepare: { try checkLevel(for: models.denoiser(named: expectedModel)) },
                restore: { try denoise($0, with: models) })
        }
    }

    /// Of several outputs some may be JPEG.
    private func warnOfUselessQuality(_ plan: OutputPlan) {
        guard let number = quality.jpeg, !plan.hasSeveralInputs, let output = plan.jobs.first?.outputs.first,
            (pictures.format ?? ImageFormat.forPath(output)) == .png,
            pictures.compare.map({ ImageFormat.forPath($0) != .jpeg }) ?? true
        else { return }
        verbosity.logger.warning("--quality \(number) is for JPEG: \(output) is PNG, which loses nothing")
    }

    /// Refuses to tell a noise level to a network that is told none.
    private func checkLevel(for choice: DenoiserSelection.Choice) throws(UsageError) {
        guard case .sigma = sigma, choice.denoiser.architecture.isBlind else { return }
        throw UsageError(
            description: """
                \(choice.name): is not told the noise level: --strength says how much of the noise goes, and --sigma is for \
                \(DenoiserSelection.whiteNoiseModel)
                """)
    }

    /// The model that was asked for; where the picture is to decide, the one for Gaussian noise, which most decide for.
    private var expectedModel: String {
        guard let model = denoiser.model, model != DenoiserOptions.automatic else {
            return DenoiserSelection.whiteNoiseModel
        }
        return model
    }

    /// Whether the picture decides: a noise level that is given is that of Gaussian noise.
    private var choosesModel: Bool {
        sigma == .automatic && (denoiser.model ?? DenoiserOptions.automatic) == DenoiserOptions.automatic
    }

    private func denoise(
        _ loaded: LoadedJob, with models: DenoiserSelection
    ) throws -> RestoredPicture {
        let (job, image, output) = (loaded.job, loaded.decoded.image, loaded.job.outputs[0])
        let encoding = try pictures.encoding(
            for: output, format: pictures.format, of: loaded.decoded, quality: quality.jpeg)
        let comparison = try pictures.comparison(of: loaded.decoded, quality: quality.jpeg)
        // What the network sees.
        var seen = loaded.decoded
        if let wrap { seen.image = wrap.extended(image) }
        let analysis = choosesModel ? try models.analysis(of: seen) : nil
        let choice = try analysis.map { try models.denoiser(for: $0.noise) } ?? models.denoiser(named: expectedModel)
        var requirement = JobMemory.Requirement()
        requirement.add(resultLike: image, encoding: encoding)
        // The larger picture and its result.
        if wrap != nil { for _ in 0..<2 { requirement.add(resultLike: seen.image, encoding: encoding) } }
        if let comparison { requirement.add(comparisonOf: 2, like: image, encoding: comparison.encoding) }
        let memory = loaded.memory.share(for: requirement)
        let options = Denoiser.Options(
            noiseLevel: analysis?.setting(isBlind: choice.denoiser.architecture.isBlind) ?? sigma,
            compression: CompressionStrength(of: loaded.decoded), strength: strength,
            usesEnsemble: denoiser.usesEnsemble(quality.effort), tiling: memory.tiling)
        let warning = try memory.warning(for: choice.denoiser.layout(for: seen.image, options: options))
        let result = try choice.denoiser.denoise(seen.image, options: options, progress: loaded.progress)
        let version = RestoredPicture.Version(
            image: wrap?.original(of: result.image, like: image) ?? result.image,
            metadata: pictures.metadata(of: loaded.decoded), encoding: encoding,
            coded: result.isUnchanged ? pictures.coded(loaded.decoded, for: encoding, quality: quality.jpeg) : nil)
        return RestoredPicture(
            versions: [version], warnings: warning.map { [$0] } ?? [], comparison: comparison
        ) { [width = image.width, height = image.height, sigma = result.sigma, isUnchanged = result.isUnchanged] in
            // Not the picture: it would take its memory while the result is written.
            let record = DenoiseRecord(
                file: job.picture, output: output, width: width, height: height,
                model: isUnchanged ? nil : choice.name, noiseKind: analysis?.kind,
                suitedModel: analysis.map { DenoiserSelection.name(for: $0.noise) }, sigma: sigma, seconds: $0.seconds,
                warnings: $0.warnings)
            return (record, record.lines)
        }
    }
}

/// Opposite borders of a picture that meet, as in a panorama of 360° or in a texture that is laid side by side.
enum WrapDirection: String, ExpressibleByArgument, CaseIterable {
    case horizontal, vertical, both

    /// Pixels beyond each border that the network gets to see. Those further away have hardly any influence; a multiple of
    /// the side of JPEG's blocks and of the networks' alignments.
    private static let margin = 128

    private var margins: (x: Int, y: Int) {
        (self == .vertical ? 0 : Self.margin, self == .horizontal ? 0 : Self.margin)
    }

    /// The picture, continued beyond its borders.
    func extended(_ image: Image) -> Image { image.wrapped(x: margins.x, y: margins.y) }

    /// The part of a result that belongs to the picture itself.
    func original(of result: Image, like image: Image) -> Image {
        result.cropped(to: ImageRegion(x: margins.x, y: margins.y, width: image.width, height: image.height))
    }
}

private struct DenoiseRecord: Encodable {
    let file: String
    let output: String
    let width: Int
    let height: Int
    /// Null if the picture was left as it is.
    let model: String?
    /// What the picture's noise is like, where the picture chose the model.
    let noiseKind: NoiseKind?
    /// The model that suits it, whether it is installed or not.
    let suitedModel: String?
    /// The level that the network was told, or that was found; of a blind network that was asked for, none.
    let sigma: Double?
    let seconds: Double
    let warnings: [String]

    func encode(to encoder: any Encoder) throws {
        var record = encoder.container(keyedBy: RecordKey.self)
        try record.encode(file, forKey: "file")
        try record.encode(output, forKey: "output")
        try record.encode(width, forKey: "width")
        try record.encode(height, forKey: "height")
        try record.encode(model, forKey: "model")
        try record.encodeIfPresent(noiseKind, forKey: "noiseKind")
        try record.encodeIfPresent(sigma, forKey: "sigma")
        try record.encode(seconds, forKey: "seconds")
        try record.encode(warnings, forKey: "warnings")
    }

    /// The same for people.
    var lines: [(level: Logger.Level, text: String)] {
        let noiseLevel = sigma.map { ", noise level \(decimals($0, 1)) of 255" } ?? ""
        guard let model else {
            let level = (sigma ?? 0) < NoiseLevelMap.leastLevel ? ": no noise found" : ""
            return [
                (.info, "\(output): \(width)×\(height), left as it is\(level), \(decimals(seconds, 2)) s")
            ]
        }
        let reason = noiseKind.map { ", \(model) for \($0.explanation)" } ?? ""
        var lines: [(level: Logger.Level, text: String)] = [
            (.info, "\(output): \(width)×\(height)\(noiseLevel)\(reason), \(decimals(seconds, 2)) s")
        ]
        if let suitedModel, model != suitedModel {
            lines.append((.debug, "\(suitedModel) is not installed, which suits this noise"))
        }
        return lines
    }
}

extension NoiseKind {
    fileprivate var explanation: String {
        switch self {
        case .none: "no noise"
        case .gaussian: "white noise"
        case .photo: "the noise of a photograph"
        case .jpeg: "the damage of JPEG"
        }
    }
}
