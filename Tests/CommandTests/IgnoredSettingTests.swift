import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Training says what it ignores, and what will not work as it seems to.
@Suite struct IgnoredSettingTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        for index in 0..<20 {
            try folder.write(.scene(width: 24 + index, height: 20, seed: UInt64(index)), "data/\(index).png")
        }
    }

    private func train(_ more: String..., data: String = "data", steps: Int = 2) throws -> Outcome {
        try workplace.run(
            ["train", "denoise", "--data", data, "--output", "run", "--overwrite", "--steps", "\(steps)"]
                + ["--batch-size", "2", "--patch-size", "16", "--widths", "4,8", "--blocks", "1"] + more)
    }

    private func warnings(_ outcome: Outcome) -> [String] {
        #expect(outcome.code == 0, "\(outcome.errors)")
        let start = "restore: warning: "
        return outcome.errorLines.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }

    @Test func optionsWithoutEffectAreNamed() throws {
        let cases = [
            (["--noise", "photo", "--max-sigma", "20"], ["--max-sigma has no effect with --noise photo"]),
            (
                ["--clean-share", "0.2", "--jpeg-share", "0.2", "--compression", "told"],
                ["clean-share", "jpeg-share", "compression"].map { "--\($0) has no effect with --noise gaussian" }
            ),
            (["--muon-momentum", "0.9"], ["--muon-momentum has no effect with --optimizer adamw"]),
            (["--muon-momentum", "0.9", "--optimizer", "muon"], []),
            (["--max-sigma", "20"], []),
            (
                ["--patience", "3", "--validation-pictures", "0"],
                ["the patience has no effect: there are no images to validate on"]
            ),
        ]
        for (options, expected) in cases {
            let outcome = try workplace.run(
                [
                    "train", "denoise", "--data", "data", "--output", "run", "--overwrite", "--steps", "2", "--warmup",
                    "1",
                ]
                    + ["--batch-size", "2", "--patch-size", "16", "--widths", "4,8", "--blocks", "1"] + options)
            #expect(warnings(outcome) == expected, "\(options)")
        }
    }

    @Test func aRunThatEndsWithinTheWarmUp() throws {
        let line = "the run ends after 2 steps, within the warm-up of 2: the learning rate never reaches its peak"
        #expect(try warnings(train("--warmup", "2")).first?.hasPrefix(line) == true)
        #expect(try warnings(train("--warmup", "1")) == [])
    }

    @Test func aWeightOfZeroIsNoPath() throws {
        for (weight, found) in [("data=0", "\"0\""), ("data=-1", "\"-1\""), ("data=two", "\"two\"")] {
            let outcome = try train(data: weight)
            #expect(
                outcome.code == 64
                    && outcome.errors.contains("--data \(weight): a weight is a number above 0, found \(found)"))
        }
        #expect(try train("--warmup", "1", data: "data=0.5").code == 0)
        #expect(try train(data: "nothing=0").errors.contains("nothing=0: no such file or folder"))
    }

    @Test func copiesAmongTrainingAndValidationAreReported() throws {
        #expect(try warnings(train("--warmup", "1")) == [])
        // Each of the pictures twice: of any that is held out, the other one is trained on.
        for index in 0..<20 {
            try folder.write(readFile(folder("data/\(index).png")), "data/copy of \(index).png")
        }
        let lines = try warnings(train("--warmup", "1"))
        #expect(lines.count == 1 && lines[0].contains("also among the training images"), "\(lines)")
        #expect(lines.first?.contains("a copy of data/") == true, "\(lines)")
    }

    @Test func picturesThatAreTooSmallComeWithARemedy() throws {
        let outcome = try train("--patch-size", "64")
        let remedy = "no picture of at least 64×64 pixels in data; try --patch-size 20"
        #expect(outcome.code == 65 && outcome.errorLines.last == "restore: \(remedy)", "\(outcome.errors)")
        #expect(try train("--patch-size", "20", "--warmup", "1").code == 0)
    }
}
