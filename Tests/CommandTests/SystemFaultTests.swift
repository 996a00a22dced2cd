import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport
import Testing

/// Where the system refuses, or has too little: one line, the right exit code, and the old file or the new one. `make
/// faults` does the same at every system call.
@Suite struct SystemFaultTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 60, height: 40), "in.png")
    }

    private let denoise = "restore denoise -m tiny --sigma 25 -j 1 in.png out.png"

    /// Runs a script, which must fail with this code, say so in one line, and leave the folder as it was.
    private func expectFailure(_ script: String, code: Int32, naming name: String) throws {
        let before = try workplace.contents
        let outcome = try workplace.shell(script)
        #expect(outcome.code == code, "\(script): \(outcome.code) \(outcome.errors)")
        #expect(outcome.errorLines.count == 1 && outcome.errors.hasPrefix("restore: "), "\(outcome.errors)")
        #expect(outcome.errors.contains(name), "\(outcome.errors)")
        #expect(try workplace.contents == before, "\(script)")
    }

    // MARK: No room

    /// A limit on the size of files, in blocks of 512 bytes, cuts a write short as a full disk does.
    @Test(arguments: [1, 2, 5]) func filesThatMayNotGrow(blocks: Int) throws {
        let limit = "ulimit -f \(blocks); "
        try expectFailure(limit + denoise, code: 73, naming: "out.png: cannot be written: File too large")
        try folder.write([1, 2, 3], "out.png")
        try expectFailure(limit + denoise + " --overwrite", code: 73, naming: "out.png")
    }

    @Test func aStandardOutputThatIsFull() throws {
        for command in ["models list", "data check in.png", "--json in.png"] {
            let arguments = command.hasPrefix("--") ? "denoise -m tiny --sigma 25 " + command : command
            let outcome = try workplace.shell("restore \(arguments) >/dev/full")
            #expect(outcome.code == 73, "\(command): \(outcome.code) \(outcome.errors)")
            #expect(outcome.errors.contains("standard output"), "\(outcome.errors)")
            #expect(outcome.errors.contains("No space left on device"), "\(outcome.errors)")
        }
    }

    @Test func fewDescriptors() throws {
        for limit in 3..<12 {
            let outcome = try workplace.shell("ulimit -n \(limit); \(denoise) --overwrite")
            let names = try folder.names
            if outcome.code == 0 {
                #expect(names == ["in.png", "out.png"])
            } else {
                // 127: the system's loader could not open the program's libraries.
                #expect([65, 66, 73, 127].contains(outcome.code), "\(limit): \(outcome.code) \(outcome.errors)")
                #expect(outcome.errorLines.count == 1 && names == ["in.png"], "\(outcome.errors)")
            }
        }
    }

    /// Whether the memory is enough or not, the program ends, and leaves nothing half done.
    @Test(arguments: [30, 50, 75, 100, 150, 200, 250, 300, 400]) func littleMemory(megabytes: Int) throws {
        let outcome = try workplace.shell("ulimit -v \(megabytes << 10); export SWIFT_BACKTRACE=enable=no; \(denoise)")
        let names = try folder.names
        if outcome.code == 0 {
            #expect(names == ["in.png", "out.png"])
            #expect(try workplace.image("out.png").width == 60)
        } else {
            #expect(names == ["in.png"], "\(names)")
        }
    }

    // MARK: Not a file

    @Test func whatIsNoRegularFile() throws {
        #expect(mkfifo(folder("pipe.png"), 0o600) == 0)
        try folder.makeFolder("folder.png")
        symlink("nowhere", folder("dangling.png"))
        symlink("/dev/zero", folder("zero.png"))
        let tiny = ["denoise", "-m", "tiny", "--sigma", "25"]
        for name in ["pipe.png", "/dev/null", "/dev/zero", "/dev/full", "folder.png", "dangling.png", "zero.png"] {
            // Of a folder its pictures are meant; this one has none.
            let outputs = name == "folder.png" ? [] : ["new.png"]
            try workplace.expectFailure(tiny + [name] + outputs, code: 66, naming: name)
            try workplace.expectFailure(
                ["denoise", "in.png", "new.png", "-m", "./\(name)".replacing(".//", with: "/")], code: 66, naming: name)
            try workplace.expectFailure(["train", "denoise", "--config", name, "-o", "run"], code: 66, naming: name)
            if name != "dangling.png", name != "folder.png" {
                try workplace.expectFailure(tiny + ["in.png", "--overwrite", "-o", name], code: 73, naming: name)
            }
        }
        // A link that leads nowhere is in the way; it is not followed to make a file elsewhere.
        try workplace.expectFailure(tiny + ["in.png", "dangling.png"], code: 73, naming: "dangling.png")
    }

    @Test func aSocketIsNoPicture() throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = folder("s.png")
        try #require(path.utf8.count < 100)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        let names = try folder.names
        for arguments in [
            ["denoise", "-m", "tiny", "s.png", "o.png"], ["train", "denoise", "--config", "s.png", "-o", "run"],
        ] {
            let outcome = try workplace.run(arguments)
            #expect(
                outcome.code == 66 && outcome.errorLines.count == 1 && outcome.errors.hasPrefix("restore: s.png: ")
                    && outcome.errors.contains("is a pipe, a device or a socket"),
                "\(outcome.errors)")
        }
        #expect(try folder.names == names)
    }

    @Test func aFolderThatMayNotBeWritten() throws {
        // Permissions do not bind a superuser; a kernel's file system does.
        try expectFailure(denoise.replacing("out.png", with: "/proc/out.png"), code: 73, naming: "/proc/out.png")
        guard geteuid() != 0 else { return }
        try folder.makeFolder("closed")
        chmod(folder("closed"), 0o500)
        defer { chmod(folder("closed"), 0o700) }
        try expectFailure(denoise.replacing("out.png", with: "closed/out.png"), code: 73, naming: "Permission denied")
    }

    // MARK: Kills

    /// Ended at any moment: the old file or the new one, whole; what is left of a temporary file the next run takes away.
    @Test func killsAtRandomMoments() throws {
        try folder.write(.scene(width: 400, height: 300), "large.png")
        let input = try readFile(folder("large.png"))
        let whole = try workplace.denoise("large.png", "whole.png")
        #expect(whole.code == 0, "\(whole.errors)")
        let expected = try readFile(folder("whole.png"))
        let old: [UInt8] = [1, 2, 3]
        var generator = SeededGenerator(seed: 7)
        var killed = 0
        for round in 0..<25 {
            try folder.write(old, "out.png")
            let program = try workplace.start([
                "denoise", "-m", "tiny", "-j", "2", "--sigma", "25", "large.png", "out.png", "--overwrite",
            ])
            usleep(UInt32(1.2e6 * whole.seconds * generator.uniform()))
            program.send(round % 2 == 0 ? SIGKILL : SIGTERM)
            let outcome = try program.outcome()
            let output = try readFile(folder("out.png"))
            #expect(output == expected || outcome.code != 0 && output == old, "round \(round): \(output.count) bytes")
            if outcome.code != 0 { killed += 1 }
            #expect(try readFile(folder("large.png")) == input)
        }
        #expect(killed > 0)
    }
}
