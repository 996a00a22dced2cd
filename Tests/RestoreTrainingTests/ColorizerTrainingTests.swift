import ModelTestSupport
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// Training of small colorizers on synthetic pictures whose color follows from their luma.
@Suite struct ColorizerTrainingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for index in 0..<30 { try folder.write(Self.picture(index), "pictures/\(index).png") }
    }

    /// Dark blue and bright yellow areas.
    private static func picture(_ index: Int) -> Image {
        var generator = SeededGenerator(seed: UInt64(index))
        let place = 4 + generator.index(below: 24)
        let samples: [UInt8] = (0..<(32 * 32)).flatMap { pixel -> [UInt8] in
            let step = UInt8(generator.index(below: 20))
            return pixel % 32 < place ? [20 + step, 20 + step, 110 + step] : [200 + step, 190 + step, 90 + step]
        }
        return Image(width: 32, height: 32, channelLayout: .rgb, samples: .uint8(samples))
    }

    private func configuration(_ recipe: ColorizerConfiguration.Recipe = .skip) -> ColorizerConfiguration {
        var configuration = ColorizerConfiguration()
        configuration.recipe = recipe
        configuration.data = [DataSource(path: folder("pictures"))]
        (configuration.widths, configuration.blocks) = ([16, 16], [1, 1])
        configuration.validationPictures = 3
        configuration.trainer.batchSize = 4
        configuration.trainer.warmupSteps = 5
        if recipe == .skip { configuration.trainer.averageDecay = 0.9 }
        return configuration
    }

    private func task(_ configuration: ColorizerConfiguration) throws -> ColorizerTraining {
        try configuration.makeTask(
            configuration.graph(), notes: [:], pool: WorkerPool(workerCount: 1), logger: LogRecorder().logger)
    }

    private func filled(_ task: ColorizerTraining, slot: Int) throws -> (inputs: [[Float]], path: String) {
        var inputs = task.inputs.map { [Float](repeating: .nan, count: $0.shape.count + 1) }
        var pointers: [UnsafeMutablePointer<Float>] = []
        defer { for pointer in pointers { pointer.deallocate() } }
        for input in inputs {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: input.count)
            pointer.initialize(from: input, count: input.count)
            pointers.append(pointer)
        }
        let path = task.fill(step: 3, slot: slot, inputs: pointers)
        for index in inputs.indices {
            inputs[index] = Array(UnsafeBufferPointer(start: pointers[index], count: inputs[index].count))
            #expect(inputs[index].removeLast().isNaN, "nothing behind input \(index) is written")
            #expect(inputs[index].allSatisfy { $0.isFinite }, "input \(index) is filled")
        }
        return (inputs, path)
    }

    /// Luma in; chroma at half resolution, and its bins at a quarter, out. All are of the same picture.
    @Test func examplesAreLumaAndChroma() throws {
        let task = try task(configuration())
        for slot in 0..<20 {
            let (inputs, path) = try filled(task, slot: slot)
            #expect(path.hasPrefix(folder("pictures")))
            let (luma, chroma, bins, shares, weights) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4])
            #expect(luma.count == 1024 && chroma.count == 512 && bins.count == 256 && weights.count == 64)
            for pixel in 0..<256 {
                // Blue where it is dark.
                let (x, y) = (pixel % 16, pixel / 16)
                let square = [0, 1, 32, 33].map { luma[64 * y + 2 * x + $0] }
                if square.allSatisfy({ $0 < 0.3 }) { #expect(chroma[2 * pixel] > 0.15) }
                if square.allSatisfy({ $0 > 0.6 }) { #expect(chroma[2 * pixel] < -0.1) }
            }
            for pixel in 0..<64 {
                var mean = SIMD2<Float>()
                for corner in 0..<4 {
                    mean += shares[4 * pixel + corner] * ChromaBins.centers[Int(bins[4 * pixel + corner])]
                }
                let (x, y) = (pixel % 8, pixel / 8)
                let square = [0, 1, 16, 17].map { chroma[2 * (32 * y + 2 * x + $0)] }
                #expect(abs(mean.x - square.reduce(0, +) / 4) < 1e-3)
            }
            #expect(weights.allSatisfy { $0 > 0 })
            #expect(inputs[5] == [-1], "a picture without a label has no class")
        }
    }

    @Test func hintsAreTheTrueColors() throws {
        var configuration = configuration()
        configuration.hintShare = 1
        let task = try task(configuration)
        var count = 0
        for slot in 0..<30 {
            let picture = try filled(task, slot: slot).inputs[0]
            for pixel in 0..<1024 where picture[4 * pixel + 3] != 0 {
                count += 1
                #expect(picture[4 * pixel + 3] == 1)
                let isDark = picture[4 * pixel] < 0.4
                #expect(isDark == (picture[4 * pixel + 1] > 0), "blue where it is dark")
            }
        }
        // Eight on average; some fall on the same pixel.
        #expect((120...400).contains(count), "\(count) hints in 30 examples")
    }

    @Test(arguments: ColorizerConfiguration.Recipe.allCases)
    func everyRecipeLearns(recipe: ColorizerConfiguration.Recipe) throws {
        var configuration = configuration(recipe)
        configuration.trainer.learningRate = recipe == .skip ? 5e-3 : 3e-3
        configuration.trainer.epochs = nil
        configuration.trainer.steps = recipe == .skip ? 120 : 40
        configuration.trainer.validationInterval = 1000
        let task = try task(configuration)
        let pool = WorkerPool(workerCount: 2)
        let fresh = try Parameters(initializing: configuration.graph().network, seed: 1)
        let before = try #require(try task.validate(fresh, pool: pool))
        let trainer = try Trainer(
            task, settings: configuration.trainer, folder: folder(recipe.rawValue), pool: pool,
            logger: LogRecorder().logger)
        let outcome = try trainer.run()
        let score = try #require(outcome.bestScore)
        // The autoencoders must first learn where things are; that takes more than a test's time.
        let share = recipe == .skip ? 0.6 : 0.9
        #expect(score < share * before[0], "\(before[0]) became \(score)")
        let model = try Model<ColorizerArchitecture>(path: folder("\(recipe.rawValue)/best.safetensors"))
        #expect(model.architecture == task.architecture)
        let text = try #require(model.metadata.notes["luma_table"])
        #expect(LumaTable(text: text) != nil)
    }

    /// A recipe sets the settings of the textbook; what is read after it takes precedence.
    @Test func recipesAreNamedSettings() throws {
        var configuration = ColorizerConfiguration()
        try configuration.read(option: "recipe", "textbook")
        #expect(configuration.trainer.epochs == 30 && configuration.trainer.batchSize == 32)
        #expect(configuration.trainer.optimizer == .adam && configuration.loss == .l2)
        try configuration.read(option: "epochs", "2")
        #expect(try configuration.resolved().trainer.epochs == 2)
        #expect(try configuration.architecture() == ColorizerArchitecture(textbook: .textbook))
        var again = ColorizerConfiguration()
        try again.read(yaml: Array(configuration.yaml.utf8), path: "c")
        #expect(again == configuration)
        configuration.pictureSize = 64
        #expect(throws: ConfigurationError.self) { try configuration.architecture() }
    }

    @Test func theTableIsTheMeanColorOfEachLuma() throws {
        let task = try task(configuration())
        let notes = task.metadata(step: 1, metrics: nil)
        let text = try #require(notes["restore.luma_table"])
        let table = try #require(LumaTable(text: text))
        let (dark, bright) = (table[0.18], table[0.78])
        #expect(dark.z > dark.x + 0.25 && bright.z < bright.x - 0.25, "\(dark), \(bright)")
        #expect(LumaTable(text: "00") == nil && LumaTable(text: String(repeating: "x", count: 384)) == nil)
    }
}
