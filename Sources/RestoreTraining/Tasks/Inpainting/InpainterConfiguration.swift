import Logging
import RestoreConcurrency
import RestoreModels
import RestoreNN

/// Every setting of an inpainter's training run.
public struct InpainterConfiguration: TrainingConfiguration {
    /// Named sets of settings. Choosing one sets the others; what is given after it takes precedence.
    public enum Recipe: String, CaseIterable, Sendable {
        /// Convolutional networks that correct the harmonic fill of photographs.
        case photo
        /// Dense networks that complete MNIST digits (Sohn, Lee & Yan 2015).
        case quadrants = "mnist-quadrants"
    }

    public var data: [DataSource] = []
    public var recipe = Recipe.photo {
        didSet { apply(recipe) }
    }
    /// Quadrants of a digit that are known.
    public var given = 1
    /// Side of the patches of photographs in pixels.
    public var patchSize = 64
    public var maximumReduction = 2.0
    /// Fraction of patches whose colors are changed.
    public var colorVariation = 0.1
    /// Fraction of patches that are made gray.
    public var grayShare = 0.08
    /// Hidden units, or channels of each level from half resolution down.
    public var widths = [48, 96, 128, 160]
    public var blocks = [2, 1, 1, 1]
    public var latentChannels = 16
    /// Fraction of examples that are decoded from the prior's mean instead of a code drawn from q, so that the
    /// deterministic answer is trained, too.
    public var deterministicShare = 0.5
    /// λ of `KLDivergence`.
    public var freeBits = 0.0
    /// Steps over which the weight of the divergence grows from almost nothing to 1.
    public var klWarmup = 10_000
    /// Rate of dropout in the dense networks.
    public var dropout = 0.0
    public var validationPictures = 24
    public var license: String?
    public var trainer: TrainerSettings

    public init() {
        trainer = TrainerSettings(
            learningRate: 1e-3, warmupSteps: 200, averageDecay: 0.999, reportInterval: 100, validationInterval: 1000)
        trainer.batchSize = 8
    }

    private mutating func apply(_ recipe: Recipe) {
        let defaults = InpainterConfiguration()
        (widths, blocks, latentChannels) = (defaults.widths, defaults.blocks, defaults.latentChannels)
        (deterministicShare, freeBits, klWarmup) = (defaults.deterministicShare, defaults.freeBits, defaults.klWarmup)
        (dropout, validationPictures) = (defaults.dropout, defaults.validationPictures)
        trainer = defaults.trainer
        guard recipe == .quadrants else { return }
        let architecture = InpainterArchitecture(given: 1)
        (widths, blocks, latentChannels) = (architecture.widths, [], architecture.latentChannels)
        (deterministicShare, freeBits, klWarmup, dropout) = (0, 0, 0, 0.2)
        validationPictures = 1000
        (trainer.batchSize, trainer.epochs, trainer.beta2) = (128, 40, 0.999)
        (trainer.reportInterval, trainer.validationInterval) = (200, 1000)
        trainer.maximumGradientNorm = 1e6
    }

    public static let task = InpainterArchitecture.task
    public static let defaultSteps = 40_000

    public static let table = SettingsTable<InpainterConfiguration>(
        [
            .task(task),
            .sources("data", \.data),
            // Before all that it sets.
            .choice("recipe", \.recipe, help: "Named set of settings; others given with it take precedence."),
            .integer(
                "given", \.given, in: 1...3, help: "Known quadrants of a digit, for the mnist-quadrants recipe.",
                valueName: "1|2|3"),
            .integer("patch-size", \.patchSize, in: 16...1024, help: "Side of the patches.", valueName: "pixels"),
            .number(
                "max-reduction", \.maximumReduction, in: 1...16,
                help: "Half of the patches are reduced by up to this factor.", valueName: "1…16"),
            .number(
                "color-variation", \.colorVariation, in: 0...1, help: "Fraction of patches in other colors.",
                valueName: "0…1"),
            .number("gray-share", \.grayShare, in: 0...1, help: "Fraction of gray patches.", valueName: "0…1"),
            .integers(
                "widths", \.widths, expectation: "1 to 6 numbers of 1 to 4096",
                help: "Channels of each level from half resolution down, or units of the hidden layers."),
            .integers(
                "blocks", \.blocks, expectation: "a number of 1 to 16 for every level, or one for all",
                help: "Residual blocks of each level, or one number for all; none for mnist-quadrants."
            ),
            .integer("latent", \.latentChannels, in: 1...1024, help: "Values of the latent code at each place."),
            .number(
                "deterministic-share", \.deterministicShare, in: 0...1,
                help: "Fraction of examples decoded from the prior's mean.", valueName: "0…1"),
            .number(
                "free-bits", \.freeBits, in: 0...1000,
                help: "Divergence that costs nothing, in nats for each channel of the code, summed over places.",
                valueName: "nats"),
            .integer(
                "kl-warmup", \.klWarmup, in: 0...10_000_000,
                help: "Steps over which the weight of the divergence grows to 1."),
            .number(
                "dropout", \.dropout, in: 0...0.9, help: "Dropout rate of the dense networks.", valueName: "0…0.9"),
            .integer(
                "validation-pictures", \.validationPictures, in: 0...100_000,
                help: "Images held out for validation, at most a tenth."),
            .optionalText("license", \.license, help: "License, stored in the model's metadata.", valueName: "text"),
        ] + TrainerSettings.table(defaultSteps: defaultSteps).map { $0.within(\.trainer) })

    public var title: String {
        recipe == .photo ? "Inpainter" : "Completion of digits, \(given) of 4 quadrants given"
    }

    public func completed() throws(ConfigurationError) -> InpainterConfiguration {
        var result = self
        if recipe == .photo, blocks.count == 1 { result.blocks = widths.map { _ in blocks[0] } }
        _ = try result.architecture()
        return result
    }

    /// - Throws: `ConfigurationError` if the settings are valid individually but not together.
    public func architecture() throws(ConfigurationError) -> InpainterArchitecture {
        let architecture =
            switch recipe {
            case .photo: InpainterArchitecture(widths: widths, blocks: blocks, latentChannels: latentChannels)
            case .quadrants: InpainterArchitecture(given: given, hidden: widths, latentChannels: latentChannels)
            }
        if let defect = architecture.defect { throw ConfigurationError(reason: defect) }
        guard recipe == .quadrants || patchSize % architecture.alignment == 0 else {
            throw ConfigurationError(
                reason: "--patch-size takes multiples of \(architecture.alignment), found \(patchSize)")
        }
        return architecture
    }

    /// Nats of a loss are many; the terms are scaled so that gradients have norms of around 1.
    private static let termScale = 1e-3

    public func graph() throws(ConfigurationError) -> TrainingGraph {
        var network = Network()
        let features = try architecture().add(to: &network, code: .training)
        let (mask, truth) = (network.inputs[1], network.inputs[2])
        let scale = recipe == .photo ? Self.termScale : 1
        var terms: [Objective.Term] = []
        if let guess = features.guess {
            let loss = BinaryCrossEntropy(reduction: .sumPerPicture)
            let decoded = network.add("reconstruction", loss, features.result, truth, mask)
            terms.append(.init("reconstruction", decoded))
            terms.append(.init("baseline", network.add("baseline.loss", loss, guess, truth, mask)))
        } else {
            let loss = GaussianNegativeLogLikelihood()
            let decoded = network.add(
                "reconstruction", loss, features.result, network.input("log variance"), truth, mask)
            terms.append(.init("reconstruction", decoded, weight: WeightSchedule(scale)))
        }
        if let posterior = features.posterior {
            let divergence = network.add(
                "kl", KLDivergence(freeBits: freeBits), posterior.mean, posterior.logVariance, features.prior.mean,
                features.prior.logVariance)
            let start = klWarmup > 0 ? 1e-4 * scale : scale
            terms.append(
                .init("kl", divergence, weight: WeightSchedule(from: start, to: scale, warmupSteps: klWarmup)))
        }
        let bound = network.add(
            "prior.regularization", PriorRegularization(), features.prior.mean, features.prior.logVariance)
        terms.append(.init("prior", bound, weight: WeightSchedule(scale)))
        return TrainingGraph(
            network: network, objective: Objective(terms),
            modelOutputs: [features.result] + features.distributions + [features.guess].compactMap { $0 })
    }

    public func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> InpainterTraining {
        let architecture = try architecture()
        let side = recipe == .photo ? patchSize : 1
        let all = try PictureSet(sources: data, minimumSide: side, pool: pool, logger: logger)
        let (training, validation) = all.split(validation: validationPictures, pool: pool, logger: logger)
        return InpainterTraining(
            configuration: self, architecture: architecture, graph: graph, training: training,
            validation: validation, skipped: all.skipped, notes: notes)
    }
}
