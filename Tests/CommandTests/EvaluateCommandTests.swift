import RestoreText
import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

@Suite struct EvaluateCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 50, height: 40), "data/a.png")
        try folder.write(.scene(width: 40, height: 50, .gray, seed: 2), "data/b.png")
        try folder.write(.scene(width: 30, height: 30, bitDepth: 16, seed: 3), "data/sub/c.png")
    }

    private func evaluate(_ arguments: String...) throws -> Outcome {
        try workplace.run(["evaluate", "denoise", "-m", "tiny", "-j", "2"] + arguments)
    }

    /// The arithmetic once more, with the library.
    private func expected(
        _ name: String, sigma: Double, seed: UInt64 = 1
    ) throws -> (restored: EvaluationRecord.Score, noisy: EvaluationRecord.Score) {
        let clean = try workplace.image(name).roundedTo8Bits()
        var generator = SeededGenerator(seed: seed, path: stableHash(lastPathComponent(of: name)))
        let noisy = GaussianNoise(sigma: sigma).noisyColors(of: clean, generator: &generator)
        let restored = try Workplace.model.denoiser().denoise(
            colors: noisy, width: clean.width, height: clean.height,
            options: Denoiser.Options(noiseLevel: .sigma(sigma))
        ).colors
        func score(_ colors: [Float]) throws -> EvaluationRecord.Score {
            let result = try clean.withColors(colors)
            return .init(
                psnr: try peakSignalToNoiseRatio(result, clean), ssim: try structuralSimilarity(result, clean))
        }
        return (try score(restored), try score(noisy))
    }

    @Test func recordsHoldTheScoresOfEachPictureAndTheMeanComesLast() throws {
        let outcome = try evaluate("--data", "data", "--sigma", "20", "--json")
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        let records = try outcome.records(EvaluationRecord.self)
        #expect(records.map(\.file) == ["data/a.png", "data/b.png", "data/sub/c.png", nil])
        for record in records.dropLast() {
            let expected = try expected(try #require(record.file), sigma: 20)
            #expect(record.psnr == expected.restored.psnr && record.ssim == expected.restored.ssim)
            #expect(try #require(record.seconds) > 0)
            #expect(record.sigma == 20)
            let noisy = try #require(record.baselines["noisy"])
            #expect(noisy.psnr == expected.noisy.psnr && noisy.ssim == expected.noisy.ssim)
            // 20 log10(255 / 20) dB; of some thousand values chance is 0.1 dB.
            #expect(abs(noisy.psnr - 22.11) < 0.4)
        }
        let (mean, pictures) = (try #require(records.last), records.dropLast())
        #expect((mean.pictures, mean.model, mean.sigma) == (3, "tiny", 20))
        let average = pictures.compactMap(\.psnr).reduce(0, +) / 3
        #expect(abs(try #require(mean.mean).psnr - average) < 1e-9)
        #expect(abs(try #require(mean.mean).ssim - pictures.compactMap(\.ssim).reduce(0, +) / 3) < 1e-9)
        let noisy = pictures.compactMap { $0.baselines["noisy"]?.psnr }.reduce(0, +) / 3
        #expect(abs(try #require(mean.baselines["noisy"]).psnr - noisy) < 1e-9)
    }

    @Test func textSaysTheSame() throws {
        let outcome = try evaluate("--data", "data", "--sigma", "20")
        #expect(outcome.code == 0 && outcome.errors == "")
        let lines = outcome.outputLines
        #expect(lines.count == 4)
        for (line, name) in zip(lines, ["data/a.png", "data/b.png", "data/sub/c.png"]) {
            let expected = try expected(name, sigma: 20).restored
            #expect(line.hasPrefix("\(name)  \(decimals(expected.psnr, 2)) dB  SSIM \(decimals(expected.ssim, 4))  "))
        }
        #expect(lines[3].hasPrefix("mean of 3 pictures  ") && lines[3].contains("(noisy: "))
    }

    @Test func theSeedAndTheNameDecideTheNoise() throws {
        func scores(_ arguments: String...) throws -> [Double] {
            try workplace.run(["evaluate", "denoise", "-m", "tiny", "--json", "--data"] + arguments)
                .records(EvaluationRecord.self).compactMap(\.psnr)
        }
        let first = try scores("data", "--seed", "5")
        #expect(try scores("data", "--seed", "5", "-j", "1") == first)
        #expect(try scores("data", "--seed", "6") != first)
        // Whatever stands beside it.
        #expect(try scores("data/b.png", "--seed", "5") == [first[1]])
        #expect(try scores("data", "--seed", "5", "--limit", "2") == Array(first.prefix(2)))
        #expect(try scores("data/sub", "data/a.png", "--seed", "5") == [first[2], first[0]])
    }

    @Test func noisyVersionsAreTakenWhereTheyAreGiven() throws {
        for name in ["a.png", "b.png"] {
            #expect(try workplace.run(["degrade", "noise", "data/\(name)", name, "--sigma", "10"]).code == 0)
            try folder.makeFolder("noisy")
            try writeImage(workplace.image(name), to: folder("noisy/\(name)"), overwrite: false)
        }
        let outcome = try evaluate("--data", "data/a.png", "data/b.png", "--noisy", "noisy", "--sigma", "10", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let records = try outcome.records(EvaluationRecord.self)
        let noisy = try peakSignalToNoiseRatio(workplace.image("a.png"), workplace.image("data/a.png"))
        #expect(records[0].baselines["noisy"]?.psnr == noisy)
        #expect(records.last?.sigma == nil, "no noise was added")
        // The clean picture as its own noisy version: nothing differs.
        let same = try evaluate("--data", "data/a.png", "--noisy", "data/a.png", "--sigma", "0", "--json")
        #expect(same.outputLines[0].contains("\"noisy\":{\"psnr\":null,"))
    }

    @Test func photographsAreWhatDegradingThemGives() throws {
        let outcome = try evaluate("--data", "data", "--noise", "photo", "--level", "high", "--seed", "4", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let records = try outcome.records(EvaluationRecord.self)
        for record in records.dropLast() {
            let name = try #require(record.file)
            let clean = try workplace.image(name).roundedTo8Bits()
            var generator = SeededGenerator(seed: 4, path: stableHash(lastPathComponent(of: name)))
            let noisy = try PhotographNoise(level: .high).photograph(clean, path: name, generator: &generator)
            #expect(record.baselines["noisy"]?.psnr == (try peakSignalToNoiseRatio(noisy.image, clean)))
            #expect(record.sigma == PictureAnalysis(noisy).levels.mean, "estimated")
        }
        let mean = try #require(records.last)
        #expect((mean.noise, mean.level, mean.sigma) == ("photo", "high", nil))
        // Told the level, the network is told it, and the noise is that of the camera as before.
        let told = try evaluate("--data", "data", "--noise", "photo", "--seed", "4", "--sigma", "9", "--json")
        let toldRecords = try told.records(EvaluationRecord.self)
        #expect(toldRecords.dropLast().allSatisfy { $0.sigma == 9 })
        #expect(toldRecords.last?.level == "medium" && toldRecords.last?.sigma == nil)
    }

    /// As a JPEG file in memory with color of half the resolution, which `denoise` would restore to the same picture.
    @Test func compressedPicturesAreDenoisedAsFilesOfThem() throws {
        let clean = try workplace.image("data/a.png")
        let outcome = try evaluate("--data", "data/a.png", "--noise", "jpeg", "--level", "95", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: 95)
        encoding.jpegSubsamplesColor = true
        try folder.makeFolder("jpeg")
        try writeImage(clean, to: folder("jpeg/a.png"), encoding: encoding, overwrite: false)
        let records = try outcome.records(EvaluationRecord.self)
        let noisy = try workplace.image("jpeg/a.png")
        #expect(records[0].baselines["noisy"]?.psnr == (try peakSignalToNoiseRatio(noisy, clean)))
        let mean = try #require(records.last)
        #expect((mean.noise, mean.level, mean.quality, mean.sigma) == ("jpeg", nil, 95, nil))

        let pairs = try evaluate("--data", "data/a.png", "--noisy", "jpeg", "--json")
        #expect(try pairs.records(EvaluationRecord.self)[0].psnr == records[0].psnr)
        let denoised = try workplace.run(["denoise", "-m", "tiny", "jpeg/a.png", "out.png", "--overwrite"])
        #expect(denoised.code == 0, "\(denoised.errors)")
        #expect(records[0].psnr == (try peakSignalToNoiseRatio(workplace.image("out.png"), clean)))
        let told = try evaluate("--data", "data/a.png", "--noise", "jpeg", "--sigma", "9", "--json")
        #expect(try told.records(EvaluationRecord.self).map(\.quality) == [nil, 50])
        #expect(try told.records(EvaluationRecord.self)[0].sigma == 9)
    }

    /// Hidden colors neither change the noise that is found nor are they changed.
    @Test func versionsAreReadAsDenoiseReadsThem() throws {
        let clean = try workplace.image("data/a.png")
        var generator = SeededGenerator(seed: 6)
        var noisy: [UInt8] = []
        for (index, value) in clean.values.enumerated() {
            let isHidden = index / 3 % 50 < 25
            let deviation = isHidden ? 60.0 : 8
            noisy.append(UInt8(min(255, max(0, Double(value) + deviation * generator.normal())).rounded()))
            if index % 3 == 2 { noisy.append(isHidden ? 0 : 255) }
        }
        try folder.write(
            Image(width: 50, height: 40, channelLayout: .rgbAlpha, samples: .uint8(noisy)), "noisy/a.png")
        let outcome = try evaluate("--data", "data/a.png", "--noisy", "noisy", "--json")
        let sigma = try #require(outcome.records(EvaluationRecord.self)[0].sigma)
        let estimate = PictureAnalysis(try workplace.image("noisy/a.png")).levels.mean
        #expect(sigma == estimate && sigma < 20, "\(sigma), by the library \(estimate)")
    }

    @Test(arguments: [
        ["--level", "low"], ["--noise", "photo", "--level", "50"], ["--noise", "jpeg", "--level", "low"],
        ["--noise", "jpeg", "--level", "0"], ["--noise", "jpeg", "--level", "101"],
        ["--noise", "jpeg", "--noisy", "data"],
    ])
    func levelsOfOtherNoiseAreRefused(arguments: [String]) throws {
        let outcome = try workplace.run(["evaluate", "denoise", "-m", "tiny", "--data", "data"] + arguments)
        #expect(outcome.code == 64 && outcome.errors.contains("--"), "\(outcome.errors)")
    }

    @Test func recordsNameTheNoise() throws {
        func last(_ arguments: String...) throws -> EvaluationRecord {
            let outcome = try workplace.run(
                ["evaluate", "denoise", "-m", "tiny", "--json", "--data", "data/a.png"] + arguments)
            return try #require(try outcome.records(EvaluationRecord.self).last)
        }
        let gaussian = try last()
        #expect((gaussian.noise, gaussian.level, gaussian.sigma) == ("gaussian", nil, 25))
        let pairs = try last("--noisy", "data/a.png")
        #expect((pairs.noise, pairs.level) == (nil, nil))
    }

    @Test func versionsOfAnotherSizeAreNamed() throws {
        try workplace.expectFailure(
            ["evaluate", "denoise", "-m", "tiny", "--data", "data/a.png", "--noisy", "data/b.png"], code: 65,
            naming: "data/b.png")
    }

    @Test func foldersWithoutPictures() throws {
        let command = ["evaluate", "denoise", "-m", "tiny", "--data"]
        try folder.write([1], "empty/file.txt")
        try workplace.expectFailure(command + ["missing"], code: 66, naming: "missing")
        try workplace.expectFailure(command + ["empty"], code: 66, naming: "empty")
        try workplace.expectFailure(command + ["data", "missing"], code: 66, naming: "missing")
    }

    @Test func oneBadPictureIsNamedAndTheOthersAreMeasured() throws {
        try folder.write(Array("no picture".utf8), "data/bad.png")
        let outcome = try evaluate("--data", "data", "--json")
        #expect(outcome.code == 1)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("data/bad.png"))
        struct Record: Decodable {
            let error: String?
            let pictures: Int?
        }
        let records = try outcome.records(Record.self)
        #expect(records.count == 5 && records.last?.pictures == 3)
        #expect(
            records.compactMap(\.error).count == 1 && outcome.errors.hasSuffix("\(records.compactMap(\.error)[0])\n"))
    }

    /// SSIM has no windows in a picture this small.
    @Test func picturesTooSmallToCompareAreNamed() throws {
        try folder.write(.scene(width: 10, height: 40), "small/s.png")
        try workplace.expectFailure(
            ["evaluate", "denoise", "-m", "tiny", "--data", "small"], code: 65, naming: "small/s.png")
    }
}

/// A line of `evaluate --json`, of a picture or of the mean.
struct EvaluationRecord: Decodable {
    struct Score: Decodable {
        let psnr: Double
        let ssim: Double
    }

    let file: String?
    let psnr: Double?
    let ssim: Double?
    let seconds: Double?
    let sigma: Double?
    let mean: Score?
    let pictures: Int?
    let model: String?
    let noise: String?
    let level: String?
    let quality: Int?
    let noiseKind: String?
    let baselines: [String: Score]
}

extension EvaluationRecord.Score {
    private enum CodingKeys: CodingKey { case psnr, ssim }

    /// The PSNR of equal pictures is null.
    init(from decoder: any Decoder) throws {
        let record = try decoder.container(keyedBy: CodingKeys.self)
        psnr = try record.decode(Double?.self, forKey: .psnr) ?? .infinity
        ssim = try record.decode(Double.self, forKey: .ssim)
    }
}
