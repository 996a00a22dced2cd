import RestoreConcurrency
import RestoreNN

/// A small denoising autoencoder of points in the plane, g(f(x)).
///
/// With the squared error and normal noise of deviation σ, the best one satisfies g(f(x)) − x = σ²∇log p_σ(x), where p_σ is
/// the density of the noisy points (Vincent, "A connection between score matching and denoising autoencoders", Neural
/// Computation 23, 2011); for small σ that is σ²∇log p(x) (Alain & Bengio, "What regularized auto-encoders learn from the
/// data-generating distribution", JMLR 15, 2014, theorem 1): the field points to where points are likely.
public final class PlaneDenoiser {
    public struct Settings: Sendable {
        /// σ
        public var noise = 0.2
        public var hidden = 32
        public var steps = 6000
        public var batchSize = 500
        public var learningRate: Float = 5e-3
        public var seed: UInt64 = 1

        public init() {}
    }

    private let network: BatchedNetwork

    /// Trains on points drawn anew for every step; the same bits for the same seed.
    ///
    /// - Throws: `NetworkError` if the machine has too little memory, and what `progress` throws.
    public init(
        _ density: PlaneDensity, settings: Settings = Settings(), pool: WorkerPool,
        progress: (_ step: Int) throws -> Void = { _ in }
    ) throws {
        let graph = Self.graph(hidden: settings.hidden)
        let values = try Self.trained(graph, density, settings, pool, progress)
        network = BatchedNetwork(
            graph.model, parameters: Parameters(layout: ParameterLayout(graph.model), values: values), pool: pool)
    }

    /// g(f(x)) − x at each point.
    ///
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func field(at points: [SIMD2<Double>]) throws(NetworkError) -> [SIMD2<Double>] {
        let inputs = points.map { [Float($0.x), Float($0.y)] }
        let shape = Shape(batch: 1, height: 1, width: 1, channels: 2)
        let outputs = try network.run([(inputs, shape)]).first ?? []
        return zip(points, outputs).map { SIMD2(Double($1[0]), Double($1[1])) - $0 }
    }

    /// Two hidden layers each way, of which the second is the code.
    private static func graph(hidden: Int) -> TrainingGraph {
        var network = Network()
        var (value, count) = (network.input("point"), 2)
        for name in ["encoder", "code", "decoder"] {
            let layer = Dense(
                inputFeatures: count, outputFeatures: hidden,
                initialization: .normal(standardDeviation: (2 / Float(count + hidden)).squareRoot()))
            value = network.add("\(name).tanh", Activation(.tanh), network.add(name, layer, value))
            count = hidden
        }
        network.output(network.add("output", Dense(inputFeatures: count, outputFeatures: 2), value))
        return TrainingGraph(network, loss: DifferenceLoss(.l2), name: "loss", target: "target")
    }

    private static func trained(
        _ graph: TrainingGraph, _ density: PlaneDensity, _ settings: Settings, _ pool: WorkerPool,
        _ progress: (Int) throws -> Void
    ) throws -> [Float] {
        let shape = Shape(batch: settings.batchSize, height: 1, width: 1, channels: 2)
        let plan = try TrainingPlan(
            graph.network, inputShapes: [shape, shape], objective: graph.objective, pool: pool)
        let layout = ParameterLayout(graph.network)
        var values = Parameters(initializing: graph.network, seed: settings.seed).values
        var optimizer = Optimizer(ParameterGroups(layout, method: .adam, weightDecay: 0))
        let schedule = LearningRateSchedule(
            peak: settings.learningRate, warmupSteps: 0, totalSteps: settings.steps)
        for step in 0..<settings.steps {
            try progress(step)
            var generator = SeededGenerator(seed: settings.seed, path: UInt64(step))
            for slot in 0..<settings.batchSize {
                let point = density.draw(using: &generator)
                for axis in 0..<2 {
                    plan.input(0)[2 * slot + axis] = Float(point[axis] + settings.noise * generator.normal())
                    plan.input(1)[2 * slot + axis] = Float(point[axis])
                }
            }
            var gradients = [Float](repeating: 0, count: layout.count)
            plan.forward(parameters: values)
            plan.backward(weights: [1], parameters: values, parameterGradients: &gradients)
            optimizer.update(&values, gradients: gradients, learningRate: schedule.learningRate(step: step), pool: pool)
        }
        return values
    }
}

/// How well a field agrees with σ²∇log p_σ, where that is known.
public struct FieldAgreement: Sendable {
    /// The root of the mean squared difference, divided by that of σ²∇log p_σ.
    public let relativeError: Double
    /// ⟨a, b⟩ / ‖a‖‖b‖ of both fields over all points.
    public let cosine: Double

    /// Fails for a density without a known score.
    public init?(_ field: [SIMD2<Double>], points: [SIMD2<Double>], density: PlaneDensity, noise: Double) {
        let scores = points.compactMap { density.score(at: $0, noise: noise) }.map { noise * noise * $0 }
        guard scores.count == points.count, !points.isEmpty else { return nil }
        func product(_ a: [SIMD2<Double>], _ b: [SIMD2<Double>]) -> Double {
            zip(a, b).reduce(0) { $0 + ($1.0 * $1.1).sum() }
        }
        let differences = zip(field, scores).map { $0 - $1 }
        let size = product(scores, scores)
        relativeError = (product(differences, differences) / size).squareRoot()
        cosine = product(field, scores) / (product(field, field) * size).squareRoot()
    }
}
