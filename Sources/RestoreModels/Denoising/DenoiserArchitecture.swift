import RestoreNN

/// The denoiser's network: a convolutional autoencoder with skip connections and residual blocks.
///
/// Input N×H×W×C: RGB in 0…1; unless the network is blind, a map of the noise's standard deviation in the same units; and
/// if it knows the compression, three maps of `CompressionStrength`. Output N×H×W×3: the RGB without the noise. Sides are multiples of `alignment`. Pixel unshuffle by 2; on each
/// level residual blocks (3×3, ReLU, 3×3, no bias) on the way down and as many on the way up; 2×2 stride-2 convolutions
/// down and transposed convolutions up; skips added; the prediction is of the noise. The form is that of DRUNet (Zhang et
/// al., "Plug-and-Play Image Restoration with Deep Denoiser Prior", TPAMI 2021), much narrower, at half resolution.
public struct DenoiserArchitecture: ModelArchitecture, Hashable {
    public static let task = "denoise"
    /// The value of `name` in model files.
    public static let name = "residual-unet"

    /// What kind of network the file holds.
    public let name: String
    /// Channels of each level, from the finest to the coarsest.
    public let widths: [Int]
    /// Residual blocks of each level, on either way; the coarsest has one way only.
    public let blocks: [Int]
    /// A blind network is not told how strong the noise is.
    public let isBlind: Bool
    /// Whether the network is told how strongly JPEG has quantized the image.
    public let knowsCompression: Bool

    /// The network that is shipped: 48, 64 and 96 channels; 6, 5 and 4 blocks. Depth at the fine level was worth more than
    /// channels at the coarse ones for the same cost (docs/decisions/0009).
    public init() {
        self.init(
            unchecked: [48, 64, 96], blocks: [6, 5, 4], isBlind: false, knowsCompression: false, name: Self.name)
    }

    /// Fails for anything but 1 to 6 widths of 1 to 1024 channels and as many numbers of 1 to 16 blocks.
    public init?(checking widths: [Int], blocks: [Int], isBlind: Bool = false, knowsCompression: Bool = false) {
        self.init(
            unchecked: widths, blocks: blocks, isBlind: isBlind, knowsCompression: knowsCompression, name: Self.name)
        if defect != nil { return nil }
    }

    /// The same number of blocks on every level.
    public init?(checking widths: [Int], blocksPerLevel: Int) {
        self.init(checking: widths, blocks: widths.map { _ in blocksPerLevel })
    }

    private init(unchecked widths: [Int], blocks: [Int], isBlind: Bool, knowsCompression: Bool, name: String) {
        self.name = name
        self.widths = widths
        self.blocks = blocks
        self.isBlind = isBlind
        self.knowsCompression = knowsCompression
    }

    /// What is wrong with an architecture that was read from a file, or nil.
    public var defect: String? {
        guard name == Self.name else { return "the architecture \"\(name)\" is not known, expected \"\(Self.name)\"" }
        guard (1...6).contains(widths.count), widths.allSatisfy((1...1024).contains) else {
            return "expected 1 to 6 widths of 1 to 1024 channels, found \(widths)"
        }
        guard blocks.count == widths.count else {
            return "expected \(widths.count) numbers of blocks, one a level, found \(blocks.count)"
        }
        guard blocks.allSatisfy((1...16).contains) else {
            return "expected 1 to 16 blocks a level, found \(blocks)"
        }
        return nil
    }

    /// RGB, the noise level unless blind, and the strength of the compression if known.
    public var inputChannels: Int { compressionChannels.upperBound }

    /// The channels of the input that hold the strength of the compression; empty if the network does not know it.
    public var compressionChannels: Range<Int> {
        let first = isBlind ? 3 : 4
        return first..<(first + (knowsCompression ? CompressionStrength.channelCount : 0))
    }

    private static let unshuffle = 2

    /// Both sides of an input are multiples of this.
    public var alignment: Int { Self.unshuffle << (widths.count - 1) }

    /// The network, with inputs "image" and the output the clean picture.
    public var network: Network {
        var network = Network()
        let input = network.input("image")
        let area = Self.unshuffle * Self.unshuffle
        let unshuffled = network.add("unshuffle", PixelUnshuffle(factor: Self.unshuffle), input)
        var value = network.add("head", convolution(inputChannels * area, widths[0], hasBias: true), unshuffled)

        var skips: [Network.Value] = []
        for level in widths.indices.dropLast() {
            value = addBlocks(to: &network, path: "encoder.\(level)", value, level: level)
            skips.append(value)
            let down = Convolution(
                inputChannels: widths[level], outputChannels: widths[level + 1], kernel: 2, stride: 2, hasBias: false)
            value = network.add("encoder.\(level).down", down, value)
        }
        value = addBlocks(to: &network, path: "bottom", value, level: widths.count - 1)
        for level in widths.indices.dropLast().reversed() {
            let up = TransposedConvolution(
                inputChannels: widths[level + 1], outputChannels: widths[level], kernel: 2, stride: 2, hasBias: false)
            let raised = network.add("decoder.\(level).up", up, value)
            value = network.add("decoder.\(level).skip", Add(), raised, skips[level])
            value = addBlocks(to: &network, path: "decoder.\(level)", value, level: level)
        }
        let tail = network.add("tail", convolution(widths[0], 3 * area, hasBias: true), value)
        let negativeNoise = network.add("shuffle", PixelShuffle(factor: Self.unshuffle), tail)
        let colors = network.add("colors", Slice(channels: 0..<3), input)
        network.output(network.add("clean", Add(), negativeNoise, colors))
        return network
    }

    private func convolution(_ inputs: Int, _ outputs: Int, hasBias: Bool) -> Convolution {
        Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1, hasBias: hasBias)
    }

    private func addBlocks(
        to network: inout Network, path: String, _ input: Network.Value, level: Int
    ) -> Network.Value {
        let width = widths[level]
        var value = input
        for block in 0..<blocks[level] {
            let path = "\(path).block.\(block)"
            let first = network.add("\(path).conv1", convolution(width, width, hasBias: false), value)
            let active = network.add("\(path).relu", Activation(.relu), first)
            let second = network.add("\(path).conv2", convolution(width, width, hasBias: false), active)
            value = network.add("\(path).sum", Add(), second, value)
        }
        return value
    }
}

extension DenoiserArchitecture: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, widths, blocksPerLevel, blind, compression
    }

    /// The number of blocks may be one for all levels; a network is neither blind nor knows the compression unless it
    /// says so.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let widths = try values.decode([Int].self, forKey: .widths)
        let blocks: [Int]
        if let number = try? values.decode(Int.self, forKey: .blocksPerLevel) {
            blocks = widths.map { _ in number }
        } else {
            blocks = try values.decode([Int].self, forKey: .blocksPerLevel)
        }
        self.init(
            unchecked: widths, blocks: blocks, isBlind: try values.decodeIfPresent(Bool.self, forKey: .blind) ?? false,
            knowsCompression: try values.decodeIfPresent(Bool.self, forKey: .compression) ?? false,
            name: try values.decode(String.self, forKey: .name))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(widths, forKey: .widths)
        try values.encode(blocks, forKey: .blocksPerLevel)
        if isBlind { try values.encode(true, forKey: .blind) }
        if knowsCompression { try values.encode(true, forKey: .compression) }
    }
}
