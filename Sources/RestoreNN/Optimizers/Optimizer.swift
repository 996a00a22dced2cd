import RestoreConcurrency

/// Adam, AdamW or Muon, or several of them for different parameters of a network (`ParameterGroups`).
///
/// - Adam: Kingma & Ba, ICLR 2015, with weight decay as an L2 penalty, as PyTorch's `Adam`.
/// - AdamW: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, with the moments and
///   rounding order of PyTorch's `AdamW`.
/// - Muon: K. Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024, as PyTorch's `Muon`: the momentum of
///   each kernel, as a matrix, is made orthogonal before it is subtracted.
///
/// Its state is two moments for each parameter and the number of updates, whatever the method; Muon leaves second moments
/// as they are. Results do not depend on the number of workers.
public struct Optimizer: Sendable {
    public enum Method: Hashable, Sendable {
        case adam, adamW, muon
    }

    /// What Muon's learning rate is multiplied by for a matrix of `rows × columns`. A kernel is the matrix of its first side
    /// by all others: out × in · kH · kW of a convolution, in × out · kH · kW of a transposed one.
    public enum MatrixScale: Hashable, Sendable {
        /// √max(1, rows / columns), the original.
        case spectral
        /// 0.2 · √max(rows, columns): the update has AdamW's usual size, so that AdamW's learning rates fit
        /// (Liu et al., "Muon is Scalable for LLM Training", 2025, eq. 4).
        case likeAdamW

        func factor(rows: Int, columns: Int) -> Float {
            switch self {
            case .spectral: max(1, Float(rows) / Float(columns)).squareRoot()
            case .likeAdamW: 0.2 * Float(max(rows, columns)).squareRoot()
            }
        }
    }

    /// What all groups have in common.
    public struct Settings: Hashable, Sendable {
        /// Of Adam and AdamW, 0…1 each.
        public var beta1: Float
        public var beta2: Float
        public var epsilon: Float
        /// Of Muon, 0…1.
        public var momentum: Float
        public var matrixScale: MatrixScale

        public init(
            beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8, momentum: Float = 0.95,
            matrixScale: MatrixScale = .spectral
        ) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.momentum = momentum
            self.matrixScale = matrixScale
        }
    }

    public let settings: Settings
    public let groups: ParameterGroups
    /// Running means of the gradients (of Muon: the momenta) and of their squares.
    public private(set) var firstMoments: [Float]
    public private(set) var secondMoments: [Float]
    /// Updates made.
    public private(set) var step: Int
    private let work: OptimizerWork

    public init(_ groups: ParameterGroups, settings: Settings = Settings()) {
        let zeros = [Float](repeating: 0, count: groups.layout.count)
        self.init(groups, settings: settings, firstMoments: zeros, secondMoments: zeros, step: 0)
    }

    /// An optimizer that goes on where another stopped, after `step` updates.
    ///
    /// - Precondition: as many first moments and second ones as parameters.
    public init(
        _ groups: ParameterGroups, settings: Settings, firstMoments: [Float], secondMoments: [Float], step: Int
    ) {
        let count = groups.layout.count
        precondition(
            firstMoments.count == count && secondMoments.count == count,
            "\(firstMoments.count), \(secondMoments.count) moments for \(count) parameters")
        self.settings = settings
        self.groups = groups
        self.firstMoments = firstMoments
        self.secondMoments = secondMoments
        self.step = step
        work = OptimizerWork(groups)
    }

    /// `clipGradientNorm` without the frozen parameters, whose gradients become zero.
    public func clipGradientNorm(_ gradients: inout [Float], maximum: Float, pool: WorkerPool) -> Float {
        for range in groups.frozenRanges {
            for index in range { gradients[index] = 0 }
        }
        return RestoreNN.clipGradientNorm(&gradients, maximum: maximum, pool: pool)
    }

    /// One update of `parameters` in place.
    ///
    /// - Precondition: as many parameters and gradients as the optimizer was made for.
    public mutating func update(
        _ parameters: inout [Float], gradients: [Float], learningRate: Float, pool: WorkerPool
    ) {
        precondition(parameters.count == firstMoments.count && gradients.count == firstMoments.count)
        step += 1
        let (settings, work, step) = (settings, work, step)
        parameters.withUnsafeMutableBufferPointer { p in
            gradients.withUnsafeBufferPointer { g in
                firstMoments.withUnsafeMutableBufferPointer { m in
                    secondMoments.withUnsafeMutableBufferPointer { v in
                        guard let p = p.baseAddress, let g = g.baseAddress, let m = m.baseAddress,
                            let v = v.baseAddress
                        else { return }
                        work.run(
                            OptimizerBuffers(parameters: p, gradients: g, firstMoments: m, secondMoments: v),
                            settings: settings, learningRate: learningRate, step: step, pool: pool)
                    }
                }
            }
        }
    }
}
