/// Two-dimensional convolution (cross-correlation, as in PyTorch's `Conv2d`).
///
/// N×H×W×C → N×OH×OW×O with `OH = (H + padding.top + padding.bottom − dilation·(kernel − 1) − 1) / stride + 1`.
/// Parameters: `weight` (O × C × KH × KW), and `bias` (O) unless `hasBias` is false.
///
/// Computed by Winograd's algorithm (Lavin & Gray, CVPR 2016) or as a matrix product, one cache-sized block at a time
/// (Chellapilla, Puri & Simard 2006); `ConvolutionAlgorithm` chooses. See `docs/operators/convolution.md`.
public struct Convolution: PiecewiseOperator, EpilogueFusing, AlgorithmChoosing, RowAligning {
    public let inputChannels: Int
    public let outputChannels: Int
    public let hasBias: Bool
    private let window: SlidingWindow
    var fused = FusedEpilogue()
    package var algorithm: ConvolutionAlgorithm?
    var firstGranule = 0

    /// - Precondition: channels, kernel, stride and dilation are positive; the padding is not negative.
    public init(
        inputChannels: Int, outputChannels: Int, kernel: Extent, stride: Extent = 1, dilation: Extent = 1,
        padding: Padding = 0, paddingMode: PaddingMode = .zero, hasBias: Bool = true
    ) {
        precondition(inputChannels > 0 && outputChannels > 0, "channels \(inputChannels) → \(outputChannels)")
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.hasBias = hasBias
        window = SlidingWindow(
            kernel: kernel, stride: stride, dilation: dilation, padding: padding, mode: paddingMode)
    }

    public var kernel: Extent { window.kernel }
    public var stride: Extent { window.stride }
    public var dilation: Extent { window.dilation }
    public var padding: Padding { window.padding }
    public var paddingMode: PaddingMode { window.mode }

    public var kind: String { "convolution" }

    public var parameters: [ParameterSpecification] {
        let fanIn = inputChannels * kernel.height * kernel.width
        let weight = ParameterSpecification(
            name: "weight", shape: [outputChannels, inputChannels, kernel.height, kernel.width],
            initialization: .uniform(fanIn: fanIn))
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
        output.count * inputChannels * kernel.height * kernel.width
    }

    public func fusingPixelShuffle(factor: Int) -> (any Operator)? {
        storing(fused.fusingPixelShuffle(factor: factor, channels: outputChannels))
    }

    // MARK: Kernels

    private func forwardKernel(_ input: Shape) -> ConvolutionKernel {
        ConvolutionKernel(
            window.geometry(input), outputs: outputChannels, shuffle: fused.shuffle,
            firstRows: firstGranule / fused.shuffle, asked: algorithm)
    }

    /// The algorithm used for the forward pass on inputs of this shape.
    package func chosenAlgorithm(_ input: Shape) -> ConvolutionAlgorithm { forwardKernel(input).algorithm }

    /// The data gradient as a convolution; nil if col2im is used instead.
    private func gradientKernel(_ input: Shape) -> ConvolutionKernel? {
        guard (algorithm ?? .forced) != .openblas else { return nil }
        return window.turnedGeometry(input, channels: outputChannels).map {
            ConvolutionKernel($0, outputs: inputChannels, isTurned: true, asked: algorithm)
        }
    }

    /// The data gradient where it is none.
    private func scatterKernel(_ input: Shape) -> ScatterKernel {
        ScatterKernel(window.geometry(input), gridChannels: outputChannels, asked: algorithm)
    }

    private func weightGradientKernel(_ input: Shape) -> WeightGradientKernel {
        WeightGradientKernel(window.geometry(input), gridChannels: outputChannels, asked: algorithm)
    }

    // MARK: Packing

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        let forward = forwardKernel(inputs[0]).packedCount
        guard purpose == .training else { return forward }
        return forward + (gradientKernel(inputs[0])?.packedCount ?? scatterKernel(inputs[0]).packedCount)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let forward = forwardKernel(inputs[0])
        forward.pack(parameters[0], into: packed)
        guard purpose == .training else { return }
        if let gradient = gradientKernel(inputs[0]) {
            gradient.pack(parameters[0], into: packed + forward.packedCount)
        } else {
            scatterKernel(inputs[0]).pack(parameters[0], into: packed + forward.packedCount)
        }
    }

    public func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool {
        forwardKernel(inputs[0]).algorithm == forwardKernel(others[0]).algorithm
            && gradientKernel(inputs[0])?.algorithm == gradientKernel(others[0])?.algorithm
    }

    // MARK: Pieces

    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int {
        forwardKernel(inputs[0]).granularity * fused.shuffle
    }

    public func scale(axis: Axis) -> Ratio { Ratio(fused.shuffle, stride.side(axis)) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        if index == 1 { return range }
        return window.geometry(inputs[0]).pictureRange(of: windows(of: range), axis: axis)
    }

    var rowStep: Int { fused.shuffle }

    /// The rows (or columns) of the grid that produce this range of the output.
    private func windows(of output: Range<Int>) -> Range<Int> {
        output.lowerBound / fused.shuffle..<(output.upperBound + fused.shuffle - 1) / fused.shuffle
    }

    // MARK: Passes

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        forwardKernel(inputs[0]).scratch
    }

    public func forward(_ pass: ForwardPass) {
        forwardKernel(pass.inputShapes[0]).run(
            picture: pass.inputs[0], weights: pass.packed, into: pass.output,
            rows: windows(of: pass.rows),
            epilogue: fused.epilogue(pass, bias: hasBias ? pass.parameters[1] : nil),
            scratch: pass.scratch, pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        (gradientKernel(inputs[0])?.scratch ?? scatterKernel(inputs[0]).scratch())
            .union(weightGradientKernel(inputs[0]).scratch)
            .union(channelSumScratch(channels: outputChannels))
    }

    public func backward(_ pass: BackwardPass) {
        precondition(fused.isEmpty, "a fused operator is for inference")
        let input = pass.inputShapes[0]
        weightGradientKernel(input).accumulate(
            picture: pass.inputs[0], grid: pass.outputGradient, onto: pass.parameterGradients[0],
            scratch: pass.scratch, pool: pass.pool)
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: pass.outputShape.pixels, channels: outputChannels,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        let weights = pass.packed + forwardKernel(input).packedCount
        if let gradient = gradientKernel(input) {
            gradient.run(
                picture: pass.outputGradient, weights: weights, into: inputGradient, rows: 0..<input.height,
                epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
        } else {
            scatterKernel(input).run(
                grid: pass.outputGradient, weights: weights, into: inputGradient, rows: 0..<input.height,
                epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
        }
    }
}
