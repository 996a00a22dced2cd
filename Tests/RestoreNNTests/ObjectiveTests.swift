import RestoreConcurrency
import RestoreNN
import TestSupport
import Testing

/// Training graphs with several inputs, outputs and weighted terms, shared parameters, and the subnetworks that ship.
@Suite struct ObjectiveTests {
    private let pool = WorkerPool(workerCount: 2)
    private let shape = Shape(batch: 3, height: 4, width: 5, channels: 2)

    /// Three inputs, two outputs, two weighted terms; the decoder's bias belongs to both branches.
    private func toy(withIdleOutput: Bool = false) -> TrainingGraph {
        var network = Network()
        let x = network.input("x")
        let y = network.input("y")
        let target = network.input("target")
        func convolution() -> Convolution { Convolution(inputChannels: 2, outputChannels: 2, kernel: 3, padding: 1) }
        let code = network.add("encoder.active", Activation(.tanh), network.add("encoder", convolution(), x))
        let a = network.add("a", convolution(), network.add("joined", Add(), code, y))
        let b = network.add("b", convolution(), code, sharing: ["bias": "a.bias"])
        let first = network.add("first", DifferenceLoss(.l2), a, target)
        let second = network.add("second", DifferenceLoss(.charbonnier(epsilon: 0.5)), b, y)
        var outputs = [a, b]
        if withIdleOutput { outputs.append(network.add("idle", convolution(), code)) }
        let objective = Objective([
            .init("first", first, weight: 0.7), .init("second", second, weight: 1.3),
        ])
        return TrainingGraph(network: network, objective: objective, modelOutputs: outputs)
    }

    private func plan(_ graph: TrainingGraph, _ inputs: [Tensor]) throws -> TrainingPlan {
        let plan = try TrainingPlan(
            graph.network, inputShapes: inputs.map(\.shape), objective: graph.objective, pool: pool,
            needsInputGradients: true)
        for (index, tensor) in inputs.enumerated() {
            plan.input(index).update(from: tensor.values, count: tensor.values.count)
        }
        return plan
    }

    private func gradients(
        _ graph: TrainingGraph, _ inputs: [Tensor], _ parameters: [Float], weights: [Double]
    ) throws -> (values: [Double], parameters: [Float], inputs: [[Float]]) {
        let plan = try plan(graph, inputs)
        plan.forward(parameters: parameters)
        var found = [Float](repeating: 0, count: parameters.count)
        plan.backward(weights: weights, parameters: parameters, parameterGradients: &found)
        let ofInputs = inputs.enumerated().map { index, tensor in
            Array(UnsafeBufferPointer(start: plan.inputGradient(index), count: tensor.values.count))
        }
        return (plan.termValues, found, ofInputs)
    }

    @Test func theWeightedSumPassesCentralDifferences() throws {
        let graph = toy()
        var generator = SeededGenerator(seed: 31)
        let inputs = (0..<3).map { _ in generator.tensor(shape) }
        let parameters = randomParameters(graph.network, seed: 31)
        let weights = graph.objective.weights(step: 0)
        #expect(weights == [0.7, 1.3])
        let found = try gradients(graph, inputs, parameters, weights: weights)

        func total(_ parameters: [Float], _ inputs: [Tensor]) throws -> Double {
            let values = try gradients(graph, inputs, parameters, weights: weights).values
            return zip(weights, values).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let step: Float = 0.01
        /// The product of many terms may be small by chance; an error is judged by the size of the gradient.
        func check(_ slope: Double, _ gradient: [Float], _ direction: [Float], _ what: String) {
            let expected = dot(gradient, direction)
            let error = abs(slope - expected)
            #expect(error < 1e-3 * norm(gradient), "\(what): \(slope), expected \(expected)")
        }
        let direction = generator.values(parameters.count)
        let ahead = try total(zip(parameters, direction).map { $0 + step * $1 }, inputs)
        let behind = try total(zip(parameters, direction).map { $0 - step * $1 }, inputs)
        check((ahead - behind) / Double(2 * step), found.parameters, direction, "parameters")
        for index in inputs.indices {
            let direction = generator.values(shape.count)
            func moved(_ step: Float) -> [Tensor] {
                var inputs = inputs
                inputs[index].values = zip(inputs[index].values, direction).map { $0 + step * $1 }
                return inputs
            }
            let slope = try total(parameters, moved(step)) - total(parameters, moved(-step))
            check(slope / Double(2 * step), found.inputs[index], direction, "input \(index)")
        }
    }

    /// The gradient of a sum is the sum of the gradients.
    @Test func termsAddUp() throws {
        let graph = toy()
        var generator = SeededGenerator(seed: 32)
        let inputs = (0..<3).map { _ in generator.tensor(shape) }
        let parameters = randomParameters(graph.network, seed: 32)
        let both = try gradients(graph, inputs, parameters, weights: [2, 0.5]).parameters
        let first = try gradients(graph, inputs, parameters, weights: [2, 0]).parameters
        let second = try gradients(graph, inputs, parameters, weights: [0, 0.5]).parameters
        #expect(first.contains { $0 != 0 } && second.contains { $0 != 0 })
        expectClose(both, zip(first, second).map(+), "sum of the terms", seed: 32)
    }

    /// An output that leads to no term is not trained, and what it reads gets no gradient from it.
    @Test func anOutputWithoutATermIsLeftAlone() throws {
        var generator = SeededGenerator(seed: 33)
        let inputs = (0..<3).map { _ in generator.tensor(shape) }
        let (plain, idle) = (toy(), toy(withIdleOutput: true))
        let parameters = randomParameters(idle.network, seed: 33)
        let count = ParameterLayout(plain.network).count
        let expected = try gradients(plain, inputs, Array(parameters.prefix(count)), weights: [1, 1])
        let found = try gradients(idle, inputs, parameters, weights: [1, 1])
        #expect(found.values == expected.values && found.inputs == expected.inputs)
        expectSameBits(Array(found.parameters.prefix(count)), expected.parameters, "beside an idle output")
        #expect(found.parameters.count > count && found.parameters.dropFirst(count).allSatisfy { $0 == 0 })
    }

    @Test func withoutAnObjectiveAnOutputMayNotComeTwice() throws {
        var network = Network()
        let value = network.add("active", Activation(.tanh), network.input("x"))
        network.output(value)
        network.output(value)
        #expect(throws: NetworkError.outputTwice(node: "active")) {
            try TrainingPlan(network, inputShapes: [shape], pool: pool)
        }
        let loss = network.add("loss", DifferenceLoss(.l1), value, network.input("target"))
        let plan = try TrainingPlan(
            network, inputShapes: [shape, shape], objective: Objective([.init("loss", loss)]), pool: pool)
        #expect(plan.outputShapes == [shape, shape])
    }

    @Test func aTermIsOneNumber() throws {
        var network = Network()
        let value = network.add("active", Activation(.tanh), network.input("x"))
        network.output(value)
        let error = #expect(throws: NetworkError.self) {
            try TrainingPlan(network, inputShapes: [shape], objective: Objective([.init("size", value)]), pool: pool)
        }
        #expect(error?.description.contains("the term size must be a single number") == true)
    }

    @Test func weightsWarmUp() {
        let weight = WeightSchedule(from: 0, to: 2, warmupSteps: 4)
        #expect((0...5).map { weight(step: $0) } == [0, 0.5, 1, 1.5, 2, 2])
        #expect(WeightSchedule(3)(step: 0) == 3 && WeightSchedule(from: 1, to: 2, warmupSteps: 0)(step: 0) == 2)
    }

    // MARK: Shared parameters

    /// A layer that is used twice has the gradient of both uses.
    @Test func sharedParametersGetTheGradientsOfAllTheirNodes() throws {
        func network(isShared: Bool) -> Network {
            var network = Network()
            let x = network.input("x")
            let layer = Convolution(inputChannels: 2, outputChannels: 2, kernel: 1)
            let a = network.add("a", layer, x)
            let sharing = isShared ? ["weight": "a.weight", "bias": "a.bias"] : [:]
            network.output(network.add("b", layer, a, sharing: sharing))
            return network
        }
        var generator = SeededGenerator(seed: 34)
        let (input, gradient) = (generator.tensor(shape), generator.tensor(shape))
        let shared = network(isShared: true)
        #expect(ParameterLayout(shared).entries.map(\.specification.name) == ["a.weight", "a.bias"])
        #expect(try shared.cost(inputs: [shape]).parameters == 6)
        let parameters = randomParameters(shared, seed: 34)
        let found = try train(shared, [input], parameters: parameters, outputGradients: [gradient], pool: pool)
        let apart = try train(
            network(isShared: false), [input], parameters: parameters + parameters, outputGradients: [gradient],
            pool: pool)
        #expect(found.outputs == apart.outputs)
        let sums = zip(apart.parameterGradients[..<6], apart.parameterGradients[6...]).map(+)
        expectClose(found.parameterGradients, sums, "gradients of both uses", seed: 34)
        #expect(try infer(shared, [input], parameters: parameters, pool: pool) == found.outputs)
    }

    // MARK: Subnetworks

    @Test func aSubnetworkKeepsNamesAndComputesTheSame() throws {
        let graph = toy(withIdleOutput: true)
        let network = graph.network
        let b = try #require(network.value(named: "b"))
        let part = network.subnetwork(to: [b])
        #expect(part.nodes.map(\.name) == ["x", "encoder", "encoder.active", "b"])
        #expect(part.inputs.count == 1 && part.outputs.count == 1)
        // The shared bias keeps the name under which it was trained, though its first node is gone.
        let names = ParameterLayout(part).entries.map(\.specification.name)
        #expect(names == ["encoder.weight", "encoder.bias", "b.weight", "a.bias"])

        var generator = SeededGenerator(seed: 35)
        let inputs = (0..<3).map { _ in generator.tensor(shape) }
        let whole = Parameters(layout: ParameterLayout(network), values: randomParameters(network, seed: 35))
        let plan = try plan(graph, inputs)
        plan.forward(parameters: whole.values)
        let expected = Array(UnsafeBufferPointer(start: plan.output(1), count: shape.count))
        let found = try infer(part, [inputs[0]], parameters: whole.restricted(to: part).values, pool: pool)
        expectSameBits(found[0].values, expected, "the part by itself")
    }

    @Test func aModelIsWhatLeadsToItsOutputs() {
        let model = toy().model
        #expect(model.outputs.count == 2 && model.inputs.count == 2)
        #expect(model.value(named: "first") == nil && model.value(named: "target") == nil)
    }
}
