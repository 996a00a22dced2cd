import RestoreNN

/// The denoiser's network: a convolutional autoencoder with skip connections and residual blocks.
///
/// Input N×H×W×4: RGB in 0…1 and a map of the noise's standard deviation in the same units; output N×H×W×3: the RGB
/// without the noise. Sides are multiples of `alignment`. Pixel unshuffle by 2; on each level `blocksPerLevel` residual
/// blocks (3×3, ReLU, 3×3, no bias) on the way down and on the way up; 2×2 stride-2 convolutions down and transposed
/// convolutions up; skips added; the prediction is of the noise. The form is that of DRUNet (Zhang et al.,
/// "Plug-and-Play Image Restoration with Deep Denoiser Prior", TPAMI 2021), much narrower, at half resolution.
public struct DenoiserArchitecture: Codable, Hashable, Sendable {
    /// The value of `name` in model files.
    public static let name = "residual-unet"

    /// What kind of network the file holds.
    public let name: String
    /// Channels of each level, from the finest to the coarsest.
    public let widths: [Int]
    public let blocksPerLevel: Int

    /// The network that is shipped: 48, 96 and 192 channels, two blocks a level.
    public init() {
        self.init(unchecked: [48, 96, 192], blocksPerLevel: 2)
    }

    /// Fails for anything but 1 to 6 widths of 1 to 1024 channels and 1 to 16 blocks.
    public init?(checking widths: [Int], blocksPerLevel: Int) {
        self.init(unchecked: widths, blocksPerLevel: blocksPerLevel)
        if defect != nil { return nil }
    }

    private init(unchecked widths: [Int], blocksPerLevel: Int) {
        name = Self.name
        self.widths = widths
        self.blocksPerLevel = blocksPerLevel
    }

    /// What is wrong with an architecture that was read from a file, or nil.
    var defect: String? {
        guard name == Self.name else { return "the architecture \"\(name)\" is not known, expected \"\(Self.name)\"" }
        guard (1...6).contains(widths.count), widths.allSatisfy((1...1024).contains) else {
            return "expected 1 to 6 widths of 1 to 1024 channels, found \(widths)"
        }
        guard (1...16).contains(blocksPerLevel) else {
            return "expected 1 to 16 blocks a level, found \(blocksPerLevel)"
        }
        return nil
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
        var value = network.add("head", convolution(4 * area, widths[0], hasBias: true), unshuffled)

        var skips: [Network.Value] = []
        for level in widths.indices.dropLast() {
            value = addBlocks(to: &network, path: "encoder.\(level)", value, width: widths[level])
            skips.append(value)
            let down = Convolution(
                inputChannels: widths[level], outputChannels: widths[level + 1], kernel: 2, stride: 2, hasBias: false)
            value = network.add("encoder.\(level).down", down, value)
        }
        value = addBlocks(to: &network, path: "bottom", value, width: widths[widths.count - 1])
        for level in widths.indices.dropLast().reversed() {
            let up = TransposedConvolution(
                inputChannels: widths[level + 1], outputChannels: widths[level], kernel: 2, stride: 2, hasBias: false)
            let raised = network.add("decoder.\(level).up", up, value)
            value = network.add("decoder.\(level).skip", Add(), raised, skips[level])
            value = addBlocks(to: &network, path: "decoder.\(level)", value, width: widths[level])
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
        to network: inout Network, path: String, _ input: Network.Value, width: Int
    ) -> Network.Value {
        var value = input
        for block in 0..<blocksPerLevel {
            let path = "\(path).block.\(block)"
            let first = network.add("\(path).conv1", convolution(width, width, hasBias: false), value)
            let active = network.add("\(path).relu", Activation(.relu), first)
            let second = network.add("\(path).conv2", convolution(width, width, hasBias: false), active)
            value = network.add("\(path).sum", Add(), second, value)
        }
        return value
    }
}
