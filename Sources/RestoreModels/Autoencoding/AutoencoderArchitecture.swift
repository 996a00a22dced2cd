import RestoreNN

/// An autoencoder of fully connected layers (Hinton & Salakhutdinov, "Reducing the dimensionality of data with neural
/// networks", Science 313, 2006): picture → hidden layers → code → the same layers mirrored → picture.
///
/// Input "picture": N×H×W×C with values in 0…1. Outputs: "reconstruction" of the same shape, and "code", N×1×1×`codeSize`.
/// Hidden layers are followed by tanh; the code and the reconstruction are linear.
public struct AutoencoderArchitecture: ModelArchitecture, Hashable {
    public static let task = "autoencoder"

    /// Kinds of autoencoders, as `--kind` and model files name them.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        case dense
    }

    public let kind: Kind
    /// Sides and channels of a picture.
    public let height: Int
    public let width: Int
    public let channels: Int
    /// Units of the encoder's hidden layers; the decoder has them in reverse order.
    public let hidden: [Int]
    public let codeSize: Int

    private enum CodingKeys: String, CodingKey {
        case kind = "name"
        case height, width, channels, hidden
        case codeSize = "code"
    }

    public init(
        kind: Kind = .dense, height: Int = 28, width: Int = 28, channels: Int = 1, hidden: [Int] = [500, 300],
        codeSize: Int = 2
    ) {
        self.kind = kind
        self.height = height
        self.width = width
        self.channels = channels
        self.hidden = hidden
        self.codeSize = codeSize
    }

    public var defect: String? {
        guard (1...1024).contains(height), (1...1024).contains(width), channels == 1 || channels == 3 else {
            return
                "expected pictures of 1 to 1024 pixels a side and 1 or 3 channels, found \(height)×\(width)×\(channels)"
        }
        guard hidden.count <= 8, hidden.allSatisfy((1...65536).contains) else {
            return "expected up to 8 hidden layers of 1 to 65536 units, found \(hidden)"
        }
        guard (1...65536).contains(codeSize) else { return "expected a code of 1 to 65536 units, found \(codeSize)" }
        return nil
    }

    private var features: Int { height * width * channels }

    /// Whether codes have a standard normal prior, so that new ones can be drawn from it.
    public var hasNormalPrior: Bool { false }

    /// The shapes of one picture and of one code.
    public var pictureShape: Shape { Shape(batch: 1, height: height, width: width, channels: channels) }
    public var codeShape: Shape { Shape(batch: 1, height: 1, width: 1, channels: codeSize) }

    /// Weights start normal with standard deviation 0.1, biases at 0.
    private func dense(_ inputs: Int, _ outputs: Int) -> Dense {
        Dense(inputFeatures: inputs, outputFeatures: outputs, initialization: .normal(standardDeviation: 0.1))
    }

    public var network: Network {
        var network = Network()
        let code = addEncoder(to: &network)
        let reconstruction = addDecoder(to: &network, code)
        network.output(reconstruction)
        network.output(code)
        return network
    }

    /// Picture → code.
    public var encoder: Network {
        var network = Network()
        network.output(addEncoder(to: &network))
        return network
    }

    /// Code, as an input of the same name, → reconstruction.
    public var decoder: Network {
        var network = Network()
        let code = network.input("code")
        network.output(addDecoder(to: &network, code))
        return network
    }

    private func addEncoder(to network: inout Network) -> Network.Value {
        var value = network.input("picture")
        var count = features
        for (index, units) in hidden.enumerated() {
            value = network.add("encoder.\(index)", dense(count, units), value)
            value = network.add("encoder.\(index).tanh", Activation(.tanh), value)
            count = units
        }
        return network.add("code", dense(count, codeSize), value)
    }

    private func addDecoder(to network: inout Network, _ code: Network.Value) -> Network.Value {
        var value = code
        var count = codeSize
        for (index, units) in hidden.reversed().enumerated() {
            value = network.add("decoder.\(index)", dense(count, units), value)
            value = network.add("decoder.\(index).tanh", Activation(.tanh), value)
            count = units
        }
        value = network.add("decoder.output", dense(count, features), value)
        return network.add(
            "reconstruction", Reshape(height: height, width: width, channels: channels), value)
    }
}
