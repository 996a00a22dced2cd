import Glibc
import RestoreConcurrency
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// What the members of the autoencoder family minimize.
@Suite struct AutoencoderGraphTests {
    typealias Kind = AutoencoderArchitecture.Kind
    private let pool = WorkerPool(workerCount: 2)
    private static let side = 4
    private static let batch = 3

    /// Every objective, on pictures of 4×4.
    private static let objectives: [(name: String, AutoencoderConfiguration)] = {
        func make(_ kind: Kind, _ more: (inout AutoencoderConfiguration) -> Void = { _ in }) -> AutoencoderConfiguration
        {
            var configuration = AutoencoderConfiguration()
            configuration.kind = kind
            (configuration.pictureSize, configuration.codeSize) = (side, 5)
            if !configuration.hidden.isEmpty { configuration.hidden = [7, 6] }
            (configuration.activeUnits, configuration.channels) = (3, 1)
            more(&configuration)
            return configuration
        }
        return Kind.allCases.map { ($0.rawValue, make($0)) } + [
            ("sparse, KL", make(.sparse) { $0.sparsity = .kl }),
            ("contractive, strong", make(.contractive) { $0.contraction = 0.5 }),
            ("variational, Gaussian", make(.variational) { ($0.likelihood, $0.beta) = (.gaussian, 2) }),
            ("importance-weighted", make(.variational) { $0.importanceSamples = 4 }),
            ("dense, L1", make(.dense) { $0.weightL1 = 0.01 }),
        ]
    }()

    /// Inputs of a graph, with values that make sense for their names.
    private func inputs(_ graph: TrainingGraph, _ configuration: AutoencoderConfiguration) -> [Tensor] {
        var generator = SeededGenerator(seed: 7)
        return graph.network.inputs.map { value -> Tensor in
            switch graph.network.nodes[value.index].name {
            case "noise":
                return generator.tensor(
                    Shape(batch: Self.batch, height: configuration.importanceSamples, width: 1, channels: 5))
            case "label":
                let shape = Shape(batch: Self.batch, height: 1, width: 1, channels: 10)
                return Tensor(shape: shape, values: (0..<30).map { $0 % 11 == 0 ? 1 : 0 })
            case "classes":
                let shape = Shape(batch: Self.batch, height: Self.side, width: Self.side, channels: 1)
                return Tensor(shape: shape, values: (0..<shape.count).map { Float($0 % 11) })
            case "pixel log variance":
                let shape = Shape(batch: Self.batch, height: Self.side, width: Self.side, channels: 1)
                return Tensor(shape: shape, values: [Float](repeating: -1, count: shape.count))
            default:
                let shape = Shape(batch: Self.batch, height: Self.side, width: Self.side, channels: 1)
                let values = (0..<shape.count).map { _ in Float(generator.uniform() < 0.4 ? 1 : 0) }
                return Tensor(shape: shape, values: values)
            }
        }
    }

    private func loss(
        _ graph: TrainingGraph, _ inputs: [Tensor], _ parameters: [Float]
    ) throws -> (terms: [Double], gradient: [Float]) {
        let plan = try TrainingPlan(
            graph.network, inputShapes: inputs.map(\.shape), objective: graph.objective, pool: pool)
        for (index, tensor) in inputs.enumerated() {
            plan.input(index).update(from: tensor.values, count: tensor.values.count)
        }
        plan.forward(parameters: parameters)
        var gradient = [Float](repeating: 0, count: parameters.count)
        plan.backward(
            weights: graph.objective.weights(step: 0), parameters: parameters, parameterGradients: &gradient)
        return (plan.termValues, gradient)
    }

    @Test(arguments: 0..<objectives.count) func itsGradientIsItsSlope(index: Int) throws {
        let (name, configuration) = Self.objectives[index]
        let graph = try configuration.graph()
        let inputs = inputs(graph, configuration)
        let parameters = Parameters(initializing: graph.network, seed: 3).values.map { $0 == 0 ? 0.02 : $0 }
        let weights = graph.objective.weights(step: 0)
        let gradient = try loss(graph, inputs, parameters).gradient
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<3 {
            let direction = parameters.map { _ in Float(generator.normal()) }
            let step: Float = 1e-3
            func value(_ sign: Float) throws -> Double {
                let moved = zip(parameters, direction).map { $0 + sign * step * $1 }
                return zip(try loss(graph, inputs, moved).terms, weights).reduce(0) { $0 + $1.0 * $1.1 }
            }
            let slope = (try value(1) - value(-1)) / Double(2 * step)
            let expected = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            let size = zip(gradient, direction).reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
            // The slope of ReLU changes at 0, and what is greatest changes, too.
            let hasKinks = [.convolutional, .denoising, .sparse, .kSparse, .segmentation].contains(configuration.kind)
            #expect(
                abs(slope - expected) < (hasKinks ? 1e-2 : 2e-3) * size + 1e-6,
                "\(name): slope \(slope), gradient \(expected)")
        }
    }

    /// ‖∂f/∂x‖² of the encoder by finite differences of its codes.
    @Test func theContractivePenaltyIsTheJacobians() throws {
        let configuration = try #require(Self.objectives.first { $0.name == "contractive" }?.1)
        let (graph, architecture) = (try configuration.graph(), try configuration.architecture())
        let inputs = inputs(graph, configuration)
        let parameters = Parameters(initializing: graph.network, seed: 3)
        let place = try #require(graph.objective.terms.firstIndex { $0.name == "contraction" })
        let found = try loss(graph, inputs, parameters.values).terms[place]
        let autoencoder = Autoencoder(
            Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network)), pool: pool)
        let (size, step) = (Self.side * Self.side, Float(1e-2))
        var sum = 0.0
        for picture in 0..<Self.batch {
            let values = Array(inputs[0].values[(picture * size)..<((picture + 1) * size)])
            let moved = (0..<size).flatMap { pixel in
                [step, -step].map { change in
                    var moved = values
                    moved[pixel] += change
                    return moved
                }
            }
            let codes = try autoencoder.codes(of: moved)
            for pixel in 0..<size {
                sum += zip(codes[2 * pixel], codes[2 * pixel + 1]).reduce(0) {
                    let slope = (Double($1.0) - Double($1.1)) / Double(2 * step)
                    return $0 + slope * slope
                }
            }
        }
        #expect(found > 0.1 && abs(found - sum / Double(Self.batch)) < 1e-3 * found, "\(found), \(sum / 3)")
    }

    /// The bound in plain arithmetic, from the codes and the decoder.
    @Test func theImportanceWeightedBoundIsBurdas() throws {
        let configuration = try #require(Self.objectives.first { $0.name == "importance-weighted" }?.1)
        let (graph, architecture) = (try configuration.graph(), try configuration.architecture())
        let inputs = inputs(graph, configuration)
        let parameters = Parameters(initializing: graph.network, seed: 3)
        let found = try loss(graph, inputs, parameters.values).terms[0]
        let autoencoder = Autoencoder(
            Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network)), pool: pool)
        let (size, samples) = (Self.side * Self.side, configuration.importanceSamples)
        let pictures = (0..<Self.batch).map { Array(inputs[0].values[($0 * size)..<(($0 + 1) * size)]) }
        let posteriors = try #require(try autoencoder.posteriors(of: pictures))
        var sum = 0.0
        for (index, posterior) in posteriors.enumerated() {
            var weights: [Double] = []
            for sample in 0..<samples {
                let start = (index * samples + sample) * 5
                let noise = inputs[1].values[start..<(start + 5)].map { Double($0) }
                var (code, logarithm): ([Float], Double) = ([], 0)
                for (axis, epsilon) in noise.enumerated() {
                    let v = Double(posterior.logVariance[axis])
                    let z = Double(posterior.mean[axis]) + exp(v / 2) * epsilon
                    code.append(Float(z))
                    // log N(z; 0, 1) − log N(z; μ, σ²)
                    logarithm += -z * z / 2 + v / 2 + epsilon * epsilon / 2
                }
                let probabilities = try autoencoder.pictures(of: [code])[0]
                for (x, p) in zip(pictures[index], probabilities) { logarithm += log(Double(x > 0.5 ? p : 1 - p)) }
                weights.append(exp(logarithm))
            }
            sum -= log(weights.reduce(0, +) / Double(samples))
        }
        #expect(abs(found - sum / Double(Self.batch)) < 1e-4 * found, "\(found), \(sum / 3)")
    }

    @Test func aKindSetsWhatSuitsIt() throws {
        var configuration = AutoencoderConfiguration()
        #expect(configuration.hidden == [500, 300] && configuration.trainer.learningRate == 1e-4)
        configuration.kind = .linear
        #expect(configuration.hidden == [] && configuration.codeSize == 32 && configuration.trainer.schedule == .cosine)
        configuration.kind = .dense
        #expect(configuration == AutoencoderConfiguration())
        configuration.kind = .sparse
        let ignored = Set(configuration.ignoredSettings.map(\.key))
        #expect(ignored.contains("target-activity") && ignored.contains("beta") && !ignored.contains("sparsity"))
        configuration.sparsity = .kl
        #expect(!configuration.ignoredSettings.map(\.key).contains("target-activity"))
        configuration.kind = .segmentation
        #expect(configuration.pictureSize == 48 && configuration.channels == 3)
        #expect(!configuration.ignoredSettings.map(\.key).contains("photos"))
        #expect(throws: ConfigurationError.self) { try configuration.completed() }
        configuration.photographs = "photos"
        #expect(throws: Never.self) { try configuration.completed() }
        // Where the photographs are does not make another run, and is kept as an absolute path.
        let digest = configuration.digest
        #expect(configuration.withAbsolutePaths.photographs?.hasPrefix("/") == true)
        #expect(configuration.withAbsolutePaths.digest == digest)
        configuration.kind = .linear
        #expect(configuration.pictureSize == 28 && configuration.channels == 1)
    }

    @Test func whatDoesNotGoTogetherIsRefused() {
        var configuration = AutoencoderConfiguration()
        configuration.kind = .variational
        (configuration.importanceSamples, configuration.likelihood) = (5, .gaussian)
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
        (configuration.likelihood, configuration.beta) = (.bernoulli, 2)
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
        configuration.beta = 1
        #expect(throws: Never.self) { try configuration.architecture() }
        configuration.kind = .convolutional
        configuration.pictureSize = 30
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
        configuration.kind = .kSparse
        configuration.activeUnits = 2000
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
    }

    // MARK: Corruption

    @Test(arguments: Corruption.Kind.allCases) func itCorruptsAsMuchAsItSays(kind: Corruption.Kind) {
        var generator = SeededGenerator(seed: 5)
        var values = [Float](repeating: 0.5, count: 40_000)
        values.withUnsafeMutableBufferPointer { Corruption(kind, level: 0.3).corrupt($0, using: &generator) }
        let changed = Double(values.count { $0 != 0.5 }) / 40_000
        let (black, white) = (values.count { $0 == 0 }, values.count { $0 == 1 })
        switch kind {
        case .gaussian:
            let variance = values.reduce(0) { $0 + Double($1 - 0.5) * Double($1 - 0.5) } / 40_000
            // Four standard errors.
            #expect(abs(variance.squareRoot() - 0.3) < 4 * 0.3 / 283)
        case .masking: #expect(abs(changed - 0.3) < 0.01 && black == values.count { $0 != 0.5 })
        case .saltAndPepper:
            #expect(abs(changed - 0.3) < 0.01 && abs(Double(black) / Double(black + white) - 0.5) < 0.02)
        }
    }
}
