import RestoreNN

/// The optimizers available for training.
public enum OptimizerKind: String, CaseIterable, Sendable {
    case adamw, adam
    /// Muon for the kernels between the first and the last layer, AdamW for the rest.
    case muon
}

extension TrainerSettings {
    /// A new optimizer for a network.
    func makeOptimizer(_ layout: ParameterLayout) -> Optimizer {
        Optimizer(parameterGroups(layout), settings: optimizerSettings)
    }

    /// The optimizer of a network after `step` updates, with these moments.
    ///
    /// - Precondition: there are as many moments of each kind as the layout has parameters.
    func makeOptimizer(
        _ layout: ParameterLayout, firstMoments: [Float], secondMoments: [Float], step: Int
    ) -> Optimizer {
        Optimizer(
            parameterGroups(layout), settings: optimizerSettings, firstMoments: firstMoments,
            secondMoments: secondMoments, step: step)
    }

    private var optimizerSettings: Optimizer.Settings {
        Optimizer.Settings(beta1: beta1, beta2: beta2, momentum: muonMomentum)
    }

    private func parameterGroups(_ layout: ParameterLayout) -> ParameterGroups {
        switch optimizer {
        case .adamw: ParameterGroups(layout, method: .adamW, weightDecay: weightDecay)
        case .adam: ParameterGroups(layout, method: .adam, weightDecay: weightDecay)
        case .muon:
            .muon(layout, learningRateScale: muonLearningRate / learningRate, weightDecay: weightDecay)
        }
    }

    /// Human-readable: the method and its learning rate.
    package var optimizerDescription: String {
        switch optimizer {
        case .adamw: "AdamW \(learningRate)"
        case .adam: "Adam \(learningRate)"
        case .muon: "Muon \(muonLearningRate) and AdamW \(learningRate)"
        }
    }
}
