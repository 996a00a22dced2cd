import ArgumentParser
import RestoreTraining

/// The options of `restore train inpaint`.
struct TrainInpaintOptions: TrainingOptions {
    typealias Configuration = InpainterConfiguration

    static let abstract = "Trains a network that fills missing parts of pictures."
    static let discussion = """
        Trains a conditional variational autoencoder. The photo recipe learns to correct the harmonic fill of random \
        damage: scratches, text, dust, holes. Use the model with restore inpaint --model FOLDER/best.safetensors. \
        The mnist-quadrants recipe is the classic experiment: one to three quadrants of an MNIST digit are given, the \
        others are completed. Measure either with restore evaluate inpaint.
        """

    // Before what it sets.
    @Option(setting: "recipe", of: Configuration.self) var recipe: String?
    @Option(setting: "given", of: Configuration.self) var given: String?
    @Option(setting: "patch-size", of: Configuration.self) var patchSize: String?
    @Option(setting: "max-reduction", of: Configuration.self) var maxReduction: String?
    @Option(setting: "color-variation", of: Configuration.self) var colorVariation: String?
    @Option(setting: "gray-share", of: Configuration.self) var grayShare: String?
    @Option(setting: "widths", of: Configuration.self) var widths: String?
    @Option(setting: "blocks", of: Configuration.self) var blocks: String?
    @Option(setting: "latent", of: Configuration.self) var latent: String?
    @Option(setting: "deterministic-share", of: Configuration.self) var deterministicShare: String?
    @Option(setting: "free-bits", of: Configuration.self) var freeBits: String?
    @Option(setting: "kl-warmup", of: Configuration.self) var klWarmup: String?
    @Option(setting: "dropout", of: Configuration.self) var dropout: String?
    @Option(setting: "validation-pictures", of: Configuration.self) var validationPictures: String?
    @Option(setting: "license", of: Configuration.self) var license: String?
}
