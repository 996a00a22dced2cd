/// The sum of |w| over the weights of a layer: the L1 penalty that makes many of them vanish. The gradient at 0 is 0.
///
/// Input: any, which is not used; its gradient is 0. Parameter: `weight`, to be shared with the layer's.
public struct WeightMagnitude: LossOperator, Hashable {
    public let shape: [Int]

    public init(shape: [Int]) {
        self.shape = shape
    }

    public var kind: String { "weight magnitude" }

    public var parameters: [ParameterSpecification] {
        [ParameterSpecification(name: "weight", shape: shape, initialization: .zeros)]
    }

    private var count: Int { shape.reduce(1, *) }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.only()
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let weights = pass.parameters[0]
        return pass.pool.sumOverPieces(count: count) { start, count in
            var sum = 0.0
            for i in start..<(start + count) { sum += Double(abs(weights[i])) }
            return sum
        }
    }

    public func backward(_ pass: BackwardPass) {
        pass.writeZeros(input: 0)
        let (weights, gradient) = (pass.parameters[0], pass.parameterGradients[0])
        let scale = pass.outputGradient[0]
        pass.pool.runPieces(count: count) { start, count in
            for i in start..<(start + count) {
                let w = weights[i]
                gradient[i] += w > 0 ? scale : (w < 0 ? -scale : 0 * w)
            }
        }
    }
}
