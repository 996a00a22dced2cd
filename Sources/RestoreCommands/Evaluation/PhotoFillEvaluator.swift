import Glibc
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

/// Fills pictures whose missing pixels are known, as `restore inpaint` does, and tells how the code of the network is used.
struct PhotoFillEvaluator: Evaluator {
    /// A picture and its mask.
    struct Item {
        let path: String
        let image: Image
        let mask: FillMask
    }

    let inpainter: Inpainter
    let pool: WorkerPool
    let name: String
    let items: [Item]
    let sampleCount: Int
    let seed: UInt64
    let temperature: Double
    /// Of how many pictures the evaluation keeps the rows of a contact sheet.
    let sheetRows: Int
    private let sheet = Sheet()

    init(
        inpainter: Inpainter, pool: WorkerPool, name: String, items: [Item], sampleCount: Int, seed: UInt64,
        temperature: Double,
        sheetRows: Int = 0
    ) {
        (self.inpainter, self.pool, self.name, self.items) = (inpainter, pool, name, items)
        (self.sampleCount, self.seed, self.temperature, self.sheetRows) = (sampleCount, seed, temperature, sheetRows)
    }

    private final class Sheet {
        var rows: [[Image]] = []
    }

    /// Damaged, filled, samples, true.
    var rows: [[Image]] { sheet.rows }

    private static let sampleColumns = 3

    let metrics = [
        Metric.psnr, decibels("psnr_masked", "inside"), .ssim,
        decibels("best_gain", "best sample"), decibels("noise_gain", "best of noise"),
        decibels("mean_gain", "mean sample"),
        decibels("hole_gain", "best of each hole"), decibels("hole_noise_gain", "best noise of each hole"),
        Metric("distance", title: "distance of samples", decimals: 4, direction: .higherIsBetter),
        .divergence, decibels("own_code_gain", "own code"), decibels("other_code_gain", "another picture's code"),
    ]

    private static func decibels(_ key: String, _ title: String) -> Metric {
        Metric(key, title: title, decimals: 2, direction: .higherIsBetter)
    }

    var summary: [Evaluation.Fact] {
        [
            .init(key: "model", value: .text(name)), .init(key: "samples", value: .integer(sampleCount)),
            .init(key: "seed", value: .seed(seed)), .init(key: "temperature", value: .number(temperature)),
        ]
    }

    /// Pairs pictures with the masks of the same name, whatever their format.
    ///
    /// - Throws: `UsageError` for a picture without a mask or with one of another size.
    static func items(_ pictures: [PictureSet.Picture], masks folder: String) throws -> [Item] {
        let files = try listFilesRecursively(folder, extensions: ImageFormat.allFileExtensions)
        func stem(_ path: String) -> Substring {
            let name = lastPathComponent(of: path)
            return name.dropLast(pathExtension(of: path).utf8.count + 1)
        }
        return try pictures.map { picture in
            guard let file = files.first(where: { stem($0) == stem(picture.path) }) else {
                throw UsageError(description: "\(picture.path): there is no mask of this name in \(folder)")
            }
            let mask = try readImage(file).image
            guard mask.width == picture.image.width, mask.height == picture.image.height else {
                throw UsageError(
                    description: """
                        \(file): the mask has \(mask.width)×\(mask.height) pixels, the picture \
                        \(picture.image.width)×\(picture.image.height)
                        """)
            }
            return Item(path: picture.path, image: picture.image, mask: FillMask(mask))
        }
    }

    func name(of item: Item) -> String { item.path }

    func evaluate(_ item: Item) throws -> Evaluation {
        let clock = ContinuousClock()
        let start = clock.now
        let answer = try fill(.network(inpainter), item)
        let seconds = roundedToMicroseconds((clock.now - start).seconds)
        var values = try measures(answer, item)
        var samples: [Image] = []
        if sampleCount > 0 {
            samples = try (0..<sampleCount).map {
                try fill(.network(inpainter), item, options: .init(seed: seed &+ UInt64($0), temperature: temperature))
            }
            values += sampleMeasures(samples, answer, item) + (try codeMeasures(item))
        } else {
            values += [Double?](repeating: nil, count: 9)
        }
        if sheet.rows.count < sheetRows {
            sheet.rows.append(
                [try damaged(item), answer] + samples.prefix(Self.sampleColumns) + [item.image.inColor()])
        }
        let baselines = try [("harmonic", PictureFill.Method.harmonic), ("biharmonic", .biharmonic)].map {
            name, method in
            let values = try measures(fill(method, item), item) + [Double?](repeating: nil, count: 9)
            return Evaluation.Baseline(name: name, values: values)
        }
        return Evaluation(file: item.path, values: values, seconds: seconds, baselines: baselines)
    }

    private func fill(
        _ method: PictureFill.Method, _ item: Item, options: PictureFill.Options = .init()
    ) throws -> Image {
        try PictureFill(method, pool: pool).fill(item.image.inColor(), item.mask, options: options)
    }

    /// White where pixels are missing.
    private func damaged(_ item: Item) throws -> Image {
        var image = item.image.inColor()
        var colors = image.colors
        for pixel in item.mask.isMissing.indices where item.mask.isMissing[pixel] {
            for index in (3 * pixel)..<(3 * pixel + 3) { colors[index] = 1 }
        }
        try image.setColors(of: image.bounds, from: colors, pool: pool)
        return image
    }

    // MARK: Samples

    /// What samples gain over the answer, in dB: the best one, the best of as many answers with smooth noise that differ as
    /// much, the mean one, the best of each hole, and the same of answers with noise. Then the distance of samples.
    private func sampleMeasures(_ samples: [Image], _ answer: Image, _ item: Item) -> [Double?] {
        let (truth, best) = (item.image.colors, answer.colors)
        let holes = item.mask.holes()
        func errors(_ colors: [Float]) -> [Double] {
            var errors = [Double](repeating: 0, count: holes.count)
            for pixel in holes.numbers.indices where holes.numbers[pixel] >= 0 {
                for index in (3 * pixel)..<(3 * pixel + 3) {
                    let difference = Double(min(1, max(0, colors[index])) - truth[index])
                    errors[holes.numbers[pixel]] += difference * difference
                }
            }
            return errors
        }
        let error = errors(best).reduce(0, +)
        func gain(_ other: Double) -> Double { 10 * log10(max(1e-9, error) / max(1e-9, other)) }
        func gains(_ answers: [[Float]]) -> (best: Double?, mean: Double, ofHoles: Double) {
            let all = answers.map(errors)
            let whole = all.map { gain($0.reduce(0, +)) }
            let least = (0..<holes.count).reduce(0) { sum, hole in sum + (all.map { $0[hole] }.min() ?? 0) }
            return (whole.max(), whole.reduce(0, +) / Double(max(1, whole.count)), gain(least))
        }
        let colors = samples.map(\.colors)
        let found = gains(colors)
        guard let distance = distance(colors, item.mask) else { return [found.best, nil, found.mean, nil, nil, nil] }
        let withNoise = gains(
            samples.indices.map { noisy(best, item.mask, deviation: distance / 2.0.squareRoot(), number: $0) })
        return [found.best, withNoise.best, found.mean, found.ofHoles, withNoise.ofHoles, distance]
    }

    /// Side of the squares over which the noise of the comparison changes, as coarse as the code.
    private static let noiseSide = 16

    /// Colors with smooth noise inside the mask, of an effective deviation.
    private func noisy(_ colors: [Float], _ mask: FillMask, deviation: Double, number: Int) -> [Float] {
        let side = Self.noiseSide
        let (across, down) = (mask.width / side + 2, mask.height / side + 2)
        var generator = SeededGenerator(seed: seed, path: stableHash("noise"), UInt64(number))
        let grid = (0..<(3 * across * down)).map { _ in Float(generator.normal()) }
        var noise = [Float](repeating: 0, count: colors.count)
        for y in 0..<mask.height {
            for x in 0..<mask.width where mask.isMissing[y * mask.width + x] {
                let (u, v) = (Float(x % side) / Float(side), Float(y % side) / Float(side))
                let place = 3 * (y / side * across + x / side)
                for channel in 0..<3 {
                    let top = grid[place + channel] * (1 - u) + grid[place + 3 + channel] * u
                    let low = place + 3 * across + channel
                    noise[3 * (y * mask.width + x) + channel] =
                        top * (1 - v) + (grid[low] * (1 - u) + grid[low + 3] * u) * v
                }
            }
        }
        let energy = noise.reduce(0) { $0 + Double($1) * Double($1) } / Double(3 * max(1, mask.count))
        let scale = Float(deviation / max(1e-9, energy.squareRoot()))
        return zip(colors, noise).map { $0 + scale * $1 }
    }

    private func crop(_ item: Item) -> (crop: Inpainter.Crop, truth: [Float]) {
        let truth = item.image.colors
        let crop = Inpainter.Crop(
            width: item.image.width, height: item.image.height, colors: truth,
            mask: item.mask.isMissing.map { $0 ? 1 : 0 })
        return (crop.harmonic, truth)
    }

    /// The divergence, and what the code of the true picture and that of the next picture of the same size gain over the
    /// deterministic answer, in dB.
    private func codeMeasures(_ item: Item) throws -> [Double?] {
        let (crop, truth) = self.crop(item)
        let error = squaredError(try inpainter.fill(crop), truth)
        let (prior, posterior) = try inpainter.encode(crop, truth: truth)
        let own = squaredError(try inpainter.fill(crop, code: posterior.mean), truth)
        var other: Double?
        let index = items.firstIndex { $0.path == item.path } ?? 0
        let rest = items[(index + 1)...] + items[..<index]
        if let stranger = rest.first(where: { ($0.image.width, $0.image.height) == (crop.width, crop.height) }) {
            // Seen through this picture's mask, so that only the content is another.
            let (changed, wrong) = self.crop(Item(path: "", image: stranger.image, mask: item.mask))
            let code = try inpainter.encode(changed, truth: wrong).posterior.mean
            other = 10 * log10(error / squaredError(try inpainter.fill(crop, code: code), truth))
        }
        return [posterior.divergence(from: prior), 10 * log10(error / own), other]
    }

    private func measures(_ filled: Image, _ item: Item) throws -> [Double?] {
        let truth = item.image.inColor()
        let error = squaredError(filled.colors, truth.colors)
        let (whole, inside) = (error / Double(3 * truth.pixelCount), error / Double(3 * max(1, item.mask.count)))
        return [
            whole > 0 ? -10 * log10(whole) : nil, inside > 0 ? -10 * log10(inside) : nil,
            try? structuralSimilarity(filled, truth),
        ]
    }

    private func squaredError(_ colors: [Float], _ truth: [Float]) -> Double {
        zip(colors, truth).reduce(0) { sum, pair in
            let d = Double(min(1, max(0, pair.0)) - pair.1)
            return sum + d * d
        }
    }

    /// The root mean squared difference of two samples inside the mask, over all pairs.
    private func distance(_ samples: [[Float]], _ mask: FillMask) -> Double? {
        let count = Double(3 * mask.count)
        guard samples.count > 1, count > 0 else { return nil }
        var (sum, pairs) = (0.0, 0.0)
        for (index, first) in samples.enumerated() {
            for second in samples[(index + 1)...] {
                sum += squaredError(first, second) / count
                pairs += 1
            }
        }
        return (sum / pairs).squareRoot()
    }
}
