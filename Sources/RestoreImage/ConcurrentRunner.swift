/// How work that can be divided is carried out: one piece after the other, or several at once.
///
/// The work is cut the same way whoever carries it out, so that results do not depend on it. This module knows no threads;
/// who has some lends them by making a runner of his own.
public struct ConcurrentRunner: Sendable {
    private let runTasks: @Sendable (_ taskCount: Int, _ body: (_ task: Int) -> Void) -> Void

    /// - Parameter runTasks: calls `body` once for every task in `0 ..< taskCount`, in any order, on any threads, and
    ///   returns when all these calls have.
    public init(_ runTasks: @escaping @Sendable (_ taskCount: Int, _ body: (_ task: Int) -> Void) -> Void) {
        self.runTasks = runTasks
    }

    /// One task after the other, on the caller's thread.
    public static let serial = ConcurrentRunner { taskCount, body in
        for task in 0..<taskCount { body(task) }
    }

    /// Calls `body` for every task in `0 ..< taskCount` and returns when all are done.
    ///
    /// - Parameter body: may be called on several threads at once.
    public func run(taskCount: Int, _ body: (_ task: Int) -> Void) {
        runTasks(taskCount, body)
    }
}
