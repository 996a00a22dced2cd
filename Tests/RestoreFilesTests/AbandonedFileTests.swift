import Foundation
import Glibc
import RestoreFiles
import TestSupport
import Testing

@Suite struct AbandonedFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The number of a process that has ended.
    private func endedProcess() throws -> pid_t {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/true")
        try process.run()
        process.waitUntilExit()
        return process.processIdentifier
    }

    @Test func whatAKilledProgramHasLeftIsRemoved() throws {
        let ended = try endedProcess()
        try folder.write([1], ".restore-\(ended)-0.partial")
        try folder.write([1], ".restore-\(ended)-17.partial")
        removeAbandonedTemporaryFiles(in: folder.path)
        #expect(try listNames(in: folder.path, hiddenOnes: true).isEmpty)
    }

    /// The number is another one's by now, or was that of a process in another container.
    @Test func theLockDecidesNotTheNumber() throws {
        for process in [getpid(), 1] { try folder.write([1], ".restore-\(process)-0.partial") }
        removeAbandonedTemporaryFiles(in: folder.path)
        #expect(try listNames(in: folder.path, hiddenOnes: true).isEmpty)
    }

    /// What only looks like one.
    @Test func everythingElseStays() throws {
        let ended = try endedProcess()
        let names = [
            ".restore-\(ended)-0", "restore-\(ended)-0.partial",
            ".restore-x-0.partial", ".restore-.partial", "picture.png",
        ]
        for name in names { try folder.write([1], name) }
        removeAbandonedTemporaryFiles(in: folder.path)
        #expect(try Set(listNames(in: folder.path, hiddenOnes: true)) == Set(names))
        removeAbandonedTemporaryFiles(in: folder("none"))
    }

    /// As by a program in another container, whose number means nothing here.
    @Test func aFileThatIsBeingWrittenStays() throws {
        let path = try folder.write([1], ".restore-\(endedProcess())-0.partial")
        let descriptor = open(path, O_RDWR)
        try #require(flock(descriptor, LOCK_EX) == 0)
        removeAbandonedTemporaryFiles(in: folder.path)
        #expect(pathKind(path) == .regularFile)
        close(descriptor)
        removeAbandonedTemporaryFiles(in: folder.path)
        #expect(pathKind(path) == .missing)
    }

    @Test func hiddenNamesAreListedOnlyIfAskedFor() throws {
        for name in [".hidden", "shown"] { try folder.write([1], name) }
        #expect(try listNames(in: folder.path) == ["shown"])
        #expect(try listNames(in: folder.path, hiddenOnes: true) == [".hidden", "shown"])
    }

    @Test func aFileIsRemovedAndOneThatIsNotThereIsNoError() throws {
        try folder.write([1], "a")
        removeFile(folder("a"))
        removeFile(folder("a"))
        removeFile("")
        #expect(try folder.names.isEmpty)
    }

    @Test func pathsFromTheRoot() {
        #expect(absolutePath("/a/b") == "/a/b")
        #expect(absolutePath("a/../b").hasPrefix("/") && absolutePath("a/../b").hasSuffix("/a/../b"))
    }
}
