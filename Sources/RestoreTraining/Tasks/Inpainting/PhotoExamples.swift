import Glibc
import RestoreConcurrency
import RestoreImage
import RestoreModels
import RestoreNN

/// Patches of photographs with random damage.
struct PhotoExamples: InpaintingExamples {
    let configuration: InpainterConfiguration
    let architecture: InpainterArchitecture
    let validation: PictureSet
    private let sampler: PatchSampler

    /// Side of the held-out crops, and how many samples of those with holes are compared to the deterministic answer.
    private static let validationSide = 160
    private static let variantCount = 5
    /// Held-out pictures that are shown.
    private static let sampleCount = 9
    private static let validationKinds = [DamageMask.Kind.scratches, .text, .holes]

    init(
        configuration: InpainterConfiguration, architecture: InpainterArchitecture, training: PictureSet,
        validation: PictureSet
    ) {
        self.configuration = configuration
        self.architecture = architecture
        self.validation = validation
        sampler = PatchSampler(
            pictures: training, side: configuration.patchSize, seed: configuration.trainer.seed,
            variation: PatchVariation(
                maximumReduction: configuration.maximumReduction, colorShare: configuration.colorVariation))
    }

    let metrics = [
        Metric.psnr,
        Metric("gain", title: "gain over the harmonic fill", unit: "dB", decimals: 2, direction: .higherIsBetter),
        Metric("best_gain", title: "gain of the best sample", unit: "dB", decimals: 2, direction: .higherIsBetter),
        .divergence,
    ]

    var settings: String { "patches \(configuration.patchSize)" }

    func shape(of input: String) -> Shape {
        let side = configuration.patchSize
        var code = architecture.codeShape(height: side, width: side)
        switch input {
        case "noise": return code
        case "posterior share":
            code.channels = 1
            return code
        case "mask": return Shape(batch: 1, height: side, width: side, channels: 1)
        default: return Shape(batch: 1, height: side, width: side, channels: 3)
        }
    }

    func fill(
        _ inputs: [String: UnsafeMutablePointer<Float>], isDeterministic: Bool, using generator: inout SeededGenerator
    ) -> String {
        guard let picture = inputs["picture"], let mask = inputs["mask"], let truth = inputs["truth"],
            let logVariance = inputs["log variance"], let share = inputs["posterior share"]
        else { preconditionFailure("a training graph without the inputs of photographs: \(inputs.keys)") }
        let side = sampler.side
        let path = sampler.draw(&generator, into: truth)
        if generator.happens(configuration.grayShare) { makeGray(truth, pixels: side * side) }
        let damage = DamageMask(width: side, height: side, using: &generator)
        for pixel in 0..<(side * side) { mask[pixel] = damage.values[pixel] }
        picture.update(from: truth, count: 3 * side * side)
        HarmonicFill(width: side, height: side, mask: mask).apply(to: picture)
        LikelihoodScale.write(truth, mask: mask, width: side, height: side, to: logVariance)
        let code = shape(of: "posterior share")
        for index in 0..<code.count { share[index] = isDeterministic ? 0 : 1 }
        return path
    }

    private func makeGray(_ colors: UnsafeMutablePointer<Float>, pixels: Int) {
        for pixel in 0..<pixels {
            let place = colors + 3 * pixel
            let luma = Luma.of(place[0], place[1], place[2])
            (place[0], place[1], place[2]) = (luma, luma, luma)
        }
    }

    // MARK: Validation

    /// A held-out crop with damage.
    private struct HeldOut {
        let kind: DamageMask.Kind
        let crop: Inpainter.Crop
        let truth: [Float]

        /// Mean squared error of the whole crop.
        func error(_ colors: [Float]) -> Double {
            max(1e-9, meanSquaredError(colors.map { min(1, max(0, $0)) }, truth))
        }
    }

    private func heldOut(_ index: Int) -> HeldOut {
        let image = validation.pictures[index].image.middle(width: Self.validationSide, height: Self.validationSide)
        let (width, height) = (image.width, image.height)
        var generator = SeededGenerator(
            seed: configuration.trainer.seed, path: stableHash("validation"), UInt64(index))
        let kind = Self.validationKinds[index % Self.validationKinds.count]
        let mask = DamageMask(kind, width: width, height: height, using: &generator).values
        let truth = image.colors
        var colors = truth
        mask.withUnsafeBufferPointer { mask in
            colors.withUnsafeMutableBufferPointer { colors in
                guard let mask = mask.baseAddress, let colors = colors.baseAddress else { return }
                HarmonicFill(width: width, height: height, mask: mask).apply(to: colors)
            }
        }
        return HeldOut(
            kind: kind, crop: Inpainter.Crop(width: width, height: height, colors: colors, mask: mask), truth: truth)
    }

    /// PSNR of whole crops, the gain over the harmonic fill, the gain of the best of some samples over the
    /// deterministic answer where there are holes, and the divergence.
    func validate(_ model: Model<InpainterArchitecture>, pool: WorkerPool) throws -> [Double] {
        let inpainter = Inpainter(model, pool: pool)
        var sums = [0.0, 0, 0, 0]
        var holeCount = 0.0
        for index in validation.pictures.indices {
            let example = heldOut(index)
            let error = example.error(try inpainter.fill(example.crop))
            sums[0] += -10 * log10(error)
            sums[1] += 10 * log10(example.error(example.crop.colors) / error)
            let (prior, posterior) = try inpainter.encode(example.crop, truth: example.truth)
            sums[3] += posterior.divergence(from: prior)
            guard example.kind == .holes else { continue }
            let best = try (0..<Self.variantCount).map {
                example.error(try inpainter.fill(example.crop, seed: UInt64($0)))
            }.min()
            sums[2] += 10 * log10(error / (best ?? error))
            holeCount += 1
        }
        let count = Double(validation.pictures.count)
        return [sums[0] / count, sums[1] / count, sums[2] / max(1, holeCount), sums[3] / count]
    }

    /// Harmonic fill, deterministic answer, two samples, and the truth, side by side; above them the damage.
    func samples(_ model: Model<InpainterArchitecture>, pool: WorkerPool) throws -> [SamplePicture] {
        let inpainter = Inpainter(model, pool: pool)
        return try validation.pictures.indices.prefix(Self.sampleCount).map { index in
            let example = heldOut(index)
            let damaged = example.truth.indices.map { example.crop.mask[$0 / 3] == 0 ? example.truth[$0] : 1 }
            let fills = try [
                damaged, example.crop.colors, inpainter.fill(example.crop), inpainter.fill(example.crop, seed: 1),
                inpainter.fill(example.crop, seed: 2), example.truth,
            ]
            let images = fills.map { Self.image(of: $0, example.crop) }
            return SamplePicture(name: "\(index + 1)", image: images.dropFirst().reduce(images[0]) { $0.beside($1) })
        }
    }

    private static func image(of colors: [Float], _ crop: Inpainter.Crop) -> Image {
        let samples = colors.map { UInt8(max(0, min(255, ($0.isNaN ? 0 : $0) * 255 + 0.5))) }
        return Image(width: crop.width, height: crop.height, channelLayout: .rgb, samples: .uint8(samples))
    }
}
