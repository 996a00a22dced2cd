import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Every case of `Fixtures/golden/elementwise.safetensors`: what PyTorch computes in double precision.
@Suite struct GoldenElementwiseTests {
    private static let names: [String] =
        (try? GoldenFile("elementwise.safetensors").file.metadata.keys.sorted()) ?? []
    private let golden: GoldenFile
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        golden = try GoldenFile("elementwise.safetensors")
    }

    @Test func fileIsComplete() {
        #expect(Self.names.count == 55)
        let owners = Set(golden.file.tensorNames.map { String($0.prefix { $0 != "/" }) })
        #expect(owners == Set(Self.names))
    }

    @Test(arguments: names) func agrees(name: String) throws {
        let operation = try golden.configuration(name, as: ElementwiseConfiguration.self).makeOperator()
        let inputs = try (0..<2).map { "\(name)/input.\($0)" }.filter { golden.file.shape(of: $0) != nil }
            .map(golden.activation)
        let network = network(of: operation, inputCount: inputs.count)
        let tight = Tolerance(absolute: 1e-6, relative: 2e-6)

        let expected = try golden.activation("\(name)/output")
        let inferred = try infer(network, inputs, pool: pool)[0]
        #expect(inferred.shape == expected.shape)
        expectClose(inferred.values, expected.values, "\(name), inference", tolerance: tight)

        let result = try train(
            network, inputs, outputGradients: [golden.activation("\(name)/grad_output")], pool: pool)
        expectSameBits(result.outputs[0].values, inferred.values, "\(name), training against inference")
        for (index, gradient) in result.inputGradients.enumerated() {
            let expected = try golden.activation("\(name)/grad_input.\(index)")
            expectClose(gradient.values, expected.values, "\(name), gradient of input \(index)", tolerance: tight)
        }
    }
}
