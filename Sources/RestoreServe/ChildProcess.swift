import CProcess
import Glibc
import RestoreConcurrency

/// A run of the program itself: each picture is computed by the command that a user would type.
///
/// Its results are therefore the command's, its memory is returned to the system when it ends, and it can be ended at any
/// moment.
final class ChildProcess: Sendable {
    struct Outcome {
        /// The exit code; nil if a signal ended it.
        let code: Int32?
        let output: [UInt8]
    }

    private enum State {
        case ready, ended, running(pid_t)
        /// Ended before it was started.
        case stopped
    }

    private let state = Monitor(State.ready)
    private static let mostOutput = 8 << 20

    /// Runs the program and returns when it has ended.
    ///
    /// - Parameters:
    ///   - folder: its working directory.
    ///   - errorLine: called for each line of its standard error.
    /// - Returns: nil if it could not be started or was stopped before.
    func run(
        _ program: String, _ arguments: [String], in folder: String, errorLine: (String) -> Void
    ) -> Outcome? {
        guard let output = Pipe(), let errors = Pipe() else { return nil }
        let started = state.change { state -> Bool in
            guard case .ready = state,
                let process = Self.spawn(program, arguments, folder, output: output.writing, errors: errors.writing)
            else { return false }
            state = .running(process)
            return true
        }
        output.closeWriting()
        errors.closeWriting()
        guard started else { return nil }
        let text = Self.drain(output: output.reading, errors: errors.reading, errorLine: errorLine)
        return Outcome(code: wait(), output: text)
    }

    /// Ends the process and what it computes, at once.
    func stop() {
        state.change { state in
            switch state {
            case .ready: state = .stopped
            case .running(let process): kill(process, SIGKILL)
            case .ended, .stopped: break
            }
        }
    }

    private func wait() -> Int32? {
        guard case .running(let process) = state.withLock({ $0 }) else { return nil }
        var information = siginfo_t()
        // It stays a zombie until nobody can send a signal to its number any more, which may then be another process's.
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        state.change { $0 = .ended }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ folder: String, output: Int32, errors: Int32
    ) -> pid_t? {
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var process = pid_t()
        return rp_spawn(program, words, folder, output, errors, &process) == 0 ? process : nil
    }

    /// Reads both streams to their ends; what exceeds the limit is dropped.
    private static func drain(output: Int32, errors: Int32, errorLine: (String) -> Void) -> [UInt8] {
        var text: [UInt8] = []
        var line: [UInt8] = []
        var waiting = [
            pollfd(fd: output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
        ]
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while waiting.contains(where: { $0.fd >= 0 }) {
            guard poll(&waiting, 2, -1) >= 0 || errno == EINTR else { break }
            for index in 0..<2 where waiting[index].fd >= 0 && waiting[index].revents != 0 {
                let count = read(waiting[index].fd, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    waiting[index].fd = -1
                    continue
                }
                if index == 0 {
                    text += buffer[..<min(count, mostOutput - text.count)]
                } else {
                    for byte in buffer[..<count] where byte != UInt8(ascii: "\n") || !flush(&line, errorLine) {
                        if line.count < 1 << 16 { line.append(byte) }
                    }
                }
            }
        }
        if !line.isEmpty { _ = flush(&line, errorLine) }
        return text
    }

    private static func flush(_ line: inout [UInt8], _ errorLine: (String) -> Void) -> Bool {
        errorLine(String(decoding: line, as: UTF8.self))
        line.removeAll(keepingCapacity: true)
        return true
    }
}

/// A pipe whose ends other child processes do not inherit.
private final class Pipe {
    let reading: Int32
    private(set) var writing: Int32

    init?() {
        var ends: [Int32] = [-1, -1]
        guard rp_pipe(&ends) == 0 else { return nil }
        (reading, writing) = (ends[0], ends[1])
    }

    func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }

    deinit {
        closeWriting()
        close(reading)
    }
}
