import CKernels
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
        max(1, Int(rk_available_processors()))
    }

    /// - Parameter workerCount: at least 1. Threads that the system refuses to start are done without.
    public init(workerCount: Int = WorkerPool.availableProcessors) {
        precondition(workerCount >= 1, "a pool of \(workerCount) workers")
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
    public func map<Result>(taskCount: Int, _ body: (_ task: Int) -> Result) -> [Result] {
        // At least one: for none the initializer writes to the empty array that all threads share.
        [Result](unsafeUninitializedCapacity: max(taskCount, 1)) { results, count in
            run(taskCount: taskCount) { task, _ in results.initializeElement(at: task, to: body(task)) }
            count = max(taskCount, 0)
        }
    }
}

/// Where the caller posts work and the threads find it.
///
/// A network's layers are rounds of work that follow each other within microseconds, less than it takes to put a thread to
/// sleep and wake it. So threads watch for the next round for a while before they sleep, and the caller for the end of the
/// round. `body` and `taskCount` are written only while no thread is inside; `openRound` and `active` tell who is: a
/// thread that announces itself in `active` and then still sees its round open may go on, and the caller closes the round
/// and then waits until nobody is left. Both need sequential consistency.
private final class TaskBoard: @unchecked Sendable {
    /// Looks at a condition, with a pause each, before sleeping: some 50 µs.
    private static let watches = 2000
    private static let closed = 0

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let workPosted = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let workDone = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var body: ((Int, Int) -> Void)?
    private var taskCount = 0
    private var round = 0
    private var threads: [pthread_t] = []
    /// The number of the round that may be entered, or `closed`.
    private let openRound = Atomic<Int>(closed)
    /// Threads inside the round.
    private let active = Atomic<Int>(0)
    private let nextTask = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)

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
        stopping.store(true, ordering: .sequentiallyConsistent)
        wakeThreads()
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    func run(taskCount: Int, _ body: (Int, Int) -> Void) {
        // The closure does not outlive this call: the call returns only when no thread is in the round any more.
        withoutActuallyEscaping(body) { escapable in
            precondition(self.body == nil, "WorkerPool.run called while it runs")
            self.body = escapable
            self.taskCount = taskCount
            nextTask.store(0, ordering: .relaxed)
            round += 1
            openRound.store(round, ordering: .sequentiallyConsistent)
            if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wakeThreads() }

            takeTasks(taskCount, worker: 0, body: escapable)

            openRound.store(Self.closed, ordering: .sequentiallyConsistent)
            waitUntilNobodyIsActive()
            self.body = nil
        }
    }

    private func serve(worker: Int) {
        var lastRound = Self.closed
        while let round = nextRound(after: lastRound) {
            lastRound = round
            active.wrappingAdd(1, ordering: .sequentiallyConsistent)
            if round != Self.closed, openRound.load(ordering: .sequentiallyConsistent) == round, worker < taskCount,
                let body
            {
                takeTasks(taskCount, worker: worker, body: body)
            }
            let left = active.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
            if left == 0, callerSleeps.load(ordering: .sequentiallyConsistent) {
                pthread_mutex_lock(mutex)
                pthread_cond_signal(workDone)
                pthread_mutex_unlock(mutex)
            }
        }
    }

    /// The number of the next round, or nil when the pool stops.
    private func nextRound(after last: Int) -> Int? {
        func isPosted() -> Bool {
            let round = openRound.load(ordering: .sequentiallyConsistent)
            return (round != Self.closed && round != last) || stopping.load(ordering: .sequentiallyConsistent)
        }
        if !watch(for: isPosted) {
            pthread_mutex_lock(mutex)
            sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
            while !isPosted() { pthread_cond_wait(workPosted, mutex) }
            sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            pthread_mutex_unlock(mutex)
        }
        if stopping.load(ordering: .sequentiallyConsistent) { return nil }
        // A round that has closed meanwhile is found out by `serve`.
        let round = openRound.load(ordering: .sequentiallyConsistent)
        return round == Self.closed ? last : round
    }

    private func waitUntilNobodyIsActive() {
        func isOver() -> Bool { active.load(ordering: .sequentiallyConsistent) == 0 }
        if watch(for: isOver) { return }
        pthread_mutex_lock(mutex)
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        while !isOver() { pthread_cond_wait(workDone, mutex) }
        callerSleeps.store(false, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }

    @inline(__always)
    private func watch(for condition: () -> Bool) -> Bool {
        for _ in 0..<Self.watches {
            if condition() { return true }
            rk_pause()
        }
        return condition()
    }

    private func wakeThreads() {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(workPosted)
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
