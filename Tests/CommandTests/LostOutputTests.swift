import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Output folders that disappear, and disks that are full: a batch ends at once and says how to resume.
@Suite(.serialized) struct LostOutputTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    private static let count = 24

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        for index in 0..<Self.count {
            try folder.write(.scene(width: 300 + index, height: 200, seed: UInt64(index)), "in/\(100 + index).png")
        }
    }

    private func start(_ more: String...) throws -> RunningProgram {
        try workplace.start(["denoise", "-m", "tiny", "--sigma", "25", "-j", "1", "in"] + more)
    }

    private struct Record: Decodable {
        let file: String
        let error: String?
    }

    @Test(arguments: [false, true]) func aFolderThatDisappearsIsNotMadeAgain(isReplaced: Bool) throws {
        let program = try start("-o", "disk/out", "--json")
        while program.isRunning, try !program.errors.contains("disk/out/102.png") { usleep(1000) }
        try #require(rename(folder("disk"), folder("elsewhere")) == 0)
        if isReplaced { try folder.makeFolder("disk/out") }
        let outcome = try program.outcome()
        #expect(outcome.code == 73, "\(outcome.errors)")
        #expect(try folder.names.filter { $0.hasPrefix("disk/out/") || $0 == "disk" } == (isReplaced ? ["disk"] : []))
        let gone = "disk/out: the output folder has been removed, renamed or unmounted"
        #expect(outcome.errorLines.filter { $0 == "restore: \(gone)" }.count == 1, "\(outcome.errors)")
        let written = try folder.names.filter { $0.hasPrefix("elsewhere/out/") }
        #expect(
            outcome.errorLines.last == """
                restore: stopped after \(written.count + 1) of \(Self.count) pictures, 1 failed; bring the folder back, then \
                resume with --skip-existing
                """)
        let records = try outcome.records(Record.self)
        #expect(records.count == Self.count)
        #expect(records.filter { $0.error == gone }.count == Self.count - written.count)
    }

    /// Only root can make a small disk.
    private static let canMount: Bool = {
        guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
        guard run("/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path]) == 0 else { return false }
        return run("/bin/umount", [folder.path]) == 0
    }()

    private static func run(_ path: String, _ arguments: [String]) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test(.enabled(if: canMount)) func aFullDiskEndsTheBatch() throws {
        try folder.makeFolder("disk")
        try #require(Self.run("/bin/mount", ["-t", "tmpfs", "-o", "size=600k", "tmpfs", folder("disk")]) == 0)
        defer { _ = Self.run("/bin/umount", ["-l", folder("disk")]) }
        let outcome = try start("-o", "disk").outcome()
        #expect(outcome.code == 73, "\(outcome.errors)")
        let full = outcome.errorLines.filter { $0.hasSuffix("cannot be written: No space left on device") }
        #expect(full.count == 1, "\(outcome.errors)")
        let written = try folder.names.filter { $0.hasPrefix("disk/") }
        #expect((1..<Self.count).contains(written.count) && !written.contains { $0.contains(".restore-") })
        #expect(
            outcome.errorLines.last == """
                restore: stopped after \(written.count + 1) of \(Self.count) pictures, 1 failed; free some space, then \
                resume with --skip-existing
                """)
    }

    @Test(.enabled(if: canMount)) func aDiskThatIsUnmounted() throws {
        try folder.makeFolder("disk")
        try #require(Self.run("/bin/mount", ["-t", "tmpfs", "-o", "size=60m", "tmpfs", folder("disk")]) == 0)
        let program = try start("-o", "disk/out")
        while program.isRunning, try !program.errors.contains("disk/out/101.png") { usleep(1000) }
        try #require(Self.run("/bin/umount", ["-l", folder("disk")]) == 0)
        let outcome = try program.outcome()
        #expect(outcome.code == 73, "\(outcome.errors)")
        #expect(try folder.names.filter { $0.hasPrefix("disk/") } == [])
    }
}
