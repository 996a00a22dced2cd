import RestoreCUDA
import RestoreConcurrency
import RestoreNN
import RestoreTraining
import Testing

/// A graph whose model runs elsewhere trains as one that runs in one place. Here "elsewhere" is the processor too, so
/// that every bit can be compared on a machine without a GPU.
@Suite struct DividedTrainingTests {
    private let pool = WorkerPool(workerCount: 2)

    private func square(_ side: Int, _ channels: Int) -> Shape {
        Shape(batch: 2, height: side, width: side, channels: channels)
    }

    @Test func aDenoiserTrainsAlike() throws {
        var configuration = DenoiserConfiguration()
        (configuration.widths, configuration.blocks) = ([8, 8, 8], [1])
        configuration.noise = .photo
        let inputs = try configuration.architecture().inputChannels
        try check(configuration.graph(), [square(16, inputs), square(16, 3)])
    }

    /// Its objective has three terms, two outputs of the model and one value within it.
    @Test func aColorizerTrainsAlike() throws {
        var configuration = ColorizerConfiguration()
        (configuration.widths, configuration.blocks) = ([16, 16, 16], [1, 1, 1])
        try check(
            configuration.graph(),
            [square(16, 1), square(8, 2), square(4, 4), square(4, 4), square(4, 1), square(1, 1)])
    }

    @Test func theTextbooksColorizerTrainsAlike() throws {
        var configuration = ColorizerConfiguration()
        configuration.recipe = .textbook
        try check(configuration.graph(), [square(32, 1), square(32, 3)])
    }

    private func check(_ graph: TrainingGraph, _ shapes: [Shape]) throws {
        let whole = try TrainingPlan(graph.network, inputShapes: shapes, objective: graph.objective, pool: pool)
        let divided = try DividedTrainingPlan(graph, inputShapes: shapes, pool: pool) {
            try ProcessorModel($0, inputShapes: $1, pool: pool)
        }
        let parameters = Parameters(initializing: graph.network, seed: 5).values
        let weights = graph.objective.weights(step: 0)
        let zeros = [Float](repeating: 0, count: parameters.count)
        var gradients = [zeros, zeros]
        for (place, plan) in ([whole, divided] as [any TrainingExecution]).enumerated() {
            var generator = SeededGenerator(seed: 1)
            for (index, shape) in shapes.enumerated() {
                // A class for the input that has one value a picture.
                let isLabel = shape.count == shape.batch
                for value in 0..<shape.count { plan.input(index)[value] = isLabel ? 3 : Float(generator.uniform()) }
            }
            plan.forward(parameters: parameters)
            plan.backward(weights: weights, parameters: parameters, parameterGradients: &gradients[place])
            #expect(plan.failure == nil)
        }
        #expect(divided.termValues == whole.termValues)
        #expect(gradients[0].contains { $0 != 0 })
        #expect(gradients[1] == gradients[0])
    }

    @Test func aDeviceThatFailsIsNoticed() throws {
        var configuration = DenoiserConfiguration()
        (configuration.widths, configuration.blocks) = ([8, 8], [1])
        let shapes = [square(16, try configuration.architecture().inputChannels), square(16, 3)]
        let graph = try configuration.graph()
        let plan = try DividedTrainingPlan(graph, inputShapes: shapes, pool: pool) { _, _ in LostModel() }
        let parameters = Parameters(initializing: graph.network, seed: 5).values
        for (index, shape) in shapes.enumerated() { plan.input(index).update(repeating: 0, count: shape.count) }
        plan.forward(parameters: parameters)
        #expect(plan.failure is LostModel.Lost)
        #expect(plan.termValues.allSatisfy { $0.isNaN })
    }
}

/// A model on the processor.
private final class ProcessorModel: ModelPass {
    private let plan: TrainingPlan
    private let inputShapes: [Shape]
    private let parameterCount: Int
    private var parameters: [Float] = []

    init(_ network: Network, inputShapes: [Shape], pool: WorkerPool) throws {
        self.inputShapes = inputShapes
        plan = try TrainingPlan(network, inputShapes: inputShapes, pool: pool)
        parameterCount = ParameterLayout(network).count
    }

    func forward(
        inputs: [UnsafePointer<Float>], parameters values: UnsafePointer<Float>, outputs: [UnsafeMutablePointer<Float>]
    ) {
        parameters = Array(UnsafeBufferPointer(start: values, count: parameterCount))
        for (index, values) in inputs.enumerated() {
            plan.input(index).update(from: values, count: inputShapes[index].count)
        }
        plan.forward(parameters: parameters)
        for (index, values) in outputs.enumerated() {
            values.update(from: plan.output(index), count: plan.outputShapes[index].count)
        }
    }

    func backward(
        outputGradients: [UnsafePointer<Float>], parameterGradients values: UnsafeMutablePointer<Float>
    ) {
        for (index, gradient) in outputGradients.enumerated() {
            plan.outputGradient(index).update(from: gradient, count: plan.outputShapes[index].count)
        }
        values.update(repeating: 0, count: parameterCount)
        plan.backward(parameters: parameters, parameterGradients: values)
    }
}

/// A device that cannot be reached.
private final class LostModel: ModelPass {
    struct Lost: Error {}

    func forward(
        inputs: [UnsafePointer<Float>], parameters values: UnsafePointer<Float>, outputs: [UnsafeMutablePointer<Float>]
    ) throws {
        throw Lost()
    }

    func backward(
        outputGradients: [UnsafePointer<Float>], parameterGradients values: UnsafeMutablePointer<Float>
    ) throws {
        throw Lost()
    }
}
