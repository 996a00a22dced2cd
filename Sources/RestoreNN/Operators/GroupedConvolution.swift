/// Two-dimensional convolution whose channels are divided into groups that are convolved independently (as in PyTorch's
/// `Conv2d` with `groups`): each group computes `outputChannels / groups` outputs from its own `inputChannels / groups`
/// inputs.
///
/// N×H×W×C → N×OH×OW×O with `OH = (H + padding.top + padding.bottom − dilation·(kernel − 1) − 1) / stride + 1`.
/// Parameters: `weight` (O × C/groups × KH × KW), and `bias` (O) unless `hasBias` is false.
///
/// If the number of groups equals the numbers of inputs and outputs (*depthwise*), every channel has its own filter and
/// is computed directly, on vectors of channels. Otherwise each group is one matrix product (Krizhevsky, Sutskever &
/// Hinton, NIPS 2012; Chollet, "Xception", CVPR 2017). See `docs/operators/grouped-convolution.md`.
public struct GroupedConvolution: PiecewiseOperator, EpilogueFusing {
    public let inputChannels: Int
    public let outputChannels: Int
    public let groups: Int
    public let hasBias: Bool
    private let window: SlidingWindow
    var fused = FusedEpilogue()

    /// - Precondition: channels, kernel, stride and dilation are positive; the padding is not negative; `groups`
    ///   divides both channel counts.
    public init(
        inputChannels: Int, outputChannels: Int, groups: Int, kernel: Extent, stride: Extent = 1, dilation: Extent = 1,
        padding: Padding = 0, paddingMode: PaddingMode = .zero, hasBias: Bool = true
    ) {
        precondition(inputChannels > 0 && outputChannels > 0, "channels \(inputChannels) → \(outputChannels)")
        precondition(
            groups > 0 && inputChannels % groups == 0 && outputChannels % groups == 0,
            "\(groups) groups of \(inputChannels) → \(outputChannels) channels")
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.groups = groups
        self.hasBias = hasBias
        window = SlidingWindow(
            kernel: kernel, stride: stride, dilation: dilation, padding: padding, mode: paddingMode)
    }

    /// A depthwise convolution: one filter per channel.
    public init(
        depthwise channels: Int, kernel: Extent, stride: Extent = 1, dilation: Extent = 1, padding: Padding = 0,
        paddingMode: PaddingMode = .zero, hasBias: Bool = true
    ) {
        self.init(
            inputChannels: channels, outputChannels: channels, groups: channels, kernel: kernel, stride: stride,
            dilation: dilation, padding: padding, paddingMode: paddingMode, hasBias: hasBias)
    }

    public var kernel: Extent { window.kernel }
    public var stride: Extent { window.stride }
    public var dilation: Extent { window.dilation }
    public var padding: Padding { window.padding }
    public var paddingMode: PaddingMode { window.mode }

    public var kind: String { "grouped convolution" }

    public var parameters: [ParameterSpecification] {
        let inputs = inputChannels / groups
        let weight = ParameterSpecification(
            name: "weight", shape: [outputChannels, inputs, kernel.height, kernel.width],
            initialization: .uniform(fanIn: inputs * window.taps))
        let bias = ParameterSpecification(name: "bias", shape: [outputChannels], initialization: .zeros)
        return hasBias ? [weight, bias] : [weight]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try fused.operands(inputs).only()
        guard input.channels == inputChannels else {
            throw ShapeError("expected \(inputChannels) channels, found \(input.channels)")
        }
        return try fused.storedShape(of: window.outputShape(of: input, channels: outputChannels), inputs: inputs)
    }

    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int {
        output.count * (inputChannels / groups) * window.taps
    }

    // MARK: Packing

    private var weights: GroupedWeights {
        GroupedWeights(kernel: kernel, inputs: inputChannels, outputs: outputChannels, groups: groups)
    }

    /// The windows of the gradient of the input, if it is a convolution.
    private func turnedGeometry(_ input: Shape) -> WindowGeometry? {
        window.turnedGeometry(input, channels: outputChannels)
    }

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        let forward = weights.count(.gather)
        guard purpose == .training else { return forward }
        return forward + weights.count(turnedGeometry(inputs[0]) == nil ? .scatter : .turned)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        weights.pack(parameters[0], as: .gather, into: packed)
        guard purpose == .training else { return }
        weights.pack(
            parameters[0], as: turnedGeometry(inputs[0]) == nil ? .scatter : .turned,
            into: packed + weights.count(.gather))
    }

    // MARK: Pieces

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int { 1 }

    public func scale(axis: Axis) -> Ratio { Ratio(1, stride.side(axis)) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        index == 1 ? range : window.geometry(inputs[0]).pictureRange(of: range, axis: axis)
    }

    // MARK: Forward

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        let geometry = window.geometry(inputs[0])
        return weights.isDepthwise
            ? DepthwiseConvolution(geometry).scratch : GroupedProducts(geometry: geometry, weights: weights).scratch
    }

    public func forward(_ pass: ForwardPass) {
        let geometry = window.geometry(pass.inputShapes[0])
        let epilogue = fused.epilogue(pass, bias: hasBias ? pass.parameters[1] : nil)
        if weights.isDepthwise {
            DepthwiseConvolution(geometry).gather(
                picture: pass.inputs[0], weights: pass.packed, into: pass.output, lines: pass.lines,
                epilogue: epilogue, scratch: pass.scratch, pool: pass.pool)
        } else {
            GroupedProducts(geometry: geometry, weights: weights).gather(
                picture: pass.inputs[0], packed: pass.packed, into: pass.output, rows: pass.rows, epilogue: epilogue,
                scratch: pass.scratch, pool: pass.pool)
        }
    }

    // MARK: Backward

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        let (geometry, turned) = (window.geometry(inputs[0]), turnedGeometry(inputs[0]))
        let sums = channelSumScratch(channels: outputChannels)
        if weights.isDepthwise {
            return (turned.map { DepthwiseConvolution($0).scratch } ?? ScratchSize())
                .union(DepthwiseConvolution(geometry).weightGradientScratch).union(sums)
        }
        // Scattering divides its tasks differently than gathering.
        return
            (turned.map { GroupedProducts(geometry: $0, weights: weights, isTurned: true).scratch }
            ?? productScratch(geometry))
            .union(GroupedProducts(geometry: geometry, weights: weights).weightGradientScratch).union(sums)
    }

    public func backward(_ pass: BackwardPass) {
        precondition(fused.isEmpty, "a fused operator is for inference")
        let geometry = window.geometry(pass.inputShapes[0])
        if weights.isDepthwise {
            DepthwiseConvolution(geometry).accumulateWeightGradient(
                picture: pass.inputs[0], grid: pass.outputGradient, onto: pass.parameterGradients[0],
                scratch: pass.scratch, pool: pass.pool)
        } else {
            GroupedProducts(geometry: geometry, weights: weights).accumulateWeightGradient(
                picture: pass.inputs[0], grid: pass.outputGradient, onto: pass.parameterGradients[0],
                scratch: pass.scratch, pool: pass.pool)
        }
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: pass.outputShape.pixels, channels: outputChannels,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        if let inputGradient = pass.inputGradients[0] { backward(pass, geometry, into: inputGradient) }
    }

    private func backward(
        _ pass: BackwardPass, _ geometry: WindowGeometry, into inputGradient: UnsafeMutablePointer<Float>
    ) {
        let packed = pass.packed + weights.count(.gather)
        let input = pass.inputShapes[0]
        switch (weights.isDepthwise, turnedGeometry(input)) {
        case (true, let turned?):
            DepthwiseConvolution(turned).gather(
                picture: pass.outputGradient, weights: packed, into: inputGradient,
                lines: 0..<(input.batch * input.height), epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
        case (true, nil):
            DepthwiseConvolution(geometry).scatter(
                grid: pass.outputGradient, weights: packed, into: inputGradient, pool: pass.pool)
        case (false, let turned?):
            GroupedProducts(geometry: turned, weights: weights, isTurned: true).gather(
                picture: pass.outputGradient, packed: packed, into: inputGradient, rows: 0..<input.height,
                epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
        case (false, nil):
            GroupedProducts(geometry: geometry, weights: weights).scatter(
                grid: pass.outputGradient, packed: packed, into: inputGradient, scratch: pass.scratch,
                pool: pass.pool)
        }
    }
}
