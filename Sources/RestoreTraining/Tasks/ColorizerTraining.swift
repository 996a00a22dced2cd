import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Training of a colorizer: luma in, colors out.
public struct ColorizerTraining: TrainingTask, Sendable {
    public let graph: TrainingGraph
    public let architecture: ColorizerArchitecture
    private let configuration: ColorizerConfiguration
    private let training: PictureSet
    private let validation: PictureSet
    private let skipped: [PictureSet.Skipped]
    private let notes: [String: String]
    private let rarity: ChromaRarity
    private let lumaTable: LumaTable

    /// Held-out pictures that are shown.
    private static let sampleCount = 12
    /// Pixels by which an example is shifted at most, along either axis.
    private static let mostShift = 2
    /// Hints of an example that has some: their mean number.
    private static let meanHintCount = 8.0

    public init(
        configuration: ColorizerConfiguration, architecture: ColorizerArchitecture, graph: TrainingGraph,
        training: PictureSet, validation: PictureSet, skipped: [PictureSet.Skipped] = [],
        notes: [String: String] = [:]
    ) {
        self.configuration = configuration
        self.architecture = architecture
        self.graph = graph
        self.training = training
        self.validation = validation
        self.skipped = skipped
        self.notes = notes
        rarity = ChromaRarity(of: training, seed: configuration.trainer.seed)
        lumaTable = LumaTable(of: training, seed: configuration.trainer.seed)
    }

    private var side: Int { configuration.pictureSize }
    private var hasClassTerm: Bool { architecture.kind == .skip && configuration.classWeight > 0 }

    public var inputs: [TrainingInput] {
        guard architecture.kind == .skip else {
            return [1, 3].map { TrainingInput(height: side, width: side, channels: $0) }
        }
        var inputs = [
            TrainingInput(height: side, width: side, channels: architecture.inputChannels),
            TrainingInput(height: side / 2, width: side / 2, channels: 2),
        ]
        inputs += [4, 4, 1].map { TrainingInput(height: side / 4, width: side / 4, channels: $0) }
        return inputs + (hasClassTerm ? [TrainingInput(channels: 1)] : [])
    }

    public let metrics = [Metric.meanAbsoluteError, .pooledPSNR]
    public let workUnit = "pictures"
    public let workPerExample = 1.0
    public var exampleCount: Int { training.pictures.count }
    public var validationCount: Int { validation.pictures.count }
    public var dataDigest: String { "\(training.digest)-\(validation.digest)" }

    public var dataSets: [RunReport.DataSet] {
        RunReport.DataSet.all(
            sources: configuration.data, training: training, validation: validation, skipped: skipped)
    }

    public var facts: [RunReport.Fact] { [RunReport.Fact("Network", architecture.kind.rawValue)] }

    // MARK: Examples

    public func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String {
        var generator = SeededGenerator(seed: configuration.trainer.seed, path: UInt64(step), UInt64(slot))
        let picture = training.pictures[training.drawIndex(using: &generator)]
        let colors = drawn(picture.image, using: &generator)
        guard architecture.kind == .skip else {
            for pixel in 0..<(side * side) {
                let color = colors[pixel]
                inputs[0][pixel] = Luma.of(color.x, color.y, color.z)
                for channel in 0..<3 { inputs[1][3 * pixel + channel] = color[channel] }
            }
            return picture.path
        }
        fillPicture(inputs[0], colors, using: &generator)
        let half = halved(colors.map { Chroma.of($0.x, $0.y, $0.z) }, side: side)
        for (pixel, chroma) in half.enumerated() {
            (inputs[1][2 * pixel], inputs[1][2 * pixel + 1]) = (chroma.x, chroma.y)
        }
        for (pixel, chroma) in halved(half, side: side / 2).enumerated() {
            ChromaBins.encode(chroma, bins: inputs[2] + 4 * pixel, shares: inputs[3] + 4 * pixel)
            inputs[4][pixel] = rarity.weight(of: chroma)
        }
        if hasClassTerm {
            // A class that is not known is skipped.
            inputs[5][0] = Float(picture.label.flatMap { $0 < configuration.classCount ? $0 : nil } ?? -1)
        }
        return picture.path
    }

    /// A square of the picture in the training size, mirrored at random and, if it is not a crop, shifted a little.
    private func drawn(_ image: Image, using generator: inout SeededGenerator) -> [SIMD3<Float>] {
        let most = min(image.width, image.height, Int(configuration.maximumReduction * Double(side)))
        let source = side + generator.index(below: max(1, most - side + 1))
        let region = ImageRegion(
            x: generator.index(below: image.width - source + 1), y: generator.index(below: image.height - source + 1),
            width: source, height: source)
        let isWhole = source == image.width && source == image.height
        let isMirrored = generator.happens(0.5)
        let shifts = (0..<2).map { _ in generator.index(below: 2 * Self.mostShift + 1) - Self.mostShift }
        let crop = image.cropped(to: region).resized(width: side, height: side, filter: .area)
        let colors = crop.colors
        return (0..<side * side).map { pixel in
            var (x, y) = (pixel % side, pixel / side)
            if isWhole { (x, y) = (mirrored(x + shifts[0], side), mirrored(y + shifts[1], side)) }
            if isMirrored { x = side - 1 - x }
            let place = 3 * (y * side + x)
            return SIMD3(colors[place], colors[place + 1], colors[place + 2])
        }
    }

    private func fillPicture(
        _ input: UnsafeMutablePointer<Float>, _ colors: [SIMD3<Float>], using generator: inout SeededGenerator
    ) {
        let channels = architecture.inputChannels
        input.update(repeating: 0, count: channels * colors.count)
        for (pixel, color) in colors.enumerated() { input[channels * pixel] = Luma.of(color.x, color.y, color.z) }
        guard channels == 4, generator.happens(configuration.hintShare) else { return }
        // A geometric distribution, as in Zhang et al., "Real-time user-guided image colorization" (SIGGRAPH 2017).
        repeat {
            let pixel = generator.index(below: colors.count)
            let chroma = Chroma.of(colors[pixel].x, colors[pixel].y, colors[pixel].z)
            let place = input + channels * pixel
            (place[1], place[2], place[3]) = (chroma.x, chroma.y, 1)
        } while generator.happens(1 - 1 / Self.meanHintCount)
    }

    // MARK: Validation

    private func colorizer(_ parameters: Parameters, pool: WorkerPool) -> Colorizer {
        Colorizer(
            Model(architecture: architecture, parameters: parameters.restricted(to: architecture.network)), pool: pool)
    }

    /// The middle of a held-out picture.
    private func heldOut(_ index: Int) -> Image {
        let image = validation.pictures[index].image
        let least = min(image.width, image.height)
        let crop = image.cropped(
            to: ImageRegion(
                x: (image.width - least) / 2, y: (image.height - least) / 2, width: least, height: least))
        return crop.resized(width: side, height: side, filter: .area).roundedTo8Bits()
    }

    private func restored(_ image: Image, by colorizer: Colorizer) throws -> Image {
        guard architecture.kind == .skip else {
            return try image.inColor().withColors(colorizer.reconstructedColors(of: image))
        }
        return try colorizer.colorize(image)
    }

    /// The mean absolute error in units of 1/255 and the PSNR of the pooled squared errors, over all values of the
    /// held-out pictures.
    public func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]? {
        guard !validation.pictures.isEmpty else { return nil }
        let colorizer = colorizer(parameters, pool: pool)
        var errors = ColorErrors()
        for index in validation.pictures.indices {
            let image = heldOut(index)
            errors.add(try restored(image, by: colorizer), image.inColor())
        }
        return [errors.meanAbsoluteError, errors.pooledPSNR]
    }

    /// Gray, colorized and true side by side.
    public func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture] {
        let colorizer = colorizer(parameters, pool: pool)
        return try validation.pictures.indices.prefix(Self.sampleCount).map { index in
            let image = heldOut(index).inColor()
            let triple = try image.inGray().inColor().beside(restored(image, by: colorizer)).beside(image)
            return SamplePicture(name: "\(index + 1)", image: triple)
        }
    }

    public func metadata(step: Int, metrics: [Double]?) -> [String: String] {
        var notes = notes
        let trainer = configuration.trainer
        let sources = configuration.data.map { lastPathComponent(of: $0.path) }.joined(separator: ", ")
        notes["training_data"] = "\(exampleCount) pictures of \(sources)"
        notes["training_settings"] = """
            recipe \(configuration.recipe.rawValue), batch \(trainer.batchSize), pictures \(side)x\(side), \
            \(configuration.loss.rawValue) loss, \(trainer.optimizerDescription), EMA \(trainer.averageDecay), \
            seed \(trainer.seed)
            """
        notes["training_steps"] = "\(step)"
        notes["luma_table"] = lumaTable.text
        notes["value_range"] = "0…1"
        notes["color_space"] = "sRGB; luma and chroma of BT.601"
        if let license = configuration.license { notes["license"] = license }
        if let metrics {
            notes["validation_mae"] = Metric.meanAbsoluteError.text(metrics[0])
            notes["validation_psnr"] = "\(Metric.pooledPSNR.text(metrics[1])), pooled"
        }
        return ModelMetadata(task: ColorizerArchitecture.task, architecture: architecture.json, notes: notes)
            .dictionary
    }
}

/// The means of 2×2 pixels.
private func halved(_ values: [SIMD2<Float>], side: Int) -> [SIMD2<Float>] {
    let half = side / 2
    return (0..<half * half).map { pixel in
        let start = pixel / half * 2 * side + pixel % half * 2
        return 0.25 * (values[start] + values[start + 1] + values[start + side] + values[start + side + 1])
    }
}
