import Glibc
import RestoreFiles
import TestSupport
import Testing

@Suite struct StreamTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A pipe holds less than this: reading and writing take many turns.
    @Test func aPipePassesEverything() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        // What cannot be written is missing where it is read.
        Task { [end = ends[1]] in
            try? writeStream(bytes, to: end, name: "pipe")
            close(end)
        }
        #expect(try readStream(ends[0], name: "pipe") == bytes)
        close(ends[0])
    }

    /// The start decides whether the rest is read.
    @Test func whatIsNotWantedIsNotRead() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        // The writing end stays open: reading on would wait forever.
        try writeStream([UInt8](repeating: 7, count: 10), to: ends[1], name: "pipe")
        var starts: [[UInt8]] = []
        let bytes = try readStream(
            ends[0], name: "pipe", startBytes: 4,
            isWanted: { start in
                starts.append(start)
                return false
            })
        #expect(bytes == [UInt8](repeating: 7, count: 10) && starts == [bytes])
    }

    @Test func limitsAndErrorsAreNamed() throws {
        let path = try folder.write([UInt8](repeating: 1, count: 100), "file")
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        #expect(throws: FileError.tooLarge(path: "stream", bytes: 100, limit: 99)) {
            try readStream(descriptor, name: "stream", maximumBytes: 99)
        }
        lseek(descriptor, 0, SEEK_SET)
        #expect(try readStream(descriptor, name: "stream", maximumBytes: 100).count == 100)
        #expect(throws: FileError.cannotWrite(path: "stream", reason: "Bad file descriptor")) {
            try writeStream([1], to: descriptor, name: "stream")
        }
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        #expect(throws: FileError.noSpace(path: "stream", reason: "No space left on device")) {
            try writeStream([1], to: full, name: "stream")
        }
        let directory = open(folder.path, O_RDONLY)
        defer { close(directory) }
        #expect(throws: FileError.isDirectory(path: "stream")) { try readStream(directory, name: "stream") }
    }

    @Test func aClosedStreamIsCalledThat() throws {
        let reason = "it is closed (Bad file descriptor)"
        #expect(throws: FileError.unreadable(path: "stream", reason: reason)) {
            try readStream(9999, name: "stream")
        }
    }

    @Test func waitingEndsWhenItIsCancelled() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        var turns = 0
        let bytes = try readStream(ends[0], name: "pipe") {
            turns += 1
            return turns > 2
        }
        #expect(bytes.isEmpty)
        for end in ends { close(end) }
    }

    @Test func theStartOfAFile() throws {
        let path = try folder.write([1, 2, 3, 4], "file")
        #expect(try readStart(of: path, maximumBytes: 3) == [1, 2, 3])
        #expect(try readStart(of: path, maximumBytes: 10) == [1, 2, 3, 4])
        #expect(throws: FileError.isDirectory(path: folder.path)) { try readStart(of: folder.path, maximumBytes: 3) }
    }
}
