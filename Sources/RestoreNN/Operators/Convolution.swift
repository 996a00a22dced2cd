/// Two-dimensional convolution (cross-correlation, as in PyTorch's `Conv2d`).
///
/// N×H×W×C → N×OH×OW×O with `OH = (H + padding.top + padding.bottom − dilation·(kernel − 1) − 1) / stride + 1`.
/// Parameters: `weight` (O × C × KH × KW), and `bias` (O) unless `hasBias` is false.
///
/// Computed as im2col and GEMM, a cache-sized block of windows at a time (Chellapilla, Puri & Simard 2006). See
/// `docs/operators/convolution.md`.
public struct Convolution: Operator {
    public let inputChannels: Int
    public let outputChannels: Int
    public let kernel: Extent
    public let stride: Extent
    public let dilation: Extent
    public let padding: Padding
    public let paddingMode: PaddingMode
    public let hasBias: Bool
    private var activation = ActivationFunction.identity

    /// - Precondition: channels, kernel, stride and dilation are positive, the padding is not negative.
    public init(
        inputChannels: Int, outputChannels: Int, kernel: Extent, stride: Extent = 1, dilation: Extent = 1,
        padding: Padding = 0, paddingMode: PaddingMode = .zero, hasBias: Bool = true
    ) {
        precondition(inputChannels > 0 && outputChannels > 0, "channels \(inputChannels) → \(outputChannels)")
        precondition(min(kernel.height, kernel.width, stride.height, stride.width) > 0, "kernel or stride of 0")
        precondition(min(dilation.height, dilation.width) > 0, "dilation of 0")
        precondition(min(padding.top, padding.bottom, padding.left, padding.right) >= 0, "negative padding")
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.padding = padding
        self.paddingMode = paddingMode
        self.hasBias = hasBias
    }

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
        let input = try inputs.only()
        guard input.channels == inputChannels else {
            throw ShapeError("expected \(inputChannels) channels, found \(input.channels)")
        }
        let height = input.height + padding.top + padding.bottom - dilation.height * (kernel.height - 1) - 1
        let width = input.width + padding.left + padding.right - dilation.width * (kernel.width - 1) - 1
        guard height >= 0, width >= 0 else {
            throw ShapeError("the kernel is larger than the padded input")
        }
        if paddingMode == .reflect {
            guard max(padding.top, padding.bottom) < input.height, max(padding.left, padding.right) < input.width
            else { throw ShapeError("reflection needs a padding smaller than the side") }
        }
        return Shape(
            batch: input.batch, height: height / stride.height + 1, width: width / stride.width + 1,
            channels: outputChannels)
    }

    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int {
        output.count * inputChannels * kernel.height * kernel.width
    }

    public func fusing(_ activation: ActivationFunction) -> (any Operator)? {
        var fused = self
        guard self.activation == .identity else { return nil }
        fused.activation = activation
        return fused
    }

    private func geometry(_ input: Shape, _ output: Shape) -> WindowGeometry {
        WindowGeometry(
            batch: input.batch, picture: Extent(height: input.height, width: input.width), channels: inputChannels,
            grid: Extent(height: output.height, width: output.width), kernel: kernel, stride: stride,
            dilation: dilation, padTop: padding.top, padLeft: padding.left, mode: paddingMode)
    }

    // MARK: Packing

    private var packing: WeightPacking {
        WeightPacking(kernel: kernel, channels: inputChannels, gridChannels: outputChannels)
    }

    /// How the weights are packed for the data gradient.
    private var gradientOrder: WeightOrder { hasConvolutionalDataGradient ? .turned : .scatter }

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        packing.count(.gather) + (purpose == .training ? packing.count(gradientOrder) : 0)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        packing.pack(parameters[0], as: .gather, into: packed)
        if purpose == .training {
            packing.pack(parameters[0], as: gradientOrder, into: packed + packing.count(.gather))
        }
    }

    // MARK: Passes

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        productScratch(geometry(inputs[0], output))
    }

    public func forward(_ pass: ForwardPass) {
        gather(
            geometry(pass.inputShapes[0], pass.outputShape), picture: pass.inputs[0], weights: pass.packed,
            gridChannels: outputChannels, into: pass.output,
            epilogue: Epilogue(bias: hasBias ? pass.parameters[1] : nil, activation: activation),
            scratch: pass.scratch, pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        let geometry = geometry(inputs[0], output)
        return productScratch(hasConvolutionalDataGradient ? turned(geometry) : geometry)
            .union(weightGradientScratch(geometry, gridChannels: outputChannels))
            .union(channelSumScratch(channels: outputChannels))
    }

    public func backward(_ pass: BackwardPass) {
        precondition(activation == .identity, "a fused activation is for inference")
        let geometry = geometry(pass.inputShapes[0], pass.outputShape)
        accumulateWeightGradient(
            geometry, picture: pass.inputs[0], grid: pass.outputGradient, gridChannels: outputChannels,
            onto: pass.parameterGradients[0], scratch: pass.scratch, pool: pass.pool)
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: geometry.windows, channels: outputChannels,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        let weights = pass.packed + packing.count(.gather)
        if hasConvolutionalDataGradient {
            gather(
                turned(geometry), picture: pass.outputGradient, weights: weights,
                gridChannels: inputChannels, into: inputGradient, epilogue: Epilogue(), scratch: pass.scratch,
                pool: pass.pool)
        } else {
            scatter(
                geometry, grid: pass.outputGradient, weights: weights, gridChannels: outputChannels,
                into: inputGradient, epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
        }
    }

    /// With stride 1 and zeros outside, the data gradient is itself a convolution; otherwise columns are added back.
    private var hasConvolutionalDataGradient: Bool {
        stride == 1 && paddingMode == .zero && turnedPadTop >= 0 && turnedPadLeft >= 0
    }

    private var turnedPadTop: Int { dilation.height * (kernel.height - 1) - padding.top }
    private var turnedPadLeft: Int { dilation.width * (kernel.width - 1) - padding.left }

    private func turned(_ geometry: WindowGeometry) -> WindowGeometry {
        WindowGeometry(
            batch: geometry.batch, picture: geometry.grid, channels: outputChannels, grid: geometry.picture,
            kernel: kernel, stride: 1, dilation: dilation, padTop: turnedPadTop, padLeft: turnedPadLeft, mode: .zero)
    }
}
