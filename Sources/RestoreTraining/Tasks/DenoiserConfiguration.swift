import RestoreConcurrency
import Logging
import RestoreModels
import RestoreNN

/// All settings of a denoiser's training run, as stored in `config.yaml`.
public struct DenoiserConfiguration: TrainingConfiguration {
    /// The noise added to the patches.
    public enum Noise: String, CaseIterable, Sendable {
        /// White Gaussian noise whose level is an input of the network.
        case gaussian
        /// The noise of photographs and the damage of JPEG (`PhotographNoise`), for blind denoising.
        case photo
        /// The damage of JPEG (`JPEGDamage`), and of JPEG to what cameras with weak noise take.
        case jpeg
    }

    /// Images to train on.
    public var data: [DataSource] = []
    public var noise = Noise.gaussian
    /// Maximum Gaussian noise level, in units of 1/255.
    public var maximumSigma = 55.0
    /// Fraction of the patches converted to gray.
    public var grayShare = 0.1
    /// Fraction of the patches without noise, so that a blind network learns to leave clean images alone. Not needed
    /// for Gaussian noise, whose levels go down to zero anyway.
    public var cleanShare = 0.1
    /// Fraction of the patches that are damaged by JPEG alone, unless the noise is white.
    public var jpegShare = 0.3
    /// Whether a network for photographs is told how they were compressed.
    public var compression = CompressionKnowledge.told
    /// Width and height of a patch in pixels.
    public var patchSize = 64
    /// Half of the patches are reduced by a random factor of up to this (`PatchVariation`).
    public var maximumReduction = 3.0
    /// Fraction of the patches with changed colors.
    public var colorVariation = 0.3
    /// Fraction of the patches that are synthetic (`SyntheticPicture`).
    public var syntheticShare = 0.2
    /// Channels of the network's levels, from fine to coarse.
    public var widths = DenoiserArchitecture().widths
    /// Residual blocks of each level, or one number for all. If empty, those of the shipped network; with other widths,
    /// two per level.
    public var blocks: [Int] = []
    public var loss = PictureLoss.l1
    /// Number of images held out for validation.
    public var validationPictures = 32
    /// License, stored in the model's metadata.
    public var license: String?
    public var trainer = TrainerSettings()

    public init() {}

    public static let task = "denoise"
    public static let defaultSteps = 6000

    public static let table = SettingsTable<DenoiserConfiguration>(
        [
            .task(task),
            .sources("data", \.data),
            .choice(
                "noise", \.noise,
                help: "Noise to train on: white with a known level, that of photographs, or the damage of JPEG."),
            .number(
                "max-sigma", \.maximumSigma, in: 1...75, help: "Maximum Gaussian noise level, in units of 1/255.",
                valueName: "1…75"),
            .number(
                "gray-share", \.grayShare, in: 0...1, help: "Fraction of patches converted to gray.", valueName: "0…1"
            )
            .alias("grey-share"),
            .number(
                "clean-share", \.cleanShare, in: 0...1,
                help: "Fraction of patches that stay clean, unless the noise is white.",
                valueName: "0…1"),
            .number(
                "jpeg-share", \.jpegShare, in: 0...1,
                help: "Fraction of patches damaged by JPEG alone, unless the noise is white.", valueName: "0…1"),
            .choice(
                "compression", \.compression,
                help: "Whether a network for photographs is told how strongly JPEG has compressed them."),
            .number(
                "max-reduction", \.maximumReduction, in: 1...16,
                help: "Reduce half of the patches by a random factor of up to this.", valueName: "1…16"),
            .number(
                "color-variation", \.colorVariation, in: 0...1,
                help: "Fraction of patches with changed hue, saturation and contrast.", valueName: "0…1"),
            .number(
                "synthetic-share", \.syntheticShare, in: 0...1,
                help: "Fraction of synthetic patches: dead leaves, patterns, text.", valueName: "0…1"),
            .integer(
                "patch-size", \.patchSize, in: 1...1024,
                help: "Patch size, a multiple of the network's alignment, 8.",
                valueName: "pixels"),
            .integers(
                "widths", \.widths, expectation: "1 to 6 numbers of 1 to 1024 channels",
                help: "Channels of each level, from fine to coarse."),
            .integers(
                "blocks", \.blocks, expectation: "a number of 1 to 16 for every level, or one for all",
                help: "Residual blocks of each level, or one number for all."
            ).defaulting(to: "6,5,4; 2 with other widths"),
            .choice("loss", \.loss, help: "Training loss."),
            .integer(
                "validation-pictures", \.validationPictures, in: 0...100_000,
                help: "Images held out for validation, at most a tenth."),
            .optionalText("license", \.license, help: "License, stored in the model's metadata.", valueName: "text"),
        ] + TrainerSettings.table(defaultSteps: defaultSteps).map { $0.within(\.trainer) })

    public var title: String { "Denoiser, \(noise.rawValue) noise" }

    public var ignoredSettings: [IgnoredSetting] {
        let keys: [String]
        switch noise {
        case .gaussian: keys = ["clean-share", "jpeg-share", "compression"]
        case .photo, .jpeg: keys = ["max-sigma"]
        }
        return keys.map { IgnoredSetting(key: $0, reason: "with --noise \(noise.rawValue)") }
    }

    public func completed() throws(ConfigurationError) -> DenoiserConfiguration {
        var result = self
        result.blocks = try architecture().blocks
        return result
    }

    public func graph() throws(ConfigurationError) -> TrainingGraph {
        TrainingGraph(try architecture().network, loss: loss.loss, name: "loss")
    }

    public func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> DenoiserTraining {
        let architecture = try architecture()
        let all = try PictureSet(sources: data, minimumSide: patchSize, pool: pool, logger: logger) { side in
            let size = side - side % architecture.alignment
            return size > 0 ? "--patch-size \(size)" : nil
        }
        let (training, validation) = all.split(validation: validationPictures, pool: pool, logger: logger)
        return DenoiserTraining(
            configuration: self, architecture: architecture, graph: graph, training: training,
            validation: validation, skipped: all.skipped, notes: notes)
    }

    /// The network; blind if the noise has no level to use as an input.
    ///
    /// - Throws: `ConfigurationError` if the settings are valid individually but not together.
    public func architecture() throws(ConfigurationError) -> DenoiserArchitecture {
        let shipped = DenoiserArchitecture()
        let given = blocks.isEmpty ? (widths == shipped.widths ? shipped.blocks : [2]) : blocks
        let blocks = given.count == 1 ? widths.map { _ in given[0] } : given
        guard
            let architecture = DenoiserArchitecture(
                checking: widths, blocks: blocks, isBlind: noise != .gaussian,
                knowsCompression: noise != .gaussian && compression == .told)
        else {
            throw ConfigurationError(
                reason: """
                    --widths takes 1 to 6 numbers of 1 to 1024 and --blocks as many of 1 to 16, or one, \
                    found \(widths) and \(blocks)
                    """)
        }
        guard patchSize % architecture.alignment == 0 else {
            throw ConfigurationError(
                reason:
                    "--patch-size takes multiples of \(architecture.alignment) with \(widths.count) levels, found \(patchSize)"
            )
        }
        return architecture
    }
}

/// What a network for photographs knows of their compression.
public enum CompressionKnowledge: String, CaseIterable, Sendable {
    /// The strength that the file's tables say: `CompressionStrength`.
    case told
    /// Nothing but the pixels, as in version 0.1.0.
    case unknown
}
