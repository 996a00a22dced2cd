import RestoreConcurrency
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// Training of a small denoiser on synthetic pictures.
@Suite struct DenoiserTrainingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for index in 0..<20 {
            try folder.write(
                .scene(width: 40 + index, height: 36, seed: UInt64(index)), "pictures/scene-\(index).png")
        }
    }

    private func configuration(grayShare: Double = 0.25, noise: DenoiserConfiguration.Noise = .gaussian)
        -> DenoiserConfiguration
    {
        var configuration = DenoiserConfiguration()
        configuration.data = [DataSource(path: folder("pictures"))]
        (configuration.noise, configuration.grayShare, configuration.maximumSigma) = (noise, grayShare, 40)
        (configuration.patchSize, configuration.widths, configuration.blocks) = (16, [8, 12], [1, 1])
        configuration.license = "none"
        configuration.trainer = TrainerSettings(
            learningRate: 5e-3, warmupSteps: 5, averageDecay: 0.9, seed: 5)
        configuration.trainer.batchSize = 4
        return configuration
    }

    private func task(
        grayShare: Double = 0.25, noise: DenoiserConfiguration.Noise = .gaussian, validating: Bool = true
    ) throws -> DenoiserTraining {
        let configuration = configuration(grayShare: grayShare, noise: noise)
        let all = try PictureSet(
            sources: configuration.data, minimumSide: 16, pool: WorkerPool(workerCount: 1),
            logger: LogRecorder().logger)
        let (training, validation) = all.split(validation: validating ? 2 : 0)
        return DenoiserTraining(
            configuration: configuration, architecture: try configuration.architecture(),
            graph: try configuration.graph(), training: training, validation: validation)
    }

    private func train(workers: Int, steps: Int, to name: String) throws -> Trainer<DenoiserTraining>.Outcome {
        var settings = configuration().trainer
        (settings.steps, settings.reportInterval, settings.validationInterval) = (steps, steps / 6, steps / 2)
        let trainer = try Trainer(
            task(), settings: settings, folder: folder(name), pool: WorkerPool(workerCount: workers),
            logger: LogRecorder().logger)
        return try trainer.run()
    }

    private func losses(_ name: String) throws -> [Double] {
        let text = String(decoding: try readFile(folder("\(name)/metrics.csv")), as: UTF8.self)
        return try text.split(separator: "\n").dropFirst().map { row in
            try #require(Double(row.split(separator: ",", omittingEmptySubsequences: false)[1]))
        }
    }

    /// Loss of each hundred steps, as it came out when the test was written.
    private static let curve = [0.0643, 0.0518, 0.0427, 0.0411, 0.0420, 0.0415]

    @Test func theLossFollowsItsCurveAndTheModelIsUsable() throws {
        let outcome = try train(workers: 2, steps: 600, to: "run")
        let losses = try losses("run")
        #expect(losses.count == Self.curve.count)
        for (found, expected) in zip(losses, Self.curve) {
            #expect(abs(found - expected) < 0.02 * expected, "found \(losses)")
        }
        #expect(try #require(outcome.bestScore) >= #require(outcome.lastScore))
        let names = try folder.names.filter { $0.hasPrefix("run/samples/") }
        #expect(names.count == 4 && names.allSatisfy { $0.hasSuffix("-00000300.png") || $0.hasSuffix("-00000600.png") })
        // Noisy, denoised, clean.
        let sample = try readImage(folder(names[1])).image
        #expect((sample.width, sample.height) == (3 * (sample.width / 3), 36) && sample.width >= 3 * 40)

        let denoiser = try Denoiser(path: folder("run/best.safetensors"), pool: WorkerPool(workerCount: 1))
        #expect(denoiser.architecture.widths == [8, 12])
        #expect(denoiser.metadata.notes["license"] == "none")
        #expect(denoiser.metadata.notes["noise_range"]?.contains("0…40.0") == true)
        #expect(denoiser.metadata.notes["noise_kind"] == "gaussian")
        let clean = Image.scene(width: 90, height: 70, seed: 77)
        var generator = SeededGenerator(seed: 1)
        let noisy = try GaussianNoise(sigma: 25).degrade(clean, generator: &generator)
        let restored = try denoiser.denoise(noisy, options: Denoiser.Options(noiseLevel: .sigma(25))).image
        let gain = try peakSignalToNoiseRatio(restored, clean) - peakSignalToNoiseRatio(noisy, clean)
        #expect(gain > 3)
    }

    @Test func workersDoNotChangeABit() throws {
        for workers in [1, 3] { _ = try train(workers: workers, steps: 12, to: "run\(workers)") }
        for name in ["best", "last"] {
            let bytes = try [1, 3].map { try readFile(folder("run\($0)/\(name).safetensors")) }
            #expect(bytes[0] == bytes[1], "\(name)")
        }
        #expect(try losses("run1") == losses("run3"))
    }

    // MARK: Batches

    /// One place of a batch: the input of four floats a pixel, and the target of three.
    private func example(_ task: DenoiserTraining, step: Int, slot: Int) -> (input: [Float], target: [Float]) {
        var input = [Float](repeating: .nan, count: 4 * 256)
        var target = [Float](repeating: .nan, count: 3 * 256)
        input.withUnsafeMutableBufferPointer { input in
            target.withUnsafeMutableBufferPointer { target in
                guard let input = input.baseAddress, let target = target.baseAddress else { return }
                _ = task.fill(step: step, slot: slot, inputs: [input, target])
            }
        }
        return (input, target)
    }

    /// The first three of every four floats.
    private func colors(of input: [Float]) -> [Float] {
        stride(from: 0, to: input.count, by: 4).flatMap { input[$0..<($0 + 3)] }
    }

    private func isGray(_ colors: [Float]) -> Bool {
        stride(from: 0, to: colors.count, by: 3).allSatisfy { Set(colors[$0..<($0 + 3)]).count == 1 }
    }

    @Test func inputsAreTheTargetsWithNoiseOfTheStatedLevel() throws {
        let task = try task(grayShare: 0)
        var levels: [Double] = []
        for slot in 0..<200 {
            let (input, target) = example(task, step: 1, slot: slot)
            let level = Double(input[3])
            #expect(stride(from: 3, to: input.count, by: 4).allSatisfy { input[$0] == input[3] })
            let noise = zip(colors(of: input), target).map { $0 - $1 }
            let deviation = norm(noise) / Double(noise.count).squareRoot()
            #expect(abs(deviation - level) < 0.15 * level + 1e-6)
            #expect(target.allSatisfy { (0...1).contains($0) })
            levels.append(level * 255)
        }
        #expect(levels.allSatisfy { (0...40).contains($0) })
        // Uniform: mean 20, every quarter of the range used.
        #expect(abs(levels.reduce(0, +) / 200 - 20) < 3)
        #expect(Set(levels.map { Int($0 / 10) }).isSuperset(of: 0...3))
    }

    /// A blind network gets three channels: the target as a camera gives it, in 8 bits.
    @Test func theNoiseOfPhotographsIsNotTold() throws {
        let task = try task(grayShare: 0.3, noise: .photo)
        #expect(task.architecture.isBlind && task.inputs[0].shape.channels == 3)
        var deviations: [Double] = []
        for slot in 0..<40 {
            var input = [Float](repeating: .nan, count: 3 * 256 + 1)
            var target = [Float](repeating: .nan, count: 3 * 256)
            input.withUnsafeMutableBufferPointer { input in
                target.withUnsafeMutableBufferPointer { target in
                    guard let input = input.baseAddress, let target = target.baseAddress else { return }
                    _ = task.fill(step: 0, slot: slot, inputs: [input, target])
                }
            }
            #expect(input[3 * 256].isNaN, "nothing behind the patch is written")
            if isGray(target) { #expect(isGray(Array(input.dropLast()))) }
            let noise = zip(input, target).map { $0 - $1 }
            let deviation = norm(noise) / Double(noise.count).squareRoot() * 255
            deviations.append(deviation)
            // In 8 bits, as a camera gives them.
            #expect(
                deviation == 0
                    || input.dropLast().allSatisfy {
                        abs($0 * 255 - ($0 * 255).rounded()) < 1e-3 && (0...1).contains($0)
                    })
        }
        // Some stay clean.
        let clean = deviations.count { $0 < 1e-4 }
        #expect((1...15).contains(clean) && deviations.allSatisfy { $0 < 1e-4 || $0 > 0.5 })
        #expect(deviations.max() ?? 0 > 8)
    }

    @Test(arguments: [0, 0.3, 1])
    func theGrayShareIsKept(share: Double) throws {
        let task = try task(grayShare: share)
        var gray = 0
        for slot in 0..<300 {
            let (input, target) = example(task, step: 2, slot: slot)
            let isGray = isGray(target)
            #expect(self.isGray(colors(of: input)) == isGray, "a gray patch has gray noise")
            if isGray { gray += 1 }
        }
        #expect(abs(Double(gray) / 300 - share) < 0.13)
        #expect(share != 0 && share != 1 || gray == Int(300 * share))
    }

    // MARK: Validation

    @Test func validationIsRepeatableAndTellsModelsApart() throws {
        let task = try task()
        let pool = WorkerPool(workerCount: 1)
        var model = TinyModel(task.architecture)
        let wild = try #require(try task.validate(model.parameters, pool: pool))[0]
        #expect(try task.validate(model.parameters, pool: pool) == [wild])
        // A network that predicts nothing scores as the noise itself: 20 log10(255 / 25), a little more by clipping.
        for index in model.parameters.values.indices { model.parameters.values[index] = 0 }
        let none = try #require(try task.validate(model.parameters, pool: pool))[0]
        #expect((20.1...20.6).contains(none))
        #expect(wild < none)
    }

    @Test func withoutPicturesThereIsNoScore() throws {
        let task = try task(validating: false)
        let score = try task.validate(TinyModel(task.architecture).parameters, pool: WorkerPool(workerCount: 1))
        #expect(score == nil)
        #expect(task.metadata(step: 3, metrics: score)["restore.validation_psnr"] == nil)
        #expect(task.metadata(step: 3, metrics: [31.239])["restore.validation_psnr"] == "31.24 dB at sigma 25.0")
    }
}
