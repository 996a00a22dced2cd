import RestoreNN

extension AutoencoderArchitecture {
    /// Picture → reconstruction, code and, of variational ones, the code's log variance; of a segmentation → classes.
    public var network: Network {
        guard kind.reconstructs else { return segmentationNetwork }
        var network = Network()
        let label = addInputs(to: &network)
        let encoding = addEncoder(to: &network, network.inputs[0], label: label)
        let output = addDecoder(to: &network, encoding.code, label: label)
        network.output(addReconstruction(to: &network, output))
        for value in encoding.values { network.output(value) }
        return network
    }

    /// Picture → code and, of variational ones, its log variance.
    ///
    /// - Precondition: the kind `reconstructs`.
    public var encoder: Network {
        precondition(kind.reconstructs, "a \(kind.rawValue) network has no encoder of its own")
        var network = Network()
        let label = addInputs(to: &network)
        for value in addEncoder(to: &network, network.inputs[0], label: label).values { network.output(value) }
        return network
    }

    /// Code, as an input of the same name, → reconstruction.
    ///
    /// - Precondition: the kind `reconstructs`.
    public var decoder: Network {
        precondition(kind.reconstructs, "a \(kind.rawValue) network has no decoder of its own")
        var network = Network()
        let code = network.input("code")
        let label = labelShape.map { _ in network.input("label") }
        network.output(addReconstruction(to: &network, addDecoder(to: &network, code, label: label)))
        return network
    }

    /// What the encoder says of a picture.
    package struct Encoding {
        /// The code; of variational autoencoders the mean of q(z | x).
        package let code: Network.Value
        /// The logarithm of the variance of q(z | x).
        package let logVariance: Network.Value?

        package var values: [Network.Value] { [code] + [logVariance].compactMap { $0 } }
    }

    /// Adds the input "picture".
    ///
    /// - Returns: the input for the class, if there is one.
    package func addInputs(to network: inout Network) -> Network.Value? {
        _ = network.input("picture")
        return labelShape.map { _ in network.input("label") }
    }

    // MARK: Encoder

    package func addEncoder(
        to network: inout Network, _ picture: Network.Value, label: Network.Value?
    ) -> Encoding {
        guard kind != .convolutional else { return addConvolutionalEncoder(to: &network, picture) }
        var (value, count) = (picture, features)
        for (index, units) in hidden.enumerated() {
            let name = "encoder.\(index)"
            value = network.add(name, dense(count, units), value)
            if index == 0 { value = addLabel(to: &network, value, label: label, name: name, units: units) }
            value = network.add("\(name).\(hiddenActivation)", Activation(hiddenActivation), value)
            count = units
        }
        guard kind.isVariational else {
            return Encoding(code: addCode(to: &network, value, units: count), logVariance: nil)
        }
        return Encoding(
            code: network.add("code", dense(count, codeSize), value),
            logVariance: network.add("code.log_variance", dense(count, codeSize), value))
    }

    /// The code's units with their activation, if they have one.
    private func addCode(to network: inout Network, _ value: Network.Value, units: Int) -> Network.Value {
        let layer = dense(units, codeSize)
        if let activeUnits {
            return network.add("code", TopK(k: activeUnits), network.add("encoder.code", layer, value))
        }
        guard let codeActivation else { return network.add("code", layer, value) }
        return network.add("code", Activation(codeActivation), network.add("encoder.code", layer, value))
    }

    private func addConvolutionalEncoder(to network: inout Network, _ picture: Network.Value) -> Encoding {
        var (value, count) = (picture, channels)
        for (index, width) in hidden.enumerated() {
            let layer = Convolution(
                inputChannels: count, outputChannels: width, kernel: 3, stride: 2, padding: 1)
            value = network.add("encoder.\(index)", layer, value)
            value = network.add("encoder.\(index).relu", Activation(.relu), value)
            count = width
        }
        let code = Dense(inputFeatures: count * coarseSides.height * coarseSides.width, outputFeatures: codeSize)
        return Encoding(code: network.add("code", code, value), logVariance: nil)
    }

    // MARK: Decoder

    /// - Parameter code: N×1×1×`codeSize`; of variational ones also N×K×1×`codeSize`, K codes a picture.
    /// - Returns: what `addReconstruction` makes a picture of: of Bernoulli decoders logits, N×K×1×features.
    package func addDecoder(
        to network: inout Network, _ code: Network.Value, label: Network.Value?
    ) -> Network.Value {
        guard kind != .convolutional else { return addConvolutionalDecoder(to: &network, code) }
        var (value, count) = (code, codeSize)
        for (index, units) in hidden.reversed().enumerated() {
            let name = "decoder.\(index)"
            value = addDecoderLayer(to: &network, name, value, count, units)
            if index == 0 { value = addLabel(to: &network, value, label: label, name: name, units: units) }
            value = network.add("\(name).\(hiddenActivation)", Activation(hiddenActivation), value)
            count = units
        }
        return addDecoderLayer(to: &network, "decoder.output", value, count, features)
    }

    /// A dense layer; of variational autoencoders as a convolution of 1×1 pixels, which takes any number of codes a
    /// picture.
    private func addDecoderLayer(
        to network: inout Network, _ name: String, _ value: Network.Value, _ inputs: Int, _ outputs: Int
    ) -> Network.Value {
        guard kind.isVariational else { return network.add(name, dense(inputs, outputs), value) }
        return network.add(name, Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 1), value)
    }

    /// The picture of a decoder's output for one code.
    package func addReconstruction(to network: inout Network, _ output: Network.Value) -> Network.Value {
        guard kind != .convolutional else { return output }
        var value = output
        if likelihood == .bernoulli { value = network.add("probabilities", Activation(.sigmoid), value) }
        return network.add("reconstruction", Reshape(height: height, width: width, channels: channels), value)
    }

    private func addConvolutionalDecoder(to network: inout Network, _ code: Network.Value) -> Network.Value {
        let (sides, widths) = (coarseSides, Array(hidden.reversed()))
        let coarse = widths[0] * sides.height * sides.width
        var value = network.add("decoder", Dense(inputFeatures: codeSize, outputFeatures: coarse), code)
        value = network.add("decoder.relu", Activation(.relu), value)
        value = network.add(
            "decoder.picture", Reshape(height: sides.height, width: sides.width, channels: widths[0]), value)
        for index in widths.indices {
            let isLast = index == widths.count - 1
            let layer = TransposedConvolution(
                inputChannels: widths[index], outputChannels: isLast ? channels : widths[index + 1], kernel: 4,
                stride: 2, padding: 1)
            value = network.add(isLast ? "decoder.output" : "decoder.\(index)", layer, value)
            if !isLast { value = network.add("decoder.\(index).relu", Activation(.relu), value) }
        }
        return value
    }

    // MARK: Layers

    /// Adds what the class contributes to the first layer.
    private func addLabel(
        to network: inout Network, _ value: Network.Value, label: Network.Value?, name: String, units: Int
    ) -> Network.Value {
        guard let label, let classCount else { return value }
        let part = network.add(
            "\(name).label", Dense(inputFeatures: classCount, outputFeatures: units, hasBias: false), label)
        return network.add("\(name).sum", Add(), value, part)
    }

    /// The sides of the coarsest level.
    private var coarseSides: Extent { Extent(height: height >> hidden.count, width: width >> hidden.count) }

    private var hiddenActivation: ActivationFunction {
        switch kind {
        case .dense, .variational, .conditional: .tanh
        default: .relu
        }
    }

    /// Of the code; nil if it is linear.
    private var codeActivation: ActivationFunction? {
        switch sparsity {
        case .l1: .relu
        case .kl: .sigmoid
        case nil: kind.hasSigmoidCode ? .sigmoid : nil
        }
    }

    /// Weights start normal with standard deviation 0.1 in the classic network; biases at 0.
    private func dense(_ inputs: Int, _ outputs: Int) -> Dense {
        Dense(
            inputFeatures: inputs, outputFeatures: outputs,
            initialization: kind == .dense ? .normal(standardDeviation: 0.1) : initialization(inputs, outputs))
    }

    /// Keeps magnitudes through layers with tanh and with ReLU (Glorot & Bengio 2010; He et al. 2015).
    private func initialization(_ inputs: Int, _ outputs: Int) -> ParameterSpecification.Initialization {
        let variance = hiddenActivation == .relu ? 2 / Float(inputs) : 2 / Float(inputs + outputs)
        return .normal(standardDeviation: variance.squareRoot())
    }
}

extension ActivationFunction: CustomStringConvertible {
    /// As in the names of nodes: "tanh".
    public var description: String {
        switch self {
        case .identity: "identity"
        case .relu: "relu"
        case .leakyReLU: "leaky_relu"
        case .silu: "silu"
        case .tanh: "tanh"
        case .sigmoid: "sigmoid"
        case .softplus: "softplus"
        }
    }
}
