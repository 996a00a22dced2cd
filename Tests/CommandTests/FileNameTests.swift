import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// A file name is any bytes but NUL and the slash; the program must find such files, and say their names in one line.
@Suite struct FileNameTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    /// `caf\xE9.png`, as Latin-1 has it.
    private let latin1 = "caf\u{10FEE9}.png"

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 20, height: 16), "good.png")
    }

    private func copy(_ name: String) throws { try folder.write(readFile(folder("good.png")), name) }

    private struct Record: Decodable {
        let file: String
        let output: String
    }

    /// The shell hands over the bytes; nothing between it and the program knows what they mean.
    private func denoise(_ arguments: String) throws -> Outcome {
        try workplace.shell("restore denoise -m tiny --sigma 25 -j 1 " + arguments)
    }

    @Test func namesInLatin1() throws {
        try copy(latin1)
        let outcome = try denoise(#"--json "$(printf 'caf\351.png')""#)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.hasPrefix("caf\\xE9_denoised.png: 20×16"), "\(outcome.errors)")
        #expect(try listNames(in: folder.path) == ["caf\u{10FEE9}.png", "caf\u{10FEE9}_denoised.png", "good.png"])
        #expect(outcome.output.utf8.allSatisfy { $0 < 0x80 })
        let record = try #require(outcome.records(Record.self).first)
        #expect(record.file == latin1 && record.output == "caf\u{10FEE9}_denoised.png")
        let missing = try denoise(#""$(printf 'n\377.png')""#)
        #expect(missing.code == 66 && missing.errors == "restore: n\\xFF.png: no such file or folder\n")
    }

    @Test func foldersAndListingsWithSuchNames() throws {
        try copy("d\u{10FEFF}/" + latin1)
        try copy("d\u{10FEFF}/good.png")
        let outcome = try workplace.shell(#"restore data check "$(printf 'd\377')" --json"#)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains(#""path":"d\udbff\udeff""#), "\(outcome.output)")
        let evaluated = try workplace.shell(#"restore evaluate denoise -m tiny --data "$(printf 'd\377')""#)
        #expect(evaluated.code == 0 && evaluated.output.contains("d\\xFF/caf\\xE9.png"), "\(evaluated.errors)")
    }

    /// The settings of a run hold its paths.
    @Test func aRunOnSuchNamesGoesOn() throws {
        for index in 0..<12 { try folder.write(.scene(width: 20, height: 16 + index), "d\u{10FEFF}/\(index).png") }
        let run = try workplace.shell(
            #"""
            restore train denoise --data "$(printf 'd\377')" -o run --steps 2 --batch-size 1 --patch-size 16 \
                --widths 4 --blocks 1 && restore train denoise --resume -o run
            """#)
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.errors.contains("11 pictures to train on"))
    }

    @Test func modelsInSuchFolders() throws {
        try folder.write(Workplace.model.file(), "m\u{10FEFF}/tiny/model.safetensors")
        let script = #"export RESTORE_MODELS="$(printf 'm\377')"; restore models list; restore models info tiny"#
        let outcome = try workplace.shell(script)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("m\\xFF/tiny/model.safetensors"), "\(outcome.output)")
    }

    @Test func controlCharactersInRecordsAreJSON() throws {
        let name = "new\nline\u{1B}\u{7F}\u{85}.png"
        try copy(name)
        let outcome = try workplace.denoise("--json", name)
        #expect(outcome.code == 0 && outcome.outputLines.count == 1, "\(outcome.errors)")
        #expect(try outcome.records(Record.self).first?.file == name)
        #expect(outcome.errorLines.count == 1)
    }

    @Test func namesWithDashesAndSpaces() throws {
        for name in ["-x.png", "--sigma.png", " .png", "a b\t.png", "*.png"] {
            try copy(name)
            let outcome = try workplace.denoise("./" + name)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(pathKind(folder(name.dropLast(4) + "_denoised.png")) == .regularFile)
        }
        #expect(try denoise("-o out.png -- -x.png").code == 0)
    }

    @Test func namesOfTheUtmostLength() throws {
        let long = String(repeating: "n", count: 251) + ".png"
        try copy(long)
        #expect(try workplace.denoise(long, "out.png").code == 0)
        #expect(try workplace.denoise("good.png", String(repeating: "o", count: 251) + ".png").code == 0)
        // The suffix does not fit any more.
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "--sigma", "25", long], code: 73, naming: "File name too long")
        for name in [String(repeating: "n", count: 256), String(repeating: "d/", count: 3000) + "x.png"] {
            try workplace.expectFailure(["denoise", "-m", "tiny", name], code: 66, naming: "File name too long")
        }
    }

    @Test func loopsOfLinks() throws {
        symlink("loop", folder("loop"))
        symlink("loop", folder("loop.png"))
        let reason = "Too many levels of symbolic links"
        for arguments in [
            ["denoise", "-m", "tiny", "loop.png"], ["data", "check", "loop"],
            ["evaluate", "denoise", "-m", "tiny", "--data", "loop"],
        ] {
            try workplace.expectFailure(arguments, code: 66, naming: reason)
        }
        try workplace.expectFailure(["denoise", "good.png", "-m", "./loop"], code: 66, naming: reason)
    }

    @Test func emptyNames() throws {
        for arguments in [
            ["denoise", ""], ["denoise", "good.png", ""], ["denoise", "good.png", "-m", ""], ["data", "check", ""],
        ] {
            let outcome = try workplace.run(arguments)
            #expect(
                [64, 66, 73].contains(outcome.code) && outcome.errors.hasPrefix("restore: "),
                "\(arguments): \(outcome.errors)")
        }
    }
}
