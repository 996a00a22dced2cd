import RestoreText
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of the denoiser: clean patches, made noisy at random.
public struct DenoiserTraining: TrainingTask, Sendable {
    public let architecture: DenoiserArchitecture
    public let sampler: PatchSampler
    public let validation: PictureSet
    public let graph: TrainingGraph
    public let skipped: [PictureSet.Skipped]
    private let configuration: DenoiserConfiguration
    private let notes: [String: String]

    /// Noise level (where there is one), and size of the validation pictures.
    private static let validationSigma = 25.0
    private static let validationSide = 192
    /// In dB; a flat picture that is restored to the last bit has infinitely many.
    private static let highestScore = 99.0
    /// Held-out pictures that are shown.
    private static let sampleCount = 4

    /// - Parameters:
    ///   - architecture: that of the configuration.
    ///   - graph: that of the configuration.
    ///   - skipped: files that could not be used, for the report.
    ///   - notes: further metadata of the model files.
    public init(
        configuration: DenoiserConfiguration, architecture: DenoiserArchitecture, graph: TrainingGraph,
        training: PictureSet, validation: PictureSet, skipped: [PictureSet.Skipped] = [],
        notes: [String: String] = [:]
    ) {
        self.configuration = configuration
        self.architecture = architecture
        self.validation = validation
        self.notes = notes
        sampler = PatchSampler(
            pictures: training, side: configuration.patchSize, seed: configuration.trainer.seed,
            variation: PatchVariation(
                maximumReduction: configuration.maximumReduction, colorShare: configuration.colorVariation),
            syntheticShare: configuration.syntheticShare)
        self.graph = graph
        self.skipped = skipped
    }

    public var inputs: [TrainingInput] {
        [architecture.inputChannels, 3].map { TrainingInput(height: sampler.side, width: sampler.side, channels: $0) }
    }

    public let metrics = [Metric.psnr]
    public let workUnit = "megapixels"
    public var workPerExample: Double { Double(sampler.side * sampler.side) / 1e6 }

    public var exampleCount: Int { sampler.pictures.pictures.count }
    public var validationCount: Int { validation.pictures.count }

    public var dataSets: [RunReport.DataSet] {
        RunReport.DataSet.all(
            sources: configuration.data, training: sampler.pictures, validation: validation, skipped: skipped)
    }

    public var facts: [RunReport.Fact] {
        let shape = Shape(batch: 1, height: 64, width: 64, channels: architecture.inputChannels)
        // The network was built for these settings; its cost can be counted.
        let cost = try? architecture.network.cost(inputs: [shape])
        return [
            RunReport.Fact("Multiplications a pixel", cost.map { "\($0.multiplyAccumulates / (64 * 64))" } ?? "unknown")
        ]
    }

    public var dataDigest: String { "\(sampler.pictures.digest)-\(validation.digest)" }

    // MARK: Batches

    public func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        let (input, target) = (inputs[0], inputs[1])
        var generator = sampler.generator(step: step, slot: slot)
        let path = sampler.draw(&generator, into: target)
        let pixels = sampler.side * sampler.side
        let isGray = generator.uniform() < configuration.grayShare
        if isGray { makeGray(target, pixels: pixels) }
        let channels = architecture.inputChannels
        for pixel in 0..<pixels { (input + channels * pixel).update(from: target + 3 * pixel, count: 3) }
        switch configuration.noise {
        case .gaussian:
            let sigma = configuration.maximumSigma * generator.uniform()
            for pixel in 0..<pixels { input[channels * pixel + 3] = Float(sigma / 255) }
            GaussianNoise(sigma: sigma).add(
                to: input, pixelCount: pixels, pixelStride: channels, isGray: isGray, generator: &generator)
        case .photo, .jpeg:
            let isKnown = !generator.happens(Self.unknownShare)
            let parameters = damage(
                input, isGray: isGray, startsAtCorner: isKnown || generator.happens(0.5), generator: &generator)
            let compression = parameters.flatMap { isKnown ? CompressionStrength($0) : nil } ?? .none
            let told = architecture.compressionChannels
            if told.isEmpty { break }
            for pixel in 0..<pixels { compression.write(to: input + channels * pixel + told.lowerBound) }
        }
        return path
    }

    /// Share of the compressed patches whose compression the network is not told, as of a JPEG that was converted to PNG.
    /// Where it is told, the blocks start at the patch's corner, as they do in every file.
    private static let unknownShare = 0.2

    /// Leaves a patch clean, damages it by JPEG alone, or takes it with a random camera.
    ///
    /// - Returns: what the patch's file says about its compression, if it has been compressed.
    private func damage(
        _ input: UnsafeMutablePointer<Float>, isGray: Bool, startsAtCorner: Bool, generator: inout SeededGenerator
    ) -> JPEGParameters? {
        let (side, stride) = (sampler.side, architecture.inputChannels)
        if generator.happens(configuration.cleanShare) { return nil }
        if generator.happens(configuration.jpegShare) {
            return JPEGDamage().degrade(
                colors: input, width: side, height: side, pixelStride: stride, isGray: isGray,
                startsAtCorner: startsAtCorner, generator: &generator)
        }
        let camera = configuration.noise == .jpeg ? PhotographNoise.weakTraining : .training
        return camera.degrade(
            colors: input, width: side, height: side, pixelStride: stride, isGray: isGray,
            startsAtCorner: startsAtCorner, generator: &generator)
    }

    /// The patch in gray: R, G and B become their luma.
    private func makeGray(_ colors: UnsafeMutablePointer<Float>, pixels: Int) {
        for pixel in 0..<pixels {
            let color = colors + 3 * pixel
            let luma = Luma.of(color[0], color[1], color[2])
            for c in 0..<3 { color[c] = luma }
        }
    }

    // MARK: Validation

    /// A held-out picture: its middle, the same with noise, always the same one, and how it was compressed.
    private struct HeldOut {
        let clean: Image
        let noisy: [Float]
        var compression = CompressionStrength.none
    }

    private func heldOut(_ index: Int) -> HeldOut {
        var generator = SeededGenerator(seed: sampler.seed, path: UInt64(index))
        let side = Self.validationSide
        let clean = validation.pictures[index].image.middle(width: side, height: side).roundedTo8Bits()
        switch configuration.noise {
        case .gaussian:
            let noise = GaussianNoise(sigma: Self.validationSigma)
            return HeldOut(clean: clean, noisy: noise.noisyColors(of: clean, generator: &generator))
        case .photo, .jpeg:
            var colors = clean.colors
            let isGray = clean.channelLayout.colorChannelCount == 1
            let parameters = colors.withUnsafeMutableBufferPointer { buffer -> JPEGParameters? in
                guard let base = buffer.baseAddress else { return nil }
                // JPEG alone for every third among photographs.
                return configuration.noise == .jpeg || index % 3 == 2
                    ? JPEGDamage().degrade(
                        colors: base, width: clean.width, height: clean.height, isGray: isGray, startsAtCorner: true,
                        generator: &generator)
                    : PhotographNoise().degrade(
                        colors: base, width: clean.width, height: clean.height, isGray: isGray, startsAtCorner: true,
                        generator: &generator)
            }
            return HeldOut(
                clean: clean, noisy: colors, compression: parameters.map { CompressionStrength($0) } ?? .none)
        }
    }

    private func denoiser(_ parameters: Parameters, pool: WorkerPool) -> Denoiser {
        Denoiser(Model(architecture: architecture, parameters: parameters), pool: pool)
    }

    private func restored(_ example: HeldOut, by denoiser: Denoiser) throws -> [Float] {
        let options = Denoiser.Options(noiseLevel: .sigma(Self.validationSigma), compression: example.compression)
        return try denoiser.denoise(
            colors: example.noisy, width: example.clean.width, height: example.clean.height, options: options
        ).colors
    }

    /// Mean PSNR in dB of the middles of the validation pictures, with the same noise every time: Gaussian at σ = 25, or
    /// that of photographs and of JPEG.
    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        guard !validation.pictures.isEmpty else { return nil }
        let denoiser = denoiser(parameters, pool: pool)
        let scores = try validation.pictures.indices.map { index in
            let example = heldOut(index)
            let result = try example.clean.withColors(restored(example, by: denoiser))
            return min(Self.highestScore, try peakSignalToNoiseRatio(result, example.clean))
        }
        return [scores.reduce(0, +) / Double(scores.count)]
    }

    /// Noisy, denoised and clean side by side.
    public func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        let denoiser = denoiser(parameters, pool: pool)
        return try validation.pictures.indices.prefix(Self.sampleCount).map { index in
            let example = heldOut(index)
            let clean = example.clean
            let restored = try clean.withColors(restored(example, by: denoiser))
            let image = try clean.withColors(example.noisy).beside(restored).beside(clean)
            return SamplePicture(name: "\(index + 1)", image: image)
        }
    }

    // MARK: Model files

    public func metadata(step: Int, metrics: [Double]?) -> [String: String] {
        var notes = notes
        let (trainer, side) = (configuration.trainer, sampler.side)
        let sources = configuration.data.map { lastPathComponent(of: $0.path) }.joined(separator: ", ")
        notes["training_data"] = "\(exampleCount) pictures of \(sources)"
        notes["training_settings"] = """
            batch \(trainer.batchSize), patches \(side)x\(side), \(configuration.loss.rawValue) loss, \
            \(trainer.optimizerDescription), EMA \(trainer.averageDecay), seed \(trainer.seed)
            """
        notes["training_steps"] = "\(step)"
        if let license = configuration.license { notes["license"] = license }
        notes["value_range"] = "0…1"
        notes["color_space"] = "sRGB"
        notes["noise_kind"] = configuration.noise.rawValue
        let validated: String
        switch configuration.noise {
        case .gaussian:
            notes["noise_range"] = "0…\(decimals(configuration.maximumSigma, 1)) of 255, Gaussian"
            validated = "at sigma \(Self.validationSigma)"
        case .photo:
            notes["noise_range"] = "that of photographs: shot and read noise, correlated, through JPEG; JPEG alone"
            validated = "with the noise of photographs and of JPEG"
        case .jpeg:
            notes["noise_range"] =
                "JPEG of quality \(JPEGDamage.qualities.lowerBound)…\(JPEGDamage.qualities.upperBound)"
            validated = "with the damage of JPEG"
        }
        if let score = metrics?.first { notes["validation_psnr"] = "\(decimals(score, 2)) dB \(validated)" }
        return ModelMetadata(task: DenoiserArchitecture.task, architecture: architecture.json, notes: notes).dictionary
    }
}

extension Image {
    /// The middle of the picture, at most this large.
    func middle(width: Int, height: Int) -> Image {
        let region = ImageRegion(
            x: max(0, (self.width - width) / 2), y: max(0, (self.height - height) / 2),
            width: min(width, self.width), height: min(height, self.height))
        return cropped(to: region)
    }
}
