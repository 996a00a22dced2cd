/// Fully connected layer: y = W·x + b on the flattened input of each image.
///
/// N×H×W×C → N×1×1×O. The features of an image are numbered by channel, row and column, as by PyTorch's `Flatten`, so
/// that weights are interchangeable. Parameters: `weight` (O × C·H·W), and `bias` (O) unless `hasBias` is false.
public struct Dense: FusibleOperator, AlgorithmChoosing {
    public let inputFeatures: Int
    public let outputFeatures: Int
    public let hasBias: Bool
    public let initialization: ParameterSpecification.Initialization
    private var activation = ActivationFunction.identity
    /// All but `openblas` are the engine's own product.
    package var algorithm: ConvolutionAlgorithm?

    /// - Parameter initialization: of the weights; uniform in ±1 / √`inputFeatures` unless given.
    public init(
        inputFeatures: Int, outputFeatures: Int, hasBias: Bool = true,
        initialization: ParameterSpecification.Initialization? = nil
    ) {
        precondition(inputFeatures > 0 && outputFeatures > 0, "features \(inputFeatures) → \(outputFeatures)")
        self.inputFeatures = inputFeatures
        self.outputFeatures = outputFeatures
        self.hasBias = hasBias
        self.initialization = initialization ?? .uniform(fanIn: inputFeatures)
    }

    public var kind: String { "dense" }

    public var parameters: [ParameterSpecification] {
        let weight = ParameterSpecification(
            name: "weight", shape: [outputFeatures, inputFeatures], initialization: initialization)
        let bias = ParameterSpecification(name: "bias", shape: [outputFeatures], initialization: .zeros)
        return hasBias ? [weight, bias] : [weight]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.count / input.batch == inputFeatures else {
            throw ShapeError("expected \(inputFeatures) features a picture, found \(input.count / input.batch)")
        }
        return Shape(batch: input.batch, height: 1, width: 1, channels: outputFeatures)
    }

    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int {
        inputs[0].count * outputFeatures
    }

    public func fusing(_ activation: ActivationFunction) -> (any Operator)? {
        var fused = self
        guard self.activation == .identity else { return nil }
        fused.activation = activation
        return fused
    }

    /// A dense layer is a convolution with one window that covers the whole image, so its weights are packed the same
    /// way.
    private func geometry(_ input: Shape) -> WindowGeometry {
        let side = Extent(height: input.height, width: input.width)
        return WindowGeometry(
            batch: input.batch, picture: side, channels: input.channels, grid: 1, kernel: side, stride: side,
            dilation: 1, padTop: 0, padLeft: 0, mode: .zero)
    }

    private var product: ConvolutionAlgorithm { (algorithm ?? .forced) == .openblas ? .openblas : .implicit }

    private func forwardKernel(_ input: Shape) -> ConvolutionKernel {
        ConvolutionKernel(geometry(input), outputs: outputFeatures, asked: product)
    }

    private func scatterKernel(_ input: Shape) -> ScatterKernel {
        ScatterKernel(geometry(input), gridChannels: outputFeatures, asked: product)
    }

    private func weightGradientKernel(_ input: Shape) -> WeightGradientKernel {
        WeightGradientKernel(geometry(input), gridChannels: outputFeatures, asked: product)
    }

    public func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool {
        let (input, other) = (inputs[0], others[0])
        return input.height == other.height && input.width == other.width && input.channels == other.channels
    }

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        forwardKernel(inputs[0]).packedCount + (purpose == .training ? scatterKernel(inputs[0]).packedCount : 0)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let forward = forwardKernel(inputs[0])
        forward.pack(parameters[0], into: packed)
        if purpose == .training { scatterKernel(inputs[0]).pack(parameters[0], into: packed + forward.packedCount) }
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        forwardKernel(inputs[0]).scratch
    }

    public func forward(_ pass: ForwardPass) {
        forwardKernel(pass.inputShapes[0]).run(
            picture: pass.inputs[0], weights: pass.packed, into: pass.output, rows: 0..<1,
            epilogue: Epilogue(bias: hasBias ? pass.parameters[1] : nil, activation: activation),
            scratch: pass.scratch, pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        scatterKernel(inputs[0]).scratch()
            .union(weightGradientKernel(inputs[0]).scratch)
            .union(channelSumScratch(channels: outputFeatures))
    }

    public func backward(_ pass: BackwardPass) {
        precondition(activation == .identity, "a fused activation is for inference")
        let input = pass.inputShapes[0]
        weightGradientKernel(input).accumulate(
            picture: pass.inputs[0], grid: pass.outputGradient, onto: pass.parameterGradients[0],
            scratch: pass.scratch, pool: pass.pool)
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: pass.outputShape.batch, channels: outputFeatures,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        scatterKernel(input).run(
            grid: pass.outputGradient, weights: pass.packed + forwardKernel(input).packedCount, into: inputGradient,
            rows: 0..<input.height, epilogue: Epilogue(), scratch: pass.scratch, pool: pass.pool)
    }
}
