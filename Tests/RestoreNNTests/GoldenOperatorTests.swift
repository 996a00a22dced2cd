import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Every case of `Fixtures/golden/operators.safetensors`: what PyTorch computes in double precision.
@Suite struct GoldenOperatorTests {
    private static let names: [String] =
        (try? GoldenFile("operators.safetensors").file.metadata.keys.sorted()) ?? []
    private let golden: GoldenFile
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        golden = try GoldenFile("operators.safetensors")
    }

    @Test func fileIsComplete() {
        #expect(Self.names.count == 85)
        let owners = Set(golden.file.tensorNames.map { String($0.prefix { $0 != "/" }) })
        #expect(owners == Set(Self.names))
    }

    @Test(arguments: names) func agrees(name: String) throws {
        let configuration = try golden.configuration(name, as: OperatorConfiguration.self)
        switch configuration.op {
        case "l1": try checkLoss(name, .l1)
        case "l2": try checkLoss(name, .l2)
        case "charbonnier": try checkLoss(name, .charbonnier(epsilon: configuration.value(\.epsilon)))
        case "adamw": try checkAdamW(name, configuration)
        default: try checkOperator(name, configuration.makeOperator(case: name, golden.file))
        }
    }

    private func checkOperator(_ name: String, _ operation: any Operator) throws {
        let file = golden.file
        let inputs = try (0..<3).map { "\(name)/input.\($0)" }.filter { file.shape(of: $0) != nil }
            .map(golden.activation)
        let parameters = try operation.parameters.flatMap { try file.values(of: "\(name)/\($0.name)") }
        for specification in operation.parameters {
            #expect(file.shape(of: "\(name)/\(specification.name)") == specification.shape)
        }
        for algorithm in operation.parameters.isEmpty ? [nil] : ConvolutionAlgorithm.allCases + [nil] {
            let network = network(of: operation, inputCount: inputs.count).computing(by: algorithm)
            try checkNetwork(
                "\(name), \(algorithm?.rawValue ?? "chosen")", case: name, network, inputs, parameters,
                error: (algorithm ?? .winograd4).statedError)
        }
    }

    private func checkNetwork(
        _ configuration: String, case name: String, _ network: Network, _ inputs: [Tensor], _ parameters: [Float],
        error: Double
    ) throws {
        /// Ten times the root mean square error that is stated: few values of few are as far away.
        func compare(_ found: [Float], _ expected: [Float], _ what: String) {
            let absolute = max(1e-5, Float(10 * error * rootMeanSquare(expected)))
            expectClose(
                found, expected, "\(configuration), \(what)", tolerance: Tolerance(absolute: absolute, relative: 1e-5))
        }
        let expected = try output("\(name)/output")
        let inferred = try infer(network, inputs, parameters: parameters, pool: pool)[0]
        #expect(inferred.shape == expected.shape)
        compare(inferred.values, expected.values, "inference")

        let result = try train(
            network, inputs, parameters: parameters, outputGradients: [output("\(name)/grad_output")],
            pool: pool)
        expectSameBits(result.outputs[0].values, inferred.values, "\(configuration), training against inference")
        for (index, gradient) in result.inputGradients.enumerated() {
            let expected = try golden.activation("\(name)/grad_input.\(index)")
            compare(gradient.values, expected.values, "gradient of input \(index)")
        }
        let names = network.nodes.compactMap(\.operation).flatMap(\.parameters).map(\.name)
        let gradients = try names.flatMap { try golden.file.values(of: "\(name)/grad_\($0)") }
        compare(result.parameterGradients, gradients, "gradient of the parameters")
    }

    /// A dense layer's output is N×O in the file and N×1×1×O here.
    private func output(_ name: String) throws -> Tensor {
        guard let shape = golden.file.shape(of: name), shape.count == 2 else {
            return try golden.activation(name)
        }
        return tensor(nchw: shape + [1, 1], values: try golden.file.values(of: name))
    }

    private func checkLoss(_ name: String, _ measure: DifferenceLoss.Measure) throws {
        let prediction = try golden.file.values(of: "\(name)/input.0")
        let target = try golden.file.values(of: "\(name)/input.1")
        let (value, gradient) = try evaluate(DifferenceLoss(measure), prediction, target, pool: pool)
        let tight = Tolerance(absolute: 1e-8, relative: 1e-6)
        expectClose([Float(value)], try golden.file.values(of: "\(name)/output"), name, tolerance: tight)
        expectClose(
            gradient, try golden.file.values(of: "\(name)/grad_input.0"), "\(name), gradient",
            tolerance: tight)
    }

    private func checkAdamW(_ name: String, _ configuration: OperatorConfiguration) throws {
        var parameters = try golden.file.values(of: "\(name)/input.0")
        var optimizer = Optimizer.adamW(
            parameterCount: parameters.count, weightDecay: try configuration.value(\.weightDecay),
            settings: .init(
                beta1: try configuration.value(\.beta1), beta2: try configuration.value(\.beta2),
                epsilon: try configuration.value(\.epsilon)))
        for step in 0..<(try configuration.value(\.steps)) {
            optimizer.update(
                &parameters, gradients: try golden.file.values(of: "\(name)/grad.\(step)"),
                learningRate: try configuration.value(\.learningRate), pool: pool)
            expectClose(
                parameters, try golden.file.values(of: "\(name)/output.\(step)"),
                "\(name), step \(step)", tolerance: Tolerance(absolute: 1e-6, relative: 1e-6))
        }
        #expect(optimizer.step == 5)
    }
}
