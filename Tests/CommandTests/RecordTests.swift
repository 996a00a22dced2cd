import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// With `--json`, every input has a record, whatever becomes of it, and figures are numbers or null.
@Suite struct RecordTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        for name in ["a.png", "b.png", "a_denoised.png"] { try folder.write(.scene(width: 20, height: 20), name) }
    }

    private struct Failure: Decodable, Equatable {
        let file: String
        let error: String
    }

    /// The inputs with records of errors, after a run that failed before any work.
    private func failures(
        _ arguments: String..., code: Int32, naming reason: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [String] {
        let outcome = try workplace.run(["denoise", "--json"] + arguments)
        #expect(outcome.code == code, "\(outcome.errors)", sourceLocation: sourceLocation)
        let records = try outcome.records(Failure.self)
        for record in records { #expect(record.error.contains(reason), "\(record)", sourceLocation: sourceLocation) }
        #expect(outcome.errors.contains(reason), "\(outcome.errors)", sourceLocation: sourceLocation)
        return records.map(\.file)
    }

    @Test func failuresBeforeWorkStartsHaveRecords() throws {
        let missing = "nothing.png: no such file"
        #expect(try failures("-m", "tiny", "nothing.png", code: 66, naming: missing) == ["nothing.png"])
        #expect(try failures("-m", "tiny", "nothing.png", "out.png", code: 66, naming: missing) == ["nothing.png"])
        #expect(try failures("-m", "tiny", "nothing", "-o", "out", code: 66, naming: "nothing: no such") == ["nothing"])
        let exists = "already exists"
        #expect(try failures("-m", "tiny", "a.png", code: 73, naming: exists) == ["a.png"])
        // None is begun if one output exists.
        #expect(
            try failures("-m", "tiny", "a.png", "b.png", "c.png", code: 73, naming: exists) == [
                "a.png", "b.png", "c.png",
            ])
        try folder.write(.scene(width: 20, height: 20), "in/x.png")
        try folder.write(.scene(width: 20, height: 20), "in/y.png")
        try folder.write(.scene(width: 20, height: 20), "out/x.png")
        #expect(try failures("-m", "tiny", "in", "-o", "out", code: 73, naming: exists) == ["in/x.png", "in/y.png"])
        #expect(try failures("-m", "tiny", "b.png", "nowhere/b.png", code: 73, naming: "its folder") == ["b.png"])
        #expect(
            try failures("-m", "tiny", "b.png", "a.png", "-o", "a.png", code: 64, naming: "not a folder").count == 2)
        try folder.makeFolder("empty")
        #expect(try failures("-m", "tiny", "empty", code: 66, naming: "holds no PNG") == ["empty"])
    }

    @Test func aModelThatCannotBeLoadedIsTheErrorOfEveryInput() throws {
        let both = ["b.png", "c.png"]
        try folder.write(.scene(width: 20, height: 20), "c.png")
        #expect(
            try failures("-m", "none", "b.png", "c.png", "-o", "out", code: 66, naming: "none: no such model") == both)
        try folder.write([1, 2, 3], "bad.safetensors")
        #expect(try failures("-m", "bad.safetensors", "b.png", "c.png", "-o", "out", code: 65, naming: "bad") == both)
        #expect(try failures("--models-dir", "none", "b.png", "c.png", "-o", "out", code: 66, naming: "none") == both)
    }

    @Test func otherCommandsReportFailuresInTheirRecords() throws {
        try folder.write([1, 2, 3], "data/bad.png")
        try folder.write(.scene(width: 20, height: 20), "data/good.png")
        let bad = "data/bad.png: is neither a PNG nor a JPEG image: found bytes 01 02 03"
        let evaluate = ["evaluate", "denoise", "-m", "tiny", "--json", "--data"]
        let both = try workplace.run(evaluate + ["data"])
        #expect(both.code == 1 && both.outputLines.count == 3, "\(both.errors)")
        #expect(both.outputLines.first == "{\"error\":\"\(bad)\",\"file\":\"data/bad.png\"}")
        let one = try workplace.run(evaluate + ["data/bad.png"])
        #expect(one.code == 65 && one.outputLines == ["{\"error\":\"\(bad)\",\"file\":\"data/bad.png\"}"])
        let check = try workplace.run(["data", "check", "--json", "data", "nothing"])
        let missing = "nothing: no such file or folder"
        #expect(check.code == 66)
        #expect(check.outputLines == ["data", "nothing"].map { "{\"error\":\"\(missing)\",\"path\":\"\($0)\"}" })
    }

    /// The picture with its own copy as the noisy version: nothing differs.
    @Test func aFigureIsANumberOrNull() throws {
        let outcome = try workplace.run([
            "evaluate", "denoise", "-m", "tiny", "--data", "a.png", "--noisy", "a.png", "--sigma", "0", "--json",
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.outputLines.count == 2)
        for line in outcome.outputLines { #expect(line.contains("\"noisy\":{\"psnr\":null,\"ssim\":1}"), "\(line)") }
        for word in ["inf", "nan"] { #expect(!outcome.output.contains("\"\(word)\"")) }
    }
}
