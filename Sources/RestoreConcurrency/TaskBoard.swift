import CKernels
import Synchronization

/// Where the caller posts work and the threads pick it up.
///
/// A network's layers are rounds of work that follow each other within microseconds, which is less than it takes to put
/// a thread to sleep and wake it. Threads therefore spin for a while before they sleep while they wait for the next
/// round, and so does the caller while it waits for the end of the round. `body` and `taskCount` are written only while
/// no thread is inside a round, which `openRound` and `active` determine: a thread that registers in `active` and then
/// still sees its round open may proceed; the caller closes the round and then waits until no thread is left. Both
/// variables need sequential consistency.
final class TaskBoard: @unchecked Sendable {
    /// Number of times to check a condition, with a pause each, before sleeping: about 50 µs.
    private static let watches = 2000
    private static let closed = 0

    /// Where threads sleep until work is posted, and the caller until it is done. Their conditions are the atomics
    /// below.
    private let workPosted = Monitor()
    private let workDone = Monitor()
    private var body: ((Int, Int) -> Void)?
    private var taskCount = 0
    private var round = 0
    private var threads = ThreadGroup(name: "restore-worker")
    /// The number of the round that may be entered, or `closed`.
    private let openRound = Atomic<Int>(closed)
    /// Threads inside the round.
    private let active = Atomic<Int>(0)
    private let nextTask = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)

    var threadCount: Int { threads.count }

    func startThreads(_ count: Int) {
        threads.start(count) { [self] index in serve(worker: index + 1) }
    }

    func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        workPosted.wakeAll()
        threads.join()
    }

    func run(taskCount: Int, _ body: (Int, Int) -> Void) {
        // The closure does not outlive this call, which returns only after every thread has left the round.
        withoutActuallyEscaping(body) { escapable in
            precondition(self.body == nil, "WorkerPool.run called while it runs")
            self.body = escapable
            self.taskCount = taskCount
            nextTask.store(0, ordering: .relaxed)
            round += 1
            openRound.store(round, ordering: .sequentiallyConsistent)
            if sleepers.load(ordering: .sequentiallyConsistent) > 0 { workPosted.wakeAll() }

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
            if left == 0, callerSleeps.load(ordering: .sequentiallyConsistent) { workDone.wakeAll() }
        }
    }

    /// The number of the next round, or nil when the pool stops.
    private func nextRound(after last: Int) -> Int? {
        func isPosted() -> Bool {
            let round = openRound.load(ordering: .sequentiallyConsistent)
            return (round != Self.closed && round != last) || stopping.load(ordering: .sequentiallyConsistent)
        }
        if !watch(for: isPosted) {
            sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
            workPosted.wait { _ in isPosted() }
            sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
        if stopping.load(ordering: .sequentiallyConsistent) { return nil }
        // `serve` detects a round that has closed in the meantime.
        let round = openRound.load(ordering: .sequentiallyConsistent)
        return round == Self.closed ? last : round
    }

    private func waitUntilNobodyIsActive() {
        func isOver() -> Bool { active.load(ordering: .sequentiallyConsistent) == 0 }
        if watch(for: isOver) { return }
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        workDone.wait { _ in isOver() }
        callerSleeps.store(false, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    private func watch(for condition: () -> Bool) -> Bool {
        for _ in 0..<Self.watches {
            if condition() { return true }
            rk_pause()
        }
        return condition()
    }

    private func takeTasks(_ count: Int, worker: Int, body: (Int, Int) -> Void) {
        while true {
            let task = nextTask.wrappingAdd(1, ordering: .relaxed).oldValue
            guard task < count else { return }
            body(task, worker)
        }
    }
}
