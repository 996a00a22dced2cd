import RestoreNN

/// Conditional variational autoencoders that complete pictures (Sohn, Lee & Yan, "Learning structured output
/// representation using deep conditional generative models", NIPS 2015): a recognition network q(z | x, c), a learned
/// prior p(z | c) and a decoder p(x | z, c), where c is the damaged picture with its mask and x the true one.
///
/// | kind | "picture" and "truth" | code z | decoder's output |
/// |---|---|---|---|
/// | `quadrants` | N×28×28×1 in 0…1 | N×1×1×`latentChannels` | logits of the pixels, N×28×28×1 |
/// | `photo` | N×H×W×3 in 0…1 | N×H/16×W/16×`latentChannels` (for four widths) | R, G, B, N×H×W×3 |
///
/// "mask", N×H×W×1, is 1 where pixels are missing. There "picture" is 0 for `quadrants` and a classical fill for
/// `photo`, whose decoder predicts the correction to it. q is described relative to p (Vahdat & Kautz, "NVAE", NeurIPS
/// 2020, sec. 3.2): where the recognition network has nothing to add, the divergence is 0.
public struct InpainterArchitecture: ModelArchitecture, Hashable {
    public static let task = "inpaint"

    /// Kinds of networks, as model files name them.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// Dense networks that complete the quadrants of an MNIST digit.
        case quadrants = "cvae-quadrants"
        /// Convolutional networks for photographs; the decoder has skips from the prior network at every resolution
        /// (Ivanov, Figurnov & Vetrov, "Variational autoencoder with arbitrary conditioning", ICLR 2019).
        case photo = "cvae-photo"
    }

    public let kind: Kind
    /// Quadrants of a digit that are known, 1…3; 0 for `photo`.
    public let given: Int
    /// Units of the hidden layers, or channels of each level from half resolution down.
    public let widths: [Int]
    /// Residual blocks of each level of `photo`, in the prior network and again in the decoder; empty for `quadrants`.
    public let blocks: [Int]
    /// Values of the code at each of its pixels.
    public let latentChannels: Int

    private enum CodingKeys: String, CodingKey {
        case kind = "name"
        case given, widths, blocks
        case latentChannels = "latent"
    }

    /// Networks for digits of which some quadrants are given. The defaults are the sizes of Pyro's example.
    public init(given: Int, hidden: [Int] = [500, 500], latentChannels: Int = 200) {
        (kind, self.given, widths, blocks) = (.quadrants, given, hidden, [])
        self.latentChannels = latentChannels
    }

    /// Networks for photographs.
    public init(widths: [Int], blocks: [Int], latentChannels: Int) {
        (kind, given, self.widths, self.blocks) = (.photo, 0, widths, blocks)
        self.latentChannels = latentChannels
    }

    public var defect: String? {
        guard (1...6).contains(widths.count), widths.allSatisfy((1...4096).contains) else {
            return "expected 1 to 6 widths of 1 to 4096, found \(widths)"
        }
        guard (1...1024).contains(latentChannels) else {
            return "expected a code of 1 to 1024 values, found \(latentChannels)"
        }
        switch kind {
        case .quadrants:
            guard (1...3).contains(given) else { return "expected 1 to 3 given quadrants, found \(given)" }
            guard blocks.isEmpty else { return "a \(kind.rawValue) has no residual blocks, found \(blocks)" }
        case .photo:
            guard given == 0 else { return "a \(kind.rawValue) has no given quadrants, found \(given)" }
            guard widths.count >= 3 else { return "expected at least 3 widths, found \(widths)" }
            guard blocks.count == widths.count, blocks.allSatisfy((1...16).contains) else {
                return "expected \(widths.count) numbers of 1 to 16 blocks, found \(blocks)"
            }
        }
        return nil
    }

    /// Side of a digit.
    public static let digitSide = 28

    /// Channels of a picture.
    public var pictureChannels: Int { kind == .quadrants ? 1 : 3 }

    /// Both sides of an input are multiples of this; for `quadrants` they are equal to it.
    public var alignment: Int { kind == .quadrants ? Self.digitSide : 1 << widths.count }

    /// The shape of the code of one picture.
    public func codeShape(height: Int, width: Int) -> Shape {
        let sides = kind == .quadrants ? (1, 1) : (height / alignment, width / alignment)
        return Shape(batch: 1, height: sides.0, width: sides.1, channels: latentChannels)
    }

    // MARK: Networks

    /// A diagonal normal distribution of the code.
    package struct Distribution {
        package let mean: Network.Value
        package let logVariance: Network.Value
    }

    /// Where the decoder's code comes from.
    package enum Code {
        /// The mean of the prior plus its deviation times the input "noise".
        case prior
        /// The same with q; adds the input "truth" before "noise".
        case posterior
        /// As `posterior`, from the prior's mean where the further input "posterior share" is 0; dense layers are
        /// thinned out by inputs of `dropoutInputs`.
        case training
        /// The input "code".
        case given
    }

    /// The nodes of a network that training and evaluation use.
    package struct Features {
        package let prior: Distribution
        /// Only for `posterior` and `training`.
        package var posterior: Distribution?
        /// The plain network's logits, of `quadrants` only.
        package var guess: Network.Value?
        /// The decoder's output; see the table above.
        package let result: Network.Value
    }

    /// Adds the networks with their inputs, "picture" and "mask" first, and no outputs.
    package func add(to network: inout Network, code: Code) -> Features {
        switch kind {
        case .quadrants: addQuadrants(to: &network, code)
        case .photo: addPhoto(to: &network, code)
        }
    }

    /// All parts. Inputs: "picture", "mask", "truth", "noise". Outputs: the decoder's for a code drawn from q, then
    /// mean and log variance of the prior, then those of q, then the plain network's of `quadrants`.
    public var network: Network {
        var network = Network()
        let features = add(to: &network, code: .posterior)
        for value in [features.result] + features.distributions { network.output(value) }
        if let guess = features.guess { network.output(guess) }
        return network
    }

    /// Inputs: "picture", "mask", "noise". Output: the decoder's for a code drawn from the prior.
    public var filler: Network {
        var network = Network()
        network.output(add(to: &network, code: .prior).result)
        return network
    }

    /// Inputs: "picture", "mask", "truth". Outputs: mean and log variance of the prior, those of q, then the plain
    /// network's of `quadrants`.
    public var encoders: Network {
        var network = Network()
        let features = add(to: &network, code: .posterior)
        return network.subnetwork(to: features.distributions + [features.guess].compactMap { $0 })
    }

    /// Inputs: "picture", "mask", "code". Output: the decoder's.
    public var generator: Network {
        var network = Network()
        let features = add(to: &network, code: .given)
        return network.subnetwork(to: [features.result])
    }

    /// The code that the decoder sees.
    ///
    /// - Parameters:
    ///   - change: what the recognition network adds to the prior; nil without one.
    ///   - noise: the input "noise"; nil if the code is an input.
    func addCode(
        to network: inout Network, _ code: Code, prior: Distribution, change: Distribution?, noise: Network.Value?
    ) -> (code: Network.Value, posterior: Distribution?) {
        guard let noise else { return (network.input("code"), nil) }
        let posterior = change.map { change in
            Distribution(
                mean: network.add("posterior.mean", Add(), change.mean, prior.mean),
                logVariance: network.add("posterior.logvariance", Add(), change.logVariance, prior.logVariance))
        }
        let source = posterior ?? prior
        let deviation = network.add("code.deviation", Exponential(scale: 0.5), source.logVariance)
        let random = network.add("code.random", Multiply(), noise, deviation)
        guard code == .training, let change else {
            return (network.add("code", Add(), source.mean, random), posterior)
        }
        // z = μp + share · (μq − μp + σq · ε)
        let step = network.add("code.step", Add(), change.mean, random)
        let gated = network.add("code.gated", Multiply(), step, network.input("posterior share"))
        return (network.add("code", Add(), gated, prior.mean), posterior)
    }
}

extension InpainterArchitecture.Features {
    package var distributions: [Network.Value] {
        [prior.mean, prior.logVariance] + (posterior.map { [$0.mean, $0.logVariance] } ?? [])
    }
}
