import RestoreNN

/// The dense networks that complete digits, after the example of Pyro (pyro.ai/examples/cvae.html): a plain network
/// guesses the missing quadrants; the prior sees the digit completed by that guess, the recognition network the true
/// one. Unlike there, the decoder sees the completed digit beside the code, and corrects the plain network's logits.
extension InpainterArchitecture {
    private static let digitPixels = digitSide * digitSide

    /// An input of the training graph that multiplies the units of a hidden layer by 0 or 1 / (1 − rate): dropout
    /// (Srivastava et al., JMLR 15, 2014).
    package static func dropoutInput(_ layer: String) -> String { "dropout \(layer)" }

    /// The hidden layers that are thinned out in training, with their units.
    package var dropoutLayers: [(layer: String, units: Int)] {
        guard kind == .quadrants else { return [] }
        return ["baseline", "prior", "recognition"].flatMap { path in
            widths.enumerated().map { ("\(path).\($0.offset)", $0.element) }
        }
    }

    func addQuadrants(to network: inout Network, _ code: Code) -> Features {
        let side = Self.digitSide
        let (picture, mask) = (network.input("picture"), network.input("mask"))
        let hasTruth = code == .posterior || code == .training
        let truth = hasTruth ? network.input("truth") : nil
        let noise = code == .given ? nil : network.input("noise")
        let isTraining = code == .training

        let guessed = addHidden(to: &network, "baseline", picture, isTraining: isTraining)
        let flat = network.add("baseline.output", dense(widths.last ?? 1, Self.digitPixels), guessed)
        let guess = network.add("baseline.logits", Reshape(height: side, width: side, channels: 1), flat)
        let opinion = network.add("baseline.sigmoid", Activation(.sigmoid), guess)
        let filling = network.add("baseline.filling", Multiply(), opinion, mask)
        let completed = network.add("completed", Add(), picture, filling)

        let prior = addDistribution(to: &network, "prior", completed, isTraining: isTraining)
        let change = truth.map { addDistribution(to: &network, "recognition", $0, isTraining: isTraining) }
        let (latent, posterior) = addCode(to: &network, code, prior: prior, change: change, noise: noise)

        let ofCode = network.add("decoder.code", dense(latentChannels, widths[0]), latent)
        let ofPicture = network.add("decoder.picture", dense(Self.digitPixels, widths[0]), completed)
        var value = network.add("decoder.0", Add(), ofCode, ofPicture)
        value = network.add("decoder.0.relu", Activation(.relu), value)
        for level in widths.indices.dropFirst() {
            value = network.add("decoder.\(level)", dense(widths[level - 1], widths[level]), value)
            value = network.add("decoder.\(level).relu", Activation(.relu), value)
        }
        value = network.add("decoder.output", dense(widths.last ?? 1, Self.digitPixels), value)
        value = network.add("decoder.map", Reshape(height: side, width: side, channels: 1), value)
        let result = network.add("logits", Add(), value, guess)
        return Features(prior: prior, posterior: posterior, guess: guess, result: result)
    }

    private func dense(_ inputs: Int, _ outputs: Int) -> Dense {
        Dense(inputFeatures: inputs, outputFeatures: outputs)
    }

    private func addHidden(
        to network: inout Network, _ path: String, _ input: Network.Value, isTraining: Bool
    ) -> Network.Value {
        var value = input
        var count = Self.digitPixels
        for (level, width) in widths.enumerated() {
            let layer = "\(path).\(level)"
            value = network.add(layer, dense(count, width), value)
            value = network.add("\(layer).relu", Activation(.relu), value)
            if isTraining, dropoutLayers.contains(where: { $0.layer == layer }) {
                value = network.add("\(layer).dropout", Multiply(), value, network.input(Self.dropoutInput(layer)))
            }
            count = width
        }
        return value
    }

    private func addDistribution(
        to network: inout Network, _ path: String, _ input: Network.Value, isTraining: Bool
    ) -> Distribution {
        let hidden = addHidden(to: &network, path, input, isTraining: isTraining)
        let width = widths.last ?? 1
        return Distribution(
            mean: network.add("\(path).mean", dense(width, latentChannels), hidden),
            logVariance: network.add("\(path).logvariance", dense(width, latentChannels), hidden))
    }
}
