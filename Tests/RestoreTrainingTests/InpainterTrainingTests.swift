import Foundation
import ModelTestSupport
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import Synchronization
import TestSupport
import Testing

/// Training of small inpainters, on bars as digits and on synthetic pictures.
@Suite struct InpainterTrainingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for index in 0..<40 {
            try folder.write(Self.bar(index), "digits/\(index).png")
            try folder.write(.scene(width: 40, height: 40, seed: UInt64(index)), "pictures/\(index).png")
        }
    }

    /// A vertical bar through both halves: what is below tells what is above.
    private static func bar(_ index: Int) -> Image {
        let place = 3 + (index * 7) % 22
        let samples = (0..<784).map { UInt8(abs($0 % 28 - place) < 2 ? 255 : 0) }
        return Image(width: 28, height: 28, channelLayout: .gray, samples: .uint8(samples))
    }

    private func configuration(_ recipe: InpainterConfiguration.Recipe) -> InpainterConfiguration {
        var configuration = InpainterConfiguration()
        configuration.recipe = recipe
        switch recipe {
        case .photo:
            configuration.data = [DataSource(path: folder("pictures"))]
            (configuration.widths, configuration.blocks, configuration.latentChannels) = ([8, 8, 8], [1, 1, 1], 4)
            configuration.patchSize = 24
            configuration.klWarmup = 10
        case .quadrants:
            configuration.data = [DataSource(path: folder("digits"))]
            (configuration.widths, configuration.latentChannels, configuration.given) = ([32, 32], 4, 1)
            configuration.dropout = 0.1
        }
        configuration.validationPictures = 3
        configuration.trainer.batchSize = 4
        configuration.trainer.warmupSteps = 2
        configuration.trainer.averageDecay = 0.8
        configuration.trainer.validationInterval = 12
        (configuration.trainer.epochs, configuration.trainer.steps) = (nil, 24)
        return configuration
    }

    private func task(_ configuration: InpainterConfiguration) throws -> InpainterTraining {
        try configuration.makeTask(
            configuration.graph(), notes: [:], pool: WorkerPool(workerCount: 1), logger: LogRecorder().logger)
    }

    /// The inputs of one example, by name, without the noise.
    private func filled(_ task: InpainterTraining, step: Int = 3, slot: Int) -> [String: [Float]] {
        let names = task.graph.network.inputs.map { task.graph.network.nodes[$0.index].name }
        let used = task.inputs.indices.filter { task.inputs[$0].source == .example }
        let buffers = used.map { index in
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: task.inputs[index].shape.count)
            buffer.initialize(repeating: .nan)
            return buffer
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        _ = task.fill(step: step, slot: slot, inputs: buffers.compactMap(\.baseAddress))
        return Dictionary(uniqueKeysWithValues: zip(used.map { names[$0] }, buffers.map { Array($0) }))
    }

    // MARK: Examples

    @Test func examplesOfPhotographsAreFilled() throws {
        let task = try task(configuration(.photo))
        var shares: [Float] = []
        for slot in 0..<4 {
            let inputs = filled(task, slot: slot)
            #expect(Set(inputs.keys) == ["picture", "mask", "truth", "posterior share", "log variance"])
            #expect(inputs.values.allSatisfy { $0.allSatisfy { $0.isFinite } })
            let (picture, mask) = (try #require(inputs["picture"]), try #require(inputs["mask"]))
            let (truth, scale) = (try #require(inputs["truth"]), try #require(inputs["log variance"]))
            #expect(Set(mask) == [0, 1])
            for index in truth.indices where mask[index / 3] == 0 { #expect(picture[index] == truth[index]) }
            #expect(picture != truth && picture.allSatisfy { (-0.01...1.01).contains($0) })
            #expect(scale.allSatisfy { (2 * log(0.025) - 1e-3...2 * log(0.25) + 1e-3).contains(Double($0)) })
            shares.append(try #require(inputs["posterior share"]?.first))
        }
        #expect(shares.reduce(0, +) == 2, "half of a batch is decoded from the prior's mean")
        #expect(filled(task, slot: 2) == filled(task, slot: 2) && filled(task, slot: 2) != filled(task, slot: 3))
    }

    @Test func examplesOfDigitsHideQuadrants() throws {
        var configuration = configuration(.quadrants)
        configuration.dropout = 0.5
        let task = try task(configuration)
        let inputs = filled(task, slot: 1)
        let mask = QuadrantCompleter.mask(given: 1)
        let (picture, truth) = (try #require(inputs["picture"]), try #require(inputs["truth"]))
        #expect(inputs["mask"] == mask && inputs["posterior share"] == [1])
        for pixel in truth.indices { #expect(picture[pixel] == truth[pixel] * (1 - mask[pixel])) }
        let factors = try #require(inputs["dropout prior.1"])
        #expect(factors.count == 32 && Set(factors) == [0, 2])
    }

    // MARK: Gradients

    /// The whole objective against central differences in random directions of the parameters: likelihood, divergence
    /// and regularization through z = μp + share · (μq − μp + σq·ε).
    @Test(arguments: InpainterConfiguration.Recipe.allCases)
    func gradientsAreTheSlopes(recipe: InpainterConfiguration.Recipe) throws {
        var configuration = configuration(recipe)
        configuration.freeBits = 0
        let task = try task(configuration)
        let shapes = task.inputs.map { input in
            var shape = input.shape
            shape.batch = 2
            return shape
        }
        let plan = try TrainingPlan(
            task.graph.network, inputShapes: shapes, objective: task.graph.objective, pool: WorkerPool(workerCount: 2))
        var generator = SeededGenerator(seed: 17)
        for (index, input) in task.inputs.enumerated() {
            let name = task.graph.network.nodes[task.graph.network.inputs[index].index].name
            for slot in 0..<2 {
                let values =
                    input.source == .standardNormal
                    ? (0..<input.shape.count).map { _ in Float(generator.normal()) }
                    : filled(task, slot: slot)[name] ?? []
                (plan.input(index) + slot * input.shape.count).update(from: values, count: values.count)
            }
        }
        let layout = ParameterLayout(task.graph.network)
        let parameters = randomParameters(task.graph.network, seed: 3)
        let weights = task.graph.objective.weights(step: 1000)
        func loss(_ values: [Float]) -> Double {
            plan.forward(parameters: values)
            return zip(weights, plan.termValues).reduce(0) { $0 + $1.0 * $1.1 }
        }
        _ = loss(parameters)
        var gradients = [Float](repeating: 0, count: parameters.count)
        plan.backward(weights: weights, parameters: parameters, parameterGradients: &gradients)
        // The heads by themselves: the gradients of the reparameterization and of the divergence arrive there.
        for part in ["", "prior.mean", "prior.logvariance", "recognition.mean", "recognition.logvariance", "decoder."] {
            var direction = [Float](repeating: 0, count: parameters.count)
            for entry in layout.entries where entry.specification.name.hasPrefix(part) {
                for index in entry.range { direction[index] = Float(generator.normal()) }
            }
            let length = Float(norm(direction))
            #expect(length > 0, "\(part)")
            let step: Float = 2e-3
            func moved(_ sign: Float) -> [Float] {
                zip(parameters, direction).map { $0 + sign * step * $1 / length }
            }
            let slope = (loss(moved(1)) - loss(moved(-1))) / Double(2 * step)
            let expected = dot(gradients, direction) / Double(length)
            let size = norm(gradients) * 0.002
            #expect(abs(slope - expected) < 0.02 * abs(expected) + size, "\(part): \(expected), differences \(slope)")
        }
    }

    // MARK: Runs

    private func run(
        _ configuration: InpainterConfiguration, _ name: String, workers: Int = 2, resuming: Bool = false,
        stop: Int? = nil
    ) throws -> Trainer<InpainterTraining>.Outcome {
        let steps = Atomic(0)
        let start = Trainer<InpainterTraining>.Start(
            about: RunDescription(configuration: configuration.yaml, settingsDigest: configuration.digest),
            isResumed: resuming,
            isStopRequested: { steps.wrappingAdd(1, ordering: .relaxed).newValue == stop })
        return try Trainer(
            task(configuration), settings: configuration.trainer, folder: folder(name), start: start,
            pool: WorkerPool(workerCount: workers), logger: LogRecorder().logger
        ).run()
    }

    @Test(arguments: InpainterConfiguration.Recipe.allCases)
    func everyRecipeLearns(recipe: InpainterConfiguration.Recipe) throws {
        var configuration = configuration(recipe)
        configuration.trainer.learningRate = 4e-3
        configuration.trainer.steps = 150
        configuration.trainer.validationInterval = 1000
        let task = try task(configuration)
        let fresh = try Parameters(initializing: configuration.graph().network, seed: 1)
        let before = try #require(try task.validate(fresh, pool: WorkerPool(workerCount: 2)))
        let score = try #require(try run(configuration, "run").bestScore)
        if recipe == .photo {
            #expect(score > before[0] + 0.3, "\(before[0]) dB became \(score)")
        } else {
            #expect(score < 0.5 * before[0], "\(before[0]) nats became \(score)")
        }
        let model = try Model<InpainterArchitecture>(path: folder("run/best.safetensors"))
        #expect(model.architecture == task.architecture)
        #expect(try !folder.names.filter { $0.hasPrefix("run/samples/") && $0.hasSuffix(".png") }.isEmpty)
    }

    @Test(arguments: InpainterConfiguration.Recipe.allCases)
    func runsAreTheSameBitsHoweverTheyAreRun(recipe: InpainterConfiguration.Recipe) throws {
        let configuration = configuration(recipe)
        _ = try run(configuration, "one", workers: 1)
        let expected = try readFile(folder("one/last.safetensors"))
        _ = try run(configuration, "three", workers: 3)
        #expect(try readFile(folder("three/last.safetensors")) == expected)
        #expect(try run(configuration, "part", stop: 13).end == .interrupted)
        _ = try run(configuration, "part", resuming: true)
        #expect(try readFile(folder("part/last.safetensors")) == expected)
    }

    // MARK: Settings

    @Test func recipesAreNamedSettings() throws {
        var configuration = InpainterConfiguration()
        try configuration.read(option: "recipe", "mnist-quadrants")
        try configuration.read(option: "given", "3")
        #expect(try configuration.architecture() == InpainterArchitecture(given: 3))
        #expect(configuration.trainer.batchSize == 128 && configuration.deterministicShare == 0)
        var again = InpainterConfiguration()
        try again.read(yaml: Array(configuration.yaml.utf8), path: "c")
        #expect(again == configuration)
        configuration.recipe = .photo
        #expect(configuration.trainer == InpainterConfiguration().trainer)
        configuration.patchSize = 40
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
    }
}
