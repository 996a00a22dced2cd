import Glibc
import Synchronization

/// Handles SIGINT, SIGTERM and SIGHUP gracefully: the first signal requests a stop, the second one ends the program
/// immediately.
enum Interruption {
    private static let requested = Atomic<Bool>(false)

    /// Whether a signal has been received since `watch`.
    static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Installs the signal handlers. Signals that are ignored, as by nohup, stay ignored.
    ///
    /// From then on, a closed pipe (`| head -1`) no longer ends the program in the middle of a file: writing fails with
    /// EPIPE instead.
    static func watch() {
        // Initialized before a signal can arrive, because a handler must not initialize what it uses.
        requested.store(false, ordering: .relaxed)
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var previous = sigaction()
            sigaction(number, nil, &previous)
            if isIgnored(previous) { continue }
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                // The second signal gets its default action, once the handler returns.
                guard Interruption.requested.exchange(true, ordering: .relaxed) else { return }
                signal(number, SIG_DFL)
                raise(number)
            }
            // Restart interrupted system calls.
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// Stops the work if a signal has requested it.
    ///
    /// - Throws: `Interrupted` after a signal.
    static func check() throws(Interrupted) {
        if isRequested { throw Interrupted() }
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        // SIG_IGN is the address 1, which no Swift function has.
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}

/// A signal requested a stop.
struct Interrupted: Error {}
