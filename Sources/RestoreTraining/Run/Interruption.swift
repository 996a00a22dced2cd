import Glibc
import Synchronization

/// Lets SIGINT and SIGTERM end a run well: the first asks, the second ends the program at once.
public enum Interruption {
    private static let requested = Atomic<Bool>(false)

    /// Whether a signal has come since `watch`.
    public static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Starts to watch. A signal that the program was told to ignore, as by nohup, stays ignored.
    public static func watch() {
        // Made before a signal can come: what a handler may touch must not be initialised in it.
        requested.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Interruption.requested.store(true, ordering: .relaxed) }
            // Once: the next one does what it does by default. Calls in progress go on.
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
            var previous = sigaction()
            sigaction(number, nil, &previous)
            if isIgnored(previous) { continue }
            sigaction(number, &action, nil)
        }
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        // SIG_IGN is the address 1, which no Swift function has.
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
