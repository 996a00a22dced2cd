import RestoreConcurrency

/// Adam, AdamW or Muon, or several of them for different parameters of a network (`ParameterGroups`).
///
/// - Adam: Kingma & Ba, ICLR 2015, with weight decay as an L2 penalty, as in PyTorch's `Adam`.
/// - AdamW: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2, with the moments and
///   rounding order of PyTorch's `AdamW`.
/// - Muon: K. Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024, as in PyTorch's `Muon`: the
///   momentum of each kernel, taken as a matrix, is orthogonalized before it is subtracted.
///
/// For every method the state consists of two moments per parameter and the number of updates; Muon does not change the
/// second moments. Results do not depend on the number of workers.
public struct Optimizer: Sendable {
    public enum Method: Hashable, Sendable {
        case adam, adamW, muon
    }

    /// The factor applied to Muon's learning rate for a matrix of `rows × columns`. A kernel is flattened to a matrix
    /// whose rows are its first dimension: out × in · kH · kW for a convolution, in × out · kH · kW for a transposed
    /// one.
    public enum MatrixScale: Hashable, Sendable {
        /// √max(1, rows / columns), the original.
        case spectral
        /// 0.2 · √max(rows, columns): the update has AdamW's typical magnitude, so that AdamW's learning rates can be
        /// used (Liu et al., "Muon is Scalable for LLM Training", 2025, eq. 4).
        case likeAdamW

        func factor(rows: Int, columns: Int) -> Float {
            switch self {
            case .spectral: max(1, Float(rows) / Float(columns)).squareRoot()
            case .likeAdamW: 0.2 * Float(max(rows, columns)).squareRoot()
            }
        }
    }

    /// Settings common to all groups.
    public struct Settings: Hashable, Sendable {
        /// For Adam and AdamW, 0…1 each.
        public var beta1: Float
        public var beta2: Float
        public var epsilon: Float
        /// For Muon, 0…1.
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
    /// Running means of the gradients (for Muon: the momenta) and of their squares.
    public private(set) var firstMoments: [Float]
    public private(set) var secondMoments: [Float]
    /// Number of updates so far.
    public private(set) var step: Int
    private let work: OptimizerWork

    public init(_ groups: ParameterGroups, settings: Settings = Settings()) {
        let zeros = [Float](repeating: 0, count: groups.layout.count)
        self.init(groups, settings: settings, firstMoments: zeros, secondMoments: zeros, step: 0)
    }

    /// Resumes an optimizer after `step` updates.
    ///
    /// - Precondition: there are as many first and second moments as parameters.
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

    /// `clipGradientNorm` without the frozen parameters, whose gradients are set to zero.
    public func clipGradientNorm(_ gradients: inout [Float], maximum: Float, pool: WorkerPool) -> Float {
        for range in groups.frozenRanges {
            for index in range { gradients[index] = 0 }
        }
        return RestoreNN.clipGradientNorm(&gradients, maximum: maximum, pool: pool)
    }

    /// Updates `parameters` in place.
    ///
    /// - Precondition: there are as many parameters and gradients as the optimizer was created for.
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
