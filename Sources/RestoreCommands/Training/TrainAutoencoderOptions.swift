import ArgumentParser
import RestoreTraining

/// The options of `restore train autoencoder`.
struct TrainAutoencoderOptions: TrainingOptions {
    typealias Configuration = AutoencoderConfiguration

    static let standardData: StandardData? = .mnist

    static let abstract = "Trains an autoencoder on small pictures."
    static let discussion = """
        An autoencoder compresses a picture to a short code and reconstructs it from the code. The defaults are the classic \
        run on MNIST: 784-500-300-2 units and back; every other --kind brings its own. Measure the model with restore evaluate autoencoder --model \
        FOLDER/best.safetensors.
        """

    @Option(setting: "kind", of: Configuration.self) var kind: String?
    @Option(setting: "classes", of: Configuration.self) var classes: String?
    @Option(setting: "hidden", of: Configuration.self) var hidden: String?
    @Option(setting: "code", of: Configuration.self) var code: String?
    @Option(setting: "picture-size", of: Configuration.self) var pictureSize: String?
    @Option(setting: "channels", of: Configuration.self) var channels: String?
    @Option(setting: "corruption", of: Configuration.self) var corruption: String?
    @Option(setting: "corruption-level", of: Configuration.self) var corruptionLevel: String?
    @Option(setting: "sparsity", of: Configuration.self) var sparsity: String?
    @Option(setting: "sparsity-weight", of: Configuration.self) var sparsityWeight: String?
    @Option(setting: "target-activity", of: Configuration.self) var targetActivity: String?
    @Option(setting: "active-units", of: Configuration.self) var activeUnits: String?
    @Option(setting: "contraction", of: Configuration.self) var contraction: String?
    @Option(setting: "likelihood", of: Configuration.self) var likelihood: String?
    @Option(setting: "pixel-deviation", of: Configuration.self) var pixelDeviation: String?
    @Option(setting: "beta", of: Configuration.self) var beta: String?
    @Option(setting: "kl-warmup", of: Configuration.self) var klWarmup: String?
    @Option(setting: "importance-samples", of: Configuration.self) var importanceSamples: String?
    @Option(setting: "photos", of: Configuration.self) var photos: String?
    @Option(setting: "l1", of: Configuration.self) var l1: String?
    @Option(setting: "validation-pictures", of: Configuration.self) var validationPictures: String?
    @Option(setting: "license", of: Configuration.self) var license: String?
}
