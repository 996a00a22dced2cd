import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport
import Testing

/// Training and evaluation of models that complete digits, by the commands.
@Suite struct InpaintTrainingCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        // Vertical bars of 28×28 pixels: dark ones of class 3, bright ones of class 8.
        try folder.writeDigits("mnist", side: 28, label: { $0 % 2 == 0 ? 3 : 8 }) { count, index in
            var generator = SeededGenerator(seed: UInt64(count), path: UInt64(index))
            let place = 2 + generator.index(below: 24)
            return (0..<784).map { abs($0 % 28 - place) < 2 ? (index % 2 == 0 ? 120 : 255) : 0 }
        }
    }

    private func train(_ output: String, _ more: String...) throws -> Outcome {
        try workplace.run(
            ["train", "inpaint", "--recipe", "mnist-quadrants", "--given", "1", "--data", "mnist", "-o", output]
                + ["--widths", "32,32", "--latent", "4", "--steps", "200", "--batch-size", "8", "--ema", "0.9"]
                + ["--learning-rate", "0.003", "--validation-interval", "100", "-j", "2"] + more)
    }

    private struct Figures: Decodable {
        let neg_elbo: Double
        let monte_carlo: Double?
        let importance: Double?
        let neg_elbo_binarized: Double?
        let kl: Double?
    }

    private struct Summary: Decodable {
        let mean: Figures
        let pictures: Int
        let given: Int
        let baselines: [String: Figures]
    }

    private func summary(_ arguments: String...) throws -> Summary {
        let outcome = try workplace.run(
            ["evaluate", "inpaint", "-m", "run/best.safetensors", "--data", "mnist", "--json"] + arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let line = try #require(outcome.outputLines.last)
        return try JSONDecoder().decode(Summary.self, from: Data(line.utf8))
    }

    @Test func aRunLearnsAndIsMeasuredByBounds() throws {
        let outcome = try train("run")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("validation -ELBO ") && outcome.errors.contains("kl "))

        let found = try summary("--sheet", "sheet.png", "--importance-draws", "40")
        #expect(found.pictures == 30 && found.given == 1)
        // A guess of one half costs 588 · log 2.
        #expect(found.mean.neg_elbo > 0 && found.mean.neg_elbo < 0.6 * 588 * log(2), "\(found.mean.neg_elbo)")
        let importance = try #require(found.mean.importance)
        #expect(importance < found.mean.neg_elbo + 0.01, "importance sampling is the tighter bound: \(importance)")
        #expect(try #require(found.mean.kl) > 0 && found.mean.monte_carlo != nil)
        #expect(found.mean.neg_elbo_binarized != nil)
        #expect(try #require(found.baselines["plain network"]).neg_elbo > 0)
        // Rows for two classes: what is given, the mean, eight samples, the truth.
        let sheet = try workplace.image("sheet.png")
        #expect(sheet.width == 11 * 28 && sheet.height == 2 * 28)
        let again = try workplace.run(
            ["evaluate", "inpaint", "-m", "run/best.safetensors", "--data", "mnist", "--sheet", "sheet.png"])
        #expect(again.code == 73 && again.errors.contains("sheet.png"))

        let (first, same) = (try summary("--limit", "5"), try summary("--limit", "5", "-j", "3"))
        #expect(first.mean.neg_elbo == same.mean.neg_elbo && first.mean.importance == same.mean.importance)
        let other = try summary("--limit", "5", "--seed", "2", "--importance-draws", "0")
        #expect(other.mean.neg_elbo != first.mean.neg_elbo && other.mean.importance == nil)
    }

    // MARK: Photographs

    private func writePhotographs(maskSide: Int = 48) throws {
        try workplace.models.write(TinyInpainter().file(), "fill/model.safetensors")
        for index in 0..<2 {
            try folder.write(.scene(width: 48, height: 40, seed: UInt64(index)), "photos/\(index).png")
            let marked = (0..<(maskSide * 40)).map { UInt8($0 % maskSide < 12 ? 255 : 0) }
            try folder.write(
                Image(width: maskSide, height: 40, channelLayout: .gray, samples: .uint8(marked)),
                "masks/\(index).png")
        }
    }

    @Test func photographsAreMeasuredWithTheirMasks() throws {
        try writePhotographs()
        let arguments = ["evaluate", "inpaint", "-m", "fill", "--data", "photos", "--masks", "masks", "--json"]
        let outcome = try workplace.run(arguments + ["--samples", "3", "-j", "2"])
        #expect(outcome.code == 0 && outcome.outputLines.count == 3, "\(outcome.errors)")
        struct Figures: Decodable {
            let psnr: Double
            let psnr_masked: Double
            let best_gain: Double?
            let mean_gain: Double?
            let distance: Double?
            let kl: Double?
            let other_code_gain: Double?
        }
        struct Record: Decodable {
            let mean: Figures
            let baselines: [String: Figures]
        }
        let record = try JSONDecoder().decode(Record.self, from: Data(try #require(outcome.outputLines.last).utf8))
        let mean = record.mean
        // A quarter of the pixels is missing: 6 dB.
        #expect(abs(mean.psnr - mean.psnr_masked - 6.02) < 0.01)
        #expect(try #require(mean.best_gain) >= #require(mean.mean_gain))
        #expect(try #require(mean.distance) > 0 && #require(mean.kl) > 0 && mean.other_code_gain != nil)
        // Random weights are worse than the fill that they change.
        #expect(try #require(record.baselines["harmonic"]).psnr > mean.psnr)
        let one = try workplace.run(arguments + ["--limit", "1", "-j", "1"])
        #expect(one.code == 0 && one.output.contains("\"psnr\"") && !one.output.contains("\"kl\":0"))
    }

    @Test func masksMustFit() throws {
        try writePhotographs(maskSide: 50)
        let arguments = ["evaluate", "inpaint", "-m", "fill", "--data", "photos"]
        let size = try workplace.run(arguments + ["--masks", "masks"])
        #expect(size.code == 64 && size.errors.contains("50×40") && size.errors.contains("48×40"), "\(size.errors)")
        let missing = try workplace.run(arguments + ["--masks", "photos/0.png"])
        #expect(missing.code != 0, "\(missing.errors)")
        let none = try workplace.run(arguments)
        #expect(none.code == 64 && none.errors.contains("--masks"), "\(none.errors)")
    }

    @Test func modelsOfOtherTasksAreRefused() throws {
        let outcome = try workplace.run(["evaluate", "inpaint", "-m", "tiny", "--data", "mnist"])
        #expect(outcome.code == 65 && outcome.errors.contains("expected \"inpaint\""), "\(outcome.errors)")
        let wrong = try workplace.run([
            "train", "inpaint", "--recipe", "mnist-quadrants", "--given", "4", "--data", "mnist", "-o", "x",
        ])
        #expect(wrong.code == 64 && wrong.errors.contains("--given"), "\(wrong.errors)")
        #expect(pathKind(folder("x")) == .missing)
    }
}
