import Glibc
import RestoreConcurrency
import RestoreNN

/// The parts of an inpainter's networks, ready to run; the plan of each part for the last shapes is kept.
final class InpainterPlans {
    enum Part: Hashable {
        case filler, encoders, generator
    }

    private let architecture: InpainterArchitecture
    private let parameters: Parameters
    private let pool: WorkerPool
    private var plans: [Part: (shapes: [Shape], plan: InferencePlan)] = [:]

    /// - Precondition: `parameters` are those of `architecture.network`.
    init(_ architecture: InpainterArchitecture, _ parameters: Parameters, pool: WorkerPool) {
        self.architecture = architecture
        self.parameters = parameters
        self.pool = pool
    }

    /// - Throws: `NetworkError` if the machine has too little memory.
    func run(_ part: Part, _ inputs: [Tensor]) throws(NetworkError) -> [Tensor] {
        let shapes = inputs.map(\.shape)
        if let kept = plans[part], kept.shapes == shapes { return kept.plan.run(inputs) }
        // The old plan's memory first.
        plans[part] = nil
        let network = network(of: part)
        let plan = try InferencePlan(
            network, inputShapes: shapes, parameters: parameters.restricted(to: network), pool: pool)
        plans[part] = (shapes, plan)
        return plan.run(inputs)
    }

    private func network(of part: Part) -> Network {
        switch part {
        case .filler: architecture.filler
        case .encoders: architecture.encoders
        case .generator: architecture.generator
        }
    }
}

/// A diagonal normal distribution of a code.
public struct CodeDistribution: Sendable {
    /// The mean and the log variance of each value.
    public let mean: [Float]
    public let logVariance: [Float]

    /// - Precondition: as many values each.
    public init(mean: [Float], logVariance: [Float]) {
        precondition(mean.count == logVariance.count, "\(mean.count) means, \(logVariance.count) variances")
        self.mean = mean
        self.logVariance = logVariance
    }

    /// Draws a code.
    public func sample(using generator: inout SeededGenerator) -> [Float] {
        zip(mean, logVariance).map { $0 + Float(exp(0.5 * Double($1)) * generator.normal()) }
    }

    /// log of the density at a code, without the constant −½ n log 2π.
    public func logDensity(_ code: [Float]) -> Double {
        precondition(code.count == mean.count, "\(code.count) values for a code of \(mean.count)")
        var sum = 0.0
        for index in mean.indices {
            let difference = Double(code[index]) - Double(mean[index])
            let logarithm = Double(logVariance[index])
            sum -= 0.5 * (logarithm + difference * difference * exp(-logarithm))
        }
        return sum
    }

    /// KL(self ‖ other) in nats: the closed form for diagonal normal distributions.
    public func divergence(from other: CodeDistribution) -> Double {
        precondition(mean.count == other.mean.count, "codes of \(mean.count) and \(other.mean.count) values")
        var sum = 0.0
        for index in mean.indices {
            let ratio = Double(logVariance[index]) - Double(other.logVariance[index])
            let difference = Double(mean[index]) - Double(other.mean[index])
            let precision = exp(-Double(other.logVariance[index]))
            sum += 0.5 * (exp(ratio) - 1 - ratio + difference * difference * precision)
        }
        return sum
    }
}
