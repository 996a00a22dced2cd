import RestoreNN
import TestSupport

/// A grouped convolution as its definition says: a convolution of its own for each group.
struct NaiveGroupedConvolution: CustomStringConvertible {
    /// The convolution of one group.
    let group: NaiveConvolution
    let groups: Int

    var description: String { "\(groups) groups, each a \(group)" }

    var input: Shape { joined(group.input) }
    var output: Shape { joined(group.output) }
    var weightCount: Int { groups * group.weightCount }
    var parameterCount: Int { weightCount + (group.hasBias ? groups * group.outputChannels : 0) }

    private func joined(_ shape: Shape) -> Shape {
        Shape(batch: shape.batch, height: shape.height, width: shape.width, channels: groups * shape.channels)
    }

    /// The operator under test.
    var fast: GroupedConvolution {
        GroupedConvolution(
            inputChannels: input.channels, outputChannels: output.channels, groups: groups, kernel: group.kernel,
            stride: group.stride, dilation: group.dilation, padding: group.padding, paddingMode: group.mode,
            hasBias: group.hasBias)
    }

    /// Forward pass and gradients, in double precision.
    func train(_ x: Tensor, parameters: [Float], gradient: Tensor) -> TrainingResult {
        var outputs = Tensor(zeros: output)
        var inputGradients = Tensor(zeros: input)
        var (weightGradients, biasGradients): ([Float], [Float]) = ([], [])
        for g in 0..<groups {
            let weight = Array(parameters[(g * group.weightCount)..<((g + 1) * group.weightCount)])
            let firstBias = weightCount + g * group.outputChannels
            let bias = group.hasBias ? Array(parameters[firstBias..<(firstBias + group.outputChannels)]) : nil
            let (own, incoming) = (part(g, of: x), part(g, of: gradient))
            place(group.forward(own, weight: weight, bias: bias), g, in: &outputs)
            place(group.inputGradient(incoming, weight: weight), g, in: &inputGradients)
            weightGradients += group.weightGradient(incoming, own)
            if group.hasBias { biasGradients += group.biasGradient(incoming) }
        }
        return TrainingResult(
            outputs: [outputs], inputGradients: [inputGradients], parameterGradients: weightGradients + biasGradients)
    }

    private func part(_ g: Int, of tensor: Tensor) -> [Float] {
        let (all, own) = (tensor.shape.channels, tensor.shape.channels / groups)
        var values: [Float] = []
        for pixel in 0..<tensor.shape.pixels {
            let first = pixel * all + g * own
            values += tensor.values[first..<(first + own)]
        }
        return values
    }

    private func place(_ values: [Float], _ g: Int, in tensor: inout Tensor) {
        let (all, own) = (tensor.shape.channels, tensor.shape.channels / groups)
        for (index, value) in values.enumerated() {
            tensor.values[index / own * all + g * own + index % own] = value
        }
    }

    /// One of small odd sizes, drawn at random.
    static func random(_ generator: inout SeededGenerator, isDepthwise: Bool) -> NaiveGroupedConvolution {
        let drawn = NaiveConvolution.random(&generator)
        let small = generator.choice(of: [1, 1, 2, 3, 8, 17])
        let group = NaiveConvolution(
            input: Shape(
                batch: drawn.input.batch, height: drawn.input.height, width: drawn.input.width,
                channels: isDepthwise ? 1 : min(drawn.input.channels, small)),
            outputChannels: isDepthwise ? 1 : generator.choice(of: [1, 2, 3, 8, 16, 17]), kernel: drawn.kernel,
            stride: drawn.stride, dilation: drawn.dilation, padding: drawn.padding, mode: drawn.mode,
            hasBias: drawn.hasBias)
        let counts = isDepthwise ? [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 33, 48] : [1, 2, 3, 4, 5]
        return NaiveGroupedConvolution(group: group, groups: generator.choice(of: counts))
    }
}
