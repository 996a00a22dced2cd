import Foundation
import Glibc
import TestSupport
import Testing

import RestoreFiles

@Suite struct WriteFileTests {
    @Test func leavesNothingButTheFile() throws {
        let folder = try TemporaryFolder()
        try writeFileAtomically([1, 2], to: folder("a"), overwrite: false)
        try writeFileAtomically([3], to: folder("a"), overwrite: true)
        try writeFileAtomically([], to: folder("b"), overwrite: true)
        #expect(try readFile(folder("a")) == [3])
        #expect(try readFile(folder("b")) == [])
        #expect(try folder.names == ["a", "b"])
    }

    @Test func doesNotReplaceUnlessAllowed() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], "a")
        symlink("nowhere", folder("dangling"))
        for name in ["a", "dangling"] {
            #expect(throws: FileError.alreadyExists(path: folder(name))) {
                try writeFileAtomically([2], to: folder(name), overwrite: false)
            }
        }
        #expect(try readFile(folder("a")) == [1])
        #expect(try folder.names == ["a", "dangling"])
    }

    /// The early check cannot see a file that appears while the bytes are written: the last step must.
    @Test func oneOfManyWritersWins() async throws {
        let folder = try TemporaryFolder()
        let path = folder("contested")
        let winners = await withTaskGroup(of: UInt8?.self) { group in
            for writer in UInt8(0)..<32 {
                group.addTask {
                    let bytes = [UInt8](repeating: writer, count: 100_000)
                    do throws(FileError) {
                        try writeFileAtomically(bytes, to: path, overwrite: false)
                        return writer
                    } catch {
                        #expect(error == .alreadyExists(path: path))
                        return nil
                    }
                }
            }
            return await group.reduce(into: [UInt8]()) { if let writer = $1 { $0.append(writer) } }
        }
        try #require(winners.count == 1)
        #expect(try readFile(path) == [UInt8](repeating: winners[0], count: 100_000))
        #expect(try folder.names == ["contested"])
    }

    @Test func manyWritersReplaceWholeFiles() async throws {
        let folder = try TemporaryFolder()
        let path = folder("shared")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in UInt8(0)..<32 {
                group.addTask {
                    try writeFileAtomically(
                        [UInt8](repeating: writer, count: 50_000), to: path, overwrite: true)
                    let seen = try readFile(path)
                    #expect(seen.count == 50_000 && Set(seen).count == 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try folder.names == ["shared"])
    }

    @Test func linkIsAsStrictAsRename() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], "new")
        try folder.write([2], "old")
        #expect(throws: FileError.alreadyExists(path: "shown")) {
            try publishByLink(folder("new"), as: folder("old"), path: "shown")
        }
        try publishByLink(folder("new"), as: folder("free"), path: "shown")
        #expect(try folder.names == ["free", "old"])
    }

    @Test func keepsThePermissionsOfTheReplacedFile() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "a")
        for mode in [0o600, 0o640, 0o666, 0o755] as [mode_t] {
            chmod(folder("a"), mode)
            try writeFileAtomically([9], to: folder("a"), overwrite: true)
            #expect(try mode == permissions(folder("a")))
        }
    }

    @Test func newFilesGetTheUsualPermissions() throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder("usual"), O_WRONLY | O_CREAT, 0o666)
        close(descriptor)
        try folder.write([1, 2, 3], "a")
        #expect(try permissions(folder("a")) == permissions(folder("usual")))
    }

    /// What group and others may not do with the source they may not do with the copy; the owner may always write it.
    @Test func aCopyIsAsPrivateAsItsSource() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "a")
        try folder.write([1, 2, 3], "usual")
        let usual = try permissions(folder("usual"))
        for mode in [0o600, 0o640, 0o444, 0o400, 0o777] as [mode_t] {
            chmod(folder("a"), mode)
            try writeFileAtomically([9], to: folder("\(mode)"), overwrite: false, madeOf: FileSource(folder("a")))
            #expect(try permissions(folder("\(mode)")) == usual & (0o600 | mode & 0o066), "\(mode)")
        }
        try writeFileAtomically([9], to: folder("b"), overwrite: false, madeOf: FileSource(folder("gone")))
        #expect(try permissions(folder("b")) == usual)
    }

    @Test func replacesTheTargetOfALinkAndKeepsTheLink() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], "below/target")
        symlink("below/target", folder("link"))
        try writeFileAtomically([2], to: folder("link"), overwrite: true)
        #expect(try readFile(folder("below/target")) == [2])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder("link")) == "below/target")
    }

    @Test func aLinkThatLeadsNowhereStays() throws {
        let folder = try TemporaryFolder()
        symlink("none", folder("broken"))
        symlink("circle", folder("circle"))
        let reason = "it is a dangling link"
        #expect(throws: FileError.cannotWrite(path: folder("broken"), reason: reason)) {
            try writeFileAtomically([1], to: folder("broken"), overwrite: true)
        }
        let circle = reason + ": Too many levels of symbolic links"
        #expect(throws: FileError.cannotWrite(path: folder("circle"), reason: circle)) {
            try writeFileAtomically([1], to: folder("circle"), overwrite: true)
        }
        #expect(try folder.names == ["broken", "circle"])
        #expect(isSymbolicLink(folder("broken")) && isSymbolicLink(folder("circle")))
    }

    @Test func neverReplacesFoldersPipesAndDevices() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        for overwrite in [false, true] {
            #expect(throws: FileError.cannotWrite(path: folder.path, reason: "it is a folder")) {
                try writeFileAtomically([1], to: folder.path, overwrite: overwrite)
            }
            let reason = "it is a pipe, a device or a socket"
            #expect(throws: FileError.cannotWrite(path: folder("pipe"), reason: reason)) {
                try writeFileAtomically([1], to: folder("pipe"), overwrite: overwrite)
            }
        }
        #expect(try folder.names == ["pipe"])
    }

    @Test func saysWhyItCannotWrite() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "file")
        let missing = folder("none/a.png")
        #expect(throws: FileError.cannotWrite(path: missing, reason: "its folder does not exist")) {
            try writeFileAtomically([1], to: missing, overwrite: false)
        }
        for path in [folder("file/a.png"), "", folder("a\0b"), folder(String(repeating: "x", count: 300))] {
            #expect(throws: FileError.self) { try writeFileAtomically([1], to: path, overwrite: false) }
        }
        #expect(try folder.names == ["file"])
    }

    @Test func longNamesLeaveRoomForTheTemporaryOne() throws {
        let folder = try TemporaryFolder()
        let name = String(repeating: "n", count: 255)
        try writeFileAtomically([1], to: folder(name), overwrite: false)
        #expect(try folder.names == [name])
    }

    private func permissions(_ path: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return status.st_mode & 0o777
    }
}
