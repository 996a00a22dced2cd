import RestoreConcurrency
import RestoreNN

/// Forward and backward pass of a model, wherever it runs.
package protocol ModelPass: AnyObject {
    /// - Parameters:
    ///   - inputs: one pointer for each input of the network.
    ///   - values: in the order of the network's `ParameterLayout`.
    ///   - outputs: where the values of each output of the network are written.
    func forward(
        inputs: [UnsafePointer<Float>], parameters values: UnsafePointer<Float>, outputs: [UnsafeMutablePointer<Float>]
    ) throws

    /// The gradients of the parameters at the last forward pass.
    ///
    /// - Parameters:
    ///   - outputGradients: of each output of the network.
    ///   - values: all of them are written, in the order of the network's `ParameterLayout`.
    func backward(
        outputGradients: [UnsafePointer<Float>], parameterGradients values: UnsafeMutablePointer<Float>) throws
}

/// A training graph whose model runs on a GPU, and whose losses run on the processor: a loss is a few operations for each
/// value of an output, and there are many kinds.
public final class DividedTrainingPlan: TrainingExecution {
    public private(set) var termValues: [Double] = []
    private let model: any ModelPass
    private let modelLayout: [Range<Int>]
    private let losses: TrainingPlan
    /// The inputs of the graph, in its order.
    private let inputs: [FloatBuffer]
    /// For each input of the model and of the losses, where its values are.
    private let modelInputs: [Int]
    private let lossInputs: [LossInput]
    private let lossLayout: [Range<Int>]
    private let lossParameters: FloatBuffer
    private let lossGradients: FloatBuffer
    private let modelParameters: FloatBuffer
    private let modelGradients: FloatBuffer
    /// A failure of the last pass; the GPU may be gone.
    public private(set) var failure: (any Error)?

    private enum LossInput {
        /// An input of the graph.
        case graph(Int)
        /// An output of the model, which passes a gradient on.
        case model(Int)
    }

    /// - Parameter inputShapes: of the graph's inputs.
    /// - Throws: `CUDAError`, or `NetworkError` if the shapes do not fit.
    public convenience init(
        _ graph: TrainingGraph, inputShapes: [Shape], device: CUDADevice, pool: WorkerPool
    ) throws {
        try self.init(graph, inputShapes: inputShapes, pool: pool) { model, shapes in
            try CUDANetworkPlan(model, inputShapes: shapes, device: device)
        }
    }

    /// - Parameter makeModel: prepares a network for inputs of the given shapes.
    package init(
        _ graph: TrainingGraph, inputShapes: [Shape], pool: WorkerPool,
        makeModel: (Network, [Shape]) throws -> any ModelPass
    ) throws {
        let split = SplitGraph(graph)
        let shapes = try graph.network.shapes(inputs: inputShapes)
        inputs = graph.network.inputs.map { FloatBuffer(count: shapes[$0.index].count) }
        let places = Dictionary(
            uniqueKeysWithValues: graph.network.inputs.enumerated().map {
                (graph.network.nodes[$1.index].name, $0)
            })
        modelInputs = split.model.inputs.map { places[split.model.nodes[$0.index].name] ?? 0 }
        model = try makeModel(split.model, modelInputs.map { inputShapes[$0] })
        lossInputs = split.losses.inputs.map { value in
            let name = split.losses.nodes[value.index].name
            if let place = places[name], !split.boundary.contains(name) { return .graph(place) }
            return .model(split.boundary.firstIndex(of: name) ?? 0)
        }
        let boundaryShapes = split.model.outputs.enumerated().map { index, _ in
            shapes[graph.network.value(named: split.boundary[index])?.index ?? 0]
        }
        losses = try TrainingPlan(
            split.losses,
            inputShapes: lossInputs.map {
                switch $0 {
                case .graph(let place): inputShapes[place]
                case .model(let index): boundaryShapes[index]
                }
            }, objective: split.objective, pool: pool, needsInputGradients: true)
        var rangeOf: [String: Range<Int>] = [:]
        for entry in ParameterLayout(graph.network).entries { rangeOf[entry.specification.name] = entry.range }
        func ranges(of network: Network) -> [Range<Int>] {
            ParameterLayout(network).entries.map { rangeOf[$0.specification.name] ?? 0..<0 }
        }
        modelLayout = ranges(of: split.model)
        lossLayout = ranges(of: split.losses)
        modelParameters = FloatBuffer(count: ParameterLayout(split.model).count)
        modelGradients = FloatBuffer(count: modelParameters.count)
        lossParameters = FloatBuffer(count: ParameterLayout(split.losses).count)
        lossGradients = FloatBuffer(count: lossParameters.count)
    }

    public func input(_ index: Int) -> UnsafeMutablePointer<Float> { inputs[index].base }

    public func forward(parameters: UnsafePointer<Float>) {
        gather(parameters, modelLayout, to: modelParameters.base)
        gather(parameters, lossLayout, to: lossParameters.base)
        var outputs: [(index: Int, values: UnsafeMutablePointer<Float>)] = []
        for (place, input) in lossInputs.enumerated() {
            switch input {
            case .graph(let index):
                losses.input(place).update(from: inputs[index].base, count: inputs[index].count)
            case .model(let index): outputs.append((index, losses.input(place)))
            }
        }
        outputs.sort { $0.index < $1.index }
        do {
            try model.forward(
                inputs: modelInputs.map { UnsafePointer(inputs[$0].base) },
                parameters: UnsafePointer(modelParameters.base), outputs: outputs.map(\.values))
        } catch { failure = error }
        losses.forward(parameters: lossParameters.base)
        termValues = failure == nil ? losses.termValues : losses.termValues.map { _ in .nan }
    }

    public func backward(
        weights: [Double], parameters: UnsafePointer<Float>, parameterGradients: UnsafeMutablePointer<Float>
    ) {
        lossGradients.base.update(repeating: 0, count: lossGradients.count)
        losses.backward(
            weights: weights, parameters: lossParameters.base, parameterGradients: lossGradients.base)
        var gradients: [(index: Int, values: UnsafePointer<Float>)] = []
        for (place, input) in lossInputs.enumerated() {
            if case .model(let index) = input { gradients.append((index, losses.inputGradient(place))) }
        }
        gradients.sort { $0.index < $1.index }
        do {
            try model.backward(
                outputGradients: gradients.map(\.values), parameterGradients: modelGradients.base)
        } catch { failure = error }
        scatter(modelGradients.base, modelLayout, onto: parameterGradients)
        scatter(lossGradients.base, lossLayout, onto: parameterGradients)
    }

    private func gather(
        _ values: UnsafePointer<Float>, _ ranges: [Range<Int>], to target: UnsafeMutablePointer<Float>
    ) {
        var place = 0
        for range in ranges {
            (target + place).update(from: values + range.lowerBound, count: range.count)
            place += range.count
        }
    }

    private func scatter(
        _ values: UnsafePointer<Float>, _ ranges: [Range<Int>], onto target: UnsafeMutablePointer<Float>
    ) {
        var place = 0
        for range in ranges {
            for (offset, index) in range.enumerated() { target[index] += values[place + offset] }
            place += range.count
        }
    }
}

/// A training graph divided into the model and what comes after it.
private struct SplitGraph {
    let model: Network
    /// The names of the model's values that the losses read, which are the model's outputs.
    let boundary: [String]
    /// Its inputs bear the names of inputs of the graph or of nodes of the model.
    let losses: Network
    let objective: Objective

    init(_ graph: TrainingGraph) {
        let network = graph.network
        let isOfModel = Self.nodes(of: network, leadingTo: graph.modelOutputs)
        // A node of the model that others read.
        var read: [Int] = []
        for (index, node) in network.nodes.enumerated() where !isOfModel[index] {
            for input in node.inputs where isOfModel[input.index] && network.nodes[input.index].operation != nil {
                if !read.contains(input.index) { read.append(input.index) }
            }
        }
        model = network.subnetwork(to: read.map { network.value(at: $0) })
        boundary = read.map { network.nodes[$0].name }
        var losses = Network()
        var values: [Int: Network.Value] = [:]
        func value(of index: Int) -> Network.Value {
            if let known = values[index] { return known }
            let new = losses.input(network.nodes[index].name)
            values[index] = new
            return new
        }
        for (index, node) in network.nodes.enumerated() where !isOfModel[index] {
            guard let operation = node.operation else { continue }
            values[index] = losses.add(node.name, operation, inputs: node.inputs.map { value(of: $0.index) })
        }
        let terms = graph.objective.terms.compactMap { term in
            values[term.value.index].map { Objective.Term(term.name, $0, weight: term.weight) }
        }
        for term in terms { losses.output(term.value) }
        self.losses = losses
        objective = Objective(terms)
    }

    private static func nodes(of network: Network, leadingTo outputs: [Network.Value]) -> [Bool] {
        var isNeeded = [Bool](repeating: false, count: network.nodes.count)
        for output in outputs { isNeeded[output.index] = true }
        for index in network.nodes.indices.reversed() where isNeeded[index] {
            for input in network.nodes[index].inputs { isNeeded[input.index] = true }
        }
        return isNeeded
    }
}
