import RestoreModels
import RestoreNN

/// Every case, in the order of the table.
let allCases: [BenchmarkCase] = operatorCases + networkCases + trainingCases

// MARK: Operators

/// A convolution typical of restoration networks.
private struct OperatorShape {
    var batch = 1
    let inputs: Int
    let outputs: Int
    let height: Int
    let width: Int
    let kernel: Int
    var stride = 1
    var isTransposed = false

    /// conv2d.forward.n1.c64.o64.256x256.k3; the size is that of the input, and a stride of 1 is omitted.
    func name(_ work: Work) -> String {
        let operation = isTransposed ? "conv_transpose2d" : "conv2d"
        let name = "\(operation).\(work.rawValue).n\(batch).c\(inputs).o\(outputs).\(height)x\(width).k\(kernel)"
        return stride == 1 ? name : "\(name).s\(stride)"
    }

    func network(hasBias: Bool) -> Network {
        let kernel = Extent(integerLiteral: kernel)
        let stride = Extent(integerLiteral: stride)
        var network = Network()
        let input = network.input("input")
        if isTransposed {
            let operation = TransposedConvolution(
                inputChannels: inputs, outputChannels: outputs, kernel: kernel, stride: stride, hasBias: hasBias)
            network.output(network.add("layer", operation, input))
        } else {
            // Padding preserves the size; adjacent windows need none.
            let padding = Padding(integerLiteral: self.stride == 1 ? self.kernel / 2 : 0)
            let operation = Convolution(
                inputChannels: inputs, outputChannels: outputs, kernel: kernel, stride: stride, padding: padding,
                hasBias: hasBias)
            network.output(network.add("layer", operation, input))
        }
        return network
    }

    /// The bias is part of the forward pass; its gradient, a small separate sum, is omitted.
    func benchmark(_ work: Work) -> BenchmarkCase {
        BenchmarkCase(
            name: name(work), work: work, network: network(hasBias: work == .forward),
            inputShape: Shape(batch: batch, height: height, width: width, channels: inputs))
    }
}

private let operatorShapes = [
    OperatorShape(inputs: 64, outputs: 64, height: 256, width: 256, kernel: 3),
    OperatorShape(inputs: 48, outputs: 48, height: 256, width: 256, kernel: 3),
    OperatorShape(inputs: 96, outputs: 96, height: 128, width: 128, kernel: 3),
    OperatorShape(inputs: 192, outputs: 192, height: 64, width: 64, kernel: 3),
    OperatorShape(inputs: 3, outputs: 64, height: 256, width: 256, kernel: 3),
    OperatorShape(inputs: 64, outputs: 3, height: 256, width: 256, kernel: 3),
    OperatorShape(inputs: 64, outputs: 64, height: 256, width: 256, kernel: 1),
    OperatorShape(inputs: 64, outputs: 64, height: 128, width: 128, kernel: 5),
    OperatorShape(inputs: 48, outputs: 96, height: 256, width: 256, kernel: 2, stride: 2),
    OperatorShape(inputs: 96, outputs: 48, height: 128, width: 128, kernel: 2, stride: 2, isTransposed: true),
    OperatorShape(batch: 16, inputs: 48, outputs: 48, height: 32, width: 32, kernel: 3),
]

private let operatorCases = [Work.forward, .backward].flatMap { work in operatorShapes.map { $0.benchmark(work) } }

// MARK: Networks

/// 3×3 convolutions with ReLU in between.
private func chain(_ widths: [Int]) -> Network {
    var network = Network()
    var value = network.input("image")
    for layer in 1..<widths.count {
        let convolution = Convolution(
            inputChannels: widths[layer - 1], outputChannels: widths[layer], kernel: 3, padding: 1)
        value = network.add("layer.\(layer)", convolution, value)
        if layer < widths.count - 1 { value = network.add("relu.\(layer)", Activation(.relu), value) }
    }
    network.output(value)
    return network
}

/// √6: it gives the uniform initialization the variance 2 / fan-in, which preserves the strength of a signal through
/// ReLU (He et al., "Delving Deep into Rectifiers", ICCV 2015).
private let gainOfChains: Float = 2.449_489_7

private let networkCases = [
    // Zhang et al., "Beyond a Gaussian Denoiser" (DnCNN), TIP 2017, batch normalization folded in.
    BenchmarkCase(
        name: "network.dncnn.512x768", work: .forward, network: chain([3] + Array(repeating: 64, count: 19) + [3]),
        inputShape: Shape(batch: 1, height: 512, width: 768, channels: 3), gain: gainOfChains),
    // Zhang et al., "FFDNet", TIP 2018: the layers between its unshuffle and its shuffle, for an image of 512×768.
    BenchmarkCase(
        name: "network.ffdnet-body.256x384", work: .forward,
        network: chain([13] + Array(repeating: 96, count: 11) + [12]),
        inputShape: Shape(batch: 1, height: 256, width: 384, channels: 13), gain: gainOfChains),
    BenchmarkCase(
        name: "network.denoiser.512x768", work: .forward, network: DenoiserArchitecture().network,
        inputShape: Shape(batch: 1, height: 512, width: 768, channels: 4)),
]

private let trainingCases = [
    BenchmarkCase(
        name: "train.denoiser.n16.64x64", work: .training, network: DenoiserArchitecture().network,
        inputShape: Shape(batch: 16, height: 64, width: 64, channels: 4))
]
