import RestoreConcurrency
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// Every case of `Fixtures/golden/autoencoders.safetensors`: what PyTorch has each kind of autoencoder minimize, and the
/// gradients of that.
@Suite struct GoldenAutoencoderTests {
    private static let names: [String] =
        (try? GoldenFile("autoencoders.safetensors").file.metadata.keys.sorted()) ?? []
    private let golden: GoldenFile
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        golden = try GoldenFile("autoencoders.safetensors")
    }

    private func configuration(_ name: String) throws -> AutoencoderConfiguration {
        var settings = try golden.configuration(name, as: [String: String].self)
        var configuration = AutoencoderConfiguration()
        // It sets the others, and so does the sparsity its weight.
        for key in ["kind", "sparsity"] {
            if let value = settings.removeValue(forKey: key) { try configuration.read(option: key, value) }
        }
        (configuration.pictureSize, configuration.codeSize) = (4, 5)
        if !configuration.hidden.isEmpty { configuration.hidden = [7, 6] }
        for (key, value) in settings { try configuration.read(option: key, value) }
        return configuration
    }

    @Test func everyKindIsThere() throws {
        let kinds = try Self.names.map { try configuration($0).kind }
        #expect(Set(kinds) == Set(AutoencoderArchitecture.Kind.allCases) && Self.names.count == 14)
    }

    @Test(arguments: names) func lossesAndGradientsAgree(name: String) throws {
        let graph = try configuration(name).graph()
        let layout = ParameterLayout(graph.network)
        let parameters = try layout.entries.flatMap { entry in
            let key = "\(name)/weight.\(entry.specification.name)"
            #expect(golden.file.shape(of: key) == entry.specification.shape, "\(key)")
            return try golden.file.values(of: key)
        }
        let inputs = try graph.network.inputs.map {
            try golden.activation("\(name)/input.\(graph.network.nodes[$0.index].name)")
        }
        let plan = try TrainingPlan(
            graph.network, inputShapes: inputs.map(\.shape), objective: graph.objective, pool: pool)
        for (index, tensor) in inputs.enumerated() {
            plan.input(index).update(from: tensor.values, count: tensor.values.count)
        }
        plan.forward(parameters: parameters)
        for (term, value) in zip(graph.objective.terms, plan.termValues) {
            expectClose(
                [Float(value)], try golden.file.values(of: "\(name)/term.\(term.name)"), "\(name), \(term.name)",
                tolerance: Tolerance(absolute: 1e-6, relative: 2e-6))
        }
        var gradient = [Float](repeating: 0, count: layout.count)
        plan.backward(
            weights: graph.objective.weights(step: 0), parameters: parameters, parameterGradients: &gradient)
        for entry in layout.entries {
            let expected = try golden.file.values(of: "\(name)/grad.\(entry.specification.name)")
            let scale = expected.map(abs).max() ?? 0
            expectClose(
                Array(gradient[entry.range]), expected, "\(name), \(entry.specification.name)",
                tolerance: Tolerance(absolute: 1e-7 + 2e-6 * scale, relative: 1e-5))
        }
    }
}
