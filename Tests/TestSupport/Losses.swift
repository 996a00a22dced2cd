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
    let network = network(of: loss, inputCount: inputs.count)
    let plan = try TrainingPlan(
        network, inputShapes: inputs.map { _ in shape }, objective: Objective([.init("loss", network.outputs[0])]),
        pool: pool, needsInputGradients: true)
    for (index, values) in inputs.enumerated() { plan.input(index).update(from: values, count: values.count) }
    plan.forward(parameters: [])
    var none: [Float] = []
    plan.backward(weights: [weight], parameters: [], parameterGradients: &none)
    return (plan.termValues[0], Array(UnsafeBufferPointer(start: plan.inputGradient(0), count: shape.count)))
}
