import RestoreConcurrency

/// Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019,
/// algorithm 2), with the moments and rounding order of PyTorch's `AdamW`.
public struct AdamW: Sendable {
    public struct Settings: Hashable, Sendable {
        public var beta1: Float
        public var beta2: Float
        public var epsilon: Float
        public var weightDecay: Float

        public init(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8, weightDecay: Float = 0.01) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
        }
    }

    public let settings: Settings
    /// Running means of the gradients and of their squares.
    public private(set) var firstMoments: [Float]
    public private(set) var secondMoments: [Float]
    /// Updates made.
    public private(set) var step: Int

    public init(parameterCount: Int, settings: Settings = Settings()) {
        let zeros = [Float](repeating: 0, count: parameterCount)
        self.init(settings: settings, firstMoments: zeros, secondMoments: zeros, step: 0)
    }

    /// An optimizer that goes on where another stopped, after `step` updates.
    ///
    /// - Precondition: as many first moments as second ones.
    public init(settings: Settings, firstMoments: [Float], secondMoments: [Float], step: Int) {
        precondition(firstMoments.count == secondMoments.count, "\(firstMoments.count), \(secondMoments.count) moments")
        self.settings = settings
        self.firstMoments = firstMoments
        self.secondMoments = secondMoments
        self.step = step
    }

    /// One update of `parameters` in place.
    ///
    /// - Precondition: as many parameters and gradients as the optimizer was made for.
    public mutating func update(
        _ parameters: inout [Float], gradients: [Float], learningRate: Float, pool: WorkerPool
    ) {
        precondition(parameters.count == firstMoments.count && gradients.count == firstMoments.count)
        step += 1
        let correction1 = 1 - power(Double(settings.beta1), step)
        let correction2 = 1 - power(Double(settings.beta2), step)
        let stepSize = Float(Double(learningRate) / correction1)
        let root = Float(correction2.squareRoot())
        let decay = 1 - learningRate * settings.weightDecay
        let settings = settings
        parameters.withUnsafeMutableBufferPointer { p in
            gradients.withUnsafeBufferPointer { g in
                firstMoments.withUnsafeMutableBufferPointer { m in
                    secondMoments.withUnsafeMutableBufferPointer { v in
                        guard let p = p.baseAddress, let g = g.baseAddress, let m = m.baseAddress,
                            let v = v.baseAddress
                        else { return }
                        pool.runPieces(count: gradients.count) { start, count in
                            for i in start..<(start + count) {
                                m[i] += (1 - settings.beta1) * (g[i] - m[i])
                                v[i] = settings.beta2 * v[i] + (1 - settings.beta2) * g[i] * g[i]
                                p[i] = decay * p[i] - stepSize * m[i] / (v[i].squareRoot() / root + settings.epsilon)
                            }
                        }
                    }
                }
            }
        }
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}

/// Scales `gradients` so that their Euclidean norm is at most `maximum` (Pascanu, Mikolov & Bengio 2013), and returns
/// the norm before. Squares are added in `Double`, in pieces of fixed size whose sums are added in order.
public func clipGradientNorm(_ gradients: inout [Float], maximum: Float, pool: WorkerPool) -> Float {
    let count = gradients.count
    var sums = [Double](repeating: 0, count: (count + elementwisePiece - 1) / elementwisePiece)
    return gradients.withUnsafeMutableBufferPointer { gradients in
        guard let g = gradients.baseAddress else { return 0 }
        sums.withUnsafeMutableBufferPointer { sums in
            pool.runPieces(count: count) { start, length in
                var sum = 0.0
                for i in start..<(start + length) { sum += Double(g[i]) * Double(g[i]) }
                sums[start / elementwisePiece] = sum
            }
        }
        let norm = Float(sums.reduce(0, +).squareRoot())
        if norm > maximum {
            let scale = maximum / norm
            pool.runPieces(count: count) { start, length in
                for i in start..<(start + length) { g[i] *= scale }
            }
        }
        return norm
    }
}
