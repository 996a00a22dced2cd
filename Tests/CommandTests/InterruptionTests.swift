import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport
import Testing

/// A batch that is ended in the middle, by a signal or a reader that goes away: what is there is whole, and a second run does
/// the rest.
@Suite(.serialized) struct InterruptionTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    private static let count = 24
    private static let command = ["denoise", "-m", "tiny", "--sigma", "25"]

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        for index in 0..<Self.count {
            try folder.write(.scene(width: 300 + index, height: 200, seed: UInt64(index)), "in/\(100 + index).png")
        }
    }

    private func run(_ arguments: String...) throws -> Outcome { try workplace.run(Self.command + arguments) }

    private func names(_ folder: String) throws -> [String] {
        try self.folder.names.filter { $0.hasPrefix(folder + "/") }
    }

    /// What a run that nothing disturbed gives.
    private func undisturbed() throws -> [[UInt8]] {
        #expect(try run("in", "-o", "whole", "-j", "2").code == 0)
        return try names("whole").map { try readFile(folder($0)) }
    }

    @Test(arguments: zip([SIGINT, SIGTERM, SIGHUP, SIGINT], ["1", "2", "3", "2"]))
    func aSignalEndsBetweenFiles(signal: Int32, threads: String) throws {
        let whole = try undisturbed()
        let program = try workplace.start(Self.command + ["in", "-o", "out", "-j", threads, "--json"])
        while program.isRunning, try !program.errors.contains("out/102.png") { usleep(1000) }
        program.send(signal)
        let outcome = try program.outcome()
        #expect(outcome.code == 130, "\(outcome.errors)")
        let written = try names("out")
        #expect((3..<Self.count).contains(written.count))
        #expect(outcome.outputLines.count == written.count, "a record for each that is there")
        #expect(
            outcome.errorLines.last
                == "restore: interrupted after \(written.count) of \(Self.count) pictures; resume with --skip-existing")
        let rest = try run("in", "-o", "out", "--skip-existing")
        #expect(rest.code == 0, "\(rest.errors)")
        #expect(
            rest.errorLines.last
                == "\(Self.count - written.count) of \(Self.count) pictures denoised, \(written.count) skipped")
        #expect(try names("out").map { try readFile(folder($0)) } == whole)
    }

    /// A single large picture is left in the middle.
    @Test func theCurrentPictureIsAbandoned() throws {
        try folder.write(Image(width: 3000, height: 2500, channelLayout: .gray), "large.png")
        let program = try workplace.start(
            Self.command + ["large.png", "out.png", "-j", "1", "--tile", "16", "--progress", "json"])
        while program.isRunning, try !program.errors.contains("done") {
            // Progress is reported after five seconds, in which a fast machine would be done.
            program.pause(microseconds: 200_000)
            usleep(20_000)
        }
        program.send(SIGINT)
        let outcome = try program.outcome()
        #expect(outcome.code == 130 && outcome.errorLines.last == "restore: interrupted; nothing was written")
        #expect(try !folder.names.contains { $0.hasPrefix("out") || $0.hasSuffix(".partial") })
    }

    @Test func aSecondSignalDoesNotWait() throws {
        try folder.write(Image(width: 1500, height: 1200, channelLayout: .rgb), "large.png")
        let program = try workplace.start(
            Self.command + ["large.png", "out.png", "-j", "1", "--quality", "best", "-v"])
        while program.isRunning, try !program.errors.contains("model ") { usleep(1000) }
        program.send(SIGSTOP)
        program.send(SIGINT)
        program.send(SIGTERM)
        program.send(SIGCONT)
        let outcome = try program.outcome()
        // Of two signals that wait the system hands over whichever it likes first.
        #expect([-SIGTERM, -SIGINT].contains(outcome.code), "\(outcome.code): \(outcome.errors)")
        #expect(try !folder.names.contains("out.png"))
    }

    /// Killed again and again at any moment, and taken up each time: the bits of a run that nothing disturbed, and nothing else.
    @Test(arguments: zip([SIGKILL, SIGTERM], [UInt64(1), 2]))
    func aBatchThatIsEndedAgainAndAgain(signal: Int32, seed: UInt64) throws {
        let start = ContinuousClock.now
        let whole = try undisturbed()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        var generator = SeededGenerator(seed: seed)
        var kills = 0
        for attempt in 0..<60 {
            let program = try workplace.start(
                Self.command + ["in", "-o", "out", "--skip-existing", "-j", "\(1 + attempt % 3)"])
            usleep(UInt32(1e6 * seconds * (0.05 + 0.3 * generator.uniform())))
            program.send(signal)
            let outcome = try program.outcome()
            for name in try names("out") where !name.hasSuffix(".partial") {
                let place = try #require(Int(lastPathComponent(of: name).prefix(3))) - 100
                #expect(try readFile(folder(name)) == whole[place], "\(name)")
            }
            if outcome.code == 0 { break }
            #expect([-signal, signal == SIGKILL ? -SIGKILL : 130].contains(outcome.code), "\(outcome.errors)")
            kills += 1
        }
        #expect((1..<60).contains(kills), "\(kills)")
        // Removes what the last one that was killed may have left.
        unlink(folder("out/100.png"))
        #expect(try run("in", "-o", "out", "--skip-existing").code == 0)
        #expect(try names("out").map { try readFile(folder($0)) } == whole)
    }

    /// As `restore denoise --json | head -1`.
    @Test func aReaderThatGoesAway() throws {
        let whole = try undisturbed()
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        let command = Self.command.joined(separator: " ")
        shell.arguments = [
            "-c", "{ \"\(Program.path)\" \(command) in -o out --json -q 2>errors; echo $? >code; } | head -n 1 >first",
        ]
        shell.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        shell.environment = ["PATH": "/usr/bin:/bin", "RESTORE_MODELS": workplace.models.path]
        try shell.run()
        shell.waitUntilExit()
        func text(_ name: String) throws -> String { String(decoding: try readFile(folder(name)), as: UTF8.self) }
        #expect(try text("first").contains("in/100.png"))
        #expect(try text("code") == "73\n")
        let errors = try text("errors")
        #expect(errors.contains("standard output: cannot be written") && errors.contains("resume with --skip-existing"))
        #expect(try run("in", "-o", "out", "--skip-existing").code == 0)
        #expect(try names("out").map { try readFile(folder($0)) } == whole)
    }

    @Test func evaluationAndDegradingEndToo() throws {
        let evaluation = try workplace.start(["evaluate", "denoise", "-m", "tiny", "--data", "in", "-j", "1"])
        while try !evaluation.output.contains("102.png") { usleep(1000) }
        evaluation.send(SIGINT)
        let outcome = try evaluation.outcome()
        #expect(outcome.code == 130 && !outcome.output.contains("mean"))
        let done = outcome.outputLines.count
        #expect(outcome.errors == "restore: interrupted after \(done) of \(Self.count) pictures\n")
    }
}
