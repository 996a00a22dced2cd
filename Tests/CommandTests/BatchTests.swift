import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Folders, trees and what is said of many pictures.
@Suite struct BatchTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
    }

    /// Pictures that differ from each other.
    private func writePictures(_ names: String...) throws {
        for (index, name) in names.enumerated() {
            try folder.write(.scene(width: 20 + index, height: 20, seed: UInt64(index)), name)
        }
    }

    /// The files that a run made below a folder, relative to it.
    private func made(below name: String) throws -> [String] {
        try folder.names.filter { $0.hasPrefix(name + "/") && pathKind(folder($0)) == .regularFile }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    private struct Record: Decodable, Equatable {
        let file: String
        var output: String?
        var error: String?
        var skipped: Bool?
    }

    // MARK: Folders

    @Test func aFolderGivesItsOwnPictures() throws {
        try writePictures("in/b.png", "in/a.JPG", "in/below/c.png")
        try folder.write(Array("notes".utf8), "in/notes.txt")
        let outcome = try workplace.denoise("in", "-o", "out")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try made(below: "out") == ["a.JPG", "b.png"])
        #expect(outcome.errorLines.last == "2 of 2 pictures denoised")
    }

    @Test func theTreeIsMirrored() throws {
        try writePictures("in/a.png", "in/x/b.png", "in/x/y/c.jpg", "in/z/a.png")
        for (arguments, output) in [(["in/", "-o", "1"], "1"), (["in", "2/deep"], "2/deep"), (["./in", "3/"], "3")] {
            let outcome = try workplace.run(["denoise", "-r", "-m", "tiny", "--sigma", "25"] + arguments)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try made(below: output) == ["a.png", "x/b.png", "x/y/c.jpg", "z/a.png"])
        }
        #expect(try workplace.image("1/z/a.png").width == 23, "each is its own picture")
    }

    /// Results of the first run are no inputs of the second.
    @Test func resultsBesideTheirInputsAreNotTakenAgain() throws {
        try writePictures("in/a.png", "in/x/b.png")
        #expect(try workplace.denoise("in", "-r").code == 0)
        let names = ["in/a.png", "in/a_denoised.png", "in/x/b.png", "in/x/b_denoised.png"]
        #expect(try made(below: ".").isEmpty && folder.names.filter { $0.hasSuffix(".png") } == names)
        let again = try workplace.denoise("in", "-r", "--skip-existing")
        #expect(again.code == 0 && again.errorLines.last == "0 of 2 pictures denoised, 2 skipped", "\(again.errors)")
        #expect(again.errorLines.contains("2 files are results of an earlier run, passed over"))
        #expect(try workplace.denoise("in", "-r", "--overwrite").code == 0)
        #expect(try folder.names.filter { $0.hasSuffix(".png") } == names)
        // Whoever names it means it.
        #expect(try workplace.denoise("in/a_denoised.png").code == 0)
        #expect(try folder.names.contains("in/a_denoised_denoised.png"))
    }

    @Test func anOutputFolderInsideTheInputFolderIsNotFedBack() throws {
        try writePictures("in/a.png", "in/b.png")
        for _ in 0..<2 {
            let outcome = try workplace.denoise("in", "-r", "-o", "in/clean", "--overwrite")
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try made(below: "in") == ["a.png", "b.png", "clean/a.png", "clean/b.png"])
        }
        // The same folder under another name.
        symlink(folder("in/clean"), folder("link"))
        #expect(try workplace.denoise("./in", "-r", "-o", "link", "--overwrite").code == 0)
        #expect(try made(below: "in") == ["a.png", "b.png", "clean/a.png", "clean/b.png"])
    }

    @Test func aFolderMayReplaceItsOwnPictures() throws {
        try writePictures("in/a.png", "in/x/b.png")
        let before = try workplace.contents
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "-r", "in", "-o", "in"], code: 73, naming: "in/a.png, in/x/b.png: 2 of 2")
        #expect(try workplace.denoise("-r", "in", "-o", "in", "--overwrite").code == 0)
        let after = try workplace.contents
        #expect(Set(before.keys) == Set(after.keys))
        for name in ["in/a.png", "in/x/b.png"] { #expect(before[name] != after[name]) }
    }

    @Test func emptyFolders() throws {
        try folder.makeFolder("empty")
        try writePictures("in/below/a.png")
        func expectFailure(_ arguments: String..., naming name: String) throws {
            try workplace.expectFailure(["denoise", "-m", "tiny"] + arguments, code: 66, naming: name)
        }
        try expectFailure("empty", naming: "empty: ")
        try expectFailure("empty", "-r", "-o", "out", naming: "empty: ")
        try expectFailure("in", naming: "-r looks")
        let outcome = try workplace.denoise("empty", "in", "-r", "-o", "out")
        #expect(outcome.code == 1 && outcome.errors.contains("restore: empty: "), "\(outcome.errors)")
        #expect(outcome.errorLines.last == "1 of 1 picture denoised, 1 folder failed")
        #expect(try made(below: "out") == ["below/a.png"])
    }

    @Test func loopsOfLinksEnd() throws {
        try writePictures("in/a.png", "in/x/b.png")
        symlink("..", folder("in/x/up"))
        symlink(folder("in"), folder("in/self"))
        symlink("nowhere.png", folder("in/broken.png"))
        let outcome = try workplace.denoise("-r", "in", "-o", "out")
        #expect(outcome.code == 1 && outcome.errors.contains("in/broken.png"), "\(outcome.errors)")
        #expect(try made(below: "out") == ["a.png", "x/b.png"])
    }

    // MARK: Names that meet

    private func expectRefusal(_ arguments: String..., code: Int32 = 64, naming name: String) throws {
        try workplace.expectFailure(["denoise", "-m", "tiny", "--sigma", "25"] + arguments, code: code, naming: name)
    }

    @Test func inputsThatDifferOnlyInTheExtension() throws {
        try writePictures("in/a.png", "in/a.jpg")
        try expectRefusal("in", "-o", "out", "--format", "png", naming: "out/a.png: two inputs")
        try expectRefusal("in", "--format", "jpg", naming: "in/a_denoised.jpg: two inputs")
        #expect(try workplace.denoise("in", "-o", "out").code == 0)
        #expect(try made(below: "out") == ["a.jpg", "a.png"])
    }

    @Test func theSameFileTwice() throws {
        try writePictures("a.png", "b.png")
        symlink("a.png", folder("link.png"))
        symlink(".", folder("here"))
        try expectRefusal("a.png", "./a.png", "b.png", naming: "./a_denoised.png: two inputs")
        try expectRefusal("a.png", "here/a.png", "b.png", naming: "two inputs")
        try expectRefusal("a.png", "here/a.png", "-o", "out", naming: "out/a.png: two inputs")
        // In place they would be one file.
        try expectRefusal("a.png", "link.png", "-o", ".", "--overwrite", naming: "two inputs")
        let outcome = try workplace.denoise("a.png", "link.png", "-o", "out")
        #expect(outcome.code == 0, "two names, two results: \(outcome.errors)")
    }

    @Test func outputsThatAreInputs() throws {
        try writePictures("in/a.png", "in/b.png", "out/b.png")
        try expectRefusal("in/b.png", "out/b.png", "-o", "out", "--overwrite", naming: "out/b.png")
        symlink(folder("in/b.png"), folder("out/a.png"))
        try expectRefusal(
            "in/a.png", "in/b.png", "-o", "out", "--overwrite", naming: "out/a.png: both an input (as in/b.png)")
        unlink(folder("out/a.png"))
        link(folder("in/b.png"), folder("out/a.png"))
        try expectRefusal(
            "in/a.png", "in/b.png", "-o", "out", "--overwrite", naming: "out/a.png: both an input (as in/b.png)")
        // One that is not there yet, and would be when its turn came.
        try expectRefusal("in/a.png", "in/a_denoised.png", "in/b.png", naming: "in/a_denoised.png")
    }

    @Test func allOutputsThatExistAreCountedBeforeAnyWork() throws {
        try writePictures("in/a.png", "in/b.png", "in/c.png", "in/d.png", "in/e.png")
        for name in ["a", "b", "c", "d"] { try folder.write([1], "out/\(name).png") }
        try expectRefusal(
            "in", "-o", "out", code: 73,
            naming: "out/a.png, out/b.png, out/c.png and 1 more: 4 of 5 outputs already exist")
        try expectRefusal("in", "-o", "out", code: 73, naming: "--skip-existing")
        try expectRefusal("in/a.png", "in/b.png", code: 73, naming: "--output FOLDER")
        try folder.write([1], "file")
        try expectRefusal("in", "-o", "file", naming: "file: is not a folder")
        try expectRefusal("in", "-o", "file/below", code: 73, naming: "file/below")
        try expectRefusal("in", "-o", "out.png", naming: "out.png: is not a folder")
        try expectRefusal("in", "out/a.png", naming: "out/a.png: is not a folder")
    }

    // MARK: Going on

    @Test func skipExistingDoesTheRest() throws {
        try writePictures("in/a.png", "in/b.png", "in/c.png")
        try folder.write([1], "out/b.png")
        let outcome = try workplace.denoise("in", "-o", "out", "--skip-existing", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try readFile(folder("out/b.png")) == [1])
        #expect(
            try outcome.records(Record.self) == [
                Record(file: "in/b.png", output: "out/b.png", skipped: true),
                Record(file: "in/a.png", output: "out/a.png"), Record(file: "in/c.png", output: "out/c.png"),
            ])
        #expect(outcome.errorLines.last == "2 of 3 pictures denoised, 1 skipped")
        let single = try workplace.denoise("in/a.png", "-o", "out/a.png", "--skip-existing")
        #expect(single.code == 0 && single.errorLines.last == "0 of 1 picture denoised, 1 skipped", "\(single.errors)")
    }

    /// The same line of the shell goes on, whose pattern now matches the results, too.
    @Test func aPatternThatMatchesResultsGoesOn() throws {
        try writePictures("a.png", "a_denoised.png", "b.png")
        let names = ["a.png", "a_denoised.png", "b.png"]
        try workplace.expectFailure(
            ["denoise", "-m", "tiny"] + names, code: 64, naming: "a_denoised.png: both an input and the output of a.png"
        )
        let outcome = try workplace.run(["denoise", "-m", "tiny", "--sigma", "25", "--skip-existing"] + names)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try folder.names == ["a.png", "a_denoised.png", "b.png", "b_denoised.png"])
    }

    @Test func optionsThatExcludeEachOther() throws {
        try writePictures("a.png", "b.png")
        let outcome = try workplace.denoise("a.png", "--overwrite", "--skip-existing")
        #expect(outcome.code == 64 && outcome.errors.contains("exclude"))
        try expectRefusal("a.png", "b.png", "-o", "out", "--compare", "c.png", naming: "--compare")
    }

    @Test func aDryRunTouchesNothing() throws {
        try writePictures("in/a.png", "in/x/b.jpg", "out/a.png")
        let before = try workplace.contents
        let text = try workplace.run(["denoise", "--dry-run", "-r", "in", "-o", "new/out", "-f", "jpg"])
        #expect(text.code == 0 && text.errors == "", "no model is asked for: \(text.errors)")
        #expect(text.outputLines == ["in/a.png -> new/out/a.jpg", "in/x/b.jpg -> new/out/x/b.jpg"])
        let records = try workplace.run(["denoise", "--dry-run", "-r", "in", "-o", "out", "--skip-existing", "--json"])
        #expect(
            try records.records(Record.self) == [
                Record(file: "in/a.png", output: "out/a.png", skipped: true),
                Record(file: "in/x/b.jpg", output: "out/x/b.jpg", skipped: false),
            ])
        #expect(try workplace.run(["denoise", "--dry-run", "-r", "in", "-o", "out"]).code == 73)
        #expect(try workplace.contents == before)
    }

    // MARK: Failures

    @Test func everyFileHasItsRecord() throws {
        try writePictures("in/a.png", "in/c.png", "in/e.png")
        try folder.write(Array("no picture".utf8), "in/b.png")
        for threads in ["1", "4"] {
            let outcome = try workplace.run(
                ["denoise", "-m", "tiny", "--sigma", "25", "--json", "-q", "-j", threads]
                    + ["in/a.png", "in/b.png", "in/c.png", "in/d.png", "in/e.png", "-o", threads])
            let records = try outcome.records(Record.self)
            #expect(outcome.code == 1 && outcome.errorLines.count == 2, "\(outcome.errors)")
            #expect(records.map(\.file) == ["in/a.png", "in/b.png", "in/c.png", "in/d.png", "in/e.png"])
            #expect(records.map { $0.error == nil } == [true, false, true, false, true])
            #expect(
                records[1].error?.contains("in/b.png") == true && records[3].error?.contains("no such file") == true)
            #expect(try made(below: threads) == ["a.png", "c.png", "e.png"])
        }
    }

    @Test func whereAllFailTheCodeSaysSome() throws {
        try folder.write([1], "a.png")
        try folder.write([2], "b.png")
        let several = try workplace.denoise("a.png", "b.png", "-o", "out")
        #expect(several.code == 1 && several.errorLines.last == "0 of 2 pictures denoised, 2 failed")
        let single = try workplace.denoise("a.png", "-o", "out/", "--json")
        #expect(single.code == 65 && single.errorLines.count == 1)
        #expect(try single.records(Record.self).map(\.file) == ["a.png"])
        #expect(try !folder.names.contains("out"), "no folder for nothing")
    }

    /// Records that nobody takes: an end, and nothing half written.
    @Test func recordsThatCannotBeWritten() throws {
        for index in 0..<20 { try writePictures("in/\(index).png") }
        let outcome = try workplace.run(
            ["denoise", "-m", "tiny", "--sigma", "25", "--json", "in", "-o", "out"], outputTo: "/dev/full")
        #expect(outcome.code == 73 && outcome.errors.contains("standard output"), "\(outcome.errors)")
        #expect(outcome.errors.contains("restore: stopped after 1 of 20 pictures; --skip-existing goes on"))
        for name in try made(below: "out") { #expect(try workplace.image("out/\(name)").height == 20, "\(name)") }
    }
}
