import Foundation
import ModelTestSupport
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import TestSupport
import Testing

@Suite struct ModelsCommandTests {
    private let workplace: Workplace
    private let models: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        models = workplace.models
        try models.write(Workplace.model.file(), "another/model.safetensors")
    }

    private struct Record: Decodable, Equatable {
        let name: String
        let path: String
        let task: String
    }

    /// Those of the list that stand in the folder of models; the checkout's own may come after them.
    private func records(_ arguments: String...) throws -> [Record] {
        let outcome = try workplace.run(["models", "list", "--json"] + arguments)
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        return try outcome.records(Record.self).filter { !$0.path.contains("/Models/") }
    }

    @Test func theListNamesEveryModel() throws {
        let expected = ["another", "tiny"].map { name in
            Record(name: name, path: models("\(name)/model.safetensors"), task: "denoise")
        }
        #expect(try records() == expected)
        let outcome = try workplace.run(["models", "list"])
        #expect(outcome.code == 0 && outcome.errors == "")
        for record in expected { #expect(outcome.outputLines.contains("\(record.name)\tdenoise\t\(record.path)")) }
    }

    @Test func aFolderThatIsGivenComesFirst() throws {
        try workplace.folder.write(Workplace.model.file(), "mine/tiny/model.safetensors")
        let records = try records("--models-dir", "mine")
        #expect(records.map(\.name) == ["another", "tiny"])
        #expect(records.last?.path == "mine/tiny/model.safetensors")
    }

    @Test func modelsAreFoundInTheDataFolder() throws {
        try workplace.folder.write(Workplace.model.file(), "data/restore/models/own/model.safetensors")
        let outcome = try workplace.run(
            ["models", "info", "own"],
            environment: ["XDG_DATA_HOME": workplace.folder("data"), "RESTORE_MODELS": ""])
        #expect(outcome.code == 0 && outcome.output.contains("data/restore/models/own"), "\(outcome.errors)")
    }

    @Test func aDamagedModelIsNamedAndTheOthersListed() throws {
        var bytes = Workplace.model.file()
        bytes[bytes.count - 1] ^= 1
        try models.write(bytes, "broken/model.safetensors")
        let outcome = try workplace.run(["models", "list"])
        #expect(outcome.code == 1)
        #expect(outcome.errorLines.count == 1 && outcome.errors.contains("broken/model.safetensors"))
        #expect(outcome.output.contains("another\t") && outcome.output.contains("tiny\t"))
    }

    @Test func infoSaysWhatTheFileSays() throws {
        for arguments in [["tiny"], [models("tiny/model.safetensors")], [models("tiny")]] {
            let outcome = try workplace.run(["models", "info"] + arguments)
            #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
            for line in [
                "task: denoise", "license: none", "architecture: \(Workplace.model.architecture.json)",
                "parameters: \(Workplace.model.parameters.values.count)",
                "path: \(models("tiny/model.safetensors"))", "element_type: float32",
                "file_bytes: \(Workplace.model.file().count)",
            ] {
                #expect(outcome.outputLines.contains(line), "\(line)")
            }
            #expect(outcome.outputLines.contains { $0.hasPrefix("checksum: sha256:") })
        }
        let json = try workplace.run(["models", "info", "tiny", "--json"])
        let record = try #require(json.records([String: String].self).first)
        #expect(record["task"] == "denoise" && record["license"] == "none")
        #expect(record["path"] == models("tiny/model.safetensors"))
    }

    @Test func infoFailsInOneLine() throws {
        try workplace.expectFailure(["models", "info", "unheard-of"], code: 66, naming: "unheard-of")
        try workplace.expectFailure(["models", "info", "./nothing"], code: 66, naming: "./nothing")
        try workplace.folder.write([1, 2, 3], "x.safetensors")
        try workplace.expectFailure(["models", "info", "x.safetensors"], code: 65, naming: "x.safetensors")
    }

    // MARK: Conversion

    @Test(arguments: ["float16", "bfloat16", "float32"])
    func aModelIsStoredInAnotherPrecision(type: String) throws {
        let outcome = try workplace.run(["models", "convert", "tiny", "half.safetensors", "--dtype", type])
        #expect(outcome.code == 0 && outcome.output == "", "\(outcome.errors)")
        #expect(outcome.errorLines.count == 1 && outcome.errors.hasPrefix("half.safetensors: \(type), "))
        let size = try readFile(workplace.folder("half.safetensors")).count
        let info = try workplace.run(["models", "info", "./half.safetensors"]).outputLines
        #expect(info.contains("element_type: \(type)") && info.contains("file_bytes: \(size)"))
        // What it says about itself is what it said, but for the checksum, the path and the precision.
        func facts(_ lines: [String]) -> Set<String> {
            Set(
                lines.filter { line in
                    !["checksum: ", "path: ", "element_type: ", "file_bytes: "].contains { line.hasPrefix($0) }
                })
        }
        #expect(try facts(info) == facts(workplace.run(["models", "info", "tiny"]).outputLines))
        // Its weights are the nearest that the type has: half a unit in the last of 24, 11 or 8 binary places.
        let (before, after) = (
            Workplace.model.parameters, try SafetensorsFile(path: workplace.folder("half.safetensors"))
        )
        let precision: Float = try #require(["float32": 0, "float16": 0x1p-11, "bfloat16": 0x1p-8][type])
        for entry in before.layout.entries {
            expectClose(
                try after.values(of: entry.specification.name), before.values[entry.range],
                entry.specification.name,
                tolerance: Tolerance(absolute: type == "float16" ? 0x1p-25 : 0, relative: precision))
        }
        // It works, and as these weights do.
        try workplace.folder.write(.scene(width: 50, height: 40), "in.png")
        let result = try workplace.run(["denoise", "-m", "./half.safetensors", "--sigma", "25", "in.png", "out.png"])
        #expect(result.code == 0, "\(result.errors)")
        let denoiser = try Denoiser(path: workplace.folder("half.safetensors"), pool: .serial)
        let expected = try denoiser.denoise(workplace.image("in.png"), options: .init(noiseLevel: .sigma(25))).image
        #expect(try workplace.image("out.png") == expected)
    }

    @Test func aConversionOverwritesOnlyWhenTold() throws {
        try workplace.folder.write([7], "x.safetensors")
        let command = ["models", "convert", "tiny", "x.safetensors", "--dtype", "float16"]
        try workplace.expectFailure(command, code: 73, naming: "x.safetensors")
        #expect(try workplace.run(command + ["--overwrite", "-q"]).code == 0)
        #expect(try readFile(workplace.folder("x.safetensors")).count > 1000)
    }

    @Test func aConversionThatFailsWritesNothing() throws {
        var model = Workplace.model
        model.parameters.values[3] = 1e6
        try workplace.folder.write(model.file(), "large.safetensors")
        let first = try #require(model.parameters.layout.entries.first).specification.name
        let command = ["models", "convert", "--dtype", "float16"]
        try workplace.expectFailure(command + ["./large.safetensors", "o.safetensors"], code: 65, naming: first)
        try workplace.expectFailure(command + ["unheard-of", "o.safetensors"], code: 66, naming: "unheard-of")
        try workplace.expectFailure(command + ["tiny", "no/folder.safetensors"], code: 73, naming: "no/folder")
        try workplace.expectFailure(command + ["tiny", "-"], code: 64, naming: "./-")
        for wrong in [["--dtype", "float8"], []] {
            #expect(try workplace.run(["models", "convert", "tiny", "o.safetensors"] + wrong).code == 64)
        }
        #expect(try workplace.folder.names == ["large.safetensors"])
    }

    // MARK: Facts

    private static let facts = joinPath(parentFolder(of: Fixtures.folder), "Models/denoise-color/facts.json")

    /// The shipped model, with other facts.
    private func writeShippedModel(facts: String) throws {
        let weights = joinPath(parentFolder(of: Self.facts), "model.safetensors")
        try workplace.folder.write(readFile(weights), "shipped/model.safetensors")
        try workplace.folder.write(Array(facts.utf8), "shipped/facts.json")
    }

    @Test func aKnownOutputIsChecked() throws {
        let facts = String(decoding: try readFile(Self.facts), as: UTF8.self)
        try writeShippedModel(facts: facts)
        let right = try workplace.run(["models", "verify", "./shipped"])
        #expect(right.code == 0 && right.output.contains(", known output right"), "\(right.errors)")
        let sample = try #require(facts.firstMatch(of: /"samples": \[\s*(\d+)/)).1
        try writeShippedModel(facts: facts.replacing(" \(sample),", with: " \(try #require(Int(sample)) + 100),"))
        try workplace.expectFailure(["models", "verify", "./shipped"], code: 65, naming: "computes a wrong picture")
        try writeShippedModel(facts: facts.replacing(" \(sample),", with: ""))
        try workplace.expectFailure(["models", "verify", "./shipped"], code: 65, naming: "another number of samples")
    }

    @Test func factsAreShownAndMustBeReadable() throws {
        try writeShippedModel(facts: String(decoding: try readFile(Self.facts), as: UTF8.self))
        let info = try workplace.run(["models", "info", "./shipped"])
        for key in ["license", "training_data_license", "scores", "limits", "known_failures"] {
            #expect(info.outputLines.contains { $0.hasPrefix("\(key): ") }, "\(key)")
        }
        #expect(!info.output.contains("known_output"))
        try writeShippedModel(facts: "{")
        for command in ["info", "verify"] {
            try workplace.expectFailure(["models", command, "./shipped"], code: 65, naming: "shipped/facts.json")
        }
    }
}
