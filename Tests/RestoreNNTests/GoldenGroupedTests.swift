import RestoreNN
import TestSupport
import Testing

/// Every case of `Fixtures/golden/grouped.safetensors`: what PyTorch computes in double precision.
@Suite struct GoldenGroupedTests {
    private static let names: [String] = (try? GoldenFile("grouped.safetensors").file.metadata.keys.sorted()) ?? []
    private let golden: GoldenFile
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        golden = try GoldenFile("grouped.safetensors")
    }

    @Test func fileIsComplete() {
        #expect(Self.names.count == 22)
        let owners = Set(golden.file.tensorNames.map { String($0.prefix { $0 != "/" }) })
        #expect(owners == Set(Self.names))
    }

    @Test(arguments: names) func agrees(name: String) throws {
        let operation = try makeOperator(name)
        for specification in operation.parameters {
            #expect(golden.file.shape(of: "\(name)/\(specification.name)") == specification.shape)
        }
        let input = try golden.activation("\(name)/input.0")
        let parameters = try operation.parameters.flatMap { try golden.file.values(of: "\(name)/\($0.name)") }
        let network = network(of: operation)
        let expected = try golden.activation("\(name)/output")
        let inferred = try infer(network, [input], parameters: parameters, pool: pool)[0]
        #expect(inferred.shape == expected.shape)
        expectClose(inferred.values, expected.values, "\(name), inference")

        let result = try train(
            network, [input], parameters: parameters,
            outputGradients: [golden.activation("\(name)/grad_output")], pool: pool)
        expectSameBits(result.outputs[0].values, inferred.values, "\(name), training against inference")
        expectClose(
            result.inputGradients[0].values, try golden.activation("\(name)/grad_input.0").values,
            "\(name), gradient of the input")
        let gradients = try operation.parameters.flatMap {
            try golden.file.values(of: "\(name)/grad_\($0.name)")
        }
        expectClose(result.parameterGradients, gradients, "\(name), gradient of the parameters")
    }

    private func makeOperator(_ name: String) throws -> any Operator {
        let configuration = try golden.configuration(name, as: OperatorConfiguration.self)
        let weight = try #require(golden.file.shape(of: "\(name)/weight"))
        if configuration.op == "layerNormalization" {
            return LayerNormalization(channels: weight[0], epsilon: try configuration.value(\.epsilon))
        }
        #expect(configuration.op == "groupedConvolution")
        let groups = try configuration.value(\.groups)
        let padding = try configuration.value(\.padding)
        let (stride, dilation) = (try configuration.value(\.stride), try configuration.value(\.dilation))
        return GroupedConvolution(
            inputChannels: groups * weight[1], outputChannels: weight[0], groups: groups,
            kernel: Extent(height: weight[2], width: weight[3]), stride: Extent(height: stride[0], width: stride[1]),
            dilation: Extent(height: dilation[0], width: dilation[1]),
            padding: Padding(top: padding[0], bottom: padding[1], left: padding[2], right: padding[3]),
            paddingMode: try #require(PaddingMode(rawValue: try configuration.value(\.paddingMode))),
            hasBias: try configuration.value(\.bias))
    }
}
