import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// A whole small U-Net against PyTorch: prediction, gradients of all weights, and eight steps of training.
///
/// PyTorch's network subtracts what its tail predicts and the engine has no subtraction, so here the tail's parameters
/// and their gradients have the opposite sign. AdamW without decay treats both signs alike.
@Suite struct GoldenDenoiserTests {
    private struct Architecture: Decodable {
        let widths: [Int]
        let blocks: Int
        let factor: Int
    }

    private struct Optimizer: Decodable {
        let learningRate: Float
        let beta1: Float
        let beta2: Float
        let epsilon: Float
        let weightDecay: Float
        let steps: Int
    }

    private let golden: GoldenFile
    private let network: Network
    private let layout: ParameterLayout
    private let parameters: [Float]
    private let input: Tensor
    private let target: Tensor
    private let pool = WorkerPool(workerCount: 3)

    init() throws {
        golden = try GoldenFile("denoiser.safetensors")
        let architecture = try golden.configuration("architecture", as: Architecture.self)
        network = residualUNet(
            widths: architecture.widths, blocks: architecture.blocks, factor: architecture.factor)
        layout = ParameterLayout(network)
        parameters = try Self.values(golden.file, layout, prefix: "")
        input = try golden.activation("golden/input")
        target = try golden.activation("golden/target")
    }

    private static func values(_ file: SafetensorsFile, _ layout: ParameterLayout, prefix: String) throws
        -> [Float]
    {
        try layout.entries.flatMap { entry in
            let name = entry.specification.name
            #expect(file.shape(of: prefix + name) == entry.specification.shape)
            let values = try file.values(of: prefix + name)
            return name.hasPrefix("tail.") ? values.map { -$0 } : values
        }
    }

    @Test func everyTensorIsUsed() {
        let names = layout.entries.map(\.specification.name)
        let others = ["input", "target", "output", "loss", "curve"].map { "golden/\($0)" }
        #expect(Set(golden.file.tensorNames) == Set(names + names.map { "golden/grad/\($0)" } + others))
        #expect(golden.file.metadata["loss"] == "l1")
    }

    /// The ways to compute it; the last is the rule's choice.
    private static let ways: [ConvolutionAlgorithm?] = [.im2col, .implicit, .winograd2, .winograd4, nil]

    /// Both PyTorch's sums and ours are plain.
    private func isPlain(_ algorithm: ConvolutionAlgorithm?) -> Bool { algorithm == .im2col || algorithm == .implicit }

    /// The root mean square error of what all layers together compute, relative to that: each adds its own, which is
    /// independent of the others'. The rule chooses among algorithms none of which is worse than F(4×4, 3×3).
    private func relativeError(_ algorithm: ConvolutionAlgorithm?) -> Double {
        let layers = network.nodes.count { $0.operation is Convolution }
        return Double(layers).squareRoot() * (algorithm ?? .winograd4).statedError
    }

    @Test(arguments: ways) func prediction(algorithm: ConvolutionAlgorithm?) throws {
        let expected = try golden.activation("golden/output")
        let found = try infer(network.computing(by: algorithm), [input], parameters: parameters, pool: pool)[0]
        #expect(found.shape == expected.shape)
        // The greatest of some thousand normal errors is 4 times their root mean square.
        let change = zip(expected.values, colors).map { $0 - $1 }
        let most = Float(4 * relativeError(algorithm) * rootMeanSquare(change))
        expectClose(
            found.values, expected.values, "prediction, \(algorithm?.rawValue ?? "chosen")",
            tolerance: isPlain(algorithm)
                ? Tolerance(absolute: 2e-6, relative: 2e-6) : Tolerance(absolute: most, relative: 1.2e-7))
    }

    /// What the network's change is added to.
    private var colors: [Float] {
        input.values.indices.filter { $0 % 4 < 3 }.map { input.values[$0] }
    }

    @Test(arguments: ways) func trainingCurveAndFirstGradients(algorithm: ConvolutionAlgorithm?) throws {
        let expected = try golden.file.values(of: "golden/curve")
        #expect(try golden.file.values(of: "golden/loss")[0] == expected[0])
        var steps = 0
        let found = try curve(algorithm) { gradients in
            if steps == 0 { try checkGradients(gradients, algorithm) }
            steps += 1
        }
        expectClose(
            found, expected, "training curve, \(algorithm?.rawValue ?? "chosen")",
            tolerance: isPlain(algorithm)
                ? Tolerance(absolute: 0, relative: 2e-6)
                : Tolerance(absolute: try spread(algorithm, expected), relative: Float(relativeError(algorithm))))
    }

    /// How far training strays when gradients have the error of this algorithm. AdamW moves a parameter by the learning rate
    /// however small its gradient is, so errors that change the sign of one show.
    private func spread(_ algorithm: ConvolutionAlgorithm?, _ expected: [Float]) throws -> Float {
        let share = 2.0.squareRoot() * relativeError(algorithm)
        let distances = try (UInt64(0)..<4).map { seed in
            var generator = SeededGenerator(seed: seed, path: 105)
            let strayed = try curve(.im2col) { gradients in
                for entry in layout.entries {
                    let error = share * rootMeanSquare(Array(gradients[entry.range]))
                    for index in entry.range { gradients[index] += Float(error * generator.normal()) }
                }
            }
            return zip(strayed, expected).map { abs($0 - $1) }.max() ?? 0
        }
        // The same error in another direction takes another way, but of that order.
        return 3 * (distances.max() ?? 0)
    }

    /// The losses of training.
    ///
    /// - Parameter adjust: sees and may change the gradients of every step.
    private func curve(
        _ algorithm: ConvolutionAlgorithm?, adjust: (inout [Float]) throws -> Void
    ) throws -> [Float] {
        let optimizer = try golden.configuration("optimizer", as: Optimizer.self)
        var parameters = parameters
        var adamW = RestoreNN.Optimizer.adamW(
            parameterCount: parameters.count, weightDecay: optimizer.weightDecay,
            settings: .init(beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon))
        let graph = TrainingGraph(network.computing(by: algorithm), loss: DifferenceLoss(.l1), name: "loss")
        let plan = try TrainingPlan(
            graph.network, inputShapes: [input.shape, target.shape], objective: graph.objective, pool: pool)
        var losses: [Float] = []
        for _ in 0..<optimizer.steps {
            plan.input(0).update(from: input.values, count: input.values.count)
            plan.input(1).update(from: target.values, count: target.values.count)
            plan.forward(parameters: parameters)
            losses.append(Float(plan.termValues[0]))
            var gradients = [Float](repeating: 0, count: parameters.count)
            plan.backward(weights: [1], parameters: parameters, parameterGradients: &gradients)
            try adjust(&gradients)
            adamW.update(&parameters, gradients: gradients, learningRate: optimizer.learningRate, pool: pool)
        }
        #expect(losses.count == optimizer.steps)
        return losses
    }

    private func checkGradients(_ found: [Float], _ algorithm: ConvolutionAlgorithm?) throws {
        let expected = try Self.values(golden.file, layout, prefix: "golden/grad/")
        for entry in layout.entries {
            let greatest = expected[entry.range].map(abs).max() ?? 0
            // The way back has as many layers as the way there.
            let share = isPlain(algorithm) ? 1e-5 : Float(4 * 2.0.squareRoot() * relativeError(algorithm))
            expectClose(
                found[entry.range], expected[entry.range],
                "gradient of \(entry.specification.name), \(algorithm?.rawValue ?? "chosen")",
                tolerance: Tolerance(absolute: share * greatest, relative: 1e-5))
        }
    }
}
