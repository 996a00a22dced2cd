import ArgumentParser
import RestoreTraining

/// The options of `restore train colorize`.
struct TrainColorizeOptions: TrainingOptions {
    typealias Configuration = ColorizerConfiguration

    static let abstract = "Trains a colorizer on color pictures."
    static let discussion = """
        The network sees the luma of a picture and learns its colors. The skip recipe predicts chroma with an \
        encoder-decoder; textbook and per-channel are the classic autoencoders for CIFAR-10, for comparison. Use the model \
        with restore colorize --model FOLDER/best.safetensors, and measure it with restore evaluate colorize.

        Without --data it trains on CIFAR-10, looked for in $RESTORE_DATA and $XDG_DATA_HOME/restore/data.
        """
    static let standardData: StandardData? = .cifar10

    // Before what it sets.
    @Option(setting: "recipe", of: Configuration.self) var recipe: String?
    @Option(setting: "picture-size", of: Configuration.self) var pictureSize: String?
    @Option(setting: "max-reduction", of: Configuration.self) var maxReduction: String?
    @Option(setting: "widths", of: Configuration.self) var widths: String?
    @Option(setting: "blocks", of: Configuration.self) var blocks: String?
    @Option(setting: "hint-share", of: Configuration.self) var hintShare: String?
    @Option(setting: "distribution-weight", of: Configuration.self) var distributionWeight: String?
    @Option(setting: "class-weight", of: Configuration.self) var classWeight: String?
    @Option(setting: "class-count", of: Configuration.self) var classCount: String?
    @Option(setting: "loss", of: Configuration.self) var loss: String?
    @Option(setting: "validation-pictures", of: Configuration.self) var validationPictures: String?
    @Option(setting: "license", of: Configuration.self) var license: String?
}
