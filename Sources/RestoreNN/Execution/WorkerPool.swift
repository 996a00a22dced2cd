import COpenBLAS
import Glibc
import Synchronization

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
        max(1, Int(openblas_get_num_procs()))
    }

    /// - Parameter workerCount: at least 1. Threads that the system refuses to start are done without.
    public init(workerCount: Int = WorkerPool.availableProcessors) {
        precondition(workerCount >= 1, "a pool of \(workerCount) workers")
        // Every worker calls OpenBLAS by itself.
        openblas_set_num_threads(1)
        let board = TaskBoard()
        for index in 1..<max(workerCount, 2) where index < workerCount {
            guard board.startThread(worker: index) else { break }
        }
        self.board = board
        self.workerCount = board.threadCount + 1
    }

    deinit {
        board.stop()
    }

    /// Calls `body(task, worker)` for every task in `0 ..< taskCount` and returns when all are done.
    ///
    /// - Parameter body: called on several threads at once, with `worker` in `0 ..< workerCount` naming the caller.
    ///   It must not call `run` on the same pool.
    public func run(taskCount: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
        if workerCount == 1 || taskCount <= 1 {
            for task in 0..<max(taskCount, 0) { body(task, 0) }
        } else {
            board.run(taskCount: taskCount, body)
        }
    }
}

/// Where the caller posts work and the threads find it. Everything but `nextTask` is guarded by `mutex`.
private final class TaskBoard: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let workPosted = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let workDone = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var body: ((Int, Int) -> Void)?
    private var taskCount = 0
    private var round = 0
    private var workersInRound = 0
    private var stopping = false
    private var threads: [pthread_t] = []
    private let nextTask = Atomic<Int>(0)

    var threadCount: Int { threads.count }

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(workPosted, nil)
        pthread_cond_init(workDone, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(workPosted)
        pthread_cond_destroy(workDone)
        mutex.deallocate()
        workPosted.deallocate()
        workDone.deallocate()
    }

    func startThread(worker: Int) -> Bool {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(ThreadStart(board: self, worker: worker))
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                start.board.serve(worker: start.worker)
                return nil
            }, start.toOpaque())
        guard status == 0 else {
            start.release()
            return false
        }
        threads.append(thread)
        return true
    }

    func stop() {
        pthread_mutex_lock(mutex)
        stopping = true
        pthread_cond_broadcast(workPosted)
        pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    func run(taskCount: Int, _ body: (Int, Int) -> Void) {
        // The closure does not outlive this call: the call returns only when no thread is in the round any more.
        withoutActuallyEscaping(body) { escapable in
            pthread_mutex_lock(mutex)
            precondition(self.body == nil, "WorkerPool.run called while it runs")
            self.body = escapable
            self.taskCount = taskCount
            nextTask.store(0, ordering: .relaxed)
            round += 1
            pthread_cond_broadcast(workPosted)
            pthread_mutex_unlock(mutex)

            takeTasks(taskCount, worker: 0, body: escapable)

            pthread_mutex_lock(mutex)
            self.body = nil
            while workersInRound > 0 { pthread_cond_wait(workDone, mutex) }
            pthread_mutex_unlock(mutex)
        }
    }

    private func serve(worker: Int) {
        var lastRound = 0
        pthread_mutex_lock(mutex)
        while !stopping {
            guard round != lastRound, let body else {
                pthread_cond_wait(workPosted, mutex)
                continue
            }
            lastRound = round
            let count = taskCount
            workersInRound += 1
            pthread_mutex_unlock(mutex)
            takeTasks(count, worker: worker, body: body)
            pthread_mutex_lock(mutex)
            workersInRound -= 1
            if workersInRound == 0 { pthread_cond_signal(workDone) }
        }
        pthread_mutex_unlock(mutex)
    }

    private func takeTasks(_ count: Int, worker: Int, body: (Int, Int) -> Void) {
        while true {
            let task = nextTask.wrappingAdd(1, ordering: .relaxed).oldValue
            guard task < count else { return }
            body(task, worker)
        }
    }
}

private final class ThreadStart {
    let board: TaskBoard
    let worker: Int

    init(board: TaskBoard, worker: Int) {
        self.board = board
        self.worker = worker
    }
}
