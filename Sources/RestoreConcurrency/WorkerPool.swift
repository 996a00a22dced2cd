import CKernels

/// A fixed set of threads that divide numbered tasks among themselves.
///
/// **Results do not depend on the number of workers:** the caller partitions the work independently of `workerCount`, a
/// task writes only what it owns, and sums over tasks are computed afterwards in a fixed order. Which worker runs which
/// task is unspecified; it only determines whose scratch memory is used.
public final class WorkerPool: Sendable {
    /// Number of workers, including the caller of `run`.
    public let workerCount: Int
    private let board: TaskBoard

    /// Number of processors available to this process (respects its affinity mask).
    public static var availableProcessors: Int {
        max(1, Int(rk_available_processors()))
    }

    /// Runs everything on the calling thread. Any number of callers may use it at the same time.
    public static let serial = WorkerPool(workerCount: 1)

    /// - Parameter workerCount: at least 1. If the system refuses to start some of the threads, the pool runs without
    ///   them.
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
    /// - Parameter body: called on several threads at once. `worker` identifies the calling worker and is below both
    ///   `workerCount` and `taskCount`, so that few tasks need little working memory regardless of the number of
    ///   workers. Must not call `run` on the same pool.
    public func run(taskCount: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
        if workerCount == 1 || taskCount <= 1 {
            for task in 0..<max(taskCount, 0) { body(task, 0) }
        } else {
            board.run(taskCount: taskCount, body)
        }
    }

    /// The results of `body` for every task, in the order of the tasks; called as by `run`.
    ///
    /// Each result is written to its own slot, so no lock is needed.
    @inlinable
    public func map<Element>(taskCount: Int, _ body: (_ task: Int) -> Element) -> [Element] {
        // At least one: with a capacity of zero the initializer would write to the empty array that all threads share.
        [Element](unsafeUninitializedCapacity: max(taskCount, 1)) { results, count in
            run(taskCount: taskCount) { task, _ in results.initializeElement(at: task, to: body(task)) }
            count = max(taskCount, 0)
        }
    }
}
