/// The sum of |a| over the activations of an image, averaged over the batch, or the mean over all values: the L1
/// penalty of sparse autoencoders. The gradient at 0 is 0.
///
/// Input: activations, N×H×W×C.
public struct ActivityPenalty: LossOperator, Hashable {
    public let reduction: LossReduction

    public init(reduction: LossReduction = .sumPerPicture) {
        self.reduction = reduction
    }

    public var kind: String { "activity penalty" }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        _ = try inputs.only()
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let activations = pass.inputs[0]
        return WeightedValues(pass, weights: 1).reduced(reduction) { start, count in
            var sum = 0.0
            for i in start..<(start + count) { sum += Double(abs(activations[i])) }
            return sum
        }
    }

    public func backward(_ pass: BackwardPass) {
        guard let gradient = pass.inputGradients[0] else { return }
        let activations = pass.inputs[0]
        let values = WeightedValues(pass, weights: 1)
        let scale = values.gradientScale(reduction, incoming: pass.outputGradient[0])
        values.forEachRun { start, count, _ in
            for i in start..<(start + count) {
                let a = activations[i]
                gradient[i] = a > 0 ? scale : (a < 0 ? -scale : 0 * a)
            }
        }
    }
}
