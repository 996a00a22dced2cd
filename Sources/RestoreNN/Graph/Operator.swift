/// One kind of layer: its shape rule, its cost, and its forward and backward pass on buffers.
///
/// Operators are dispatched once a layer, never per pixel. **One convention for gradients:** `backward` *accumulates*
/// into the gradients of the parameters and *overwrites* the gradients of the inputs.
public protocol Operator: Sendable {
    /// The field's name for it, as it stands in messages: "convolution".
    var kind: String { get }

    /// The parameters, named relative to the node ("weight", "bias"), in PyTorch's shapes and order.
    var parameters: [ParameterSpecification] { get }

    /// - Throws: `ShapeError` with the reason why these inputs do not fit.
    func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape

    /// Multiply-accumulate operations of one forward pass, counted as direct convolution.
    func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int

    /// Number of floats that `pack` writes: the parameters in the layout of the kernels.
    func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int

    /// Packs the parameters for the kernels; called when they have changed.
    func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>)

    func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize
    func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize

    func forward(_ pass: ForwardPass)
    func backward(_ pass: BackwardPass)

    /// The input whose buffer the forward pass may overwrite with the output, element by element, if there is one.
    var inPlaceInput: Int? { get }

    /// The same operator with `activation` applied to what it stores, or `nil` where it cannot.
    func fusing(_ activation: ActivationFunction) -> (any Operator)?
}

extension Operator {
    public var parameters: [ParameterSpecification] { [] }
    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int { 0 }
    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int { 0 }
    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {}
    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize { ScratchSize() }
    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize { ScratchSize() }
    public var inPlaceInput: Int? { nil }
    public func fusing(_ activation: ActivationFunction) -> (any Operator)? { nil }
}

public enum ExecutionPurpose: Sendable {
    case inference
    case training
}

/// Working memory that an operator asks for, in floats.
public struct ScratchSize: Equatable, Sendable {
    public var perWorker: Int
    public var shared: Int

    public init(perWorker: Int = 0, shared: Int = 0) {
        self.perWorker = perWorker
        self.shared = shared
    }

    func union(_ other: ScratchSize) -> ScratchSize {
        ScratchSize(perWorker: max(perWorker, other.perWorker), shared: max(shared, other.shared))
    }
}

/// What a forward pass works on. Buffers are in the layout that `Shape` states and belong to the plan.
public struct ForwardPass {
    public let inputs: [UnsafePointer<Float>]
    public let inputShapes: [Shape]
    public let output: UnsafeMutablePointer<Float>
    public let outputShape: Shape
    public let parameters: [UnsafePointer<Float>]
    public let packed: UnsafePointer<Float>
    public let scratch: Scratch
    public let pool: WorkerPool
}

/// What a backward pass works on: the forward pass's buffers, the gradient of the output, and where the others go.
public struct BackwardPass {
    public let inputs: [UnsafePointer<Float>]
    public let inputShapes: [Shape]
    public let output: UnsafePointer<Float>
    public let outputShape: Shape
    public let outputGradient: UnsafePointer<Float>
    /// To be overwritten; `nil` where nobody needs it.
    public let inputGradients: [UnsafeMutablePointer<Float>?]
    public let parameters: [UnsafePointer<Float>]
    /// To be added to, in the order and layout of `parameters`.
    public let parameterGradients: [UnsafeMutablePointer<Float>]
    public let packed: UnsafePointer<Float>
    public let scratch: Scratch
    public let pool: WorkerPool
}
