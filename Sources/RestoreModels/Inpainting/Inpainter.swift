import RestoreConcurrency
import RestoreNN

/// A trained model for photographs, applied to crops.
///
/// It corrects a classical fill. Crops may have any size; both sides are padded to a multiple of the network's
/// alignment. What a crop becomes depends on all of its pixels, but little on those more than some fifty pixels away.
public final class Inpainter {
    public let architecture: InpainterArchitecture
    public let metadata: ModelMetadata
    private let plans: InpainterPlans

    /// Loads a model file; its checksum is verified.
    ///
    /// - Throws: `ModelError`, also for a model that completes digits.
    public convenience init(path: String, pool: WorkerPool) throws(ModelError) {
        let model = try Model<InpainterArchitecture>(path: path)
        guard model.architecture.kind == .photo else {
            let kind = model.architecture.kind.rawValue
            throw .badArchitecture(path: path, reason: "a \(kind) completes digits; expected a model for photographs")
        }
        self.init(model, pool: pool)
    }

    /// - Precondition: the model is of the kind `photo`.
    public init(_ model: Model<InpainterArchitecture>, pool: WorkerPool) {
        precondition(model.architecture.kind == .photo, "a \(model.architecture.kind.rawValue) is not for photographs")
        architecture = model.architecture
        metadata = model.metadata
        plans = InpainterPlans(architecture, model.parameters, pool: pool)
    }

    /// Where a crop lies: codes drawn with the same seed agree where crops overlap.
    public struct Place: Hashable, Sendable {
        /// How often the resolution was halved.
        public let level: Int
        /// Of the top left corner, in pixels at this resolution; multiples of the network's alignment.
        public let x: Int
        public let y: Int

        public init(level: Int = 0, x: Int = 0, y: Int = 0) {
            (self.level, self.x, self.y) = (level, x, y)
        }
    }

    /// A part of a picture with missing pixels.
    public struct Crop: Sendable {
        public let width: Int
        public let height: Int
        /// `height · width · 3` values of interleaved R, G, B in 0…1, with a classical fill where pixels are missing.
        public let colors: [Float]
        /// `height · width` values: 1 where pixels are missing, 0 elsewhere.
        public let mask: [Float]
        public let place: Place

        /// - Precondition: the numbers of values match the sides.
        public init(width: Int, height: Int, colors: [Float], mask: [Float], place: Place = Place()) {
            precondition(width > 0 && height > 0, "a crop of \(width)×\(height)")
            precondition(
                colors.count == 3 * width * height && mask.count == width * height,
                "\(colors.count) colors and a mask of \(mask.count) for \(width)×\(height)")
            self.width = width
            self.height = height
            self.colors = colors
            self.mask = mask
            self.place = place
        }
    }

    /// The crop with its missing pixels replaced, not clipped; others are as they were.
    ///
    /// - Parameters:
    ///   - seed: of a code drawn from the prior; nil for the prior's mean, the deterministic answer.
    ///   - temperature: factor of the prior's deviation.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func fill(_ crop: Crop, seed: UInt64? = nil, temperature: Float = 1) throws(NetworkError) -> [Float] {
        let padded = PaddedCrop(crop, alignment: architecture.alignment)
        let shape = architecture.codeShape(height: padded.height, width: padded.width)
        let noise =
            seed.map { self.noise($0, temperature, shape, crop.place) } ?? [Float](repeating: 0, count: shape.count)
        let outputs = try plans.run(.filler, [padded.picture, padded.mask, Tensor(shape: shape, values: noise)])
        return padded.composed(outputs[0].values)
    }

    /// The noise of each place of the code depends on the seed and the place only.
    private func noise(_ seed: UInt64, _ deviation: Float, _ shape: Shape, _ place: Place) -> [Float] {
        var noise: [Float] = []
        noise.reserveCapacity(shape.count)
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                var generator = SeededGenerator(
                    seed: seed, path: UInt64(place.level), UInt64(place.y / architecture.alignment + y),
                    UInt64(place.x / architecture.alignment + x))
                for _ in 0..<shape.channels { noise.append(deviation * Float(generator.normal())) }
            }
        }
        return noise
    }

    /// The crop filled by the decoder for a code, such as one of another picture.
    ///
    /// - Parameter code: as many values as `CodeDistribution` of `encode` has.
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func fill(_ crop: Crop, code: [Float]) throws(NetworkError) -> [Float] {
        let padded = PaddedCrop(crop, alignment: architecture.alignment)
        let shape = architecture.codeShape(height: padded.height, width: padded.width)
        precondition(code.count == shape.count, "\(code.count) values for a code of \(shape.count)")
        let outputs = try plans.run(.generator, [padded.picture, padded.mask, Tensor(shape: shape, values: code)])
        return padded.composed(outputs[0].values)
    }

    /// The prior of a crop, and q given the true colors, as `Crop.colors`.
    ///
    /// - Throws: `NetworkError` if the machine has too little memory.
    public func encode(
        _ crop: Crop, truth: [Float]
    ) throws(NetworkError) -> (prior: CodeDistribution, posterior: CodeDistribution) {
        let padded = PaddedCrop(crop, alignment: architecture.alignment)
        let whole = PaddedCrop(
            Crop(width: crop.width, height: crop.height, colors: truth, mask: crop.mask),
            alignment: architecture.alignment)
        let outputs = try plans.run(.encoders, [padded.picture, padded.mask, whole.picture])
        return (
            CodeDistribution(mean: outputs[0].values, logVariance: outputs[1].values),
            CodeDistribution(mean: outputs[2].values, logVariance: outputs[3].values)
        )
    }
}

/// A crop, mirrored at its right and lower edges up to sides that the networks take.
private struct PaddedCrop {
    let width: Int
    let height: Int
    let picture: Tensor
    let mask: Tensor
    private let crop: Inpainter.Crop

    init(_ crop: Inpainter.Crop, alignment: Int) {
        self.crop = crop
        let width = (crop.width + alignment - 1) / alignment * alignment
        let height = (crop.height + alignment - 1) / alignment * alignment
        (self.width, self.height) = (width, height)
        var colors = [Float](repeating: 0, count: 3 * width * height)
        var marked = [Float](repeating: 0, count: width * height)
        for y in 0..<height {
            let row = mirroredIndex(y, crop.height) * crop.width
            for x in 0..<width {
                let (source, target) = (row + mirroredIndex(x, crop.width), y * width + x)
                for channel in 0..<3 { colors[3 * target + channel] = crop.colors[3 * source + channel] }
                marked[target] = crop.mask[source]
            }
        }
        picture = Tensor(shape: Shape(batch: 1, height: height, width: width, channels: 3), values: colors)
        mask = Tensor(shape: Shape(batch: 1, height: height, width: width, channels: 1), values: marked)
    }

    /// The crop with the network's colors where pixels are missing.
    func composed(_ result: [Float]) -> [Float] {
        var colors = crop.colors
        for y in 0..<crop.height {
            for x in 0..<crop.width where crop.mask[y * crop.width + x] != 0 {
                let (target, source) = (3 * (y * crop.width + x), 3 * (y * width + x))
                for channel in 0..<3 { colors[target + channel] = result[source + channel] }
            }
        }
        return colors
    }
}

/// Reflects an index beyond the last one, without repeating the edge; periodic.
private func mirroredIndex(_ index: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let place = index % (2 * count - 2)
    return place < count ? place : 2 * count - 2 - place
}
