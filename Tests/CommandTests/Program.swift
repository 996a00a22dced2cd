import Foundation
import Glibc
import ModelTestSupport
import RestoreFiles
import TestSupport
import Testing

/// The built program.
enum Program {
    /// It lies beside the tests in the folder of the build.
    static let path: String = {
        let tests = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return joinPath(parentFolder(of: tests ?? CommandLine.arguments[0]), "restore")
    }()
}

/// What a run of the program came to.
struct Outcome {
    /// The exit code, or the negative number of the signal that ended it.
    let code: Int32
    let output: String
    let errors: String
    let seconds: Double

    var outputLines: [String] { Self.lines(output) }
    var errorLines: [String] { Self.lines(errors) }

    /// The lines of a text; what follows the last line's end is none.
    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { String($0) }
    }

    /// The records on stdout.
    func records<Record: Decodable>(_ type: Record.Type = Record.self) throws -> [Record] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try outputLines.map { try decoder.decode(type, from: Data($0.utf8)) }
    }
}

/// The program at work; ended at the latest when the test lets go of it.
final class RunningProgram {
    private let process = Process()
    private let streams: TemporaryFolder
    private let ended = DispatchSemaphore(value: 0)
    private let start = ContinuousClock.now

    /// - Parameters:
    ///   - environment: all that the program sees of one, beside the choice of kernels and algorithms, which is the
    ///     tests' own: results of the program and of the library are compared.
    ///   - executable: this program, or another one that starts it.
    ///   - input: a file that stands for standard input, or nil for none.
    ///   - output: a file or device that stands for standard output, or nil for one whose text the outcome has.
    init(
        _ arguments: [String], in folder: String, environment: [String: String], input: String? = nil,
        output: String? = nil, executable: String = Program.path
    ) throws {
        streams = try TemporaryFolder()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        let kernels = ProcessInfo.processInfo.environment.filter {
            ["RESTORE_KERNELS", "RESTORE_CONVOLUTION", "RESTORE_GEMM", "RESTORE_CACHES"].contains($0.key)
        }
        process.environment = environment.merging(kernels) { given, _ in given }
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let standardInput = try input.map { try #require(FileHandle(forReadingAtPath: $0)) }
        // Files, not pipes, which would have to be read while the program runs.
        let captured = try stream("output")
        let redirected = try output.map { try #require(FileHandle(forWritingAtPath: $0)) }
        let errors = try stream("errors")
        process.standardInput = standardInput ?? .nullDevice
        process.standardOutput = redirected ?? captured
        process.standardError = errors
        process.terminationHandler = { [ended] _ in ended.signal() }
        // The program has copies of its own. Foundation keeps ours open as long as the tests run, and stops noticing the
        // ends of programs when there are more than 1,024.
        defer { for handle in [standardInput, captured, redirected, errors] { try? handle?.close() } }
        try Self.withoutBlockedSignals { try process.run() }
    }

    /// A program inherits the signals that the thread blocks which starts it, and those of the tests block all.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    deinit { end() }

    var isRunning: Bool { process.isRunning }

    /// Ends the program at once.
    func end() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Sends a signal, where the program still runs.
    func send(_ signal: Int32) {
        if process.isRunning { kill(process.processIdentifier, signal) }
    }

    /// Stops the program for a while.
    func pause(microseconds: UInt32) {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGSTOP)
        usleep(microseconds)
        kill(process.processIdentifier, SIGCONT)
    }

    private func stream(_ name: String) throws -> FileHandle {
        try streams.write([], name)
        return try #require(FileHandle(forWritingAtPath: streams(name)))
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try readFile(streams(name)), as: UTF8.self)
    }

    /// What stands on stderr and stdout so far.
    var errors: String { get throws { try text("errors") } }
    var output: String { get throws { try text("output") } }

    /// Waits for the end; a program that takes longer than the limit is ended, which is an issue.
    func outcome(limit: Double = 60) throws -> Outcome {
        if ended.wait(timeout: .now() + limit) == .timedOut {
            end()
            Issue.record("\(process.arguments ?? []) took more than \(limit) s")
            ended.wait()
        }
        let wasKilled = process.terminationReason == .uncaughtSignal
        return Outcome(
            code: wasKilled ? -process.terminationStatus : process.terminationStatus, output: try text("output"),
            errors: try text("errors"), seconds: (ContinuousClock.now - start) / .seconds(1))
    }
}
