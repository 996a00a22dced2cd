import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

/// `restore denoise` where the picture chooses the model, and how good the result is to be.
@Suite struct ModelChoiceTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    private static let gaussian = TinyModel(seed: 41)
    private static let clean = Image.scene(width: 320, height: 240)
    /// One that takes little from the clean picture: too little for noise, but enough not to deny it.
    private static let photo: TinyModel = {
        var model = TinyModel(DenoiserArchitecture(checking: [4, 8], blocks: [1, 1], isBlind: true), seed: 42)
        let evidence = try? ResidualEvidence(
            of: clean, by: model.denoiser(), options: Denoiser.Options(noiseLevel: .automatic))
        let factor = Float(1.7 / (evidence?.strength ?? 1))
        for entry in model.parameters.layout.entries where entry.specification.name.hasPrefix("tail") {
            for index in entry.range { model.parameters.values[index] *= factor }
        }
        return model
    }()

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try workplace.models.write(Self.gaussian.file(), "denoise-color/model.safetensors")
        try folder.write(Self.clean, "clean.png")
        try folder.write(Self.noisy(Self.clean, grain: false), "white.png")
        try folder.write(Self.noisy(Self.clean, grain: true), "grain.png")
    }

    private func installPhotoModel() throws {
        try workplace.models.write(Self.photo.file(), "denoise-photo/model.safetensors")
    }

    /// Noise of 10, white or with grains of 2×2 pixels.
    private static func noisy(_ image: Image, grain: Bool) -> Image {
        var generator = SeededGenerator(seed: 43)
        let noise = (0..<image.sampleCount).map { _ in 10 * generator.normal() }
        let values = image.values.enumerated().map { index, value in
            let (pixel, channel) = (index / 3, index % 3)
            let (x, y) = (pixel % image.width, pixel / image.width)
            let place = grain ? 3 * (y / 2 * image.width + x / 2) + channel : index
            return UInt8(min(255, max(0, Double(value) + noise[place])).rounded())
        }
        return Image(width: image.width, height: image.height, channelLayout: .rgb, samples: .uint8(values))
    }

    private struct Record: Decodable {
        let file: String
        let model: String?
        let noiseKind: String?
        let sigma: Double?
    }

    private func denoise(_ arguments: String...) throws -> Outcome {
        try workplace.run(["denoise", "-j", "2", "--json", "-v"] + arguments)
    }

    /// The models that a run read, as it says with `-v`.
    private func read(_ outcome: Outcome) -> [String] {
        outcome.errorLines.filter { $0.hasPrefix("model ") }.map { line in
            ["denoise-color", "denoise-photo", "tiny"].first { line.contains("/\($0)/") } ?? line
        }
    }

    @Test func thePictureChoosesTheModel() throws {
        try installPhotoModel()
        try folder.makeFolder("out")
        let outcome = try denoise("clean.png", "white.png", "grain.png", "white.png", "-o", "out")
        #expect(outcome.code == 64, "one output for two inputs")
        let batch = try denoise("clean.png", "white.png", "grain.png", "-o", "out")
        #expect(batch.code == 0, "\(batch.errors)")
        let records = try batch.records(Record.self)
        #expect(records.map(\.model) == [nil, "denoise-color", "denoise-photo"], "a clean picture needs none")
        #expect(records.map(\.noiseKind) == ["none", "gaussian", "photo"])
        let estimate = NoiseEstimator().estimate(try workplace.image("white.png"))
        #expect(abs(try #require(records[1].sigma) - estimate) < 0.005, "by the library \(estimate)")
        #expect(records[2].sigma == nil, "a blind network is told nothing")
        #expect(read(batch) == ["denoise-color", "denoise-photo"], "each once")
        #expect(
            batch.errorLines.contains { $0.hasPrefix("out/grain.png: 320×240, ") && $0.contains("denoise-photo for ") })

        let blind = try Self.photo.denoiser().denoise(workplace.image("grain.png"))
        #expect(try blind.sigma == nil && workplace.image("out/grain.png") == blind.image)
        let white = try Self.gaussian.denoiser().denoise(workplace.image("white.png"))
        #expect(try workplace.image("out/white.png") == white.image)
    }

    /// Run from outside of the checkout, in which the program would find the shipped model.
    @Test func withoutTheModelForPhotographsTheOtherServes() throws {
        let elsewhere = try TemporaryFolder()
        let program = elsewhere("restore")
        try FileManager.default.copyItem(atPath: Program.path, toPath: program)
        let outcome = try workplace.run(
            ["denoise", "-j", "2", "--json", "-v", "grain.png", "out.png"], executable: program)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try #require(outcome.records(Record.self).first)
        #expect(record.model == "denoise-color" && record.noiseKind == "photo")
        #expect(outcome.errorLines.contains { $0.contains("denoise-photo is not installed") }, "\(outcome.errors)")
        let expected = try Self.gaussian.denoiser().denoise(workplace.image("grain.png"))
        #expect(try workplace.image("out.png") == expected.image)
    }

    @Test func whoNamesAModelGetsIt() throws {
        try installPhotoModel()
        for (model, picture) in [("denoise-photo", "white.png"), ("denoise-color", "grain.png"), ("tiny", "grain.png")]
        {
            let outcome = try denoise("-m", model, picture, "\(model).png")
            #expect(outcome.code == 0, "\(outcome.errors)")
            let record = try #require(outcome.records(Record.self).first)
            #expect(record.model == model && record.noiseKind == nil)
            #expect((record.sigma == nil) == (model == "denoise-photo"), "a blind network is told nothing")
            #expect(read(outcome) == [model])
        }
    }

    @Test func aLevelThatIsGivenIsThatOfGaussianNoise() throws {
        try installPhotoModel()
        let outcome = try denoise("--sigma", "12", "grain.png", "out.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let record = try #require(outcome.records(Record.self).first)
        #expect(record.model == "denoise-color" && record.sigma == 12 && record.noiseKind == nil)
        #expect(read(outcome) == ["denoise-color"])
    }

    @Test func aBlindModelTakesNoLevel() throws {
        try installPhotoModel()
        try workplace.expectFailure(
            ["denoise", "-m", "denoise-photo", "--sigma", "12", "grain.png", "out.png"], code: 64, naming: "--strength")
        let half = try denoise("-m", "denoise-photo", "--strength", "0.5", "grain.png", "out.png")
        #expect(half.code == 0, "\(half.errors)")
        let options = Denoiser.Options(strength: 0.5)
        let expected = try Self.photo.denoiser().denoise(workplace.image("grain.png"), options: options).image
        #expect(try workplace.image("out.png") == expected)
    }

    @Test func aDamagedModelForPhotographsFailsThePicturesThatNeedIt() throws {
        try workplace.models.write([1, 2, 3], "denoise-photo/model.safetensors")
        try folder.makeFolder("out")
        let outcome = try denoise("grain.png", "white.png", "-o", "out")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("denoise-photo/model.safetensors"))
        #expect(outcome.outputLines.count == 2 && outcome.outputLines[1].contains(#""file":"white.png""#))
    }

    // MARK: Evaluation

    @Test func evaluationChoosesOnlyWhenAsked() throws {
        try installPhotoModel()
        try folder.makeFolder("noisy")
        try folder.write(workplace.image("grain.png"), "noisy/clean.png")
        func evaluate(_ arguments: String...) throws -> [EvaluationRecord] {
            let outcome = try workplace.run(
                ["evaluate", "denoise", "--json", "--data", "clean.png", "--noisy", "noisy"] + arguments)
            #expect(outcome.code == 0, "\(outcome.errors)")
            return try outcome.records(EvaluationRecord.self)
        }
        let asked = try evaluate("-m", "auto", "--auto")
        #expect(asked[0].model == "denoise-photo" && asked[0].noiseKind == "photo" && asked[1].model == "auto")
        #expect(asked[0].sigma == nil)
        let told = try evaluate("-m", "auto", "--sigma", "10")
        #expect(told[0].sigma == 10 && told[0].model == nil && told[0].psnr != asked[0].psnr)
        let usual = try evaluate("--auto")
        #expect(usual[0].model == nil && usual[1].model == "denoise-color")
        let named = try evaluate("-m", "denoise-photo", "--auto")
        #expect(named[0].psnr == asked[0].psnr && named[0].sigma == nil)
    }

    // MARK: Quality

    @Test func theBestTakesEightAndNoMatterWhereItIsCut() throws {
        let image = Image.scene(width: 150, height: 110, bitDepth: 16)
        try folder.write(image, "in.png")
        let options = Denoiser.Options(noiseLevel: .sigma(25), usesEnsemble: true)
        let expected = try Self.gaussian.denoiser().denoise(image, options: options).image
        for (index, more) in [[], ["-j", "1"], ["-j", "3"], ["--tile", "60"], ["--max-memory", "70M"]].enumerated() {
            let outcome = try workplace.run(
                ["denoise", "--sigma", "25", "--quality", "best", "in.png", "\(index).png"] + more)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try workplace.image("\(index).png") == expected, "\(more)")
        }
        let outcome = try workplace.run(["denoise", "--sigma", "25", "--ensemble", "in.png", "ensemble.png"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try workplace.image("ensemble.png") == expected, "the best that there is")
        #expect(try workplace.run(["denoise", "--sigma", "25", "--quality", "fast", "in.png", "fast.png"]).code == 0)
        #expect(try workplace.image("fast.png") != expected)
    }

    @Test func aWordAndANumberGoTogether() throws {
        for (name, arguments) in [
            ("95.jpg", []), ("fast.jpg", ["--quality", "fast", "--quality", "20"]),
            ("best.jpg", ["--quality", "20", "--quality", "best"]),
        ] {
            let outcome = try workplace.run(["denoise", "--sigma", "25", "white.png", name] + arguments)
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        let (full, fast) = (try readFile(folder("95.jpg")), try readFile(folder("fast.jpg")))
        #expect(fast.count * 2 < full.count)
        let best = try readFile(folder("best.jpg"))
        #expect(best.count * 2 < full.count && best != fast)
        let evaluated = try [["--quality", "fast"], ["--quality", "best"], ["--ensemble"]].map { arguments in
            try workplace.run(["evaluate", "denoise", "--data", "clean.png", "--json"] + arguments)
                .records(EvaluationRecord.self)[0].psnr
        }
        #expect(evaluated[0] != evaluated[1] && evaluated[1] == evaluated[2])
    }

    @Test func theEnsembleExcludesFast() throws {
        for command in [["denoise", "white.png", "out.png"], ["evaluate", "denoise", "--data", "white.png"]] {
            let outcome = try workplace.run(command + ["--ensemble", "--quality", "fast"])
            #expect(outcome.code == 64 && outcome.errors.contains("--ensemble"), "\(outcome.errors)")
        }
    }

    @Test(arguments: [["best", "fast"], ["best", "best"], ["90", "80"], ["good"], ["0"], ["101"]])
    func otherQualitiesAreRefused(values: [String]) throws {
        let arguments = values.flatMap { ["--quality", $0] }
        let outcome = try workplace.run(["denoise", "white.png", "out.jpg"] + arguments)
        #expect(outcome.code == 64 && outcome.errors.contains("--quality"), "\(outcome.errors)")
        #expect(try !folder.names.contains("out.jpg"))
    }
}
