import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Nothing is overwritten unless `--overwrite` is given.
@Suite struct OverwriteTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 30, height: 20), "a.png")
        try folder.write(.scene(width: 30, height: 20, seed: 2), "b.png")
    }

    private func expectRefusal(_ arguments: String..., naming name: String) throws {
        try workplace.expectFailure(["denoise", "-m", "tiny", "--sigma", "25"] + arguments, code: 73, naming: name)
    }

    /// As when a pattern of the shell matched two pictures.
    @Test func twoPicturesAreNotInputAndOutput() throws {
        try expectRefusal("a.png", "b.png", naming: "b.png")
    }

    @Test func aPictureIsNotItsOwnOutput() throws {
        try expectRefusal("a.png", "a.png", naming: "a.png")
        try expectRefusal("a.png", "-o", "./a.png", naming: "./a.png")
    }

    @Test func aDefaultOutputThatExistsStays() throws {
        try folder.write([1, 2, 3], "a_denoised.png")
        try expectRefusal("a.png", naming: "a_denoised.png")
    }

    @Test func aNamedOutputThatExistsStays() throws {
        try folder.write([1, 2, 3], "out.png")
        try expectRefusal("a.png", "-o", "out.png", naming: "out.png")
        try folder.write([1, 2, 3], "clean/a.png")
        try expectRefusal("a.png", "-o", "clean", naming: "clean/a.png")
    }

    /// Before any is done: a batch that cannot end well does not begin.
    @Test func oneOutputThatExistsStopsTheBatch() throws {
        try folder.write([1, 2, 3], "clean/b.png")
        try expectRefusal("a.png", "b.png", "-o", "clean", naming: "clean/b.png")
    }

    @Test func twoInputsOfOneNameDoNotMeet() throws {
        try folder.write(.scene(width: 30, height: 20), "other/a.png")
        try folder.makeFolder("clean")
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "a.png", "other/a.png", "-o", "clean"], code: 64, naming: "clean/a.png")
    }

    @Test func theRemedyIsNamed() throws {
        #expect(try workplace.denoise("a.png", "b.png").errors.contains("--overwrite"))
    }

    @Test func withTheOptionTheOutputIsReplaced() throws {
        let before = try workplace.contents
        let outcome = try workplace.denoise("a.png", "b.png", "--overwrite")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try folder.names == ["a.png", "b.png"])
        #expect(try readFile(folder("a.png")) == before["a.png"])
        #expect(try readFile(folder("b.png")) != before["b.png"])
        #expect(try workplace.denoise("a.png", "new.png").code == 0)
        #expect(try readFile(folder("b.png")) == readFile(folder("new.png")))
    }

    @Test func withTheOptionAPictureMayReplaceItself() throws {
        #expect(try workplace.denoise("a.png", "new.png").code == 0)
        #expect(try workplace.denoise("a.png", "a.png", "--overwrite").code == 0)
        #expect(try readFile(folder("a.png")) == readFile(folder("new.png")))
    }

    /// Else the second picture would be lost before it is read.
    @Test func anInputIsNotAnotherOnesOutput() throws {
        try folder.write(.scene(width: 30, height: 20, seed: 3), "a_denoised.png")
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "a.png", "b.png", "a_denoised.png", "--overwrite"], code: 64,
            naming: "a_denoised.png")
    }

    /// A failure with the option leaves the old file.
    @Test func aFailureLeavesWhatWasThere() throws {
        try folder.write(Array("no picture".utf8), "text.png")
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "text.png", "b.png", "--overwrite"], code: 65, naming: "text.png")
    }

    @Test func aFolderIsNeverReplaced() throws {
        try folder.makeFolder("a_denoised.png")
        try expectRefusal("a.png", naming: "a_denoised.png")
        try expectRefusal("a.png", "--overwrite", naming: "a_denoised.png")
        try expectRefusal("a.png", "/dev/null", "--overwrite", naming: "/dev/null")
    }
}
