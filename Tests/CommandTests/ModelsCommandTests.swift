import Foundation
import ModelTestSupport
import RestoreFiles
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
                "path: \(models("tiny/model.safetensors"))",
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
}
