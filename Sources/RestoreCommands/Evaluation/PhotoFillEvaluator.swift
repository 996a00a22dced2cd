import Glibc
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

/// Fills pictures whose missing pixels are known, each as one crop, and tells how the code of the network is used.
struct PhotoFillEvaluator: Evaluator {
    /// A picture and its mask.
    struct Item {
        let path: String
        let image: Image
        /// 1 where pixels are missing.
        let mask: [Float]
    }

    let inpainter: Inpainter
    let name: String
    let items: [Item]
    let sampleCount: Int
    let seed: UInt64

    let metrics = [
        Metric.psnr, decibels("psnr_inside", "inside"), .ssim,
        decibels("best_gain", "best sample"), decibels("mean_gain", "mean sample"),
        Metric("distance", title: "distance of samples", decimals: 4, direction: .higherIsBetter),
        .divergence, decibels("own_code_gain", "own code"), decibels("other_code_gain", "another picture's code"),
    ]

    private static func decibels(_ key: String, _ title: String) -> Metric {
        Metric(key, title: title, decimals: 2, direction: .higherIsBetter)
    }

    var summary: [Evaluation.Fact] {
        [
            .init(key: "model", value: .text(name)), .init(key: "samples", value: .integer(sampleCount)),
            .init(key: "seed", value: .seed(seed)),
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
            let colors = mask.colors
            return Item(
                path: picture.path, image: picture.image,
                mask: (0..<mask.pixelCount).map { colors[3 * $0] >= 0.5 ? 1 : 0 })
        }
    }

    func evaluate(_ item: Item) throws -> Evaluation {
        let (crop, truth) = self.crop(item)
        let clock = ContinuousClock()
        let start = clock.now
        let answer = try inpainter.fill(crop)
        let seconds = roundedToMicroseconds((clock.now - start).seconds)
        let error = squaredError(answer, truth)
        var values = try measures(answer, item, truth)
        if sampleCount > 0 {
            let samples = try (0..<sampleCount).map { try inpainter.fill(crop, seed: seed &+ UInt64($0)) }
            let errors = samples.map { squaredError($0, truth) }
            let gains = errors.map { 10 * log10(error / $0) }
            values += [gains.max(), gains.reduce(0, +) / Double(gains.count), distance(samples, item.mask)]
            values += try codeMeasures(item, crop, truth, error)
        } else {
            values += [Double?](repeating: nil, count: 6)
        }
        let harmonic = try measures(crop.colors, item, truth) + [Double?](repeating: nil, count: 6)
        return Evaluation(
            file: item.path, values: values, seconds: seconds,
            baselines: [.init(name: "harmonic", values: harmonic)])
    }

    private func crop(_ item: Item) -> (crop: Inpainter.Crop, truth: [Float]) {
        let truth = item.image.colors
        let colors = PatchFill(
            width: item.image.width, height: item.image.height, mask: item.mask
        ).applied(to: truth)
        return (
            Inpainter.Crop(width: item.image.width, height: item.image.height, colors: colors, mask: item.mask), truth
        )
    }

    /// The divergence, and what the code of the true picture and that of the next picture of the same size gain over the
    /// deterministic answer, in dB.
    private func codeMeasures(
        _ item: Item, _ crop: Inpainter.Crop, _ truth: [Float], _ error: Double
    ) throws -> [Double?] {
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

    private func measures(_ colors: [Float], _ item: Item, _ truth: [Float]) throws -> [Double?] {
        var image = item.image.inColor()
        try image.setColors(of: image.bounds, from: colors, pool: .serial)
        let missing = item.mask.reduce(0) { $0 + Double($1) }
        let error = squaredError(colors.map { ($0 * 255).rounded() / 255 }, truth)
        let (whole, inside) = (error / Double(truth.count), error / (3 * max(1, missing)))
        return [
            whole > 0 ? -10 * log10(whole) : nil, inside > 0 ? -10 * log10(inside) : nil,
            try? structuralSimilarity(image, item.image.inColor()),
        ]
    }

    private func squaredError(_ colors: [Float], _ truth: [Float]) -> Double {
        zip(colors, truth).reduce(0) { sum, pair in
            let d = Double(min(1, max(0, pair.0)) - pair.1)
            return sum + d * d
        }
    }

    /// The root mean squared difference of two samples inside the mask, over all pairs.
    private func distance(_ samples: [[Float]], _ mask: [Float]) -> Double? {
        let count = 3 * mask.reduce(0) { $0 + Double($1) }
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
