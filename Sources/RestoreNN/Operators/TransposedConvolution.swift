/// Transposed two-dimensional convolution (as PyTorch's `ConvTranspose2d`): the adjoint of a convolution, used for
/// upsampling.
///
/// N×H×W×C → N×OH×OW×O with `OH = (H − 1)·stride − 2·padding + dilation·(kernel − 1) + outputPadding + 1`. Parameters:
/// `weight` (C × O × KH × KW), and `bias` (O) unless `hasBias` is false.
///
/// Computed as GEMM and scatter; if kernel and stride are equal, every output pixel is written exactly once. See
/// Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, and
/// `docs/operators/transposed-convolution.md`.
public struct TransposedConvolution: PiecewiseOperator, EpilogueFusing, AlgorithmChoosing {
    public let inputChannels: Int
    public let outputChannels: Int
    public let kernel: Extent
    public let stride: Extent
    public let dilation: Extent
    public let padding: Extent
    public let outputPadding: Extent
    public let hasBias: Bool
    var fused = FusedEpilogue()
    /// Used for the gradients; `openblas` computes the forward pass as well.
    package var algorithm: ConvolutionAlgorithm?

    /// - Precondition: channels, kernel, stride and dilation are positive; `outputPadding` is smaller than the stride
    ///   or the dilation (otherwise the added pixels would belong to no window of the adjoint convolution).
    public init(
        inputChannels: Int, outputChannels: Int, kernel: Extent, stride: Extent = 1, dilation: Extent = 1,
        padding: Extent = 0, outputPadding: Extent = 0, hasBias: Bool = true
    ) {
        precondition(inputChannels > 0 && outputChannels > 0, "channels \(inputChannels) → \(outputChannels)")
        precondition(min(kernel.height, kernel.width, stride.height, stride.width) > 0, "kernel or stride of 0")
        precondition(min(dilation.height, dilation.width) > 0, "dilation of 0")
        precondition(min(padding.height, padding.width) >= 0, "negative padding")
        precondition(
            (0..<max(stride.height, dilation.height)).contains(outputPadding.height)
                && (0..<max(stride.width, dilation.width)).contains(outputPadding.width),
            "output padding \(outputPadding) not below stride or dilation")
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.outputPadding = outputPadding
        self.hasBias = hasBias
    }

    public var kind: String { "transposed convolution" }

    public var parameters: [ParameterSpecification] {
        // An output pixel is a sum over kernel / stride of the taps.
        let taps = max(1, kernel.height * kernel.width / (stride.height * stride.width))
        let weight = ParameterSpecification(
            name: "weight", shape: [inputChannels, outputChannels, kernel.height, kernel.width],
            initialization: .uniform(fanIn: inputChannels * taps))
        let bias = ParameterSpecification(name: "bias", shape: [outputChannels], initialization: .zeros)
        return hasBias ? [weight, bias] : [weight]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try fused.operands(inputs).only()
        guard input.channels == inputChannels else {
            throw ShapeError("expected \(inputChannels) channels, found \(input.channels)")
        }
        let side = outputSide(input)
        guard side.height > 0, side.width > 0 else { throw ShapeError("the padding leaves nothing of the output") }
        let results = Shape(batch: input.batch, height: side.height, width: side.width, channels: outputChannels)
        return try fused.storedShape(of: results, inputs: inputs)
    }

    private func outputSide(_ input: Shape) -> Extent {
        Extent(
            height: (input.height - 1) * stride.height - 2 * padding.height
                + dilation.height * (kernel.height - 1) + outputPadding.height + 1,
            width: (input.width - 1) * stride.width - 2 * padding.width
                + dilation.width * (kernel.width - 1) + outputPadding.width + 1)
    }

    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int {
        inputs[0].count * outputChannels * kernel.height * kernel.width
    }

    /// The windows of the adjoint convolution: its picture is our output, its grid our input.
    private func geometry(_ input: Shape) -> WindowGeometry {
        WindowGeometry(
            batch: input.batch, picture: outputSide(input), channels: outputChannels,
            grid: Extent(height: input.height, width: input.width), kernel: kernel, stride: stride,
            dilation: dilation, padTop: padding.height, padLeft: padding.width, mode: .zero)
    }

    /// The gradient of the input is the adjoint convolution.
    private func gradientKernel(_ input: Shape) -> ConvolutionKernel {
        ConvolutionKernel(geometry(input), outputs: inputChannels, asked: algorithm)
    }

    private func weightGradientKernel(_ input: Shape) -> WeightGradientKernel {
        WeightGradientKernel(geometry(input), gridChannels: inputChannels, asked: algorithm)
    }

    private func scatterKernel(_ input: Shape) -> ScatterKernel {
        ScatterKernel(geometry(input), gridChannels: inputChannels, asked: algorithm)
    }

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        scatterKernel(inputs[0]).packedCount + (purpose == .training ? gradientKernel(inputs[0]).packedCount : 0)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let forward = scatterKernel(inputs[0])
        forward.pack(parameters[0], into: packed)
        if purpose == .training {
            gradientKernel(inputs[0]).pack(parameters[0], into: packed + forward.packedCount)
        }
    }

    public func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool {
        gradientKernel(inputs[0]).algorithm == gradientKernel(others[0]).algorithm
    }

    /// If windows tile the picture, they are placed whole.
    public func granularity(axis: Axis, inputs: [Shape], output: Shape) -> Int {
        geometry(inputs[0]).tilesPicture ? stride.side(axis) : 1
    }

    public func scale(axis: Axis) -> Ratio { Ratio(stride.side(axis), 1) }

    public func inputRange(
        for range: Range<Int>, axis: Axis, input index: Int, inputs: [Shape], output: Shape
    ) -> Range<Int> {
        index == 1 ? range : geometry(inputs[0]).gridRange(touching: range, axis: axis)
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        let geometry = geometry(inputs[0])
        // A row of either side, or several.
        return scatterKernel(inputs[0]).scratch(
            tasks: geometry.batch * max(geometry.grid.height, geometry.picture.height))
    }

    public func forward(_ pass: ForwardPass) {
        scatterKernel(pass.inputShapes[0]).run(
            grid: pass.inputs[0], weights: pass.packed, into: pass.output, rows: pass.rows,
            epilogue: fused.epilogue(pass, bias: hasBias ? pass.parameters[1] : nil), scratch: pass.scratch,
            pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        gradientKernel(inputs[0]).scratch
            .union(weightGradientKernel(inputs[0]).scratch)
            .union(channelSumScratch(channels: outputChannels))
    }

    public func backward(_ pass: BackwardPass) {
        precondition(fused.isEmpty, "a fused operator is for inference")
        let input = pass.inputShapes[0]
        weightGradientKernel(input).accumulate(
            picture: pass.outputGradient, grid: pass.inputs[0], onto: pass.parameterGradients[0],
            scratch: pass.scratch, pool: pass.pool)
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: pass.outputShape.pixels, channels: outputChannels,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        gradientKernel(input).run(
            picture: pass.outputGradient, weights: pass.packed + scatterKernel(input).packedCount, into: inputGradient,
            rows: 0..<input.height, epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
    }
}
