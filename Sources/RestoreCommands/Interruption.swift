import Glibc
import Synchronization

/// Lets SIGINT, SIGTERM and SIGHUP end work well: the first asks, the second ends the program at once.
enum Interruption {
    private static let requested = Atomic<Bool>(false)

    /// Whether a signal has come since `watch`.
    static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Starts to watch. A signal that the program was told to ignore, as by nohup, stays ignored.
    ///
    /// From then on a reader that goes away (`| head -1`) no longer ends the program in the middle of a file: writing to it
    /// fails with EPIPE instead.
    static func watch() {
        // Made before a signal can come: what a handler may touch must not be initialized in it.
        requested.store(false, ordering: .relaxed)
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var previous = sigaction()
            sigaction(number, nil, &previous)
            if isIgnored(previous) { continue }
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                // The second one does what it does by default, when the handler returns.
                guard Interruption.requested.exchange(true, ordering: .relaxed) else { return }
                signal(number, SIG_DFL)
                raise(number)
            }
            // Calls in progress go on.
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// Leaves work that a signal asked to end.
    ///
    /// - Throws: `Interrupted` once a signal has come.
    static func check() throws(Interrupted) {
        if isRequested { throw Interrupted() }
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        // SIG_IGN is the address 1, which no Swift function has.
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}

/// A signal asked to end the work.
struct Interrupted: Error {}
