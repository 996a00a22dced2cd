import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// What a training plan does with the shape of a network, whatever its operators.
@Suite struct TrainingPlanTests {
    private let pool = WorkerPool(workerCount: 2)
    private let shape = Shape(batch: 1, height: 4, width: 6, channels: 2)

    private func convolution() -> Convolution {
        Convolution(inputChannels: 2, outputChannels: 2, kernel: 3, padding: 1)
    }

    /// A branch that leads to no output has no part in the gradients, wherever it branches off.
    @Test func aBranchThatLeadsNowhereChangesNothing() throws {
        func network(withBranch: Bool) -> Network {
            var network = Network()
            let x = network.input("x")
            let a = network.add("a", convolution(), x)
            network.output(network.add("b", Activation(.tanh), a))
            if withBranch {
                let c = network.add("c", convolution(), a)
                _ = network.add("d", Add(), network.add("e", Activation(.silu), c), x)
            }
            return network
        }
        var generator = SeededGenerator(seed: 81)
        let input = generator.tensor(shape)
        let gradient = generator.tensor(shape)
        let (plain, branched) = (network(withBranch: false), network(withBranch: true))
        let parameters = randomParameters(branched, seed: 81)
        let count = ParameterLayout(plain).count
        let expected = try train(
            plain, [input], parameters: Array(parameters.prefix(count)), outputGradients: [gradient],
            pool: pool)
        let found = try train(
            branched, [input], parameters: parameters, outputGradients: [gradient], pool: pool)
        #expect(found.outputs == expected.outputs)
        #expect(found.inputGradients == expected.inputGradients)
        #expect(Array(found.parameterGradients.prefix(count)) == expected.parameterGradients)
        #expect(found.parameterGradients.dropFirst(count).allSatisfy { $0 == 0 })
    }

    /// An input that is named late keeps its gradient to the end, though operators work after it is complete; so does one
    /// that is an output as well.
    @Test(arguments: [false, true]) func anInputMayComeLate(isOutput: Bool) throws {
        var network = Network()
        var value = network.input("x")
        for layer in 0..<4 { value = network.add("layer.\(layer)", convolution(), value) }
        let late = network.input("late")
        network.output(network.add("sum", Add(), value, late))
        if isOutput { network.output(late) }
        var generator = SeededGenerator(seed: 82)
        let inputs = [generator.tensor(shape), generator.tensor(shape)]
        let gradients = network.outputs.map { _ in generator.tensor(shape) }
        let result = try train(
            network, inputs, parameters: randomParameters(network, seed: 82), outputGradients: gradients,
            pool: pool)
        var expected = gradients[0].values
        if isOutput {
            #expect(result.outputs[1] == inputs[1])
            expected = zip(gradients[1].values, expected).map(+)
        }
        expectSameBits(result.inputGradients[1].values, expected, "gradient of the late input")
    }

    @Test func parameterGradientsDoNotDependOnWhetherThoseOfInputsAreAskedFor() throws {
        let network = networkOfAllOperators(height: 12, width: 16)
        var generator = SeededGenerator(seed: 83)
        let input = generator.tensor(Shape(batch: 2, height: 12, width: 16, channels: 4))
        let parameters = randomParameters(network, seed: 83)
        let outputs = try train(network, [input], parameters: parameters, pool: pool).outputs
        let gradients = outputs.map { generator.tensor($0.shape) }
        let expected = try train(
            network, [input], parameters: parameters, outputGradients: gradients, pool: pool)
        let plan = try TrainingPlan(network, inputShapes: [input.shape], pool: pool)
        plan.input(0).update(from: input.values, count: input.values.count)
        plan.forward(parameters: parameters)
        for (index, gradient) in gradients.enumerated() {
            plan.outputGradient(index).update(from: gradient.values, count: gradient.values.count)
        }
        var found = [Float](repeating: 0, count: parameters.count)
        plan.backward(parameters: parameters, parameterGradients: &found)
        expectSameBits(found, expected.parameterGradients, "without gradients of inputs")
    }

    /// A plan is used for many steps: nothing of the step before may show.
    @Test func aPlanForgetsTheStepBefore() throws {
        let network = networkOfAllOperators(height: 8, width: 8)
        let shape = Shape(batch: 2, height: 8, width: 8, channels: 4)
        let plan = try TrainingPlan(network, inputShapes: [shape], pool: pool, needsInputGradients: true)
        for step in UInt64(0)..<3 {
            var generator = SeededGenerator(seed: 84, path: step)
            let input = generator.tensor(shape)
            let parameters = randomParameters(network, seed: step)
            let gradients = plan.outputShapes.map { generator.tensor($0) }
            let fresh = try train(
                network, [input], parameters: parameters, outputGradients: gradients, pool: pool)
            plan.input(0).update(from: input.values, count: input.values.count)
            plan.forward(parameters: parameters)
            for (index, gradient) in gradients.enumerated() {
                plan.outputGradient(index).update(from: gradient.values, count: gradient.values.count)
            }
            var found = [Float](repeating: 0, count: parameters.count)
            plan.backward(parameters: parameters, parameterGradients: &found)
            expectSameBits(found, fresh.parameterGradients, "step \(step)")
            let inputGradient = Array(UnsafeBufferPointer(start: plan.inputGradient(0), count: shape.count))
            expectSameBits(inputGradient, fresh.inputGradients[0].values, "step \(step), input")
        }
    }

    @Test func aNetworkWithoutParametersCanBeTrained() throws {
        var network = Network()
        let x = network.input("x")
        network.output(network.add("twice", Add(), x, x))
        var generator = SeededGenerator(seed: 85)
        let input = generator.tensor(shape)
        let result = try train(network, [input], outputGradients: [input], pool: pool)
        expectSameBits(result.inputGradients[0].values, input.values.map { 2 * $0 }, "x + x")
    }
}
