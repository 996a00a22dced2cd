/// What training minimizes: a weighted sum of named terms, each a node of the network with a scalar output.
public struct Objective: Sendable {
    public struct Term: Sendable {
        /// The name used in logs and tables: "reconstruction", "kl".
        public let name: String
        public let value: Network.Value
        public let weight: WeightSchedule

        public init(_ name: String, _ value: Network.Value, weight: WeightSchedule = 1) {
            self.name = name
            self.value = value
            self.weight = weight
        }
    }

    public let terms: [Term]

    /// - Precondition: there is at least one term, and no two share a name or a node.
    public init(_ terms: [Term]) {
        precondition(!terms.isEmpty, "an objective without terms")
        precondition(Set(terms.map(\.name)).count == terms.count, "two terms of one name: \(terms.map(\.name))")
        precondition(Set(terms.map(\.value)).count == terms.count, "two terms of one node: \(terms.map(\.name))")
        self.terms = terms
    }

    /// The weights of the terms at a step, in the order of the terms.
    public func weights(step: Int) -> [Double] { terms.map { $0.weight(step: step) } }
}

/// A weight that can change linearly over the first steps of a run, as in KL warm-up (Sønderby et al., "Ladder
/// variational autoencoders", NIPS 2016, sec. 2.3).
public struct WeightSchedule: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    public let start: Double
    public let end: Double
    /// Steps from `start` to `end`; 0 for a constant.
    public let warmupSteps: Int

    /// - Precondition: the weights are finite and the number of steps is not negative.
    public init(from start: Double, to end: Double, warmupSteps: Int) {
        precondition(start.isFinite && end.isFinite && warmupSteps >= 0, "\(start) to \(end) in \(warmupSteps) steps")
        (self.start, self.end, self.warmupSteps) = (start, end, warmupSteps)
    }

    public init(_ constant: Double) { self.init(from: constant, to: constant, warmupSteps: 0) }
    public init(integerLiteral value: Int) { self.init(Double(value)) }
    public init(floatLiteral value: Double) { self.init(value) }

    /// The weight at a step, counted from 0.
    public func callAsFunction(step: Int) -> Double {
        guard step < warmupSteps else { return end }
        return start + (end - start) * Double(step) / Double(warmupSteps)
    }
}

/// What is trained: a network with its losses, the objective, and the outputs that models consist of.
///
/// The network's inputs are the model's inputs and whatever the losses need: targets, masks, labels, random draws. A
/// model file holds the subnetwork that leads to `modelOutputs`.
public struct TrainingGraph: Sendable {
    public let network: Network
    public let objective: Objective
    public let modelOutputs: [Network.Value]

    /// - Precondition: there is at least one model output, and all values belong to `network`.
    public init(network: Network, objective: Objective, modelOutputs: [Network.Value]) {
        precondition(!modelOutputs.isEmpty, "a model without outputs")
        var network = network
        // Outputs are kept, so they can be read after a step.
        for value in modelOutputs where !network.outputs.contains(value) { network.output(value) }
        self.network = network
        self.objective = objective
        self.modelOutputs = modelOutputs
    }

    /// A network with one output and one loss between that output and a target, which becomes the last input.
    public init(_ network: Network, loss: some LossOperator, name: String, target: String = "target") {
        precondition(network.outputs.count == 1, "\(network.outputs.count) outputs for one loss")
        var network = network
        let output = network.outputs[0]
        let value = network.add(name, loss, output, network.input(target))
        self.init(network: network, objective: Objective([.init(name, value)]), modelOutputs: [output])
    }

    /// The network saved in a model file.
    public var model: Network { network.subnetwork(to: modelOutputs) }
}
