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
        // Patches as they are in the pictures.
        (configuration.maximumReduction, configuration.colorVariation, configuration.syntheticShare) = (1, 0, 0)
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
        try task(configuration(grayShare: grayShare, noise: noise), validating: validating)
    }

    private func task(_ configuration: DenoiserConfiguration, validating: Bool = true) throws -> DenoiserTraining {
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

    /// One place of a batch, and what it must be: the same draws once more, in the order of docs and code.
    private struct Example {
        var input: [Float]
        var target: [Float]
        /// The patch before it may be made gray, and the decisions that follow it.
        var patch: [Float]
        var isGray: Bool
        var isClean = false
        /// In units of 1/255.
        var sigma = 0.0
        /// What the colors of the input must be.
        var expected: [Float]
        /// What the input must say about the compression of a photograph.
        var compression = CompressionStrength.none
        /// Whether the damage is that of JPEG alone.
        var isJPEG = false

        /// The first three floats of every pixel of the input.
        var colors: [Float] {
            let channels = 3 * input.count / target.count
            return stride(from: 0, to: input.count, by: channels).flatMap { input[$0..<($0 + 3)] }
        }
    }

    /// Fills a place, and draws what it must hold from the same generator: the patch, whether it is gray, and then
    /// either the level and one deviate for each value (one for each pixel of a gray patch), or whether the network is told
    /// how it was compressed, whether the file's blocks start at its corner, whether it stays clean, and whether JPEG or a
    /// camera damages it.
    private func example(
        _ task: DenoiserTraining, _ configuration: DenoiserConfiguration, step: Int, slot: Int
    ) throws -> Example {
        let (pixels, channels) = (256, configuration.noise == .gaussian ? 4 : 6)
        var input = [Float](repeating: .nan, count: channels * pixels + 1)
        var target = [Float](repeating: .nan, count: 3 * pixels + 1)
        let path = try input.withUnsafeMutableBufferPointer { input in
            try target.withUnsafeMutableBufferPointer { target in
                let inputs = [try #require(input.baseAddress), try #require(target.baseAddress)]
                return task.fill(step: step, slot: slot, inputs: inputs)
            }
        }
        #expect(input.removeLast().isNaN && target.removeLast().isNaN, "nothing behind the patch is written")

        var generator = task.sampler.generator(step: step, slot: slot)
        var patch = [Float](repeating: .nan, count: 3 * pixels)
        let drawn = try patch.withUnsafeMutableBufferPointer { patch in
            task.sampler.draw(&generator, into: try #require(patch.baseAddress))
        }
        #expect(path == drawn)
        var example = Example(
            input: input, target: target, patch: patch, isGray: generator.uniform() < configuration.grayShare,
            expected: target)
        switch configuration.noise {
        case .gaussian:
            example.sigma = configuration.maximumSigma * generator.uniform()
            for pixel in 0..<pixels {
                let first = generator.normal()
                for channel in 0..<3 {
                    let deviate = channel == 0 || example.isGray ? first : generator.normal()
                    example.expected[3 * pixel + channel] += Float(example.sigma / 255 * deviate)
                }
            }
        case .photo, .jpeg:
            let camera = configuration.noise == .photo ? PhotographNoise.training : .weakTraining
            let isTold = generator.uniform() >= 0.2
            let startsAtCorner = isTold || generator.uniform() < 0.5
            example.isClean = generator.uniform() < configuration.cleanShare
            example.isJPEG = !example.isClean && generator.uniform() < configuration.jpegShare
            let parameters = try example.expected.withUnsafeMutableBufferPointer { colors -> JPEGParameters? in
                let colors = try #require(colors.baseAddress)
                if example.isClean { return nil }
                return example.isJPEG
                    ? JPEGDamage().degrade(
                        colors: colors, width: 16, height: 16, isGray: example.isGray,
                        startsAtCorner: startsAtCorner, generator: &generator)
                    : camera.degrade(
                        colors: colors, width: 16, height: 16, isGray: example.isGray,
                        startsAtCorner: startsAtCorner, generator: &generator)
            }
            if isTold, let parameters { example.compression = CompressionStrength(parameters) }
        }
        return example
    }

    private func isGray(_ colors: [Float]) -> Bool {
        stride(from: 0, to: colors.count, by: 3).allSatisfy { Set(colors[$0..<($0 + 3)]).count == 1 }
    }

    /// Rec. 601 (ITU-R BT.601-7, section 2.5.1), three times for each pixel.
    private func luma(_ colors: [Float]) -> [Float] {
        stride(from: 0, to: colors.count, by: 3).flatMap { i in
            let luma = 0.299 * Double(colors[i]) + 0.587 * Double(colors[i + 1]) + 0.114 * Double(colors[i + 2])
            return [Float](repeating: Float(luma), count: 3)
        }
    }

    @Test func inputsAreTheTargetsWithNoiseOfTheStatedLevel() throws {
        let (task, configuration) = (try task(grayShare: 0), configuration(grayShare: 0))
        var levels: [Double] = []
        for slot in 0..<200 {
            let example = try example(task, configuration, step: 1, slot: slot)
            expectSameBits(example.target, example.patch, "the target of slot \(slot)")
            expectSameBits(example.colors, example.expected, "the input of slot \(slot)")
            let told = Float(example.sigma / 255)
            #expect(stride(from: 3, to: example.input.count, by: 4).allSatisfy { example.input[$0] == told })
            // A sample's deviation of 768 values: four standard deviations of it, relative, are 4/√(2·768).
            let noise = zip(example.colors, example.target).map { $0 - $1 }
            let deviation = norm(noise) / Double(noise.count).squareRoot()
            let error = deviation / Double(told) - 1
            #expect(abs(error) < 4 / (2.0 * 768).squareRoot(), "slot \(slot)")
            levels.append(example.sigma)
        }
        #expect(levels.allSatisfy { (0...40).contains($0) })
        // Uniform in 0…40: every tenth of the range is used, and the mean is 20 within four standard deviations.
        let tenths = levels.map { Int($0 / 4) }
        #expect(Set(tenths) == Set(0..<10))
        let mean = levels.reduce(0, +) / 200
        #expect(abs(mean - 20) < 4 * 40 / (12.0 * 200).squareRoot())
    }

    /// A blind network gets the target as a camera or a JPEG gives it, in 8 bits, or the target itself; and how it was
    /// compressed.
    @Test(arguments: [DenoiserConfiguration.Noise.photo, .jpeg])
    func theNoiseOfPhotographsIsNotToldButTheirCompression(noise: DenoiserConfiguration.Noise) throws {
        let share = 0.3
        let (task, configuration) = (
            try task(grayShare: share, noise: noise), configuration(grayShare: share, noise: noise)
        )
        #expect(task.architecture.isBlind && task.inputs[0].shape.channels == 6)
        var (clean, gray, told, jpeg) = (0, 0, 0, 0)
        for slot in 0..<120 {
            let example = try example(task, configuration, step: 0, slot: slot)
            expectSameBits(example.colors, example.expected, "the input of slot \(slot)")
            let compression = example.compression
            let maps = [compression.luminance, compression.color, compression.droppedColor]
            #expect(
                stride(from: 3, to: example.input.count, by: 6).allSatisfy {
                    Array(example.input[$0..<($0 + 3)]) == maps
                })
            if compression != .none { told += 1 }
            if example.isJPEG { jpeg += 1 }
            #expect(isGray(example.target) == example.isGray)
            // Strong compression can take away the little color that a patch has.
            #expect(isGray(example.colors) || !example.isGray)
            if example.isClean {
                #expect(example.colors == example.target)
                clean += 1
            } else {
                // In 8 bits, as a camera gives them.
                #expect(
                    example.colors.allSatisfy { abs($0 * 255 - ($0 * 255).rounded()) < 1e-3 && (0...1).contains($0) })
                #expect(example.colors != example.target)
            }
            if example.isGray { gray += 1 }
        }
        // Both kinds occur, in color and in gray.
        #expect(clean > 0 && gray > 0 && clean + gray < 120)
        // Nine in ten are damaged; of these three in ten by JPEG alone, and three quarters of the others through JPEG; of
        // all that were, the network is told of four in five.
        expectShare(jpeg, of: 120, 0.9 * 0.3)
        expectShare(told, of: 120, 0.9 * (0.3 + 0.7 * 0.75) * 0.8)
    }

    /// No clean patch at a share of 0 and none but clean ones at 1, between which a draw of the patch's own decides.
    @Test(arguments: [0, 0.1, 1]) func theCleanShareIsKept(share: Double) throws {
        var configuration = configuration(grayShare: 0.3, noise: .photo)
        configuration.cleanShare = share
        let task = try task(configuration)
        var clean = 0
        for slot in 0..<100 {
            let example = try example(task, configuration, step: 5, slot: slot)
            #expect((example.colors == example.target) == example.isClean, "slot \(slot)")
            if example.isClean { clean += 1 }
        }
        expectShare(clean, of: 100, share)
    }

    @Test(arguments: [0, 0.3, 1]) func theGrayShareIsKept(share: Double) throws {
        let (task, configuration) = (try task(grayShare: share), configuration(grayShare: share))
        var gray = 0
        for slot in 0..<300 {
            let example = try example(task, configuration, step: 2, slot: slot)
            #expect(!isGray(example.patch), "the pictures are colored")
            #expect(isGray(example.target) == example.isGray, "slot \(slot)")
            #expect(isGray(example.colors) == example.isGray, "a gray patch has gray noise")
            expectSameBits(example.colors, example.expected, "the input of slot \(slot)")
            expectClose(
                example.target, example.isGray ? luma(example.patch) : example.patch, "the target of slot \(slot)",
                tolerance: Tolerance(absolute: 2e-7, relative: 0))
            if example.isGray { gray += 1 }
        }
        expectShare(gray, of: 300, share)
    }

    /// All, none, or as many as a binomial distribution gives within four standard deviations.
    private func expectShare(
        _ found: Int, of count: Int, _ share: Double, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let deviation = (Double(count) * share * (1 - share)).squareRoot()
        #expect(abs(Double(found) - Double(count) * share) <= 4 * deviation, sourceLocation: sourceLocation)
    }

    // MARK: Validation

    @Test func validationIsRepeatableAndTellsModelsApart() throws {
        let task = try task()
        let pool = WorkerPool(workerCount: 1)
        var model = TinyModel(task.architecture)
        let wild = try #require(try task.validate(model.parameters, pool: pool))[0]
        #expect(try task.validate(model.parameters, pool: pool) == [wild])
        // A network that predicts nothing scores as the noise itself, which is drawn anew for each picture: about
        // 20 log10(255 / 25) dB, and a little more by clipping.
        for index in model.parameters.values.indices { model.parameters.values[index] = 0 }
        let none = try #require(try task.validate(model.parameters, pool: pool))[0]
        let noisy = try task.validation.pictures.enumerated().map { index, picture in
            var generator = SeededGenerator(seed: 5, path: UInt64(index))
            let noisy = GaussianNoise(sigma: 25).noisyColors(of: picture.image, generator: &generator)
            return try peakSignalToNoiseRatio(picture.image.withColors(noisy), picture.image)
        }
        #expect(noisy.count == 2 && noisy.allSatisfy { (19.9...20.8).contains($0) })
        #expect(abs(none - (noisy[0] + noisy[1]) / 2) < 1e-9)
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
