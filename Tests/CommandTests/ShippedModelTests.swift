import RestoreConcurrency
import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// The models that come with the program: they are found, they are whole, and they are worth having.
@Suite struct ShippedModelTests {
    private static let names = ["denoise-color", "denoise-jpeg", "denoise-photo"]
    private static let colorizers = ["colorize-cifar10", "colorize-photo"]
    private static let inpainters = ["inpaint-photo"]
    private static func path(_ name: String) -> String {
        joinPath(parentFolder(of: Fixtures.folder), "Models/\(name)/model.safetensors")
    }
    private let workplace: Workplace
    /// Without the folder of the tests' own model.
    private let environment = ["RESTORE_MODELS": ""]

    init() throws {
        workplace = try Workplace()
    }

    @Test func theyAreFoundFromAnotherFolder() throws {
        let outcome = try workplace.run(["models", "list"], environment: environment)
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        for name in Self.names + Self.colorizers + Self.inpainters {
            let task = name.prefix { $0 != "-" }
            let line = try #require(outcome.outputLines.first { $0.hasPrefix("\(name)\t\(task)\t") })
            #expect(line.hasSuffix("Models/\(name)/model.safetensors"))
        }
    }

    /// Loading verifies the checksum, which is there.
    @Test(arguments: names) func itIsWhole(name: String) throws {
        let denoiser = try Denoiser(path: Self.path(name), pool: WorkerPool(workerCount: 1))
        #expect(denoiser.metadata.notes["checksum"]?.hasPrefix("sha256:") == true)
        let (found, shipped) = (denoiser.architecture, DenoiserArchitecture())
        if name != "denoise-jpeg" { #expect((found.widths, found.blocks) == (shipped.widths, shipped.blocks)) }
        #expect(found.isBlind == (name != "denoise-color") && found.knowsCompression == (name == "denoise-jpeg"))
        for key in ["license", "training_data", "noise_kind", "noise_range", "value_range", "color_space"] {
            #expect(denoiser.metadata.notes[key]?.isEmpty == false, "\(key)")
        }
    }

    @Test func togetherTheyAreSmall() throws {
        let bytes = try Self.names.map { try readFile(Self.path($0)).count }
        #expect(bytes.reduce(0, +) < 16_000_000)
        let more = try Self.colorizers.map { try readFile(Self.path($0)).count }
        #expect(more.reduce(0, +) < 12 << 20)
        let fills = try Self.inpainters.map { try readFile(Self.path($0)).count }
        #expect(fills.reduce(0, +) < 12_000_000)
    }

    /// Clean colors beyond sRGB's gamut get no cast.
    @Test(arguments: ["display-p3", "adobe-rgb", "prophoto"], names)
    func wideColorsStayAsTheyAre(profile: String, name: String) throws {
        let bytes = try readFile(Fixtures.path("profiles/\(profile).icc"))
        let pool = WorkerPool(workerCount: 2)
        let denoiser = try Denoiser(path: Self.path(name), pool: pool)
        for color in [[0, 255, 0], [30, 200, 60], [20, 90, 200], [0, 255, 255], [220, 30, 40]] {
            // A soft ramp from half the color to all of it.
            var image = Image(width: 96, height: 96, channelLayout: .rgb, bitDepth: 8)
            let samples = (0..<image.sampleCount).map { index -> UInt8 in
                let light = 0.5 + Double(index / 3 % 96) / 190
                return UInt8(light * Double(color[index % 3]))
            }
            image.samples = .uint8(samples)
            image.colorSpace = ImageMetadata(colorProfile: bytes).colorSpace(of: .rgb).space
            let level = NoiseEstimator().estimate(image)
            #expect(level < 1)
            let after = try denoiser.denoise(image, options: .init(noiseLevel: .sigma(level))).image.values
            var worst = 0
            for y in 8..<88 {
                for i in (3 * (96 * y + 8))..<(3 * (96 * y + 88)) {
                    worst = max(worst, abs(after[i] - Int(samples[i])))
                }
            }
            // Without a profile the same numbers come out by up to 5 off; as sRGB the colors were up to 67 off.
            #expect(worst <= 12, "\(name), \(profile), \(color): \(worst)")
        }
    }

    /// It is what `restore denoise` uses where nothing else is asked for.
    @Test func itIsTheDefault() throws {
        let noisy = try readImage(Fixtures.path("images/dandelion.jpg")).image
            .cropped(to: ImageRegion(x: 200, y: 100, width: 96, height: 80))
        try workplace.folder.write(noisy, "in.png")
        let outcome = try workplace.run(["denoise", "in.png", "out.png", "--sigma", "15"], environment: environment)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let denoiser = try Denoiser(path: Self.path(Self.names[0]), pool: WorkerPool(workerCount: 1))
        let expected = try denoiser.denoise(noisy, options: Denoiser.Options(noiseLevel: .sigma(15))).image
        #expect(try workplace.image("out.png") == expected)
    }

    // MARK: Quality

    private static let sigma = 25.0

    private struct Floor {
        let file: String
        /// dB above the noisy picture.
        let gain: Double
    }

    private static let floors = [
        Floor(file: "mountains.png", gain: 9.5), Floor(file: "astronaut.png", gain: 11),
        Floor(file: "cameraman.png", gain: 8.8),
    ]

    /// Against the noisy picture and against non-local means, on the noise that `restore evaluate` adds.
    @Test func itIsBetterThanTheNoiseAndThanNonLocalMeans() throws {
        let files = Self.floors.map { Fixtures.path("images/\($0.file)") }
        let outcome = try workplace.run(
            ["evaluate", "denoise", "--json", "-j", "2", "--sigma", "\(Self.sigma)", "--data"] + files,
            environment: environment)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let records = try outcome.records(EvaluationRecord.self)
        try #require(records.count == Self.floors.count + 1)
        for (floor, record) in zip(Self.floors, records) {
            let psnr = try #require(record.psnr)
            let noisy = try #require(record.baselines["noisy"]).psnr
            #expect(psnr >= noisy + floor.gain, "\(floor.file)")
            let classical = try classicalScore(floor.file)
            #expect(classical > noisy + 5, "\(floor.file): a classical method worth the name")
            #expect(psnr > classical + 0.8, "\(floor.file)")
        }
    }

    /// Each on the noise it was not made for, and on its own.
    @Test func eachIsTheBetterOneForItsNoise() throws {
        let files = ["mountains.png", "astronaut.png"].map { Fixtures.path("images/\($0)") }
        func score(_ name: String, _ noise: [String]) throws -> Double {
            let outcome = try workplace.run(
                ["evaluate", "denoise", "--json", "-j", "2", "-m", name] + noise + ["--data"] + files,
                environment: environment)
            #expect(outcome.code == 0, "\(outcome.errors)")
            return try #require(try outcome.records(EvaluationRecord.self).last?.mean).psnr
        }
        let photo = ["--noise", "photo", "--level", "medium"]
        #expect(try score("denoise-photo", photo) > score("denoise-color", photo) + 0.4)
        let gaussian = ["--sigma", "25"]
        #expect(try score("denoise-color", gaussian) > score("denoise-photo", gaussian) + 0.5)
        let jpeg = ["--noise", "jpeg", "--level", "20"]
        #expect(try score("denoise-jpeg", jpeg) > score("denoise-photo", jpeg) + 0.5)
        #expect(try score("auto", jpeg) > score("denoise-photo", jpeg) + 0.5)
    }

    /// What `--model auto` chooses, and that a clean picture passes nearly unchanged.
    @Test func thePictureChooses() throws {
        let folder = workplace.folder
        let clean = Fixtures.path("images/astronaut.png")
        for arguments in [["noise", "--sigma", "25"], ["photo", "--level", "high"]] {
            let outcome = try workplace.run(
                ["degrade"] + arguments.prefix(1) + [clean, folder("\(arguments[0]).png")] + arguments.dropFirst())
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        let strong = ImageEncoding(format: .jpeg, jpegQuality: 40)
        try writeImage(readImage(clean).image, to: folder("strong.jpg"), encoding: strong, overwrite: false)
        for (file, model) in [
            (folder("noise.png"), "denoise-color"), (folder("photo.png"), "denoise-photo"),
            (folder("strong.jpg"), "denoise-jpeg"),
        ] {
            let outcome = try workplace.run(
                ["denoise", file, "-j", "2", "-o", folder("out.png"), "--overwrite"], environment: environment)
            #expect(outcome.code == 0 && outcome.errors.contains(model), "\(outcome.errors)")
        }
        let outcome = try workplace.run(["denoise", clean, folder("clean.png"), "-j", "2"], environment: environment)
        #expect(outcome.code == 0)
        let score = try peakSignalToNoiseRatio(workplace.image("clean.png"), readImage(clean).image)
        #expect(score > 40)
    }

    /// Noise that a camera has smoothed looks like texture to statistics; the model for photographs recognizes it.
    @Test func aCamerasNoiseIsRecognized() throws {
        let files = ["astronaut.png", "mountains.png", "brushes.png"].map { Fixtures.path("images/\($0)") }
        let noise = ["--noise", "photo", "--level", "medium"]
        let outcome = try workplace.run(
            ["evaluate", "denoise", "--json", "-j", "2", "-m", "auto"] + noise + ["--data"] + files,
            environment: environment)
        #expect(outcome.code == 0, "\(outcome.errors)")
        for record in try outcome.records(EvaluationRecord.self).dropLast() {
            let noisy = try #require(record.baselines["noisy"]).psnr
            #expect(try #require(record.psnr) > noisy + 1.5, "\(record)")
        }
    }

    /// Colored photographs are nearer to the truth than gray ones, and nearer still with hints; none of these photographs
    /// was in the training.
    @Test func theColorizersAreBetterThanGray() throws {
        let photographs = ["astronaut.png", "mountains.png", "dandelion.jpg"].map { Fixtures.path("images/\($0)") }
        let small = [Fixtures.path("datasets/cifar-10-sample/test_batch.bin")]
        func scores(_ name: String, _ data: [String], _ options: String...) throws -> (own: Double, gray: Double) {
            let outcome = try workplace.run(
                ["evaluate", "colorize", "--json", "-j", "2", "-m", name] + options + ["--data"] + data,
                environment: environment)
            #expect(outcome.code == 0, "\(outcome.errors)")
            let summary = try #require(try outcome.records(ColorSummary.self).last)
            return (summary.mean.mae, try #require(summary.baselines["gray"]).mae)
        }
        let photo = try scores("colorize-photo", photographs)
        #expect(photo.own < 0.95 * photo.gray, "\(photo)")
        let hinted = try scores("colorize-photo", photographs, "--hint-count", "10")
        #expect(hinted.own < 0.85 * photo.own, "\(hinted)")
        let cifar = try scores("colorize-cifar10", small)
        #expect(cifar.own < cifar.gray, "\(cifar)")
    }

    /// Photographs with lines and boxes cut out are nearer to the truth than with either classical fill.
    @Test func theInpainterIsBetterThanTheClassicalFills() throws {
        for (index, name) in ["astronaut", "mountains", "brushes", "fig"].enumerated() {
            let image = try readImage(Fixtures.path("images/\(name).png")).image
            try workplace.folder.write(image, "photos/\(name).png")
            let marks = (0..<image.pixelCount).map { pixel -> UInt8 in
                let (x, y) = (pixel % image.width + 13 * index, pixel / image.width)
                let isLine = (x + y / 3) % 67 < 3
                let isBox = x % 90 < 14 && y % 80 < 14
                return isLine || isBox ? 255 : 0
            }
            try workplace.folder.write(
                Image(width: image.width, height: image.height, channelLayout: .gray, samples: .uint8(marks)),
                "masks/\(name).png")
        }
        let data = ["--data", "photos", "--masks", "masks"]
        let outcome = try workplace.run(
            ["evaluate", "inpaint", "--json", "-j", "2", "-m", "inpaint-photo"] + data, environment: environment)
        #expect(outcome.code == 0, "\(outcome.errors)")
        struct Scores: Decodable { let psnr_masked: Double }
        struct Summary: Decodable {
            let mean: Scores
            let baselines: [String: Scores]
        }
        let summary = try JSONDecoder().decode(Summary.self, from: Data(try #require(outcome.outputLines.last).utf8))
        for fill in ["harmonic", "biharmonic"] {
            #expect(summary.mean.psnr_masked > (try #require(summary.baselines[fill])).psnr_masked + 0.3, "\(summary)")
        }
    }

    private struct ColorSummary: Decodable {
        struct Values: Decodable { let mae: Double }
        let mean: Values
        let baselines: [String: Values]

        private enum CodingKeys: String, CodingKey { case mean, baselines }

        /// The records of single pictures have their values at the top.
        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            mean = try fields.decodeIfPresent(Values.self, forKey: .mean) ?? Values(from: decoder)
            baselines = try fields.decode([String: Values].self, forKey: .baselines)
        }
    }

    /// The PSNR of non-local means.
    private func classicalScore(_ file: String) throws -> Double {
        let clean = try readImage(Fixtures.path("images/\(file)")).image
        let isGray = clean.channelLayout == .gray
        var generator = SeededGenerator(seed: 1, path: stableHash(file))
        let noisy = GaussianNoise(sigma: Self.sigma).noisyColors(of: clean, generator: &generator)
        let means = NonLocalMeans(
            width: clean.width, height: clean.height, sigma: Float(Self.sigma / 255), patchRadius: isGray ? 2 : 1,
            strength: isGray ? 0.4 : 0.55)
        return try peakSignalToNoiseRatio(clean.withColors(means.denoised(noisy)), clean)
    }
}
