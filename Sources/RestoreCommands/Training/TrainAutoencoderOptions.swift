import ArgumentParser
import RestoreTraining

/// The options of `restore train autoencoder`.
struct TrainAutoencoderOptions: TrainingOptions {
    typealias Configuration = AutoencoderConfiguration

    static let abstract = "Trains an autoencoder on small pictures."
    static let discussion = """
        An autoencoder compresses a picture to a short code and reconstructs it from the code. The defaults are the classic \
        run on MNIST: 784-500-300-2 units and back. Measure the model with restore evaluate autoencoder --model \
        FOLDER/best.safetensors.
        """

    @Option(setting: "kind", of: Configuration.self) var kind: String?
    @Option(setting: "classes", of: Configuration.self) var classes: String?
    @Option(setting: "hidden", of: Configuration.self) var hidden: String?
    @Option(setting: "code", of: Configuration.self) var code: String?
    @Option(setting: "picture-size", of: Configuration.self) var pictureSize: String?
    @Option(setting: "channels", of: Configuration.self) var channels: String?
    @Option(setting: "validation-pictures", of: Configuration.self) var validationPictures: String?
    @Option(setting: "license", of: Configuration.self) var license: String?
}
