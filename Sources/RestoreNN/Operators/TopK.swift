import RestoreConcurrency

/// Keeps the `k` greatest values of each image and sets the others to 0: the hidden layer of k-sparse autoencoders
/// (Makhzani & Frey, "k-Sparse Autoencoders", ICLR 2014, section 2.1, which uses `value`).
///
/// Preserves the shape. Ties are resolved in favor of the lowest feature number, where features are numbered by
/// channel, row and column, as in `Dense`. The gradient passes only to the values that are kept. NaN counts as greater
/// than any number, so that it is kept and noticed. The operator needs every row, so images cannot be processed in
/// bands or tiles.
public struct TopK: Operator {
    public let k: Int
    public let order: TopOrder

    /// - Parameter order: whether to keep the greatest values or those with the greatest magnitude.
    /// - Precondition: `k` is positive.
    public init(k: Int, by order: TopOrder = .value) {
        precondition(k > 0, "the \(k) greatest values")
        self.k = k
        self.order = order
    }

    public var kind: String { "top k" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard k <= input.count / input.batch else {
            throw ShapeError("the \(k) greatest of \(input.count / input.batch) values a picture")
        }
        return input
    }

    public func forwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        ScratchSize(perWorker: topSelectionScratch, tasks: output.batch)
    }

    public func backwardScratch(inputs: [Shape], output: Shape) -> ScratchSize {
        forwardScratch(inputs: inputs, output: output)
    }

    public func forward(_ pass: ForwardPass) {
        keep(
            of: pass.inputs[0], values: pass.inputs[0], into: pass.output, pass.outputShape, pass.scratch, pass.pool)
    }

    /// The selection is recomputed from the input, because a value that was kept may itself be 0.
    public func backward(_ pass: BackwardPass) {
        guard let inputGradient = pass.inputGradients[0] else { return }
        keep(
            of: pass.inputs[0], values: pass.outputGradient, into: inputGradient, pass.outputShape, pass.scratch,
            pass.pool)
    }

    private func keep(
        of x: UnsafePointer<Float>, values: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>,
        _ shape: Shape, _ scratch: Scratch, _ pool: WorkerPool
    ) {
        let pixels = shape.height * shape.width
        pool.run(taskCount: shape.batch) { n, worker in
            let start = n * pixels * shape.channels
            keepGreatest(
                k, of: x + start, by: order, values: values + start, pixels: pixels, channels: shape.channels,
                into: destination + start, counts: scratch.worker(worker))
        }
    }
}
