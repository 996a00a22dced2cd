import RestoreModels
import RestoreNN

/// What each member of the autoencoder family minimizes: the only place with these objectives.
struct AutoencoderGraph {
    let configuration: AutoencoderConfiguration
    let architecture: AutoencoderArchitecture

    func graph() -> TrainingGraph {
        guard architecture.kind.reconstructs else { return segmentation() }
        return architecture.kind.isVariational ? variational() : deterministic()
    }

    /// The cross-entropy of every pixel's class.
    private func segmentation() -> TrainingGraph {
        var network = architecture.network
        let logits = network.outputs[0]
        let error = network.add("loss", SoftmaxCrossEntropy(.classIndices), logits, network.input("classes"))
        return finished(network, [Objective.Term("cross_entropy", error)], modelOutputs: [logits])
    }

    /// The squared error of a picture from its reconstruction, and what the kind adds.
    private func deterministic() -> TrainingGraph {
        var network = architecture.network
        let (reconstruction, code) = (network.outputs[0], network.outputs[1])
        // L(x, g(f(x̃))): the denoising kind sees a corrupted picture.
        let target = architecture.kind == .denoising ? network.input("target") : network.inputs[0]
        let error = network.add("loss", DifferenceLoss(.l2), reconstruction, target)
        var terms = [Objective.Term("reconstruction", error)]
        switch architecture.sparsity {
        case .l1:
            let penalty = network.add("sparsity", ActivityPenalty(), code)
            terms.append(.init("sparsity", penalty, weight: WeightSchedule(configuration.sparsityWeight)))
        case .kl:
            let penalty = network.add("sparsity", SparsityKL(activity: configuration.targetActivity), code)
            terms.append(.init("sparsity", penalty, weight: WeightSchedule(configuration.sparsityWeight)))
        case nil: break
        }
        if architecture.kind == .contractive {
            let features = architecture.pictureShape.count
            let penalty = network.add(
                "contraction",
                ContractivePenalty(inputFeatures: features, outputFeatures: architecture.codeSize), code,
                sharing: ["weight": "encoder.code.weight"])
            terms.append(.init("contraction", penalty, weight: WeightSchedule(configuration.contraction)))
        }
        return finished(network, terms, modelOutputs: network.outputs)
    }

    /// −ELBO = reconstruction + β · KL, or the importance-weighted bound, with z = μ + σ·ε.
    private func variational() -> TrainingGraph {
        var network = Network()
        let label = architecture.addInputs(to: &network)
        let picture = network.inputs[0]
        let encoding = architecture.addEncoder(to: &network, picture, label: label)
        guard let logVariance = encoding.logVariance else { preconditionFailure("a code without variance") }
        let samples = configuration.importanceSamples
        func spread(_ name: String, _ value: Network.Value) -> Network.Value {
            samples == 1 ? value : network.add(name, BroadcastPixels(height: samples, width: 1), value)
        }
        let (means, logVariances) = (spread("means", encoding.code), spread("log variances", logVariance))
        let deviations = network.add("deviations", Exponential(scale: 0.5), logVariances)
        let noise = network.add("scaled noise", Multiply(), deviations, network.input("noise"))
        let codes = network.add("z", Add(), means, noise)
        let output = architecture.addDecoder(to: &network, codes, label: label)
        let terms =
            samples > 1
            ? [importanceWeighted(&network, output, picture, codes, encoding.code, logVariance)]
            : evidenceLowerBound(&network, output, picture, encoding.code, logVariance)
        return finished(network, terms, modelOutputs: [output, encoding.code, logVariance])
    }

    private func evidenceLowerBound(
        _ network: inout Network, _ output: Network.Value, _ picture: Network.Value, _ mean: Network.Value,
        _ logVariance: Network.Value
    ) -> [Objective.Term] {
        let shape = architecture.pictureShape
        let decoded = network.add(
            "decoded", Reshape(height: shape.height, width: shape.width, channels: shape.channels), output)
        let error =
            switch architecture.likelihood {
            case .gaussian:
                network.add(
                    "loss", GaussianNegativeLogLikelihood(), decoded, network.input("pixel log variance"), picture)
            case .bernoulli, nil:
                network.add("loss", BinaryCrossEntropy(reduction: .sumPerPicture), decoded, picture)
            }
        let divergence = network.add("kl", KLDivergence(), mean, logVariance)
        let (beta, warmup) = (configuration.beta, configuration.klWarmup)
        let weight = WeightSchedule(from: warmup > 0 ? 1e-3 * beta : beta, to: beta, warmupSteps: warmup)
        return [.init("reconstruction", error), .init("kl", divergence, weight: weight)]
    }

    private func importanceWeighted(
        _ network: inout Network, _ output: Network.Value, _ picture: Network.Value, _ codes: Network.Value,
        _ mean: Network.Value, _ logVariance: Network.Value
    ) -> Objective.Term {
        let features = architecture.pictureShape.count
        let target = network.add("target", Reshape(height: 1, width: 1, channels: features), picture)
        let bound = network.add("bound", ImportanceWeightedBound(), output, target, codes, mean, logVariance)
        return .init("bound", bound)
    }

    /// With the penalty on the weights, if there is one.
    private func finished(
        _ network: Network, _ terms: [Objective.Term], modelOutputs: [Network.Value]
    ) -> TrainingGraph {
        var (network, terms) = (network, terms)
        if configuration.weightL1 > 0 {
            let kernels = network.subnetwork(to: modelOutputs).parameterSpecifications.filter { $0.shape.count >= 2 }
            let sums = kernels.map { kernel in
                network.add(
                    "l1.\(kernel.name)", WeightMagnitude(shape: kernel.shape), network.inputs[0],
                    sharing: ["weight": kernel.name])
            }
            let sum = network.add("l1", Add(), inputs: sums)
            terms.append(.init("l1", sum, weight: WeightSchedule(configuration.weightL1)))
        }
        return TrainingGraph(network: network, objective: Objective(terms), modelOutputs: modelOutputs)
    }
}
