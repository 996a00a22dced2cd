import Glibc
import RestoreFiles
import TestSupport
import Testing

@Suite struct FolderTests {
    @Test func tellsWhatStandsAtAPath() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "file")
        symlink("file", folder("link"))
        symlink("nowhere", folder("dangling"))
        #expect(pathKind(folder.path) == .directory)
        #expect(pathKind(folder("file")) == .regularFile)
        #expect(pathKind(folder("link")) == .regularFile)
        #expect(pathKind(folder("dangling")) == .missing)
        #expect(pathKind(folder("none")) == .missing)
        #expect(pathKind("") == .missing)
        #expect(pathKind("/dev/null") == .other)
    }

    @Test func makesFoldersOnTheWay() throws {
        let folder = try TemporaryFolder()
        try makeDirectory(folder("a/b/c/"))
        try makeDirectory(folder("a/b/c"))
        #expect(pathKind(folder("a/b/c")) == .directory)
        #expect(throws: FileError.cannotWrite(path: folder("x/y"), reason: "its folder does not exist")) {
            try makeDirectory(folder("x/y"), withIntermediates: false)
        }
        try folder.write([1, 2, 3], "file")
        #expect(throws: FileError.cannotWrite(path: folder("file"), reason: "it exists and is not a folder")) {
            try makeDirectory(folder("file"))
        }
        #expect(throws: FileError.self) { try makeDirectory(folder("file/below")) }
        #expect(throws: FileError.self) { try makeDirectory("") }
    }

    @Test func listsMatchingFilesInByteOrder() throws {
        let folder = try TemporaryFolder()
        for name in [
            "b.png", "B.PNG", "a/z.jpg", "a.png", "é.png", "a/b/c.Jpeg", "note.txt", "png", ".hidden.png",
            ".git/x.png", "a/.png",
        ] {
            try folder.write([1, 2, 3], name)
        }
        mkfifo(folder("pipe.png"), 0o600)
        let found = try listFilesRecursively(folder.path, extensions: ["png", "jpg", "jpeg"])
        #expect(found == ["B.PNG", "a.png", "a/b/c.Jpeg", "a/z.jpg", "b.png", "é.png"].map { folder($0) })
    }

    @Test func endsOnLoopsOfLinksAndVisitsAFolderOnce() throws {
        let folder = try TemporaryFolder()
        let elsewhere = try TemporaryFolder()
        try folder.write([1, 2, 3], "real/x.png")
        try elsewhere.write([1, 2, 3], "y.png")
        symlink("..", folder("real/up"))
        symlink("real", folder("also"))  // sorts before the real folder and must not take its place
        symlink("self", folder("self"))
        symlink(elsewhere.path, folder("outside"))
        symlink("nowhere", folder("dangling.png"))
        let found = try listFilesRecursively(folder.path, extensions: ["png"])
        #expect(found == ["dangling.png", "outside/y.png", "real/x.png"].map { folder($0) })
    }

    /// Folders whose paths are longer than the system takes, one in the other.
    @Test func aFolderThatCannotBeReachedIsAnErrorNotNothing() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], "a.png")
        let name = String(repeating: "n", count: 200)
        folder.makeDeepFolders(named: name, count: 25)
        defer { folder.removeDeepFolders(named: name, count: 25) }
        var failures: [FileError] = []
        let found = try listFilesRecursively(
            folder.path, passOver: { failures.append($0) }, where: { $0.hasSuffix(".png") })
        #expect(found == [folder("a.png")])
        #expect(failures.count == 1)
        let path = try #require(failures.first).path
        #expect(failures == [.unreadable(path: path, reason: "File name too long")])
        #expect(path.hasPrefix(folder(name)) && path.utf8.count >= 4096)
        #expect(throws: FileError.self) { try listFilesRecursively(folder.path, extensions: ["png"]) }
        #expect(try listFilesRecursively(folder.path, descends: false, where: { $0 == "a.png" }).count == 1)
    }

    /// A link whose end nobody tells: it may be a folder.
    @Test func aLinkThatCannotBeFollowedIsAnErrorNotNothing() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], "a.png")
        symlink(String(repeating: "n", count: 300), folder("link"))
        var failures: [FileError] = []
        let found = try listFilesRecursively(
            folder.path, passOver: { failures.append($0) }, where: { $0.hasSuffix(".png") })
        #expect(found == [folder("a.png")])
        #expect(failures == [.unreadable(path: folder("link"), reason: "File name too long")])
    }

    @Test func refusesWhatIsNoFolder() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "file.png")
        #expect(throws: FileError.notFound(path: folder("none"))) {
            try listFilesRecursively(folder("none"), extensions: ["png"])
        }
        #expect(throws: FileError.unreadable(path: folder("file.png"), reason: "it is not a folder")) {
            try listFilesRecursively(folder("file.png"), extensions: ["png"])
        }
    }

    @Test func namesThatAreNotUTF8AreListed() throws {
        let folder = try TemporaryFolder()
        for name in ["\u{10FEFF}other.txt", "\u{10FEFF}picture.png", "a.png"] { try folder.write([1], name) }
        let found = try listFilesRecursively(folder.path, extensions: ["png"])
        #expect(found == [folder("a.png"), folder("\u{10FEFF}picture.png")])
    }

    @Test func namesInAFolderAreSortedByTheirBytes() throws {
        let folder = try TemporaryFolder()
        for name in ["b", "a.txt", "Z", "é", ".hidden", "sub/file"] { try folder.write([], name) }
        #expect(try listNames(in: folder.path) == ["Z", "a.txt", "b", "sub", "é"])
        #expect(throws: FileError.notFound(path: folder("none"))) { try listNames(in: folder("none")) }
        #expect(throws: FileError.notFound(path: folder("b"))) { try listNames(in: folder("b")) }
        #expect(throws: FileError.notFound(path: "")) { try listNames(in: "") }
    }
}
