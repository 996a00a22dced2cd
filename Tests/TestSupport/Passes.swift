import RestoreConcurrency
import RestoreNN

/// A network of one operator on one to four inputs of its own.
package func network(of operation: some Operator, inputCount: Int = 1) -> Network {
    network(of: operation, reading: Array(0..<inputCount))
}

/// A network of one operator that reads the network's inputs of these numbers, one to four of them, in this order.
package func network(of operation: some Operator, reading order: [Int]) -> Network {
    var network = Network()
    let inputs = (0...(order.max() ?? 0)).map { network.input("input.\($0)") }
    let read = order.map { inputs[$0] }
    let value =
        switch read.count {
        case 1: network.add("operator", operation, read[0])
        case 2: network.add("operator", operation, read[0], read[1])
        case 3: network.add("operator", operation, read[0], read[1], read[2])
        default: network.add("operator", operation, read[0], read[1], read[2], read[3])
        }
    network.output(value)
    return network
}

/// Outputs of an inference plan made for these inputs.
package func infer(
    _ network: Network, _ inputs: [Tensor], parameters: [Float] = [], pool: WorkerPool
) throws -> [Tensor] {
    let plan = try InferencePlan(
        network, inputShapes: inputs.map(\.shape),
        parameters: Parameters(layout: ParameterLayout(network), values: parameters), pool: pool)
    return plan.run(inputs)
}

/// What one forward and backward pass gives.
package struct TrainingResult: Equatable {
    package var outputs: [Tensor]
    package var inputGradients: [Tensor]
    package var parameterGradients: [Float]

    package init(outputs: [Tensor], inputGradients: [Tensor], parameterGradients: [Float]) {
        self.outputs = outputs
        self.inputGradients = inputGradients
        self.parameterGradients = parameterGradients
    }
}

/// Forward and backward pass of a training plan made for these inputs, whose memory is filled with NaN before each
/// pass: what an operator reads without having written it shows.
///
/// - Parameters:
///   - outputGradients: those that arrive; the outputs alone are computed where they are nil.
///   - accumulated: the parameter gradients before; zeros unless given.
///   - rounds: how often `backward` is called.
package func train(
    _ network: Network, _ inputs: [Tensor], parameters: [Float] = [], outputGradients: [Tensor]? = nil,
    accumulated: [Float]? = nil, rounds: Int = 1, pool: WorkerPool
) throws -> TrainingResult {
    let plan = try TrainingPlan(
        network, inputShapes: inputs.map(\.shape), pool: pool, needsInputGradients: outputGradients != nil)
    plan.poison()
    for (index, tensor) in inputs.enumerated() {
        plan.input(index).update(from: tensor.values, count: tensor.values.count)
    }
    plan.forward(parameters: parameters)
    let outputs = plan.outputShapes.enumerated().map { index, shape in
        copy(plan.output(index), shape)
    }
    guard let outputGradients else {
        return TrainingResult(outputs: outputs, inputGradients: [], parameterGradients: [])
    }
    var gradients = accumulated ?? [Float](repeating: 0, count: parameters.count)
    for _ in 0..<rounds {
        plan.poisonGradients()
        for (index, tensor) in outputGradients.enumerated() {
            plan.outputGradient(index).update(from: tensor.values, count: tensor.values.count)
        }
        plan.backward(parameters: parameters, parameterGradients: &gradients)
    }
    return TrainingResult(
        outputs: outputs, inputGradients: inputs.enumerated().map { copy(plan.inputGradient($0), $1.shape) },
        parameterGradients: gradients)
}

private func copy(_ values: UnsafePointer<Float>, _ shape: Shape) -> Tensor {
    Tensor(shape: shape, values: Array(UnsafeBufferPointer(start: values, count: shape.count)))
}
