import CKernels
import Glibc

/// Threads with the same name and purpose, started together and joined together.
public struct ThreadGroup: ~Copyable {
    private let name: String
    private var threads: [pthread_t] = []

    /// A group without threads.
    ///
    /// - Parameter name: shown by debuggers and `top -H`; the system keeps the first 15 bytes.
    public init(name: String) {
        self.name = name
    }

    /// Number of threads that have been started and not joined.
    public var count: Int { threads.count }

    /// Starts threads that call `body(0)`, `body(1)` and so on, and keep it alive until they return from it.
    ///
    /// If the system refuses to start a thread, the remaining ones are not attempted; `count` tells how many were
    /// started.
    public mutating func start(_ threadCount: Int, _ body: @escaping @Sendable (_ index: Int) -> Void) {
        for index in 0..<max(threadCount, 0) {
            guard let thread = Self.start(ThreadStart(name: name, index: index, body: body)) else { return }
            threads.append(thread)
        }
    }

    /// Waits until all have returned. Must be called before the group is destroyed.
    public mutating func join() {
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    /// Returns nil if the system refuses to start a thread.
    private static func start(_ start: ThreadStart) -> pthread_t? {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(start)
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            return nil
        }
        return thread
    }
}

/// The argument passed to a thread, since a C function cannot capture anything.
private final class ThreadStart {
    private let name: String
    private let index: Int
    private let body: @Sendable (Int) -> Void

    init(name: String, index: Int, body: @escaping @Sendable (Int) -> Void) {
        (self.name, self.index, self.body) = (name, index, body)
    }

    func run() {
        rk_name_thread(name)
        body(index)
    }
}
