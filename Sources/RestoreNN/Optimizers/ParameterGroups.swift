/// How each parameter tensor of a network is optimized: its method, learning rate and weight decay, or whether it is
/// frozen.
public struct ParameterGroups: Hashable, Sendable {
    public struct Treatment: Hashable, Sendable {
        public var method: Optimizer.Method
        /// Factor applied to the learning rate of each step.
        public var learningRateScale: Float
        /// λ with PyTorch's meaning: decoupled decay is multiplied by the learning rate, scaled as above.
        public var weightDecay: Float
        /// A frozen parameter and its moments keep their exact bits.
        public var isFrozen: Bool

        public init(
            _ method: Optimizer.Method, learningRateScale: Float = 1, weightDecay: Float = 0, isFrozen: Bool = false
        ) {
            self.method = method
            self.learningRateScale = learningRateScale
            self.weightDecay = weightDecay
            self.isFrozen = isFrozen
        }
    }

    public let layout: ParameterLayout
    /// One per entry of the layout.
    public private(set) var treatments: [Treatment]

    /// Groups defined by a custom rule.
    ///
    /// - Precondition: the rule uses Muon only for matrices and kernels (two or more dimensions).
    public init(_ layout: ParameterLayout, rule: (ParameterLayout.Entry) -> Treatment) {
        self.layout = layout
        treatments = layout.entries.map(rule)
        for (entry, treatment) in zip(layout.entries, treatments) {
            precondition(
                treatment.method != .muon || entry.specification.shape.count >= 2,
                "\(entry.specification.name) of shape \(entry.specification.shape) is no matrix")
        }
    }

    /// Adam or AdamW for all parameters. Biases and the scales and shifts of normalizations, which have one dimension,
    /// do not decay.
    ///
    /// - Precondition: the method is not Muon.
    public init(_ layout: ParameterLayout, method: Optimizer.Method, weightDecay: Float = 0) {
        self.init(layout) { Treatment(method, weightDecay: $0.specification.decay(weightDecay)) }
    }

    /// Muon for the kernels of convolutions, transposed convolutions and dense layers, except the first and last of
    /// them; AdamW for those two and everything else.
    ///
    /// A depthwise kernel (one input channel) is a list of filters rather than a matrix, so it uses AdamW.
    ///
    /// - Parameter learningRateScale: Muon's learning rate divided by AdamW's.
    public static func muon(
        _ layout: ParameterLayout, learningRateScale: Float, weightDecay: Float = 0
    ) -> ParameterGroups {
        let kernels = layout.entries.filter { $0.specification.shape.count >= 2 }
        let ends = Set([kernels.first, kernels.last].compactMap { $0?.specification.name })
        return ParameterGroups(layout) { entry in
            let (name, shape) = (entry.specification.name, entry.specification.shape)
            let decay = entry.specification.decay(weightDecay)
            let isMatrix = shape.count >= 2 && shape[0] > 1 && shape[1] > 1
            return isMatrix && !ends.contains(name)
                ? Treatment(.muon, learningRateScale: learningRateScale, weightDecay: decay)
                : Treatment(.adamW, weightDecay: decay)
        }
    }

    /// A copy in which parameters whose name satisfies `isFrozen` are frozen.
    public func freezing(where isFrozen: (String) -> Bool) -> ParameterGroups {
        var result = self
        for (index, entry) in layout.entries.enumerated() where isFrozen(entry.specification.name) {
            result.treatments[index].isFrozen = true
        }
        return result
    }

    /// A copy in which parameters whose name begins with one of `prefixes`, such as "encoder.", are frozen.
    public func freezing(prefixes: [String]) -> ParameterGroups {
        freezing { name in prefixes.contains { name.hasPrefix($0) } }
    }

    /// The frozen ranges of the flat arrays, merged where adjacent.
    var frozenRanges: [Range<Int>] { runs.filter(\.treatment.isFrozen).map(\.range) }

    /// Adjacent parameters with the same treatment.
    var runs: [(treatment: Treatment, range: Range<Int>)] {
        var runs: [(treatment: Treatment, range: Range<Int>)] = []
        for (entry, treatment) in zip(layout.entries, treatments) {
            if let last = runs.last, last.treatment == treatment {
                runs[runs.count - 1].range = last.range.lowerBound..<entry.range.upperBound
            } else {
                runs.append((treatment, entry.range))
            }
        }
        return runs
    }
}

extension ParameterSpecification {
    /// The weight decay of this tensor in a network whose kernels decay by `weightDecay`.
    fileprivate func decay(_ weightDecay: Float) -> Float { shape.count >= 2 ? weightDecay : 0 }
}
