import Glibc
import ModelTestSupport
import RestoreFiles
import RestoreNN
import TestSupport
import Testing

/// The real program, ended at random moments and resumed: it must end in the bits of a run that nothing disturbed.
@Suite(.serialized) struct TrainingKillTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        for index in 0..<20 {
            try folder.write(.scene(width: 24 + index, height: 20, seed: UInt64(index)), "data/\(index).png")
        }
        // A checkpoint every 20 ms or so, and enough steps for the kills to come in between.
        let yaml = """
            data: [data]
            steps: 900
            widths: [8, 12]
            blocks: 1
            patch-size: 16
            batch-size: 4
            warmup: 20
            report-interval: 25
            validation-interval: 150
            checkpoint-minutes: 0.0003
            """
        try folder.write(Array(yaml.utf8), "settings.yaml")
    }

    private func start(_ name: String, resuming: Bool, threads: Int) throws -> RunningProgram {
        let settings = resuming ? ["--resume"] : ["--config", "settings.yaml"]
        return try workplace.start(
            ["train", "denoise", "--output", name, "-j", "\(threads)"] + settings)
    }

    private func expectSameEnd(_ first: String, _ second: String) throws {
        for file in ["last.safetensors", "best.safetensors"] {
            #expect(try readFile(folder("\(first)/\(file)")) == readFile(folder("\(second)/\(file)")), "\(file)")
        }
        #expect(try rows(first) == rows(second))
        let leftovers = try folder.names.filter { $0.hasSuffix(".partial") }
        #expect(leftovers.isEmpty, "\(leftovers)")
    }

    /// The columns of the metrics that are no times.
    private func rows(_ name: String) throws -> [String] {
        String(decoding: try readFile(folder("\(name)/metrics.csv")), as: UTF8.self).split(separator: "\n").map { row in
            let fields = row.split(separator: ",", omittingEmptySubsequences: false)
            return (fields[..<5] + fields[6...]).joined(separator: ",")
        }
    }

    /// - Parameter seed: decides on the moments.
    @Test(arguments: zip([SIGKILL, SIGTERM, SIGINT], [UInt64(1), 2, 3]))
    func aRunThatIsEndedAgainAndAgainEndsInTheSameBits(signal: Int32, seed: UInt64) throws {
        let undisturbed = try start("whole", resuming: false, threads: 2)
        let whole = try undisturbed.outcome()
        #expect(whole.code == 0, "\(whole.errors)")
        var generator = SeededGenerator(seed: seed)
        var (kills, isResumed) = (0, false)
        // The run that nobody disturbed may have been slower, with other programs beside it.
        var (patience, name) = (whole.seconds, "killed")
        while kills < 60 {
            let program = try start(name, resuming: isResumed, threads: 1 + kills % 3)
            usleep(UInt32(1e6 * patience * (0.1 + 0.4 * generator.uniform())))
            program.send(signal)
            let outcome = try program.outcome()
            if outcome.code == 0 {
                if kills > 0 || patience < 0.01 { break }
                (patience, name) = (patience / 2, name + "-sooner")
                continue
            }
            // The program may be ended before it watches for signals.
            #expect([-signal, signal == SIGKILL ? -SIGKILL : 130].contains(outcome.code), "\(outcome.errors)")
            kills += 1
            // Ended before it had written its settings: there is nothing to resume yet.
            isResumed = pathKind(folder("\(name)/config.yaml")) == .regularFile
        }
        #expect((1..<60).contains(kills), "\(kills) kills")
        try expectSameEnd("whole", name)
    }

    /// The first signal asks; the second one ends the program at once, whichever it is, in the middle of a long step.
    @Test(arguments: zip([SIGINT, SIGINT, SIGTERM], [SIGINT, SIGTERM, SIGHUP]))
    func aSecondSignalDoesNotWait(first: Int32, second: Int32) throws {
        try folder.write(.scene(width: 260, height: 260, seed: 5), "large/a.png")
        let program = try workplace.start([
            "train", "denoise", "--data", "large", "-o", "slow", "-j", "1", "--patch-size", "256", "--batch-size", "8",
            "--steps", "1000", "--report-interval", "1",
        ])
        // Into the second step, which takes seconds: before the first one the program would not wait, either.
        while program.isRunning, try !program.errors.contains("step 1/") { usleep(2000) }
        usleep(100_000)
        program.send(first)
        usleep(100_000)
        program.send(second)
        let outcome = try program.outcome()
        #expect(outcome.code == -second, "\(outcome.code): \(outcome.errors)")
        #expect(try !folder.names.contains { $0.hasPrefix("slow/checkpoint") })
    }

    @Test func aRunGoesOnAfterTheSecondSignal() throws {
        let program = try start("run", resuming: false, threads: 2)
        while program.isRunning, try !program.errors.contains("step 25/") { usleep(2000) }
        program.send(SIGSTOP)
        program.send(SIGINT)
        program.send(SIGCONT)
        usleep(500)
        program.send(SIGINT)
        let outcome = try program.outcome()
        // Whichever was quicker: the second signal, or the end that the first one asked for.
        #expect([-SIGINT, 130].contains(outcome.code), "\(outcome.code)")
        #expect(try start("run", resuming: true, threads: 2).outcome().code == 0)
    }

    @Test func anInterruptedRunSaysHowToGoOn() throws {
        let program = try start("run", resuming: false, threads: 2)
        while program.isRunning, try !program.errors.contains("step 25/") { usleep(2000) }
        program.send(SIGTERM)
        let outcome = try program.outcome()
        #expect(outcome.code == 130)
        #expect(outcome.errorLines.last?.contains("continue with --resume") == true, "\(outcome.errors)")
        let report = String(decoding: try readFile(folder("run/report.html")), as: UTF8.self)
        #expect(report.contains("interrupted"))
        try workplace.expectFailure(
            ["train", "denoise", "--output", "run", "--resume", "--seed", "5"], code: 64, naming: "--seed")
        try workplace.expectFailure(
            ["train", "denoise", "--output", "run", "--data", "data"], code: 73, naming: "run/config.yaml")
        try folder.write(.scene(width: 30, height: 20, seed: 99), "data/new.png")
        let other = try start("run", resuming: true, threads: 1).outcome()
        #expect(other.code == 65 && other.errors.contains("its data was different"), "\(other.errors)")
    }

    @Test func thereMustBeARunToResume() throws {
        try workplace.expectFailure(
            ["train", "denoise", "--output", "nowhere", "--resume"], code: 66, naming: "nowhere/config.yaml")
    }
}
