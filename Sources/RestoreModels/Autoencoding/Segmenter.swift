import RestoreConcurrency
import RestoreNN

extension AutoencoderArchitecture {
    /// Picture → "logits" of every pixel's class: an encoder that halves the sides at each level, and a decoder
    /// that doubles them and sees the encoder's features of the same size.
    var segmentationNetwork: Network {
        var network = Network()
        var (value, count) = (network.input("picture"), channels)
        var levels: [Network.Value] = []
        for (index, width) in (hidden + [codeSize]).enumerated() {
            let isCode = index == hidden.count
            let name = isCode ? "code" : "encoder.\(index)"
            value = addLayer(to: &network, "\(name).0", value, count, width, stride: index == 0 ? 1 : 2)
            // At full resolution one layer: there, layers are expensive.
            if index > 0 { value = addLayer(to: &network, "\(name).1", value, width, width) }
            levels.append(value)
            count = width
        }
        for (index, width) in hidden.enumerated().reversed() {
            let name = "decoder.\(index)"
            let layer = TransposedConvolution(
                inputChannels: count, outputChannels: width, kernel: 4, stride: 2, padding: 1)
            value = network.add("\(name).up", layer, value)
            value = network.add("\(name).skip", Concatenate(), value, levels[index])
            value = addLayer(to: &network, "\(name).0", value, 2 * width, width)
            count = width
        }
        let output = Convolution(inputChannels: count, outputChannels: classCount ?? 0, kernel: 1)
        network.output(network.add("logits", output, value))
        return network
    }

    private func addLayer(
        to network: inout Network, _ name: String, _ value: Network.Value, _ inputs: Int, _ outputs: Int,
        stride: Int = 1
    ) -> Network.Value {
        let layer = Convolution(
            inputChannels: inputs, outputChannels: outputs, kernel: 3, stride: Extent(height: stride, width: stride),
            padding: 1)
        return network.add("\(name).relu", Activation(.relu), network.add(name, layer, value))
    }
}

/// A trained segmentation network, applied to small pictures.
public final class Segmenter {
    public let architecture: AutoencoderArchitecture
    private let network: BatchedNetwork

    /// - Precondition: the model is a segmentation.
    public init(_ model: Model<AutoencoderArchitecture>, pool: WorkerPool) {
        precondition(model.architecture.kind == .segmentation, "\(model.architecture.kind) gives no classes")
        architecture = model.architecture
        network = BatchedNetwork(
            architecture.network, parameters: model.parameters.restricted(to: architecture.network), pool: pool)
    }

    /// The most probable class of every pixel, height × width of each picture, the first in case of a tie.
    ///
    /// - Parameter pictures: height × width × channels values each.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func classes(of pictures: [[Float]]) throws(NetworkError) -> [[Int]] {
        let count = architecture.classCount ?? 1
        let logits = try network.run([(pictures, architecture.pictureShape)]).first ?? []
        return logits.map { values in
            stride(from: 0, to: values.count, by: count).map { start in
                var best = 0
                for place in 1..<count where values[start + place] > values[start + best] { best = place }
                return best
            }
        }
    }
}
