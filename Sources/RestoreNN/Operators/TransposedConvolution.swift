/// Transposed two-dimensional convolution (as PyTorch's `ConvTranspose2d`): the adjoint of a convolution, used to enlarge.
///
/// N×H×W×C → N×OH×OW×O with `OH = (H − 1)·stride − 2·padding + dilation·(kernel − 1) + outputPadding + 1`.
/// Parameters: `weight` (C × O × KH × KW), and `bias` (O) unless `hasBias` is false.
///
/// Computed as GEMM and scatter; where kernel and stride are equal every output pixel is written once. See Dumoulin &
/// Visin, "A guide to convolution arithmetic for deep learning", 2016, and `docs/operators/transposed-convolution.md`.
public struct TransposedConvolution: Operator {
    public let inputChannels: Int
    public let outputChannels: Int
    public let kernel: Extent
    public let stride: Extent
    public let dilation: Extent
    public let padding: Extent
    public let outputPadding: Extent
    public let hasBias: Bool
    private var activation = ActivationFunction.identity

    /// - Precondition: channels, kernel, stride and dilation are positive; `outputPadding` is smaller than the stride or
    ///   the dilation (else the added pixels would belong to no window of the convolution this is the adjoint of).
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
        // An output pixel sums over kernel / stride of the taps.
        let taps = max(1, kernel.height * kernel.width / (stride.height * stride.width))
        let weight = ParameterSpecification(
            name: "weight", shape: [inputChannels, outputChannels, kernel.height, kernel.width],
            initialization: .uniform(fanIn: inputChannels * taps))
        let bias = ParameterSpecification(name: "bias", shape: [outputChannels], initialization: .zeros)
        return hasBias ? [weight, bias] : [weight]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.channels == inputChannels else {
            throw ShapeError("expected \(inputChannels) channels, found \(input.channels)")
        }
        let height =
            (input.height - 1) * stride.height - 2 * padding.height
            + dilation.height * (kernel.height - 1) + outputPadding.height + 1
        let width =
            (input.width - 1) * stride.width - 2 * padding.width
            + dilation.width * (kernel.width - 1) + outputPadding.width + 1
        guard height > 0, width > 0 else { throw ShapeError("the padding leaves nothing of the output") }
        return Shape(batch: input.batch, height: height, width: width, channels: outputChannels)
    }

    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int {
        inputs[0].count * outputChannels * kernel.height * kernel.width
    }

    public func fusing(_ activation: ActivationFunction) -> (any Operator)? {
        var fused = self
        guard self.activation == .identity else { return nil }
        fused.activation = activation
        return fused
    }

    /// The windows of the convolution that this is the adjoint of: its picture is our output, its grid our input.
    private func geometry(_ input: Shape, _ output: Shape) -> WindowGeometry {
        WindowGeometry(
            batch: input.batch, picture: Extent(height: output.height, width: output.width),
            channels: outputChannels, grid: Extent(height: input.height, width: input.width), kernel: kernel,
            stride: stride, dilation: dilation, padTop: padding.height, padLeft: padding.width, mode: .zero)
    }

    private var packing: WeightPacking {
        WeightPacking(kernel: kernel, channels: outputChannels, gridChannels: inputChannels)
    }

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        packing.count(.scatter) + (purpose == .training ? packing.count(.gather) : 0)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        packing.pack(parameters[0], as: .scatter, into: packed)
        if purpose == .training {
            packing.pack(parameters[0], as: .gather, into: packed + packing.count(.scatter))
        }
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        productScratch(geometry(inputs[0], output))
    }

    public func forward(_ pass: ForwardPass) {
        scatter(
            geometry(pass.inputShapes[0], pass.outputShape), grid: pass.inputs[0], weights: pass.packed,
            gridChannels: inputChannels, into: pass.output,
            epilogue: Epilogue(bias: hasBias ? pass.parameters[1] : nil, activation: activation),
            scratch: pass.scratch, pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        let geometry = geometry(inputs[0], output)
        return productScratch(geometry)
            .union(weightGradientScratch(geometry, gridChannels: inputChannels))
            .union(channelSumScratch(channels: outputChannels))
    }

    public func backward(_ pass: BackwardPass) {
        precondition(activation == .identity, "a fused activation is for inference")
        let geometry = geometry(pass.inputShapes[0], pass.outputShape)
        accumulateWeightGradient(
            geometry, picture: pass.outputGradient, grid: pass.inputs[0], gridChannels: inputChannels,
            onto: pass.parameterGradients[0], scratch: pass.scratch, pool: pass.pool)
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: pass.outputShape.pixels, channels: outputChannels,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        gather(
            geometry, picture: pass.outputGradient, weights: pass.packed + packing.count(.scatter),
            gridChannels: inputChannels,
            into: inputGradient, epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
    }
}
