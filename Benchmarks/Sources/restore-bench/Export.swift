import Foundation
import RestoreNN

/// A network as a list of nodes, for programs not written in Swift.
private struct ExportedCase: Encodable {
    let name: String
    let work: Work
    let operations: Int
    let nodes: [ExportedNode]
    let output: Int
}

/// A node: its name, its operator, the indices of the nodes that it reads, and the operator's settings.
private struct ExportedNode: Encodable {
    let name: String
    let operation: String
    let inputs: [Int]
    /// Images, rows, columns, channels of the output.
    let shape: [Int]
    var kernel: [Int]?
    var stride: [Int]?
    var padding: [Int]?
    var hasBias: Bool?
    var factor: Int?
    var channels: [Int]?
}

enum ExportError: Error {
    case unknownOperator(node: String, kind: String)
}

/// Writes `case.json`, the network, and `case.safetensors`: its parameters, the input, and our results.
func export(_ benchmark: BenchmarkCase, runner: any CaseRunner, to folder: String) throws {
    let network = benchmark.network
    let shapes = try network.shapes(inputs: [benchmark.inputShape])
    let nodes = try zip(network.nodes, shapes).map { try exported($0, shape: $1) }
    let description = ExportedCase(
        name: benchmark.name, work: benchmark.work, operations: try benchmark.operations(), nodes: nodes,
        output: network.outputs[0].index)
    let tensors = SafetensorsFile.tensors(benchmark.parameters()) + runner.tensors()
    let place = URL(fileURLWithPath: folder, isDirectory: true)
    try JSONEncoder().encode(description).write(to: place.appendingPathComponent("case.json"))
    try Data(SafetensorsFile.serialize(tensors)).write(to: place.appendingPathComponent("case.safetensors"))
}

private func exported(_ node: Network.Node, shape: Shape) throws -> ExportedNode {
    func made(_ operation: String) -> ExportedNode {
        ExportedNode(
            name: node.name, operation: operation, inputs: node.inputs.map(\.index),
            shape: [shape.batch, shape.height, shape.width, shape.channels])
    }
    switch node.operation {
    case nil:
        return made("input")
    case let convolution as Convolution:
        var result = made("convolution")
        result.kernel = [convolution.kernel.height, convolution.kernel.width]
        result.stride = [convolution.stride.height, convolution.stride.width]
        result.padding = [convolution.padding.top, convolution.padding.left]
        result.hasBias = convolution.hasBias
        return result
    case let convolution as TransposedConvolution:
        var result = made("transposed_convolution")
        result.kernel = [convolution.kernel.height, convolution.kernel.width]
        result.stride = [convolution.stride.height, convolution.stride.width]
        result.padding = [convolution.padding.height, convolution.padding.width]
        result.hasBias = convolution.hasBias
        return result
    case let operation as PixelShuffle:
        var result = made("pixel_shuffle")
        result.factor = operation.factor
        return result
    case let operation as PixelUnshuffle:
        var result = made("pixel_unshuffle")
        result.factor = operation.factor
        return result
    case let operation as Slice:
        var result = made("slice")
        result.channels = [operation.channels.lowerBound, operation.channels.upperBound]
        return result
    case let operation as Activation where operation.function == .relu:
        return made("relu")
    case is Add:
        return made("add")
    case .some(let operation):
        throw ExportError.unknownOperator(node: node.name, kind: operation.kind)
    }
}
