import RestoreConcurrency
import RestoreNN
import Synchronization
import TestSupport
import Testing

@Suite struct WorkerPoolTests {
    /// Counts, for each task, how often it was done, and for each worker, whether it does two at once. No locks: each
    /// place is one task's or one worker's own, and a pool that gets this wrong shows under a thread sanitizer too.
    private final class Ledger: @unchecked Sendable {
        private let counts: UnsafeMutableBufferPointer<Int>
        private let busy: UnsafeMutableBufferPointer<Bool>

        init(tasks: Int, workers: Int) {
            counts = .allocate(capacity: tasks)
            counts.initialize(repeating: 0)
            busy = .allocate(capacity: workers)
            busy.initialize(repeating: false)
        }

        deinit {
            counts.deallocate()
            busy.deallocate()
        }

        func begin(_ task: Int, _ worker: Int) {
            counts[task] += 1
            #expect(!busy[worker], "worker \(worker) does two tasks at once")
            busy[worker] = true
        }

        func end(_ worker: Int) {
            busy[worker] = false
        }

        func everyTaskWasDone(_ times: Int = 1) -> Bool { counts.allSatisfy { $0 == times } }
    }

    @Test(arguments: [1, 4], [0, 1, 2, 1000])
    func resultsStandInTheOrderOfTheTasks(workers: Int, tasks: Int) {
        let results = WorkerPool(workerCount: workers).map(taskCount: tasks) { task -> [String] in
            _ = work(task % 7 * 100)
            return ["task", "\(task)"]
        }
        #expect(results == (0..<tasks).map { ["task", "\($0)"] })
    }

    private func work(_ amount: Int) -> Double {
        (0..<amount).reduce(1.0) { ($0 + Double($1)).squareRoot() }
    }

    @Test(arguments: [1, 2, 3, 8]) func everyTaskIsDoneOnce(workers: Int) {
        let pool = WorkerPool(workerCount: workers)
        var generator = SeededGenerator(seed: 131)
        for round in 0..<400 {
            let tasks = generator.choice(of: [0, 1, 2, 3, 7, 16, 61])
            let ledger = Ledger(tasks: tasks, workers: workers)
            let heavy = generator.index(below: 61)
            pool.run(taskCount: tasks) { task, worker in
                ledger.begin(task, worker)
                // One task takes much longer than the others.
                #expect(work(task == heavy ? 20_000 : 10) > 0)
                ledger.end(worker)
            }
            #expect(ledger.everyTaskWasDone(), "round \(round) of \(tasks) tasks")
        }
    }

    /// Thousands of rounds of next to nothing: threads arrive late, when the round or the next one is already over.
    @Test(arguments: [2, 5, 8]) func roundsThatAreOverAtOnce(workers: Int) {
        let pool = WorkerPool(workerCount: workers)
        let sum = Atomic<Int>(0)
        var expected = 0
        for round in 0..<20_000 {
            let tasks = 2 + round % 5
            pool.run(taskCount: tasks) { task, _ in sum.wrappingAdd(task + round, ordering: .relaxed) }
            expected += tasks * (tasks - 1) / 2 + tasks * round
            guard sum.load(ordering: .relaxed) == expected else {
                Issue.record("round \(round): \(sum.load(ordering: .relaxed)), expected \(expected)")
                return
            }
        }
    }

    /// What a task writes is there when `run` returns, without further care.
    @Test func writesAreVisibleAfterwards() {
        let pool = WorkerPool(workerCount: 4)
        let ledger = Ledger(tasks: 64, workers: 4)
        for round in 1...2000 {
            pool.run(taskCount: 64) { task, worker in
                ledger.begin(task, worker)
                ledger.end(worker)
            }
            #expect(ledger.everyTaskWasDone(round))
        }
    }

    @Test func workersShareTheTasks() {
        let pool = WorkerPool(workerCount: 4)
        let ledger = Ledger(tasks: 4, workers: 4)
        let arrived = Atomic<Int>(0)
        // Each task waits until as many workers have come: this ends only if all four take part.
        pool.run(taskCount: 4) { task, worker in
            ledger.begin(task, worker)
            arrived.wrappingAdd(1, ordering: .relaxed)
            while arrived.load(ordering: .relaxed) < 4 {}
        }
        #expect(ledger.everyTaskWasDone())
    }

    @Test func nothingToDo() {
        let pool = WorkerPool(workerCount: 3)
        pool.run(taskCount: 0) { _, _ in Issue.record("a task of none") }
        pool.run(taskCount: -1) { _, _ in Issue.record("a task of fewer than none") }
    }

    @Test func moreWorkersThanTasks() {
        let pool = WorkerPool(workerCount: 8)
        for _ in 0..<500 {
            let ledger = Ledger(tasks: 2, workers: 8)
            pool.run(taskCount: 2) { task, worker in
                ledger.begin(task, worker)
                ledger.end(worker)
            }
            #expect(ledger.everyTaskWasDone())
        }
    }

    @Test func poolsComeAndGo() {
        for round in 0..<200 {
            let pool = WorkerPool(workerCount: 1 + round % 6)
            #expect(pool.workerCount == 1 + round % 6)
            let sum = Atomic<Int>(0)
            if round % 3 > 0 {
                pool.run(taskCount: 10) { task, _ in sum.wrappingAdd(task, ordering: .relaxed) }
            }
            #expect(sum.load(ordering: .relaxed) == (round % 3 > 0 ? 45 : 0))
        }
        #expect(WorkerPool.availableProcessors >= 1)
    }

    /// Several pools at work at the same time do not disturb each other.
    @Test func poolsSideBySide() async {
        await withTaskGroup(of: Bool.self) { group in
            for seed in UInt64(0)..<4 {
                group.addTask {
                    let workers = 2 + Int(seed)
                    let pool = WorkerPool(workerCount: workers)
                    let ledger = Ledger(tasks: 100, workers: workers)
                    for _ in 0..<200 {
                        pool.run(taskCount: 100) { task, worker in
                            ledger.begin(task, worker)
                            ledger.end(worker)
                        }
                    }
                    return ledger.everyTaskWasDone(200)
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    /// The caller alone does the work, in order; callers do not disturb each other.
    @Test func serialIsTheCallerAlone() async {
        #expect(WorkerPool.serial.workerCount == 1)
        await withTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var order: [Int] = []
                    for _ in 0..<100 {
                        order = []
                        WorkerPool.serial.run(taskCount: 20) { task, worker in order.append(task + 100 * worker) }
                    }
                    return order
                }
            }
            for await order in group { #expect(order == Array(0..<20)) }
        }
    }
}
