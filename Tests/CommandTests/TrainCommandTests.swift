import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport
import Testing

@Suite struct TrainCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        for index in 0..<20 {
            try folder.write(.scene(width: 24 + index, height: 20, seed: UInt64(index)), "data/\(index).png")
        }
    }

    /// Ten steps of a tiny network.
    private func arguments(output: String, _ more: [String] = []) -> [String] {
        ["train", "denoise", "--data", "data", "--output", output, "--steps", "10", "--batch-size", "2"]
            + ["--patch-size", "16", "--widths", "4,8", "--blocks", "1", "--report-interval", "2"]
            + ["--validation-interval", "5", "--warmup", "2"] + more
    }

    private func train(_ output: String, _ more: String...) throws -> Outcome {
        try workplace.run(arguments(output: output, more))
    }

    @Test func aRunSaysHowItGoesAndGivesAModelThatCanBeUsed() throws {
        let outcome = try train("run", "-j", "2", "--license", "CC0")
        #expect(outcome.code == 0 && outcome.output == "", "\(outcome.errors)")
        let lines = outcome.errorLines
        #expect(lines[0].hasPrefix("18 pictures to train on, 2 to validate on, 0 skipped;"))
        for step in [2, 4, 5, 6, 8, 10] {
            let line = try #require(lines.first { $0.hasPrefix("step \(step)/10  loss ") })
            for part in ["learning rate ", "steps/s", "megapixels/s", " left"] {
                #expect(line.contains(part), "\(line)")
            }
        }
        #expect(lines.filter { $0.contains("validation PSNR") && $0.hasPrefix("step ") }.count == 2)
        #expect(try #require(lines.last).contains("the models are in run"))
        let made = try folder.names.filter { $0.hasPrefix("run/") }.map { String($0.dropFirst(4)) }
        let expected = [
            "best.safetensors", "checkpoint-10.safetensors", "checkpoint-5.safetensors", "config.yaml",
            "last.safetensors", "metrics.csv", "report.html", "samples",
        ]
        #expect(made.filter { !$0.hasPrefix("events.out.tfevents.") && !$0.hasPrefix("samples/") } == expected)
        #expect(made.count { $0.hasPrefix("events.out.tfevents.") } == 1)
        // Two held-out pictures, twice.
        #expect(made.count { $0.hasPrefix("samples/") && $0.hasSuffix(".png") } == 4)

        let info = try workplace.run(["models", "info", "run/best.safetensors"])
        #expect(info.outputLines.contains("license: CC0") && info.outputLines.contains("task: denoise"))
        let denoised = try workplace.run(
            ["denoise", "-m", "run/best.safetensors", "--sigma", "25", "data/0.png", "out.png"])
        #expect(denoised.code == 0, "\(denoised.errors)")
        #expect(try workplace.image("out.png").width == 24)
    }

    /// More memory than any machine has: said before any is taken, and no folder is made.
    @Test func aNetworkThatFitsNoMemoryIsRefused() throws {
        try folder.write(Image(width: 1024, height: 1024, channelLayout: .gray), "large.png")
        let before = try workplace.contents
        let outcome = try workplace.run([
            "train", "denoise", "--data", "large.png", "--output", "run", "--widths", "1024,1024,1024", "--blocks",
            "16",
            "--batch-size", "1024", "--patch-size", "1024",
        ])
        #expect(outcome.code == 65 && outcome.errors.contains("MiB of memory"), "\(outcome.errors)")
        #expect(try workplace.contents == before)
    }

    // MARK: Settings

    @Test func aFileOfSettingsIsOverriddenByOptions() throws {
        let yaml = """
            data: [data]
            steps: 4
            widths: [4, 8]
            blocks: 1
            patch-size: 16
            batch-size: 2
            seed: 7
            """
        try folder.write(Array(yaml.utf8), "settings.yaml")
        let outcome = try workplace.run([
            "train", "denoise", "--config", "settings.yaml", "-o", "run", "--seed", "9", "--gray-share", "0.5",
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let stored = String(decoding: try readFile(folder("run/config.yaml")), as: UTF8.self)
        for line in ["steps: 4", "seed: 9", "gray-share: 0.5", "widths: [4, 8]", "blocks: [1, 1]", "ema: 0.999"] {
            #expect(stored.split(separator: "\n").contains { $0 == line }, "\(line) in \(stored)")
        }
        // From any folder: the paths are whole.
        #expect(stored.contains("- path: /") && stored.contains("/data\n"))
        // The resolved settings alone make the same run.
        let again = try workplace.run(["train", "denoise", "--config", "run/config.yaml", "-o", "again", "-q"])
        #expect(again.code == 0, "\(again.errors)")
        #expect(try readFile(folder("run/last.safetensors")) == readFile(folder("again/last.safetensors")))
    }

    @Test(arguments: [
        ("stepps: 4", 65, "settings.yaml:1: there is no setting \"stepps\""), ("steps: -4", 65, "settings.yaml:1"),
        ("steps: [", 65, "invalid YAML"), ("widths: 4,8\nblocks: [1, 2, 3]", 64, "--blocks"),
    ])
    func settingsThatAreWrongAreNamed(yaml: String, code: Int32, message: String) throws {
        try folder.write(Array("\(yaml)\n".utf8), "settings.yaml")
        try workplace.expectFailure(
            ["train", "denoise", "--config", "settings.yaml", "--data", "data", "-o", "run"], code: code,
            naming: message)
    }

    @Test(arguments: [
        ("--batch-size", "0"), ("--ema", "1.5"), ("--loss", "huber"), ("--time-limit", "soon"), ("--noise", "salt"),
    ])
    func optionsOutOfRangeAreNamed(option: String, value: String) throws {
        let outcome = try workplace.run(arguments(output: "run", [option, value]))
        #expect(outcome.code == 64 && outcome.errors.contains("Error: \(option) takes"), "\(outcome.errors)")
        #expect(pathKind(folder("run")) == .missing)
    }

    @Test func aRunStartsFromAModel() throws {
        #expect(try train("first", "-q").code == 0)
        let second = try train("second", "--init", "first/last.safetensors")
        #expect(second.code == 0 && second.errors.contains("12 of 12 tensors taken from"), "\(second.errors)")
        // Another width: what fits is taken.
        let wider = try workplace.run(
            arguments(output: "wider", ["--init", "first/last.safetensors"]).map { $0 == "4,8" ? "4,12" : $0 })
        #expect(wider.code == 0 && wider.errors.contains("8 of 12 tensors taken"), "\(wider.errors)")
        try workplace.expectFailure(
            arguments(output: "none", ["--init", "nowhere.safetensors"]), code: 66, naming: "nowhere.safetensors")
    }

    @Test func threadsDoNotChangeABitAndTheSeedDoes() throws {
        for (name, threads, seed) in [("1", "1", "4"), ("3", "3", "4"), ("other", "2", "5")] {
            #expect(try train(name, "-j", threads, "--seed", seed, "-q").code == 0)
        }
        for file in ["best.safetensors", "last.safetensors"] {
            #expect(try readFile(folder("1/\(file)")) == readFile(folder("3/\(file)")))
        }
        let models = try ["1", "other"].map { try SafetensorsFile(path: folder("\($0)/last.safetensors")) }
        let values = try models.map { try $0.values(of: "head.weight") }
        #expect(values[0] != values[1])
    }

    /// Fewer pictures than ten leave none to validate on: the best model is then the latest.
    @Test func aHandfulOfPicturesIsTrainedOnToTheEnd() throws {
        for index in 5..<20 { try folder.remove("data/\(index).png") }
        let outcome = try train("run")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errorLines[0].hasPrefix("5 pictures to train on, 0 to validate on"))
        #expect(!outcome.errors.contains("PSNR") && outcome.errorLines.count > 3)
        #expect(try readFile(folder("run/best.safetensors")) == readFile(folder("run/last.safetensors")))
        let metadata = try SafetensorsFile(path: folder("run/best.safetensors")).metadata
        #expect(metadata["restore.training_steps"] == "10" && metadata["restore.validation_psnr"] == nil)
    }

    /// The weights are those of the model, whatever the log says.
    @Test func theWeightsOfAModelAreWhatARunStartsFrom() throws {
        #expect(try train("first", "-q").code == 0)
        let second = try train("second", "-q", "--init", "first/last.safetensors", "--learning-rate", "1e-9")
        #expect(second.code == 0, "\(second.errors)")
        let values = try ["first", "second"].map {
            try SafetensorsFile(path: folder("\($0)/last.safetensors")).values(of: "head.weight")
        }
        #expect(zip(values[0], values[1]).allSatisfy { abs($0 - $1) < 1e-6 })
        // A run that was ended before its first checkpoint starts from them, too.
        try folder.makeFolder("third")
        try folder.write(readFile(folder("second/config.yaml")), "third/config.yaml")
        #expect(try workplace.run(["train", "denoise", "--resume", "-o", "third", "-q"]).code == 0)
        #expect(try readFile(folder("third/last.safetensors")) == readFile(folder("second/last.safetensors")))
        // The source may not be what is replaced.
        let own = try train("first", "--overwrite", "--init", "first/last.safetensors")
        #expect(own.code == 64 && own.errors.contains("first/last.safetensors"))
    }

    /// The command that started a run may be repeated with --resume.
    @Test func theSameOptionsGoWithResume() throws {
        #expect(try train("run", "-q").code == 0)
        let again = try train("run", "--resume")
        #expect(again.code == 0 && again.errors.contains("10 steps in"), "\(again.errors)")
        let both = try train("run", "--resume", "--overwrite")
        #expect(both.code == 64)
    }

    @Test(arguments: ["last.safetensors", "best.safetensors", "metrics.csv"])
    func anEarlierRunIsNotOverwritten(file: String) throws {
        try folder.write([1, 2, 3], "run/\(file)")
        try workplace.expectFailure(arguments(output: "run"), code: 73, naming: "run/\(file)")
        #expect(try train("run", "--overwrite").code == 0)
        #expect(try readFile(folder("run/\(file)")).count > 100)
    }

    @Test func badFilesAreSkippedAndNamed() throws {
        try folder.write(Array("no picture".utf8), "data/text.jpg")
        try folder.write(.scene(width: 15, height: 40), "data/narrow.png")
        let outcome = try train("run", "-q")
        #expect(outcome.code == 0 && outcome.errors == "")
        let loud = try train("again")
        for name in ["data/text.jpg", "data/narrow.png"] {
            #expect(loud.errorLines.contains { $0.hasPrefix("restore: warning: skipped \(name)") }, "\(name)")
        }
        #expect(loud.errors.contains("2 skipped"))
    }

    @Test func dataThatIsNotThere() throws {
        var missing = arguments(output: "run")
        missing[3] = "nowhere"
        try workplace.expectFailure(missing, code: 66, naming: "nowhere")
        try folder.write(Array("text".utf8), "text/readme.txt")
        missing[3] = "text"
        try workplace.expectFailure(missing, code: 65, naming: "text")
    }

    @Test func aFolderThatCannotBeMade() throws {
        try workplace.expectFailure(
            arguments(output: "data/0.png", ["-q"]), code: 73, naming: "data/0.png")
    }
}

extension TemporaryFolder {
    fileprivate func remove(_ name: String) throws {
        try #require(unlink(self(name)) == 0)
    }
}
