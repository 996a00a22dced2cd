import Glibc
import RestoreFiles
import TestSupport
import Testing

@Suite struct ReadFileTests {
    @Test func readsBackWhatWasWritten() throws {
        let folder = try TemporaryFolder()
        for count in [0, 1, 65535, 65536, 65537, 1_000_003] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try writeFileAtomically(bytes, to: folder("file"), overwrite: true)
            #expect(try readFile(folder("file")) == bytes)
            #expect(try readFile(folder("file"), maximumBytes: count) == bytes)
        }
    }

    @Test func refusesMoreBytesThanTheLimit() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3, 4], "file")
        #expect(throws: FileError.tooLarge(path: folder("file"), bytes: 4, limit: 3)) {
            try readFile(folder("file"), maximumBytes: 3)
        }
    }

    @Test func readsFilesWhoseSizeIsNotKnownBefore() throws {
        // Files in /proc claim to have no bytes.
        let bytes = try readFile("/proc/self/status")
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("Name:"))
        #expect(throws: FileError.self) { try readFile("/proc/self/status", maximumBytes: 10) }
    }

    @Test func namesWhatIsMissing() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "file")
        for name in ["none", "none/file", "file/below"] {
            #expect(throws: FileError.notFound(path: folder(name))) { try readFile(folder(name)) }
        }
        #expect(throws: FileError.notFound(path: "")) { try readFile("") }
        // The system would read "file" here.
        #expect(throws: FileError.notFound(path: folder("file\0.png"))) { try readFile(folder("file\0.png")) }
        #expect("\(FileError.notFound(path: "a.png"))" == "a.png: no such file or folder")
    }

    @Test func refusesFolders() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FileError.isDirectory(path: folder.path)) { try readFile(folder.path) }
    }

    @Test(.timeLimit(.minutes(1))) func refusesPipesDevicesAndSocketsWithoutWaiting() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        try #require(folder("socket").utf8.count < 107)
        try makeSocket(folder("socket"))
        for path in [folder("pipe"), folder("socket"), "/dev/null", "/dev/zero"] {
            #expect(throws: FileError.notARegularFile(path: path)) { try readFile(path) }
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything"))
    func saysWhyAFileIsUnreadable() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], "file")
        chmod(folder("file"), 0)
        #expect(throws: FileError.unreadable(path: folder("file"), reason: "Permission denied")) {
            try readFile(folder("file"))
        }
    }

    private func makeSocket(_ path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }
}
