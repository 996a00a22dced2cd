/// The values shared by all parameters of one group in one step of Adam.
struct AdamStep {
    let beta1: Float
    let beta2: Float
    let epsilon: Float
    let weightDecay: Float
    let learningRate: Float
    /// η / (1 − β₁ᵗ).
    let stepSize: Float
    /// √(1 − β₂ᵗ).
    let root: Float

    /// - Parameter step: t, from 1.
    init(beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, learningRate: Float, step: Int) {
        (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
        (self.weightDecay, self.learningRate) = (weightDecay, learningRate)
        stepSize = Float(Double(learningRate) / (1 - power(Double(beta1), step)))
        root = Float((1 - power(Double(beta2), step)).squareRoot())
    }
}

/// Bit-identical on every machine, which `pow` does not guarantee.
private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}

/// Updates `count` parameters `p` and their moments `m`, `v` from the gradients `g`, with decoupled weight decay
/// (AdamW).
func updateByAdamW(
    _ p: UnsafeMutablePointer<Float>, gradients g: UnsafePointer<Float>, firstMoments m: UnsafeMutablePointer<Float>,
    secondMoments v: UnsafeMutablePointer<Float>, count: Int, _ step: AdamStep
) {
    let decay = 1 - step.learningRate * step.weightDecay
    for i in 0..<count {
        m[i] += (1 - step.beta1) * (g[i] - m[i])
        v[i] = step.beta2 * v[i] + (1 - step.beta2) * g[i] * g[i]
        p[i] = decay * p[i] - step.stepSize * m[i] / (v[i].squareRoot() / step.root + step.epsilon)
    }
}

/// The same with the weight decay added to the gradient (Adam with an L2 penalty).
func updateByAdam(
    _ p: UnsafeMutablePointer<Float>, gradients g: UnsafePointer<Float>, firstMoments m: UnsafeMutablePointer<Float>,
    secondMoments v: UnsafeMutablePointer<Float>, count: Int, _ step: AdamStep
) {
    for i in 0..<count {
        let gradient = g[i] + step.weightDecay * p[i]
        m[i] += (1 - step.beta1) * (gradient - m[i])
        v[i] = step.beta2 * v[i] + (1 - step.beta2) * gradient * gradient
        p[i] -= step.stepSize * m[i] / (v[i].squareRoot() / step.root + step.epsilon)
    }
}
