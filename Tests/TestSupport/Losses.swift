import RestoreConcurrency
import RestoreNN

/// A loss of values in one row of each example, and its gradient by the first input.
///
/// - Parameters:
///   - inputs: the prediction, the target, and what else the loss takes; as many values each.
///   - examples: pictures of the batch.
///   - weight: of the loss in the objective.
package func evaluate(
    _ loss: some LossOperator, _ inputs: [Float]..., examples: Int = 1, weight: Double = 1, pool: WorkerPool
) throws -> (value: Double, gradient: [Float]) {
    let shape = Shape(batch: examples, height: 1, width: inputs[0].count / examples, channels: 1)
    let tensors = inputs.map { Tensor(shape: shape, values: $0) }
    let (value, gradients) = try evaluate(loss, tensors, weight: weight, pool: pool)
    return (value, gradients[0].values)
}

/// A loss of inputs of any shapes, and its gradients by all of them.
///
/// - Parameter weight: of the loss in the objective.
package func evaluate(
    _ loss: some LossOperator, _ inputs: [Tensor], weight: Double = 1, pool: WorkerPool
) throws -> (value: Double, gradients: [Tensor]) {
    let network = network(of: loss, inputCount: inputs.count)
    let plan = try TrainingPlan(
        network, inputShapes: inputs.map(\.shape), objective: Objective([.init("loss", network.outputs[0])]),
        pool: pool, needsInputGradients: true)
    for (index, tensor) in inputs.enumerated() {
        plan.input(index).update(from: tensor.values, count: tensor.values.count)
    }
    plan.forward(parameters: [])
    var none: [Float] = []
    plan.backward(weights: [weight], parameters: [], parameterGradients: &none)
    let gradients = inputs.enumerated().map { index, tensor in
        Tensor(
            shape: tensor.shape,
            values: Array(UnsafeBufferPointer(start: plan.inputGradient(index), count: tensor.values.count)))
    }
    return (plan.termValues[0], gradients)
}
