import Glibc
import RestoreFiles
import TestSupport
import Testing

/// Outputs go to the folder that was opened, or nowhere.
@Suite struct OutputFolderTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ name: String, in output: OutputFolder, overwrite: Bool = false) throws {
        try writeFileAtomically([7], to: folder(name), overwrite: overwrite, in: output)
    }

    @Test func foldersAreMadeWithTheFirstOutput() throws {
        let output = try OutputFolder(folder("new/out/"))
        #expect(try folder.names == [])
        try write("new/out/a", in: output)
        try write("new/out/x/y/b", in: output)
        try write("new/out/x/c", in: output)
        try write("new/out/a", in: output, overwrite: true)
        let files = ["new/out/a", "new/out/x/c", "new/out/x/y/b"]
        #expect(try folder.names.filter { pathKind(folder($0)) == .regularFile } == files)
        #expect(throws: FileError.alreadyExists(path: folder("new/out/a"))) { try write("new/out/a", in: output) }
    }

    /// As when a disk is unmounted: at the same path there is another folder, or none.
    @Test(arguments: ["out", "disk/out"], [false, true])
    func aFolderThatHasDisappearedIsNotMadeAgain(path: String, isReplaced: Bool) throws {
        try folder.makeFolder("disk")
        if path == "out" { try folder.makeFolder(path) }
        let output = try OutputFolder(folder(path))
        try write("\(path)/x/a", in: output)
        try #require(rename(folder(path), folder("elsewhere")) == 0)
        if isReplaced { try folder.makeFolder(path) }
        let before = try folder.names
        for name in ["b", "x/b", "y/b"] {
            #expect(throws: FileError.folderGone(path: folder(path))) { try write("\(path)/\(name)", in: output) }
        }
        #expect(try folder.names == before)
    }

    /// Before the first output, too: the folder is made where it was to be made.
    @Test func whatIsAboveMayNotDisappearEither() throws {
        try folder.makeFolder("disk")
        let output = try OutputFolder(folder("disk/out"))
        try #require(rename(folder("disk"), folder("elsewhere")) == 0)
        try folder.makeFolder("disk")
        #expect(throws: FileError.folderGone(path: folder("disk/out"))) { try write("disk/out/a", in: output) }
        #expect(try folder.names == ["disk", "elsewhere"])
    }

    @Test func aSubfolderThatIsRemovedIsNotMadeAgain() throws {
        let output = try OutputFolder(folder("out"))
        try write("out/x/a", in: output)
        try #require(rename(folder("out/x"), folder("x")) == 0)
        #expect(throws: FileError.cannotWrite(path: folder("out/x/b"), reason: "its folder does not exist")) {
            try write("out/x/b", in: output)
        }
        #expect(!FileError.cannotWrite(path: "", reason: "").concernsAllOutputs)
        #expect(FileError.folderGone(path: "").concernsAllOutputs)
    }

    @Test func namesOfAllKinds() throws {
        let names = ["out/caf\u{10FEE9}", "out/\u{301}combining/\u{301}b", "out/ space /a"]
        let output = try OutputFolder(folder("out"))
        for name in names {
            try write(name, in: output)
            #expect(try readFile(folder(name)) == [7])
        }
        // Outside of the folder, as without it.
        try write("beside", in: output)
        #expect(try readFile(folder("beside")) == [7])
    }
}
