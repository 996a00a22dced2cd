import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// `-` for stdin and stdout.
@Suite struct StreamTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    private static let command = ["denoise", "-m", "tiny", "--sigma", "25"]

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 60, height: 40), "in.png")
        try folder.write(.scene(width: 60, height: 40), "in.jpg")
        try folder.write([], "stdout")
    }

    private func run(_ arguments: String..., input: String? = nil, output: String? = nil) throws -> Outcome {
        try workplace.run(
            Self.command + arguments, inputFrom: input.map { folder($0) }, outputTo: output.map { folder($0) })
    }

    @Test(arguments: ["in.png", "in.jpg"])
    func aPicturePassesThrough(name: String) throws {
        let file = try run(name, "-o", "file." + pathExtension(of: name))
        #expect(file.code == 0, "\(file.errors)")
        let expected = try readFile(folder("file." + pathExtension(of: name)))
        let through = try run("-", "-", input: name, output: "stdout")
        #expect(through.code == 0 && through.errorLines.count == 1, "\(through.errors)")
        #expect(try readFile(folder("stdout")) == expected)
        #expect(try run(name, "-o", "-", output: "stdout").code == 0)
        #expect(try readFile(folder("stdout")) == expected)
        let into = try run("-i", "-", "-o", "out." + pathExtension(of: name), "--json", input: name)
        #expect(into.code == 0 && into.output.contains(#""file":"-""#), "\(into.errors)")
        #expect(try readFile(folder("out." + pathExtension(of: name))) == expected)
    }

    @Test func theFormatIsThatOfTheInputUnlessItIsNamed() throws {
        #expect(try run("-", "-", "-f", "jpg", input: "in.png", output: "stdout").code == 0)
        #expect(try ImageFormat.detect(readFile(folder("stdout"))) == .jpeg)
        #expect(try run("-", "./-", input: "in.jpg").code == 0, "a file of that name")
        #expect(try readImage(folder("-")).format == .jpeg)
    }

    @Test func whatDoesNotGoTogether() throws {
        func expectFailure(_ arguments: String..., code: Int32 = 64, naming name: String) throws {
            try workplace.expectFailure(Self.command + arguments, code: code, naming: name)
        }
        try expectFailure("-", naming: "needs an output")
        try expectFailure("-", "in.png", "-o", "out", naming: "stdin")
        try expectFailure("in.png", "in.jpg", "-", naming: "stdout")
        try expectFailure(".", "-", naming: "stdout")
        try expectFailure("in.png", "-", "--json", naming: "--json")
        try expectFailure("-", "new/", naming: "-: ")
        try expectFailure("in.png", "out.png", "--compare=-", naming: "./-")
        try workplace.expectFailure(["degrade", "noise", "in.png", "-"], code: 64, naming: "./-")
    }

    @Test func whatIsNoPicture() throws {
        try folder.write(Array("no picture".utf8), "text")
        let cut = try Array(readFile(folder("in.png")).prefix(300))
        try folder.write(cut, "cut")
        for name in ["text", "cut"] {
            let outcome = try run("-", "-", input: name, output: "stdout")
            #expect(outcome.code == 65 && outcome.errors.hasPrefix("restore: standard input: "), "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1)
            #expect(try readFile(folder("stdout")).isEmpty)
        }
        let empty = try run("-", "-")
        #expect(empty.code == 65 && empty.errors.contains("an empty file"))
    }

    @Test func aDiskThatIsFull() throws {
        let outcome = try workplace.run(Self.command + ["in.png", "-"], outputTo: "/dev/full")
        #expect(outcome.code == 73 && outcome.errors.contains("standard output: cannot be written"))
    }

    /// A picture is not shown on a terminal, nor typed on one.
    @Test func aTerminalIsRefused() throws {
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        defer { close(terminal) }
        // TIOCSPTLCK and TIOCGPTN of asm-generic/ioctls.h, which are macros that Swift does not see.
        var (locked, number): (Int32, Int32) = (0, 0)
        try #require(ioctl(terminal, 0x4004_5431, &locked) == 0 && ioctl(terminal, 0x8004_5430, &number) == 0)
        let name = "/dev/pts/\(number)"
        let output = try workplace.run(Self.command + ["in.png", "-"], outputTo: name)
        #expect(output.code == 64 && output.errors.contains("stdout is a terminal"), "\(output.errors)")
        let input = try workplace.run(Self.command + ["-", "out.png"], inputFrom: name)
        #expect(input.code == 64 && input.errors.contains("stdin is a terminal"), "\(input.errors)")
    }

    /// A stream that never ends is left when a signal says so.
    @Test func waitingForInputCanBeInterrupted() throws {
        let pipe = folder("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        // Held open for writing, so that it does not end.
        let descriptor = open(pipe, O_RDWR)
        defer { close(descriptor) }
        let program = try workplace.start(Self.command + ["-", "out.png"], inputFrom: pipe)
        usleep(400_000)
        program.send(SIGTERM)
        let outcome = try program.outcome()
        #expect(outcome.code == 130, "\(outcome.errors)")
        #expect(outcome.errors == "restore: interrupted; nothing was written\n")
        #expect(try !folder.names.contains("out.png"))
    }
}
