import Glibc
import RestoreFiles
import TestSupport
import Testing

@Suite struct FileIdentityTests {
    private let folder: TemporaryFolder
    /// The folder as the system knows it.
    private let root: String

    init() throws {
        folder = try TemporaryFolder()
        root = canonicalPath(folder.path)
        try folder.write([1], "a/file")
        try folder.write([1], "b")
        symlink("a", folder("link"))
        link(folder("a/file"), folder("hard"))
    }

    @Test func allNamesOfAFileAreOne() throws {
        let identity = try #require(FileIdentity(folder("a/file")))
        for name in ["./a/../a/file", "link/file", "hard"] {
            #expect(FileIdentity(folder(name)) == identity, "\(name)")
        }
        #expect(FileIdentity(folder("b")) != identity && FileIdentity(folder("none")) == nil && FileIdentity("") == nil)
    }

    @Test func canonicalPathsReachWhatIsNotThereYet() {
        let places = [
            "link/file": "a/file", "./link/../b": "b", "link/new": "a/new", "link/x/y/z": "a/x/y/z", "x/./y": "x/y",
            "x/../y": "y", "hard": "hard",
        ]
        for (path, place) in places { #expect(canonicalPath(folder(path)) == root + "/" + place, "\(path)") }
        #expect(canonicalPath("/") == "/" && canonicalPath("new") == canonicalPath(".") + "/new")
    }

    @Test func whatLiesInsideAFolder() {
        #expect(isPath("/a/b", inside: "/a") && isPath("/a", inside: "/a") && isPath("/a", inside: "/"))
        #expect(!isPath("/ab", inside: "/a") && !isPath("/", inside: "/a"))
    }

    @Test func obstaclesAreFoundBeforeTheWork() {
        #expect(obstacle(toWriting: folder("new")) == nil && obstacle(toWriting: folder("x/y/new")) == nil)
        #expect(obstacle(toWriting: folder("b/new"))?.contains("is not a folder") == true)
        #expect(obstacle(toWriting: folder("b/x/new"))?.contains("is not a folder") == true)
        #expect(obstacle(toWriting: "") != nil)
    }

    @Test func listingOneFolderOnlyAndPassingOverOthers() throws {
        try folder.write([1], "a/deep/file")
        #expect(try listFilesRecursively(folder("a"), descends: false) { _ in true } == [folder("a/file")])
        let names = try listFilesRecursively(folder.path, passOver: { _ in }, where: { $0 == "file" })
        #expect(names == [folder("a/deep/file"), folder("a/file")])
        #expect(throws: FileError.self) {
            try listFilesRecursively(folder("none"), passOver: { _ in }, where: { _ in true })
        }
    }
}
