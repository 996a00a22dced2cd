import Glibc
import RestoreFiles
import TestSupport
import Testing

@Suite struct AppendedFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func whatIsAppendedIsThereAtOnce() throws {
        let file = try AppendedFile(creating: folder("log"))
        #expect(try readFile(folder("log")).isEmpty)
        try file.append([1, 2, 3])
        #expect(try readFile(folder("log")) == [1, 2, 3])
        try file.append([])
        try file.append([UInt8](repeating: 4, count: 100_000))
        #expect(try readFile(folder("log")) == [1, 2, 3] + [UInt8](repeating: 4, count: 100_000))
        #expect(file.count == 100_003)
        try file.close()
        try file.close()
    }

    @Test func anExistingFileIsNotTouched() throws {
        try folder.write([7], "log")
        #expect(throws: FileError.alreadyExists(path: folder("log"))) { try AppendedFile(creating: folder("log")) }
        #expect(symlink("log", folder("link")) == 0)
        #expect(throws: FileError.alreadyExists(path: folder("link"))) { try AppendedFile(creating: folder("link")) }
        #expect(try readFile(folder("log")) == [7])
    }

    @Test func aMissingFolderIsAnError() {
        let path = folder("missing/log")
        #expect(throws: FileError.cannotWrite(path: path, reason: "its folder does not exist")) {
            try AppendedFile(creating: path)
        }
        #expect(throws: FileError.self) { try AppendedFile(creating: "") }
    }

    @Test func aFullDiskIsAnErrorThatNamesThePath() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        try #require(descriptor >= 0)
        let file = AppendedFile(descriptor: descriptor, path: "run/events")
        #expect(throws: FileError.noSpace(path: "run/events", reason: "No space left on device")) {
            try file.append([1])
        }
        #expect(file.count == 0)
    }
}
