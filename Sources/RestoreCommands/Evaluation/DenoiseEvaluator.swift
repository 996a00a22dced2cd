import RestoreImage
import RestoreModels
import RestoreText
import RestoreTraining

/// Adds noise to clean pictures, or reads their noisy versions, denoises them and compares.
struct DenoiseEvaluator: Evaluator {
    let items: [String]
    let command: EvaluateDenoiseCommand
    let models: DenoiserSelection

    let metrics = [Metric.psnr, .ssim]

    var summary: [Evaluation.Fact] {
        var facts = [
            Evaluation.Fact(key: "model", value: .text(model)),
            Evaluation.Fact(key: "automatic", value: .flag(knownSigma == nil)),
            Evaluation.Fact(key: "seed", value: .seed(command.seed)),
        ]
        switch command.source {
        case .gaussian(let sigma): facts.append(.init(key: "sigma", value: .number(sigma)))
        case .photo(let level): facts.append(.init(key: "level", value: .text(level.rawValue)))
        case .jpeg(let quality): facts.append(.init(key: "quality", value: .integer(quality)))
        case .files: return facts
        }
        facts.append(.init(key: "noise", value: .text(command.addition.noise.rawValue)))
        return facts
    }

    func name(of file: String) -> String { file }

    func evaluate(_ file: String) throws -> Evaluation {
        do {
            return try measure(file)
        } catch let error as ImageComparisonError {
            throw EvaluationError.notComparable(file, error)
        } catch let pixel as NonFinitePixel {
            throw ImageError.notFinite(path: file, x: pixel.x, y: pixel.y)
        }
    }

    private func measure(_ file: String) throws -> Evaluation {
        let clean = try readImage(file).image.roundedTo8Bits()
        let noisy = try command.source.version(of: clean, file: file, seed: command.seed)

        let clock = ContinuousClock()
        let start = clock.now
        let analysis = choosesModel ? try noisy.analysis(clean: clean, by: models) : nil
        let choice = try analysis.map { try models.denoiser(for: $0.noise) } ?? models.denoiser(named: expectedModel)
        let isBlind = choice.denoiser.architecture.isBlind
        let setting = knownSigma.map { .sigma($0) } ?? analysis?.setting(isBlind: isBlind) ?? .automatic
        let options = Denoiser.Options(
            noiseLevel: setting, compression: noisy.compression,
            usesEnsemble: command.denoiser.usesEnsemble(command.quality),
            tiling: command.tiling.budget(threads: command.threads.count).share(besides: 72 * clean.pixelCount).tiling)
        let (restored, level) = try noisy.restored(by: choice.denoiser, clean: clean, options: options)
        let seconds = roundedToMicroseconds((clock.now - start).seconds)
        let result = try clean.withColors(restored)
        var facts: [Evaluation.Fact] = []
        if let level { facts.append(.init(key: "sigma", value: .number(level), isAveraged: true)) }
        if let analysis {
            facts.append(.init(key: "model", value: .text(choice.name)))
            facts.append(.init(key: "noiseKind", value: .text(analysis.kind.rawValue)))
        }
        return Evaluation(
            file: file, values: try scores(result, clean), seconds: seconds, facts: facts,
            baselines: [.init(name: "noisy", values: try scores(clean.withColors(noisy.colors), clean))])
    }

    private func scores(_ image: Image, _ clean: Image) throws -> [Double?] {
        [try peakSignalToNoiseRatio(image, clean), try structuralSimilarity(image, clean)]
    }

    /// What the network is told; nil where the level is estimated.
    private var knownSigma: Double? {
        if command.auto { return nil }
        if case .gaussian(let sigma) = command.source { return sigma }
        return command.sigma
    }

    /// The model that was asked for, or that is measured unless one is.
    private var model: String { command.denoiser.model ?? DenoiserSelection.whiteNoiseModel }

    /// Whether each picture decides: a level that is told is that of Gaussian noise.
    private var choosesModel: Bool { command.denoiser.model == DenoiserOptions.automatic && knownSigma == nil }

    /// The model to begin with.
    var expectedModel: String {
        model == DenoiserOptions.automatic ? DenoiserSelection.whiteNoiseModel : model
    }
}
