/// Fully connected layer: y = W·x + b on the flattened input of each image.
///
/// N×H×W×C → N×1×1×O. The features of an image are numbered by channel, row and column, as by PyTorch's `Flatten`, so
/// that weights are interchangeable. Parameters: `weight` (O × C·H·W), and `bias` (O) unless `hasBias` is false.
public struct Dense: FusibleOperator {
    public let inputFeatures: Int
    public let outputFeatures: Int
    public let hasBias: Bool
    public let initialization: ParameterSpecification.Initialization
    private var activation = ActivationFunction.identity

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

    private func packing(_ input: Shape) -> WeightPacking {
        WeightPacking(
            kernel: Extent(height: input.height, width: input.width), channels: input.channels,
            gridChannels: outputFeatures)
    }

    public func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool {
        packing(inputs[0]) == packing(others[0])
    }

    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int {
        let packing = packing(inputs[0])
        return packing.count(.gather) + (purpose == .training ? packing.count(.scatter) : 0)
    }

    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {
        let packing = packing(inputs[0])
        packing.pack(parameters[0], as: .gather, into: packed)
        if purpose == .training {
            packing.pack(parameters[0], as: .scatter, into: packed + packing.count(.gather))
        }
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        productScratch(geometry(inputs[0]))
    }

    public func forward(_ pass: ForwardPass) {
        Gather(geometry: geometry(pass.inputShapes[0]), gridChannels: outputFeatures).run(
            picture: pass.inputs[0], weights: pass.packed, into: pass.output, rows: 0..<1,
            epilogue: Epilogue(bias: hasBias ? pass.parameters[1] : nil, activation: activation),
            scratch: pass.scratch, pool: pass.pool)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        let geometry = geometry(inputs[0])
        return productScratch(geometry)
            .union(weightGradientScratch(geometry, gridChannels: outputFeatures))
            .union(channelSumScratch(channels: outputFeatures))
    }

    public func backward(_ pass: BackwardPass) {
        precondition(activation == .identity, "a fused activation is for inference")
        let geometry = geometry(pass.inputShapes[0])
        accumulateWeightGradient(
            geometry, picture: pass.inputs[0], grid: pass.outputGradient, gridChannels: outputFeatures,
            onto: pass.parameterGradients[0], scratch: pass.scratch, pool: pass.pool)
        if hasBias {
            accumulateChannelSums(
                pass.outputGradient, pixels: pass.outputShape.batch, channels: outputFeatures,
                onto: pass.parameterGradients[1], scratch: pass.scratch, pool: pass.pool)
        }
        guard let inputGradient = pass.inputGradients[0] else { return }
        scatter(
            geometry, grid: pass.outputGradient, weights: pass.packed + packing(pass.inputShapes[0]).count(.gather),
            gridChannels: outputFeatures,
            into: inputGradient, rows: 0..<pass.inputShapes[0].height, epilogue: Epilogue(), scratch: pass.scratch,
            pool: pass.pool)
    }
}
