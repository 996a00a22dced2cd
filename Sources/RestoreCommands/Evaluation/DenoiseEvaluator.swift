import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
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
        if let addedSigma { facts.append(.init(key: "sigma", value: .number(addedSigma))) }
        if command.noisy == nil {
            facts.append(.init(key: "noise", value: .text(command.addition.noise.rawValue)))
        }
        if let level = command.addition.addedLevel { facts.append(.init(key: "level", value: .text(level.rawValue))) }
        return facts
    }

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
        let colors = try noisyColors(of: clean, file: file)
        let noisy = try clean.withColors(colors)

        let clock = ContinuousClock()
        let start = clock.now
        let noise = choosesModel ? noise(in: colors, of: clean) : nil
        let choice = try noise.map { try models.denoiser(for: $0.kind) } ?? models.denoiser(named: expectedModel)
        let isBlind = choice.denoiser.architecture.isBlind
        let level = isBlind ? nil : knownSigma ?? (noise ?? self.noise(in: colors, of: clean)).sigma
        let options = Denoiser.Options(
            noiseLevel: .sigma(level ?? 0), usesEnsemble: command.denoiser.usesEnsemble(command.quality),
            tiling: command.tiling.budget(threads: command.threads.count).share(besides: 24 * colors.count).tiling)
        let restored = try choice.denoiser.denoise(
            colors: colors, width: clean.width, height: clean.height, options: options,
            progress: { _ in try Interruption.check() }
        ).colors
        let seconds = roundedToMicroseconds((clock.now - start).seconds)
        let result = try clean.withColors(restored)
        var facts: [Evaluation.Fact] = []
        if let level { facts.append(.init(key: "sigma", value: .number(level), isAveraged: true)) }
        if let noise {
            facts.append(.init(key: "model", value: .text(choice.name)))
            facts.append(.init(key: "noiseKind", value: .text(noise.kind.rawValue)))
        }
        return Evaluation(
            file: file, values: try scores(result, clean), seconds: seconds, facts: facts,
            baselines: [.init(name: "noisy", values: try scores(noisy, clean))])
    }

    private func scores(_ image: Image, _ clean: Image) throws -> [Double?] {
        [try peakSignalToNoiseRatio(image, clean), try structuralSimilarity(image, clean)]
    }

    /// The Gaussian noise that is added where there is no noisy version.
    private var addedSigma: Double? {
        command.noisy == nil && command.addition.noise == .gaussian ? command.sigma ?? 25 : nil
    }

    /// What the network is told; nil where the level is estimated.
    private var knownSigma: Double? { command.auto ? nil : command.sigma ?? addedSigma }

    /// The model that was asked for, or that is measured unless one is.
    private var model: String { command.denoiser.model ?? DenoiserSelection.name(for: .gaussian) }

    /// Whether each picture decides: a level that is told is that of Gaussian noise.
    private var choosesModel: Bool { command.denoiser.model == DenoiserOptions.automatic && knownSigma == nil }

    /// The model to begin with.
    var expectedModel: String {
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
            var generator = SeededGenerator(seed: command.seed, path: stableHash(lastPathComponent(of: file)))
            return GaussianNoise(sigma: addedSigma).noisyColors(of: clean, generator: &generator)
        }
        if let level = command.addition.addedLevel {
            var generator = SeededGenerator(seed: command.seed, path: stableHash(lastPathComponent(of: file)))
            return try PhotographNoise(level: level).degrade(clean, path: file, generator: &generator).colors
        }
        var path = command.noisy ?? ""
        if pathKind(path) == .directory { path = joinPath(path, lastPathComponent(of: file)) }
        let version = try readImage(path).image
        guard (version.width, version.height) == (clean.width, clean.height) else {
            throw EvaluationError.differentSizes(path, version, file, clean)
        }
        return version.colors
    }
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
