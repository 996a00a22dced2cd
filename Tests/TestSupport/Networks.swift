import RestoreNN

/// The denoising U-Net that `Fixtures/golden/denoiser.py` draws, with an addition in the place of its subtraction.
///
/// Input N×H×W×4 with sides that are multiples of `factor · 2^(widths.count − 1)`, output N×H×W×3.
package func residualUNet(widths: [Int], blocks: Int, factor: Int) -> Network {
    var network = Network()
    let input = network.input("input")
    let area = factor * factor
    var value = network.add("unshuffle", PixelUnshuffle(factor: factor), input)
    value = network.add("head", threeByThree(4 * area, widths[0], hasBias: true), value)
    var skips: [Network.Value] = []
    for level in 0..<(widths.count - 1) {
        value = addBlocks(to: &network, "encoder.\(level)", value, width: widths[level], count: blocks)
        skips.append(value)
        let down = Convolution(
            inputChannels: widths[level], outputChannels: widths[level + 1], kernel: 2, stride: 2,
            hasBias: false)
        value = network.add("encoder.\(level).down", down, value)
    }
    value = addBlocks(to: &network, "bottom", value, width: widths[widths.count - 1], count: blocks)
    for level in (0..<(widths.count - 1)).reversed() {
        let up = TransposedConvolution(
            inputChannels: widths[level + 1], outputChannels: widths[level], kernel: 2, stride: 2,
            hasBias: false)
        value = network.add("decoder.\(level).up", up, value)
        value = network.add("decoder.\(level).skip", Add(), value, skips[level])
        value = addBlocks(to: &network, "decoder.\(level)", value, width: widths[level], count: blocks)
    }
    value = network.add("tail", threeByThree(widths[0], 3 * area, hasBias: true), value)
    let change = network.add("shuffle", PixelShuffle(factor: factor), value)
    let colors = network.add("colors", Slice(channels: 0..<3), input)
    network.output(network.add("sum", Add(), colors, change))
    return network
}

private func threeByThree(_ inputs: Int, _ outputs: Int, hasBias: Bool) -> Convolution {
    Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 3, padding: 1, hasBias: hasBias)
}

private func addBlocks(
    to network: inout Network, _ path: String, _ input: Network.Value, width: Int, count: Int
) -> Network.Value {
    var value = input
    for index in 0..<count {
        let path = "\(path).block.\(index)"
        let first = network.add("\(path).conv1", threeByThree(width, width, hasBias: false), value)
        let active = network.add("\(path).relu", Activation(.relu), first)
        let second = network.add("\(path).conv2", threeByThree(width, width, hasBias: false), active)
        value = network.add("\(path).sum", Add(), value, second)
    }
    return value
}
