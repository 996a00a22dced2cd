/// An operator that can do the work of the operators after it while it stores its results. Fused operators are for
/// inference only.
public protocol FusibleOperator: Operator {
    /// The same operator with `activation` applied to what it stores, or `nil` if it cannot do that.
    func fusing(_ activation: ActivationFunction) -> (any Operator)?

    /// The same operator with a second input, of the output's shape, added to what it stores, or `nil` if it cannot do
    /// that.
    func fusingSum() -> (any Operator)?

    /// The same operator with a pixel shuffle of what it stores, or `nil` if it cannot do that.
    func fusingPixelShuffle(factor: Int) -> (any Operator)?
}

extension FusibleOperator {
    public func fusing(_ activation: ActivationFunction) -> (any Operator)? { nil }
    public func fusingSum() -> (any Operator)? { nil }
    public func fusingPixelShuffle(factor: Int) -> (any Operator)? { nil }
}

/// The work an operator has taken over from the operators after it, in this order: a pixel shuffle, a sum, an
/// activation.
struct FusedEpilogue: Hashable, Sendable {
    /// The factor of a pixel shuffle that places the results.
    private(set) var shuffle = 1
    /// Whether a second input, of the output's shape, is added before the activation.
    private(set) var addsInput = false
    private(set) var activation = ActivationFunction.identity

    var isEmpty: Bool { self == FusedEpilogue() }

    /// `nil` if there already is an activation.
    func fusing(_ activation: ActivationFunction) -> FusedEpilogue? {
        guard self.activation == .identity else { return nil }
        var fused = self
        fused.activation = activation
        return fused
    }

    /// `nil` if the sum would come after an activation or another sum.
    func fusingSum() -> FusedEpilogue? {
        guard activation == .identity, !addsInput else { return nil }
        var fused = self
        fused.addsInput = true
        return fused
    }

    /// `nil` if something comes before the shuffle, or `channels` cannot be shuffled by this factor.
    func fusingPixelShuffle(factor: Int, channels: Int) -> FusedEpilogue? {
        guard isEmpty, channels % (factor * factor) == 0 else { return nil }
        var fused = self
        fused.shuffle = factor
        return fused
    }

    /// The inputs that the operator computes its results from: all except the one that is added.
    func operands(_ inputs: [Shape]) -> [Shape] {
        addsInput ? Array(inputs.prefix(1)) : inputs
    }

    /// The shape of what is stored, given that of the results.
    ///
    /// - Throws: `ShapeError` if the input to be added has another shape.
    func storedShape(of results: Shape, inputs: [Shape]) throws(ShapeError) -> Shape {
        let stored = Shape(
            batch: results.batch, height: results.height * shuffle, width: results.width * shuffle,
            channels: results.channels / (shuffle * shuffle))
        guard !addsInput || (inputs.count == 2 && inputs[1] == stored) else {
            throw ShapeError("what is added has another shape than the output, \(stored)")
        }
        return stored
    }

    /// What the kernels apply when they store.
    func epilogue(_ pass: ForwardPass, bias: UnsafePointer<Float>?) -> Epilogue {
        Epilogue(bias: bias, residual: addsInput ? pass.inputs[1] : nil, activation: activation)
    }
}

/// An operator with a `FusedEpilogue` that supports fused activations and sums.
protocol EpilogueFusing: FusibleOperator {
    var fused: FusedEpilogue { get set }
}

extension EpilogueFusing {
    public func fusing(_ activation: ActivationFunction) -> (any Operator)? {
        storing(fused.fusing(activation))
    }

    public func fusingSum() -> (any Operator)? {
        storing(fused.fusingSum())
    }

    func storing(_ epilogue: FusedEpilogue?) -> (any Operator)? {
        guard let epilogue else { return nil }
        var copy = self
        copy.fused = epilogue
        return copy
    }
}
