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

    @Test func prediction() throws {
        let expected = try golden.activation("golden/output")
        let found = try infer(network, [input], parameters: parameters, pool: pool)[0]
        #expect(found.shape == expected.shape)
        expectClose(
            found.values, expected.values, "prediction", tolerance: Tolerance(absolute: 2e-6, relative: 2e-6))
    }

    @Test func trainingCurveAndFirstGradients() throws {
        let optimizer = try golden.configuration("optimizer", as: Optimizer.self)
        let curve = try golden.file.values(of: "golden/curve")
        #expect(curve.count == optimizer.steps)
        var parameters = parameters
        var adamW = AdamW(
            parameterCount: parameters.count,
            settings: AdamW.Settings(
                beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon,
                weightDecay: optimizer.weightDecay))
        let plan = try TrainingPlan(network, inputShapes: [input.shape], pool: pool)
        var losses: [Float] = []
        for step in 0..<optimizer.steps {
            plan.input(0).update(from: input.values, count: input.values.count)
            plan.forward(parameters: parameters)
            losses.append(
                Float(
                    Loss.l1.evaluate(
                        prediction: plan.output(0), target: target.values, count: target.values.count,
                        gradient: plan.outputGradient(0), pool: pool)))
            var gradients = [Float](repeating: 0, count: parameters.count)
            plan.backward(parameters: parameters, parameterGradients: &gradients)
            if step == 0 { try checkGradients(gradients) }
            adamW.update(&parameters, gradients: gradients, learningRate: optimizer.learningRate, pool: pool)
        }
        expectClose(losses, curve, "training curve", tolerance: Tolerance(absolute: 0, relative: 2e-6))
        #expect(try golden.file.values(of: "golden/loss")[0] == curve[0])
    }

    private func checkGradients(_ found: [Float]) throws {
        let expected = try Self.values(golden.file, layout, prefix: "golden/grad/")
        for entry in layout.entries {
            let greatest = expected[entry.range].map(abs).max() ?? 0
            expectClose(
                found[entry.range], expected[entry.range], "gradient of \(entry.specification.name)",
                tolerance: Tolerance(absolute: 1e-5 * greatest, relative: 1e-5))
        }
    }
}
