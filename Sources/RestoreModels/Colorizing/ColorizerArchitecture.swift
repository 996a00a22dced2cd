import RestoreNN

/// Networks that predict colors from luma (Y′ of BT.601 on encoded values, 0…1).
///
/// Two reproduce the textbook autoencoder, whose dense latent code passes on what the picture shows but not where its
/// edges are; the third is an encoder-decoder with skips that predicts chroma at half resolution and leaves the luma to
/// the picture.
///
/// | kind | input | outputs |
/// |---|---|---|
/// | `textbook` | "luma", N×S×S×1 | "colors", N×S×S×3: R, G, B in 0…1 |
/// | `perChannel` | the same | the same, by an autoencoder for each channel |
/// | `skip` | "picture", N×H×W×1, or ×4 with hints | "chroma", N×H/2×W/2×2; "distribution", N×H/4×W/4×Q |
///
/// Chroma is (Cb, Cr) of BT.601, −0.5…0.5. The distribution holds the logits of `ChromaBins`. Hints are Cb, Cr and 1
/// where the user gives a color, and zeros elsewhere.
public struct ColorizerArchitecture: ModelArchitecture, Hashable {
    public static let task = "colorize"

    /// Kinds of networks, as model files name them.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// R. Atienza, "Advanced Deep Learning with Keras" (2018), section 3.3: stride-2 3×3 convolutions, a dense
        /// latent code, and transposed convolutions back.
        case textbook = "textbook-autoencoder"
        /// One such autoencoder for each color channel.
        case perChannel = "per-channel-autoencoders"
        /// An encoder-decoder with residual blocks, skips and a summary of the whole picture at its bottom.
        case skip = "chroma-unet"
    }

    public let kind: Kind
    /// Channels of each level: for `skip` from half resolution down, for the others of the encoder.
    public let widths: [Int]
    /// Residual blocks of each level of `skip`, on either way; the coarsest has one way only. Empty for the others.
    public let blocks: [Int]
    /// Units of the latent code of the autoencoders; 0 for `skip`.
    public let codeSize: Int
    /// Side of the pictures of the autoencoders; 0 for `skip`, which takes any size.
    public let pictureSize: Int
    /// Whether `skip` is told colors that the user gives.
    public let takesHints: Bool

    private enum CodingKeys: String, CodingKey {
        case kind = "name"
        case widths, blocks
        case codeSize = "code"
        case pictureSize = "size"
        case takesHints = "hints"
    }

    /// The textbook's networks: 64, 128 and 256 channels and a code of 256 units, for pictures of 32×32.
    public init(textbook kind: Kind) {
        self.init(kind: kind, widths: [64, 128, 256], blocks: [], codeSize: 256, pictureSize: 32, takesHints: false)
    }

    /// An encoder-decoder with skips.
    public init(widths: [Int], blocks: [Int], takesHints: Bool) {
        self.init(kind: .skip, widths: widths, blocks: blocks, codeSize: 0, pictureSize: 0, takesHints: takesHints)
    }

    private init(
        kind: Kind, widths: [Int], blocks: [Int], codeSize: Int, pictureSize: Int, takesHints: Bool
    ) {
        self.kind = kind
        self.widths = widths
        self.blocks = blocks
        self.codeSize = codeSize
        self.pictureSize = pictureSize
        self.takesHints = takesHints
    }

    public var defect: String? {
        guard (1...6).contains(widths.count), widths.allSatisfy((1...1024).contains) else {
            return "expected 1 to 6 widths of 1 to 1024 channels, found \(widths)"
        }
        switch kind {
        case .textbook, .perChannel:
            guard (1...4096).contains(codeSize) else { return "expected a code of 1 to 4096 units, found \(codeSize)" }
            guard (1...256).contains(pictureSize), pictureSize % (1 << widths.count) == 0 else {
                return "expected pictures of a multiple of \(1 << widths.count) up to 256, found \(pictureSize)"
            }
            guard blocks.isEmpty, !takesHints else { return "the textbook's networks take no blocks and no hints" }
        case .skip:
            guard widths.count >= 2, widths.allSatisfy({ $0 % Self.groupSize == 0 }) else {
                return "expected at least 2 widths, multiples of \(Self.groupSize), found \(widths)"
            }
            guard blocks.count == widths.count, blocks.allSatisfy((1...16).contains) else {
                return "expected \(widths.count) numbers of 1 to 16 blocks, found \(blocks)"
            }
            guard codeSize == 0, pictureSize == 0 else { return "a \(kind.rawValue) has no code and no size" }
        }
        return nil
    }

    /// Channels of a group of `GroupNormalization`.
    private static let groupSize = 16

    /// Channels of the input: luma, and with hints Cb, Cr and a mask.
    public var inputChannels: Int { takesHints ? 4 : 1 }

    /// Both sides of an input are multiples of this.
    public var alignment: Int { kind == .skip ? 1 << widths.count : pictureSize }

    public var network: Network {
        var network = Network()
        switch kind {
        case .textbook:
            network.output(addAutoencoder(to: &network, network.input("luma"), prefix: "", channels: 3))
        case .perChannel:
            let luma = network.input("luma")
            let channels = ["red", "green", "blue"].map {
                addAutoencoder(to: &network, luma, prefix: "\($0).", channels: 1)
            }
            network.output(network.add("colors", Concatenate(), channels[0], channels[1], channels[2]))
        case .skip:
            let features = addSkipNetwork(to: &network)
            network.output(features.chroma)
            network.output(features.distribution)
        }
        return network
    }

    // MARK: The textbook

    private func addAutoencoder(
        to network: inout Network, _ luma: Network.Value, prefix: String, channels: Int
    ) -> Network.Value {
        var value = luma
        var count = 1
        for (level, width) in widths.enumerated() {
            let down = Convolution(inputChannels: count, outputChannels: width, kernel: 3, stride: 2, padding: 1)
            value = network.add("\(prefix)encoder.\(level)", down, value)
            value = network.add("\(prefix)encoder.\(level).relu", Activation(.relu), value)
            count = width
        }
        let side = pictureSize >> widths.count
        let features = side * side * count
        value = network.add("\(prefix)code", Dense(inputFeatures: features, outputFeatures: codeSize), value)
        value = network.add("\(prefix)decoder", Dense(inputFeatures: codeSize, outputFeatures: features), value)
        value = network.add("\(prefix)decoder.map", Reshape(height: side, width: side, channels: count), value)
        for (level, width) in widths.reversed().enumerated() {
            let up = TransposedConvolution(
                inputChannels: count, outputChannels: width, kernel: 3, stride: 2, padding: 1, outputPadding: 1)
            value = network.add("\(prefix)decoder.\(level)", up, value)
            value = network.add("\(prefix)decoder.\(level).relu", Activation(.relu), value)
            count = width
        }
        let last = TransposedConvolution(inputChannels: count, outputChannels: channels, kernel: 3, padding: 1)
        value = network.add("\(prefix)decoder.output", last, value)
        return network.add("\(prefix)decoder.sigmoid", Activation(.sigmoid), value)
    }

    // MARK: Skips

    /// What the network for chroma computes.
    package struct Features {
        package let chroma: Network.Value
        package let distribution: Network.Value
        /// A summary of the whole picture, N×1×1×`widths.last`, from which training also predicts its class.
        package let summary: Network.Value
    }

    /// Adds the network with its input "picture" and no outputs.
    package func addSkipNetwork(to network: inout Network) -> Features {
        let picture = network.input("picture")
        let unshuffled = network.add("unshuffle", PixelUnshuffle(factor: 2), picture)
        var value = network.add(
            "head", Self.convolution(4 * inputChannels, widths[0], hasBias: true), unshuffled)
        var skips: [Network.Value] = []
        for level in widths.indices.dropLast() {
            value = addBlocks(to: &network, path: "encoder.\(level)", value, level: level)
            skips.append(value)
            let down = Convolution(
                inputChannels: widths[level], outputChannels: widths[level + 1], kernel: 2, stride: 2)
            value = network.add("encoder.\(level).down", down, value)
        }
        let last = widths.count - 1
        value = addBlocks(to: &network, path: "bottom", value, level: last)
        let (summary, informed) = addSummary(to: &network, value, width: widths[last])
        value = informed
        // The features from which the distribution is predicted, at a quarter of the resolution.
        var quarter = value
        for level in widths.indices.dropLast().reversed() {
            let up = TransposedConvolution(
                inputChannels: widths[level + 1], outputChannels: widths[level], kernel: 2, stride: 2)
            let raised = network.add("decoder.\(level).up", up, value)
            value = network.add("decoder.\(level).skip", Add(), raised, skips[level])
            value = addBlocks(to: &network, path: "decoder.\(level)", value, level: level)
            if level == 1 { quarter = value }
        }
        let chroma = network.add("chroma", Self.convolution(widths[0], 2, hasBias: true), value)
        let bins = Convolution(
            inputChannels: widths[min(1, last)], outputChannels: ChromaBins.count, kernel: 1)
        return Features(
            chroma: chroma, distribution: network.add("distribution", bins, quarter), summary: summary)
    }

    /// Pools the whole picture and adds what it shows to every place: what a thing is decides its color, and the network
    /// sees no farther than some hundred pixels otherwise.
    private func addSummary(
        to network: inout Network, _ value: Network.Value, width: Int
    ) -> (summary: Network.Value, informed: Network.Value) {
        let pooled = network.add("summary.pool", GlobalAveragePooling(), value)
        let hidden = network.add("summary.hidden", Dense(inputFeatures: width, outputFeatures: width), pooled)
        let summary = network.add("summary", Activation(.relu), hidden)
        let message = network.add("summary.message", Dense(inputFeatures: width, outputFeatures: width), summary)
        let everywhere = network.add("summary.everywhere", BroadcastPixels(), message, value)
        return (summary, network.add("summary.sum", Add(), value, everywhere))
    }

    private static func convolution(_ inputs: Int, _ outputs: Int, hasBias: Bool = false) -> Convolution {
        Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1, hasBias: hasBias)
    }

    /// Residual blocks of two 3×3 convolutions, each after a normalization (He et al., "Identity mappings in deep
    /// residual networks", ECCV 2016; group normalization: Wu & He, ECCV 2018).
    private func addBlocks(
        to network: inout Network, path: String, _ input: Network.Value, level: Int
    ) -> Network.Value {
        let width = widths[level]
        var value = input
        for block in 0..<blocks[level] {
            let path = "\(path).block.\(block)"
            var change = value
            for step in 1...2 {
                let norm = GroupNormalization(channels: width, groups: width / Self.groupSize)
                change = network.add("\(path).norm\(step)", norm, change)
                change = network.add("\(path).relu\(step)", Activation(.relu), change)
                change = network.add("\(path).conv\(step)", Self.convolution(width, width), change)
            }
            value = network.add("\(path).sum", Add(), change, value)
        }
        return value
    }
}
