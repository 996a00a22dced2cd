import RestoreNN

/// The convolutional networks for photographs. The prior network is an encoder over the filled picture and the mask;
/// the decoder mirrors it with transposed convolutions, and has a skip from it at every resolution. The recognition
/// network starts at a quarter of the resolution: the code has a sixteenth, and what it says is coarse.
extension InpainterArchitecture {
    /// The factor by which pixels become channels before the prior network's first convolution, and the recognition
    /// network's.
    private static let unshuffle = (prior: 2, recognition: 4)

    /// What the recognition network has to describe is a small difference of colors. Given the true picture beside the
    /// filled one, it did not find it: the code said nothing, and its divergence went to 0.
    private static let differenceScale: Float = 8

    func addPhoto(to network: inout Network, _ code: Code) -> Features {
        let (picture, mask) = (network.input("picture"), network.input("mask"))
        let hasTruth = code == .posterior || code == .training
        let truth = hasTruth ? network.input("truth") : nil
        let noise = code == .given ? nil : network.input("noise")

        let seen = network.add("seen", Concatenate(), picture, mask)
        let (skips, bottom) = addPrior(to: &network, seen)
        let prior = addDistribution(to: &network, "prior", bottom)
        let change = truth.map { truth in
            let difference = network.add("difference", Difference(scale: Self.differenceScale), truth, picture)
            return addRecognition(to: &network, seen: seen, difference: difference)
        }
        let (latent, posterior) = addCode(to: &network, code, prior: prior, change: change, noise: noise)
        let correction = addDecoder(to: &network, latent, skips: skips, bottom: bottom)
        let result = network.add("colors", Add(), correction, picture)
        return Features(prior: prior, posterior: posterior, result: result)
    }

    private func addPrior(
        to network: inout Network, _ seen: Network.Value
    ) -> (skips: [Network.Value], bottom: Network.Value) {
        let factor = Self.unshuffle.prior
        let unshuffled = network.add("prior.unshuffle", PixelUnshuffle(factor: factor), seen)
        var value = network.add(
            "prior.head", convolution((pictureChannels + 1) * factor * factor, widths[0], hasBias: true), unshuffled)
        var skips: [Network.Value] = []
        for level in widths.indices {
            value = addBlocks(to: &network, "prior.\(level)", value, width: widths[level], count: blocks[level])
            guard level < widths.count - 1 else { break }
            skips.append(value)
            value = network.add("prior.\(level).down", down(widths[level], widths[level + 1]), value)
        }
        return (skips, value)
    }

    private func addRecognition(
        to network: inout Network, seen: Network.Value, difference: Network.Value
    ) -> Distribution {
        let factor = Self.unshuffle.recognition
        let all = network.add("recognition.seen", Concatenate(), seen, difference)
        let unshuffled = network.add("recognition.unshuffle", PixelUnshuffle(factor: factor), all)
        let inputs = (2 * pictureChannels + 1) * factor * factor
        var value = network.add("recognition.head", convolution(inputs, widths[1], hasBias: true), unshuffled)
        value = network.add("recognition.head.relu", Activation(.relu), value)
        for level in 1..<widths.count {
            value = addBlocks(to: &network, "recognition.\(level)", value, width: widths[level], count: 1)
            guard level < widths.count - 1 else { break }
            value = network.add("recognition.\(level).down", down(widths[level], widths[level + 1]), value)
        }
        return addDistribution(to: &network, "recognition", value)
    }

    /// The normalization bounds means and log variances: the divergence grows with the exponential of the latter, and one
    /// unusual patch could end the training.
    private func addDistribution(
        to network: inout Network, _ path: String, _ features: Network.Value
    ) -> Distribution {
        let width = widths[widths.count - 1]
        let normalized = network.add("\(path).norm", LayerNormalization(channels: width), features)
        let head = Convolution(inputChannels: width, outputChannels: latentChannels, kernel: 1)
        return Distribution(
            mean: network.add("\(path).mean", head, normalized),
            logVariance: network.add("\(path).logvariance", head, normalized))
    }

    private func addDecoder(
        to network: inout Network, _ latent: Network.Value, skips: [Network.Value], bottom: Network.Value
    ) -> Network.Value {
        let last = widths.count - 1
        let ofCode = network.add("decoder.code", convolution(latentChannels, widths[last], hasBias: true), latent)
        var value = network.add("decoder.\(last).skip", Add(), ofCode, bottom)
        value = addBlocks(to: &network, "decoder.\(last)", value, width: widths[last], count: blocks[last])
        for level in widths.indices.dropLast().reversed() {
            let up = TransposedConvolution(
                inputChannels: widths[level + 1], outputChannels: widths[level], kernel: 2, stride: 2)
            value = network.add("decoder.\(level).up", up, value)
            value = network.add("decoder.\(level).skip", Add(), value, skips[level])
            value = addBlocks(to: &network, "decoder.\(level)", value, width: widths[level], count: blocks[level])
        }
        let factor = Self.unshuffle.prior
        let tail = convolution(widths[0], pictureChannels * factor * factor, hasBias: true)
        value = network.add("decoder.tail", tail, value)
        return network.add("decoder.shuffle", PixelShuffle(factor: factor), value)
    }

    private func convolution(_ inputs: Int, _ outputs: Int, hasBias: Bool = false) -> Convolution {
        Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1, hasBias: hasBias)
    }

    private func down(_ inputs: Int, _ outputs: Int) -> Convolution {
        Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 2, stride: 2)
    }

    private func addBlocks(
        to network: inout Network, _ path: String, _ input: Network.Value, width: Int, count: Int
    ) -> Network.Value {
        var value = input
        for block in 0..<count {
            let path = "\(path).block.\(block)"
            let first = network.add("\(path).conv1", convolution(width, width, hasBias: true), value)
            let active = network.add("\(path).relu", Activation(.relu), first)
            let second = network.add("\(path).conv2", convolution(width, width), active)
            value = network.add("\(path).sum", Add(), second, value)
        }
        return value
    }
}
