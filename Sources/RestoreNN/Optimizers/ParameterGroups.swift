/// How each parameter tensor of a network is optimized: by which method, at which learning rate, with which weight decay,
/// or not at all.
public struct ParameterGroups: Hashable, Sendable {
    public struct Treatment: Hashable, Sendable {
        public var method: Optimizer.Method
        /// What the learning rate of a step is multiplied by.
        public var learningRateScale: Float
        /// λ as PyTorch means it: decay apart from the gradient is multiplied by the learning rate, scaled as above.
        public var weightDecay: Float
        /// A frozen parameter keeps its bits, as do its moments.
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
    /// One for each entry of the layout.
    public private(set) var treatments: [Treatment]

    /// Groups by a rule of one's own.
    ///
    /// - Precondition: the rule gives Muon matrices and kernels only (two sides or more).
    public init(_ layout: ParameterLayout, rule: (ParameterLayout.Entry) -> Treatment) {
        self.layout = layout
        treatments = layout.entries.map(rule)
        for (entry, treatment) in zip(layout.entries, treatments) {
            precondition(
                treatment.method != .muon || entry.specification.shape.count >= 2,
                "\(entry.specification.name) of shape \(entry.specification.shape) is no matrix")
        }
    }

    /// All by Adam or all by AdamW. Biases and the scales and shifts of normalizations, which have one side, do not decay.
    ///
    /// - Precondition: the method is not Muon.
    public init(_ layout: ParameterLayout, method: Optimizer.Method, weightDecay: Float = 0) {
        self.init(layout) { Treatment(method, weightDecay: $0.specification.decay(weightDecay)) }
    }

    /// Muon for the kernels of convolutions, transposed convolutions and dense layers but the first and the last of them,
    /// AdamW for those two and everything else.
    ///
    /// A depthwise kernel (one input channel) is no matrix but a list of filters, and AdamW's.
    ///
    /// - Parameter learningRateScale: Muon's learning rate over AdamW's.
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

    /// The same with the parameters frozen whose name satisfies `isFrozen`.
    public func freezing(where isFrozen: (String) -> Bool) -> ParameterGroups {
        var result = self
        for (index, entry) in layout.entries.enumerated() where isFrozen(entry.specification.name) {
            result.treatments[index].isFrozen = true
        }
        return result
    }

    /// The same with the parameters frozen whose name begins with one of `prefixes`, as in "encoder.".
    public func freezing(prefixes: [String]) -> ParameterGroups {
        freezing { name in prefixes.contains { name.hasPrefix($0) } }
    }

    /// The ranges of the flat arrays that are frozen, each as long as can be.
    var frozenRanges: [Range<Int>] { runs.filter(\.treatment.isFrozen).map(\.range) }

    /// Neighboring parameters of the same treatment.
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
    /// The weight decay of a tensor in a network whose kernels have this one.
    fileprivate func decay(_ weightDecay: Float) -> Float { shape.count >= 2 ? weightDecay : 0 }
}
