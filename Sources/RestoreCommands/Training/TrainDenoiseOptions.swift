import ArgumentParser
import RestoreTraining

/// The options of `restore train denoise`.
struct TrainDenoiseOptions: TrainingOptions {
    typealias Configuration = DenoiserConfiguration

    static let abstract = "Trains a denoiser on clean photographs."
    static let discussion = """
        Patches of the pictures get noise of random strength, and the network learns to remove it. Use the model with restore \
        denoise --model FOLDER/best.safetensors.
        """

    @Option(setting: "noise", of: Configuration.self) var noise: String?
    @Option(setting: "max-sigma", of: Configuration.self) var maxSigma: String?
    @Option(setting: "gray-share", of: Configuration.self) var grayShare: String?
    @Option(setting: "clean-share", of: Configuration.self) var cleanShare: String?
    @Option(setting: "jpeg-share", of: Configuration.self) var jpegShare: String?
    @Option(setting: "compression", of: Configuration.self) var compression: String?
    @Option(setting: "max-reduction", of: Configuration.self) var maxReduction: String?
    @Option(setting: "color-variation", of: Configuration.self) var colorVariation: String?
    @Option(setting: "synthetic-share", of: Configuration.self) var syntheticShare: String?
    @Option(setting: "patch-size", of: Configuration.self) var patchSize: String?
    @Option(setting: "widths", of: Configuration.self) var widths: String?
    @Option(setting: "blocks", of: Configuration.self) var blocks: String?
    @Option(setting: "loss", of: Configuration.self) var loss: String?
    @Option(setting: "validation-pictures", of: Configuration.self) var validationPictures: String?
    @Option(setting: "license", of: Configuration.self) var license: String?

    /// An earlier name of --gray-share.
    @Option(help: .hidden) var greyShare: String?
}
