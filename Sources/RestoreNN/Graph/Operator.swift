import RestoreConcurrency

/// One kind of layer: its shape rule, its cost, and its forward and backward pass on buffers.
///
/// Operators are dispatched once per layer, never per pixel. **One convention for gradients:** `backward` *accumulates*
/// into the gradients of the parameters and *overwrites* the gradients of the inputs.
///
/// A plain operator computes its whole output from its whole input. A `PiecewiseOperator` can compute a piece of the
/// output from a piece of the input, and a `FusibleOperator` can do the work of the operators after it.
public protocol Operator: Sendable {
    /// The field's name for the operator, as used in messages: "convolution".
    var kind: String { get }

    /// The parameters, named relative to the node ("weight", "bias"), in PyTorch's shapes and order.
    var parameters: [ParameterSpecification] { get }

    /// - Throws: `ShapeError` with the reason if these inputs do not fit.
    func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape

    /// Multiply-accumulate operations of one forward pass, counted as for a direct convolution.
    func multiplyAccumulates(inputs: [Shape], output: Shape) -> Int

    /// Number of floats that `pack` writes: the parameters in the layout that the kernels read.
    func packedCount(inputs: [Shape], for purpose: ExecutionPurpose) -> Int

    /// Packs the parameters for the kernels. Called after they have changed.
    func pack(
        _ parameters: [UnsafePointer<Float>], inputs: [Shape], for purpose: ExecutionPurpose,
        into packed: UnsafeMutablePointer<Float>)

    /// Whether `pack` writes the same for both sets of input shapes, so that plans for different image sizes can share
    /// the result.
    func packsAlike(_ inputs: [Shape], _ others: [Shape]) -> Bool

    func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize
    func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize

    /// Computes the rows specified by the pass.
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

/// Working memory requested by an operator, in floats.
public struct ScratchSize: Equatable, Sendable {
    public var perWorker: Int
    public var shared: Int
    /// The maximum number of tasks in a pass, if the operator knows it. More workers than that would be idle.
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

/// What a forward pass works on. Buffers have the layout documented by `Shape` and belong to the plan.
///
/// Shapes are those of whole images, and addresses are those of row 0 of the first image, whether or not it is in
/// memory: for an image processed in bands, only the rows needed to compute `rows` of the output are present.
public struct ForwardPass {
    public let inputs: [UnsafePointer<Float>]
    public let inputShapes: [Shape]
    public let output: UnsafeMutablePointer<Float>
    public let outputShape: Shape
    /// The rows of the output to compute, in whole granules. If the batch has several images, all rows.
    public let rows: Range<Int>
    public let parameters: [UnsafePointer<Float>]
    public let packed: UnsafePointer<Float>
    public let scratch: Scratch
    public let pool: WorkerPool

    /// `rows`, counted across all images of the batch.
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

/// What a backward pass works on: the forward pass's buffers, the gradient of the output, and where to write the other
/// gradients.
public struct BackwardPass {
    public let inputs: [UnsafePointer<Float>]
    public let inputShapes: [Shape]
    public let output: UnsafePointer<Float>
    public let outputShape: Shape
    public let outputGradient: UnsafePointer<Float>
    /// To be overwritten; `nil` if not needed.
    public let inputGradients: [UnsafeMutablePointer<Float>?]
    public let parameters: [UnsafePointer<Float>]
    /// To be accumulated into, in the order and layout of `parameters`.
    public let parameterGradients: [UnsafeMutablePointer<Float>]
    public let packed: UnsafePointer<Float>
    public let scratch: Scratch
    public let pool: WorkerPool
}
