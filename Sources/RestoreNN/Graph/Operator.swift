import RestoreConcurrency

/// One kind of layer: its shape rule, its cost, and its forward and backward pass on buffers.
///
/// Operators are dispatched once a layer, never per pixel. **One convention for gradients:** `backward` *accumulates*
/// into the gradients of the parameters and *overwrites* the gradients of the inputs.
///
/// An operator that is nothing more computes its whole output from its whole input. `PiecewiseOperator` adds that a piece
/// of the output needs only a piece of the input, `FusibleOperator` that it can do the work of the operators after it.
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

    /// Whether `pack` writes the same for inputs of these and of other shapes, so that plans for pictures of different
    /// sizes can share it.
    func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool

    func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize
    func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize

    /// Computes the rows that the pass names.
    func forward(_ pass: ForwardPass)
    func backward(_ pass: BackwardPass)
}

extension Operator {
    public var parameters: [ParameterSpecification] { [] }
    public func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int { 0 }
    public func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int { 0 }
    public func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>
    ) {}
    public func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool {
        inputs.map(\.channels) == others.map(\.channels)
    }
    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize { ScratchSize() }
    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize { ScratchSize() }
}

public enum ExecutionPurpose: Sendable {
    case inference
    case training
}

/// Working memory that an operator asks for, in floats.
public struct ScratchSize: Equatable, Sendable {
    public var perWorker: Int
    public var shared: Int
    /// Tasks of a pass at most, where the operator knows: workers beyond that have nothing to do.
    public var tasks: Int

    public init(perWorker: Int = 0, shared: Int = 0, tasks: Int? = nil) {
        self.perWorker = perWorker
        self.shared = shared
        self.tasks = tasks ?? (perWorker == 0 ? 0 : .max)
    }

    func union(_ other: ScratchSize) -> ScratchSize {
        ScratchSize(
            perWorker: max(perWorker, other.perWorker), shared: max(shared, other.shared),
            tasks: max(tasks, other.tasks))
    }
}

/// What a forward pass works on. Buffers are in the layout that `Shape` states and belong to the plan.
///
/// Shapes are those of whole pictures, and addresses are where row 0 of the first picture lies, or would lie: of a picture
/// that passes in bands only the rows are there that `rows` of the output are computed from.
public struct ForwardPass {
    public let inputs: [UnsafePointer<Float>]
    public let inputShapes: [Shape]
    public let output: UnsafeMutablePointer<Float>
    public let outputShape: Shape
    /// The rows of the output to compute, in whole granules. All of them where a batch has several pictures.
    public let rows: Range<Int>
    public let parameters: [UnsafePointer<Float>]
    public let packed: UnsafePointer<Float>
    public let scratch: Scratch
    public let pool: WorkerPool

    /// `rows`, counted through all pictures of the batch.
    public var lines: Range<Int> {
        outputShape.batch == 1 ? rows : 0..<(outputShape.batch * outputShape.height)
    }

    /// The pixels of these rows.
    public var pixels: Range<Int> {
        (lines.lowerBound * outputShape.width)..<(lines.upperBound * outputShape.width)
    }

    /// The values of these rows.
    public var values: Range<Int> {
        (pixels.lowerBound * outputShape.channels)..<(pixels.upperBound * outputShape.channels)
    }
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
