import RestoreConcurrency
import RestoreNN

/// Inference. The input is written once for a burst of runs, since no peer includes the copy in its time. A run of
/// several layers reuses its memory, so later runs of a burst process other numbers of the same magnitude.
final class ForwardRunner: CaseRunner {
    private let plan: InferencePlan
    private let input: Tensor

    init(_ benchmark: BenchmarkCase, pool: WorkerPool) throws {
        plan = try InferencePlan(
            benchmark.network, inputShapes: [benchmark.inputShape], parameters: benchmark.parameters(), pool: pool)
        input = benchmark.values(benchmark.inputShape, of: "input")
    }

    func reset() {
        plan.input(0).write(input)
    }

    func run() {
        plan.run()
    }

    func tensors() -> [SafetensorsFile.NamedTensor] {
        reset()
        run()
        return [input.named("input"), plan.output(0).tensor(plan.outputShapes[0]).named("expected/output")]
    }
}

/// Inference of a whole network on one image as in `restore`: in bands. The time includes copying input and output.
final class PictureRunner: CaseRunner {
    private let plan: BandedPlan
    private let input: Tensor
    private var output: Tensor

    init(_ benchmark: BenchmarkCase, pool: WorkerPool) throws {
        plan = try BandedPlan(
            benchmark.network, inputShapes: [benchmark.inputShape], parameters: benchmark.parameters(), pool: pool)
        input = benchmark.values(benchmark.inputShape, of: "input")
        output = Tensor(zeros: plan.outputShapes[0])
    }

    func reset() {}

    func run() {
        let line = input.shape.width * input.shape.channels
        let outputLine = output.shape.width * output.shape.channels
        input.values.withUnsafeBufferPointer { input in
            output.values.withUnsafeMutableBufferPointer { output in
                guard let input = input.baseAddress, let output = output.baseAddress else { return }
                plan.run(
                    fill: { _, rows, values in
                        values.update(from: input + rows.lowerBound * line, count: rows.count * line)
                    },
                    store: { _, rows, values in
                        (output + rows.lowerBound * outputLine).update(from: values, count: rows.count * outputLine)
                    })
            }
        }
    }

    func tensors() -> [SafetensorsFile.NamedTensor] {
        run()
        return [input.named("input"), output.named("expected/output")]
    }
}

/// Gradients of one layer's input and weights.
final class BackwardRunner: CaseRunner {
    private let plan: TrainingPlan
    private let parameters: Parameters
    private let input: Tensor
    private let outputGradient: Tensor
    private var gradients: [Float]

    init(_ benchmark: BenchmarkCase, pool: WorkerPool) throws {
        plan = try TrainingPlan(
            benchmark.network, inputShapes: [benchmark.inputShape], pool: pool, needsInputGradients: true)
        parameters = benchmark.parameters()
        input = benchmark.values(benchmark.inputShape, of: "input")
        outputGradient = benchmark.values(plan.outputShapes[0], of: "output gradient")
        gradients = [Float](repeating: 0, count: parameters.values.count)
        plan.input(0).write(input)
        parameters.values.withUnsafeBufferPointer { values in
            if let values = values.baseAddress { plan.forward(parameters: values) }
        }
    }

    func reset() {
        for i in gradients.indices { gradients[i] = 0 }
        plan.outputGradient(0).write(outputGradient)
    }

    func run() {
        parameters.values.withUnsafeBufferPointer { values in
            gradients.withUnsafeMutableBufferPointer { gradients in
                guard let values = values.baseAddress, let gradients = gradients.baseAddress else { return }
                plan.backward(parameters: values, parameterGradients: gradients)
            }
        }
    }

    func tensors() -> [SafetensorsFile.NamedTensor] {
        reset()
        run()
        return [
            input.named("input"), outputGradient.named("output_gradient"),
            plan.inputGradient(0).tensor(input.shape).named("expected/input_gradient"),
        ] + named(gradients, parameters.layout)
    }
}

/// A training step as in `Trainer`, on a batch that is already in memory: forward, loss, backward, clipping, AdamW,
/// average.
final class TrainingRunner: CaseRunner {
    private let plan: TrainingPlan
    private let pool: WorkerPool
    private let input: Tensor
    private let target: Tensor
    private var parameters: Parameters
    private var gradients: [Float]
    private var optimizer: Optimizer
    private var average: ExponentialMovingAverage

    init(_ benchmark: BenchmarkCase, pool: WorkerPool) throws {
        self.pool = pool
        let graph = TrainingGraph(benchmark.network, loss: DifferenceLoss(.l1), name: "loss")
        let output = try benchmark.network.shapes(inputs: [benchmark.inputShape])[benchmark.network.outputs[0].index]
        plan = try TrainingPlan(
            graph.network, inputShapes: [benchmark.inputShape, output], objective: graph.objective, pool: pool)
        input = benchmark.values(benchmark.inputShape, of: "input")
        target = benchmark.values(plan.outputShapes[0], of: "target")
        parameters = benchmark.parameters()
        let count = parameters.values.count
        gradients = [Float](repeating: 0, count: count)
        // The settings of `restore train denoise`.
        optimizer = Optimizer(
            ParameterGroups(parameters.layout, method: .adamW), settings: .init(beta1: 0.9, beta2: 0.95))
        average = ExponentialMovingAverage(decay: 0.999, values: parameters.values)
        plan.input(0).write(input)
        plan.input(1).write(target)
    }

    func reset() {}

    func run() {
        _ = gradientsOfLoss()
        _ = clipGradientNorm(&gradients, maximum: 1, pool: pool)
        optimizer.update(&parameters.values, gradients: gradients, learningRate: 2e-3, pool: pool)
        average.update(parameters.values, pool: pool)
    }

    private func gradientsOfLoss() -> Double {
        for i in gradients.indices { gradients[i] = 0 }
        return parameters.values.withUnsafeBufferPointer { values in
            gradients.withUnsafeMutableBufferPointer { gradients in
                guard let values = values.baseAddress, let gradients = gradients.baseAddress else { return .nan }
                plan.forward(parameters: values)
                plan.backward(weights: [1], parameters: values, parameterGradients: gradients)
                return plan.termValues[0]
            }
        }
    }

    /// Loss and gradients of the first step, and the loss before each of the following ones.
    func tensors() -> [SafetensorsFile.NamedTensor] {
        let first = gradientsOfLoss()
        let firstGradients = named(gradients, parameters.layout)
        var curve = [Float(first)]
        for _ in 0..<3 {
            run()
            curve.append(Float(gradientsOfLoss()))
        }
        return [
            input.named("input"), target.named("target"),
            SafetensorsFile.NamedTensor(name: "expected/curve", shape: [curve.count], values: curve),
        ] + firstGradients
    }
}

/// The gradient of each parameter, under the parameter's name.
private func named(_ gradients: [Float], _ layout: ParameterLayout) -> [SafetensorsFile.NamedTensor] {
    layout.entries.map { entry in
        SafetensorsFile.NamedTensor(
            name: "expected/grad/\(entry.specification.name)", shape: entry.specification.shape,
            values: Array(gradients[entry.range]))
    }
}
