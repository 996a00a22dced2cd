import RestoreConcurrency

/// The squared Frobenius norm of the Jacobian ∂h/∂x of a layer h = sigmoid(W·x + b), averaged over the batch: Σ_j (h_j (1
/// − h_j))² Σ_i W_ji² (Rifai, Vincent, Muller, Glorot & Bengio, "Contractive auto-encoders: explicit invariance during
/// feature extraction", ICML 2011, eq. 7). Exact for that layer.
///
/// Input: the activations h, N×1×1×O. Parameter: `weight` (O × I), to be shared with the layer's. Both have gradients.
public struct ContractivePenalty: LossOperator, Hashable {
    public let inputFeatures: Int
    public let outputFeatures: Int

    public init(inputFeatures: Int, outputFeatures: Int) {
        precondition(inputFeatures > 0 && outputFeatures > 0, "features \(inputFeatures) → \(outputFeatures)")
        (self.inputFeatures, self.outputFeatures) = (inputFeatures, outputFeatures)
    }

    public var kind: String { "contractive penalty" }

    public var parameters: [ParameterSpecification] {
        [
            ParameterSpecification(
                name: "weight", shape: [outputFeatures, inputFeatures], initialization: .uniform(fanIn: inputFeatures))
        ]
    }

    public func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
        let input = try inputs.only()
        guard input.pixels == input.batch, input.channels == outputFeatures else {
            throw ShapeError("expected \(outputFeatures) activations a picture, found \(input)")
        }
        return .scalar
    }

    public func evaluate(_ pass: ForwardPass) -> Double {
        let norms = squaredNorms(pass.parameters[0], pool: pass.pool)
        let (h, units) = (pass.inputs[0], outputFeatures)
        let sum = pass.pool.sumOverPieces(count: pass.inputShapes[0].count) { start, count in
            var sum = 0.0
            for index in start..<(start + count) {
                let slope = Double(h[index]) * (1 - Double(h[index]))
                sum += slope * slope * norms[index % units]
            }
            return sum
        }
        return sum / Double(pass.inputShapes[0].batch)
    }

    public func backward(_ pass: BackwardPass) {
        let (shape, h, units) = (pass.inputShapes[0], pass.inputs[0], outputFeatures)
        let scale = Double(pass.outputGradient[0]) / Double(shape.batch)
        let weights = pass.parameters[0]
        if let gradient = pass.inputGradients[0] {
            let norms = squaredNorms(weights, pool: pass.pool)
            pass.pool.runPieces(count: shape.count) { start, count in
                for index in start..<(start + count) {
                    let h = Double(h[index])
                    gradient[index] = Float(2 * scale * h * (1 - h) * (1 - 2 * h) * norms[index % units])
                }
            }
        }
        let slopes = pass.pool.channelSums(shape) { pixel, count, sums in
            for index in (pixel * units)..<((pixel + count) * units) {
                let slope = Double(h[index]) * (1 - Double(h[index]))
                sums[index % units] += slope * slope
            }
        }
        let weightGradient = pass.parameterGradients[0]
        pass.pool.run(taskCount: units) { unit, _ in
            let factor = Float(2 * scale * slopes[unit])
            for index in (unit * inputFeatures)..<((unit + 1) * inputFeatures) {
                weightGradient[index] += factor * weights[index]
            }
        }
    }

    /// Σ_i W_ji² of each unit.
    private func squaredNorms(_ weights: UnsafePointer<Float>, pool: WorkerPool) -> [Double] {
        (0..<outputFeatures).map { unit in
            var sum = 0.0
            for index in (unit * inputFeatures)..<((unit + 1) * inputFeatures) {
                sum += Double(weights[index]) * Double(weights[index])
            }
            return sum
        }
    }
}
