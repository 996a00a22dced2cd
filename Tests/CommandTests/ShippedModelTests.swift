import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// The model that comes with the program: it is found, it is whole, and it is worth having.
@Suite struct ShippedModelTests {
    private static let name = "denoise-color"
    private static let path = joinPath(parentFolder(of: Fixtures.folder), "Models/\(name)/model.safetensors")
    private let workplace: Workplace
    /// Without the folder of the tests' own model.
    private let environment = ["RESTORE_MODELS": ""]

    init() throws {
        workplace = try Workplace()
    }

    @Test func itIsFoundFromAnotherFolder() throws {
        let outcome = try workplace.run(["models", "list"], environment: environment)
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        let line = try #require(outcome.outputLines.first { $0.hasPrefix("\(Self.name)\tdenoise\t") })
        #expect(line.hasSuffix("Models/\(Self.name)/model.safetensors"))
    }

    /// Loading verifies the checksum, which is there.
    @Test func itIsWhole() throws {
        let denoiser = try Denoiser(path: Self.path, pool: WorkerPool(workerCount: 1))
        #expect(denoiser.metadata.notes["checksum"]?.hasPrefix("sha256:") == true)
        #expect(denoiser.architecture == DenoiserArchitecture())
        for key in ["license", "training_data", "noise_range", "value_range", "color_space"] {
            #expect(denoiser.metadata.notes[key]?.isEmpty == false, "\(key)")
        }
    }

    @Test func itHasACard() throws {
        let card = String(decoding: try readFile(joinPath(parentFolder(of: Self.path), "README.md")), as: UTF8.self)
        #expect(card.lowercased().contains("licen") && card.contains("restore train denoise"))
    }

    /// It is what `restore denoise` uses where nothing else is asked for.
    @Test func itIsTheDefault() throws {
        let noisy = try readImage(Fixtures.path("images/dandelion.jpg")).image
            .cropped(to: ImageRegion(x: 200, y: 100, width: 96, height: 80))
        try workplace.folder.write(noisy, "in.png")
        let outcome = try workplace.run(["denoise", "in.png", "out.png", "--sigma", "15"], environment: environment)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let denoiser = try Denoiser(path: Self.path, pool: WorkerPool(workerCount: 1))
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

    /// The PSNR of non-local means.
    private func classicalScore(_ file: String) throws -> Double {
        let clean = try readImage(Fixtures.path("images/\(file)")).image
        let isGrey = clean.channelLayout == .grey
        var generator = SeededGenerator(seed: 1, path: stableHash(file))
        let noisy = GaussianNoise(sigma: Self.sigma).noisyColors(of: clean, generator: &generator)
        let means = NonLocalMeans(
            width: clean.width, height: clean.height, sigma: Float(Self.sigma / 255), patchRadius: isGrey ? 2 : 1,
            strength: isGrey ? 0.4 : 0.55)
        return try peakSignalToNoiseRatio(clean.withColors(means.denoised(noisy)), clean)
    }
}
