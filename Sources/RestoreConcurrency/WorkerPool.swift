import CKernels

/// A fixed set of threads that share out numbered tasks.
///
/// **Results do not depend on the number of workers:** the caller cuts the work the same way whatever `workerCount` is,
/// a task writes only what it owns, and sums over tasks are made afterwards in a fixed order. Which worker takes which
/// task is left open; it only decides whose scratch memory is used.
public final class WorkerPool: Sendable {
    /// Workers, the caller of `run` included.
    public let workerCount: Int
    private let board: TaskBoard

    /// Processors that this process may use (its affinity mask counts).
    public static var availableProcessors: Int {
        max(1, Int(rk_available_processors()))
    }

    /// The caller alone, without threads. Any number of callers may use it at the same time.
    public static let serial = WorkerPool(workerCount: 1)

    /// - Parameter workerCount: at least 1. Threads that the system refuses to start are done without.
    public init(workerCount: Int = WorkerPool.availableProcessors) {
        precondition(workerCount >= 1, "a pool of \(workerCount) workers")
        let board = TaskBoard()
        board.startThreads(workerCount - 1)
        self.board = board
        self.workerCount = board.threadCount + 1
    }

    deinit {
        board.stop()
    }

    /// Calls `body(task, worker)` for every task in `0 ..< taskCount` and returns when all are done.
    ///
    /// - Parameter body: called on several threads at once, with `worker` naming the caller: below `workerCount` and below
    ///   `taskCount`, so that few tasks need little working memory however many workers there are.
    ///   It must not call `run` on the same pool.
    public func run(taskCount: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
        if workerCount == 1 || taskCount <= 1 {
            for task in 0..<max(taskCount, 0) { body(task, 0) }
        } else {
            board.run(taskCount: taskCount, body)
        }
    }

    /// What `body` gives for every task, in the order of the tasks; called as by `run`.
    ///
    /// Each result has a place of its own: there is no lock.
    @inlinable
    public func map<Element>(taskCount: Int, _ body: (_ task: Int) -> Element) -> [Element] {
        // At least one: for none the initializer writes to the empty array that all threads share.
        [Element](unsafeUninitializedCapacity: max(taskCount, 1)) { results, count in
            run(taskCount: taskCount) { task, _ in results.initializeElement(at: task, to: body(task)) }
            count = max(taskCount, 0)
        }
    }
}
