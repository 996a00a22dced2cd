import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

/// Colors pictures whose colors are known.
struct ColorizeEvaluator: Evaluator {
    let items: [PictureSet.Picture]
    let colorizer: Colorizer
    let name: String
    let options: Colorizer.Options
    let hintCount: Int
    let seed: UInt64
    /// Of how many pictures the evaluation keeps the rows of a contact sheet.
    let sheetRows: Int
    private let record = Record()

    init(
        items: [PictureSet.Picture], colorizer: Colorizer, name: String, options: Colorizer.Options, hintCount: Int,
        seed: UInt64, sheetRows: Int = 0
    ) {
        (self.items, self.colorizer, self.name, self.options) = (items, colorizer, name, options)
        (self.hintCount, self.seed, self.sheetRows) = (hintCount, seed, sheetRows)
    }

    /// What is found of all pictures together.
    private final class Record {
        var truth = ChromaHistogram()
        var found = ChromaHistogram()
        var rows: [[Image]] = []
    }

    /// Gray, colored and true.
    var rows: [[Image]] { record.rows }

    let metrics = [
        Metric.meanAbsoluteError, .psnr, .pooledPSNR, .meanSquaredError, .ssim,
        Metric("acc2", title: "acc2", decimals: 3, direction: .higherIsBetter),
        Metric("acc5", title: "acc5", decimals: 3, direction: .higherIsBetter),
        Metric("colorfulness", title: "colorfulness", decimals: 1, direction: .higherIsBetter),
    ]

    /// Of CIFAR-10 there are thousands.
    var listsItems: Bool { items.count <= 100 }

    var summary: [Evaluation.Fact] {
        var facts = [
            Evaluation.Fact(key: "model", value: .text(name)),
            Evaluation.Fact(key: "vividness", value: .number(options.vividness)),
            Evaluation.Fact(key: "saturation", value: .number(options.saturation)),
        ]
        if let distance = record.found.distance(to: record.truth) {
            facts.append(.init(key: "ab_distance", value: .number(distance)))
        }
        if hintCount > 0 {
            facts += [.init(key: "hints", value: .integer(hintCount)), .init(key: "seed", value: .seed(seed))]
        }
        return facts
    }

    var remarks: [String] {
        guard let truth = meanColorfulness else { return [] }
        let distance = record.found.distance(to: record.truth).map {
            "distance of the a*b* histogram from the true one: \(decimals($0, 3))"
        }
        return ["colorfulness of the true pictures: \(decimals(truth, 1))"] + [distance].compactMap { $0 }
    }

    private var meanColorfulness: Double? {
        items.isEmpty ? nil : items.reduce(0) { $0 + RestoreImage.colorfulness($1.image) } / Double(items.count)
    }

    func name(of item: PictureSet.Picture) -> String { item.path }

    func evaluate(_ item: PictureSet.Picture) throws -> Evaluation {
        let truth = item.image.inColor().roundedTo8Bits()
        let gray = truth.inGray()
        let clock = ContinuousClock()
        let start = clock.now
        let result = try colored(gray, truth, name: item.path)
        let seconds = roundedToMicroseconds((clock.now - start).seconds)
        record.truth.add(truth)
        record.found.add(result)
        if record.rows.count < sheetRows { record.rows.append([gray, result, truth]) }
        var baselines = [Evaluation.Baseline(name: "gray", values: try values(gray.inColor(), truth))]
        if let table = colorizer.metadata.notes["luma_table"].flatMap({ LumaTable(text: $0) }) {
            let colors = gray.inColor().colors
            let mean = (0..<gray.pixelCount).flatMap { pixel -> [Float] in
                let color = table[colors[3 * pixel]]
                return [color.x, color.y, color.z]
            }
            baselines.append(.init(name: "luma_table", values: try values(truth.withColors(mean), truth)))
        }
        return Evaluation(
            file: item.path, values: try values(result, truth), seconds: seconds, baselines: baselines)
    }

    /// The autoencoders reproduce the whole picture, as they were taught, if it has their size.
    private func colored(_ gray: Image, _ truth: Image, name: String) throws -> Image {
        let architecture = colorizer.architecture
        if architecture.kind != .skip, gray.width == architecture.pictureSize, gray.height == architecture.pictureSize {
            return try truth.withColors(colorizer.reconstructedColors(of: gray))
        }
        var options = options
        options.hints = hints(of: truth, name: name)
        return try colorizer.colorize(gray, options: options) { _ in try Interruption.check() }
    }

    /// The true color at random places, the mean over 3×3 pixels.
    private func hints(of truth: Image, name: String) -> [ColorHint] {
        guard hintCount > 0 else { return [] }
        var generator = SeededGenerator(seed: seed, path: stableHash(lastPathComponent(of: name)))
        let colors = truth.colors
        return (0..<hintCount).map { _ in
            let (x, y) = (generator.index(below: truth.width), generator.index(below: truth.height))
            var (sum, count) = (SIMD3<Float>(), Float(0))
            for row in max(0, y - 1)...min(truth.height - 1, y + 1) {
                for column in max(0, x - 1)...min(truth.width - 1, x + 1) {
                    let place = 3 * (row * truth.width + column)
                    sum += SIMD3(colors[place], colors[place + 1], colors[place + 2])
                    count += 1
                }
            }
            let mean = sum / count
            return ColorHint(x: x, y: y, red: mean.x, green: mean.y, blue: mean.z)
        }
    }

    private func values(_ image: Image, _ truth: Image) throws -> [Double?] {
        var errors = ColorErrors()
        errors.add(image, truth)
        // Equal pictures have no finite PSNR, and small ones no SSIM.
        let psnr = errors.meanSquaredError > 0 ? errors.pooledPSNR : nil
        return [
            errors.meanAbsoluteError, psnr, psnr, errors.meanSquaredError, try? structuralSimilarity(image, truth),
            try colorAccuracy(image, truth, percent: 2), try colorAccuracy(image, truth, percent: 5),
            colorfulness(image),
        ]
    }
}
