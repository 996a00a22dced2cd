import Glibc
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of the denoiser: clean patches with Gaussian noise of a random, known level.
public struct DenoiserTraining: TrainingTask, Sendable {
    public let architecture: DenoiserArchitecture
    public let sampler: PatchSampler
    public let validation: PictureSet
    public let batchSize: Int
    /// Noise levels, uniformly drawn, in units of 1/255.
    public let sigmas: ClosedRange<Double>
    /// Share of the patches that are made grey, with one noise for all channels, so that grey pictures go through the same
    /// network.
    public let greyShare: Double
    /// Noise level and size of the validation pictures.
    private let validationSigma = 25.0
    private let validationSide = 192
    private let notes: [String: String]

    public let network: Network
    public let loss = Loss.l1

    /// - Parameter notes: further metadata of the model files.
    public init(
        architecture: DenoiserArchitecture, sampler: PatchSampler, validation: PictureSet, batchSize: Int,
        sigmas: ClosedRange<Double>, greyShare: Double, notes: [String: String]
    ) {
        self.architecture = architecture
        self.sampler = sampler
        self.validation = validation
        self.batchSize = batchSize
        self.sigmas = sigmas
        self.greyShare = greyShare
        self.notes = notes
        network = architecture.network
    }

    public var inputShapes: [Shape] {
        [Shape(batch: batchSize, height: sampler.side, width: sampler.side, channels: 4)]
    }

    public func fill(
        step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>], target: UnsafeMutablePointer<Float>
    ) -> String {
        var generator = sampler.generator(step: step, slot: slot)
        let path = sampler.draw(&generator, into: target)
        let pixels = sampler.side * sampler.side
        let isGrey = generator.uniform() < greyShare
        if isGrey { makeGrey(target, pixels: pixels) }
        let sigma = sigmas.lowerBound + (sigmas.upperBound - sigmas.lowerBound) * generator.uniform()
        let input = inputs[0]
        for pixel in 0..<pixels {
            (input + 4 * pixel).update(from: target + 3 * pixel, count: 3)
            input[4 * pixel + 3] = Float(sigma / 255)
        }
        GaussianNoise(sigma: sigma).add(
            to: input, pixelCount: pixels, pixelStride: 4, isGrey: isGrey, generator: &generator)
        return path
    }

    /// Luma of ITU-R BT.601.
    private func makeGrey(_ colors: UnsafeMutablePointer<Float>, pixels: Int) {
        for pixel in 0..<pixels {
            let color = colors + 3 * pixel
            let luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
            for c in 0..<3 { color[c] = luma }
        }
    }

    /// Mean PSNR in dB at σ = 25 of the middles of the validation pictures, with the same noise every time.
    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> Double? {
        guard !validation.pictures.isEmpty else { return nil }
        let denoiser = Denoiser(
            architecture: architecture, parameters: parameters,
            metadata: ModelMetadata(task: Denoiser.task, architecture: architecture.json), pool: pool)
        var sum = 0.0
        for (index, picture) in validation.pictures.enumerated() {
            var generator = SeededGenerator(seed: sampler.seed, path: UInt64(index))
            let side = validationSide
            let middle = picture.image.middle(width: side, height: side)
            let noisy = GaussianNoise(sigma: validationSigma).noisyColors(of: middle, generator: &generator)
            let clean = try denoiser.denoise(
                colors: noisy, width: middle.width, height: middle.height, sigma: validationSigma)
            sum += try peakSignalToNoiseRatio(middle.withColors(clean), middle)
        }
        return sum / Double(validation.pictures.count)
    }

    public func metadata(step: Int, score: Double?) -> [String: String] {
        var notes = notes
        notes["value_range"] = "0…1"
        notes["color_space"] = "sRGB"
        notes["noise_range"] = "\(sigmas.lowerBound)…\(sigmas.upperBound) of 255, Gaussian"
        notes["training_steps"] = "\(step)"
        if let score { notes["validation_psnr"] = "\((score * 100).rounded() / 100) dB at sigma \(validationSigma)" }
        return ModelMetadata(task: Denoiser.task, architecture: architecture.json, notes: notes).dictionary
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
