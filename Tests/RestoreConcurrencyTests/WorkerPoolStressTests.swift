import RestoreConcurrency
import Glibc
import RestoreNN
import Synchronization
import TestSupport
import Testing

/// Threads that watch for work, fall asleep, wake, come late and go: each task is still done exactly once. Under a thread
/// sanitizer, too.
@Suite struct WorkerPoolStressTests {
    /// How often each task was done, without any locks.
    private final class Counts: @unchecked Sendable {
        private let places: UnsafeMutableBufferPointer<Int>

        init(_ count: Int) {
            places = .allocate(capacity: count)
            places.initialize(repeating: 0)
        }

        deinit { places.deallocate() }

        func add(_ task: Int) { places[task] += 1 }
        func areAll(_ expected: Int) -> Bool { places.allSatisfy { $0 == expected } }
    }

    @Test(arguments: [2, 3, 8]) func tinyRounds(workers: Int) {
        let pool = WorkerPool(workerCount: workers)
        let counts = Counts(11)
        for round in 1...6000 {
            let tasks = round % 3 == 0 ? 11 : 2 + round % 7
            pool.run(taskCount: tasks) { task, worker in
                #expect((0..<workers).contains(worker))
                counts.add(task)
            }
            if tasks < 11 { for task in tasks..<11 { counts.add(task) } }
            guard counts.areAll(round) else {
                Issue.record("round \(round) of \(tasks) tasks")
                return
            }
        }
    }

    /// Pauses around the time for which threads watch before they sleep, from awake to long asleep.
    @Test(arguments: [2, 3, 8]) func roundsWithPauses(workers: Int) {
        let pool = WorkerPool(workerCount: workers)
        let counts = Counts(16)
        var generator = SeededGenerator(seed: 132, path: UInt64(workers))
        for round in 1...300 {
            usleep(UInt32(generator.choice(of: [0, 5, 20, 40, 60, 80, 120, 250, 1500])))
            pool.run(taskCount: 16) { task, _ in counts.add(task) }
            guard counts.areAll(round) else {
                Issue.record("round \(round)")
                return
            }
        }
    }

    /// Tasks during which the caller has long finished its own, and sleeps.
    @Test(arguments: [2, 5]) func theCallerWaitsForSlowTasks(workers: Int) {
        let pool = WorkerPool(workerCount: workers)
        for round in 0..<60 {
            let done = Atomic<Int>(0)
            pool.run(taskCount: workers) { task, worker in
                if worker > 0 || task == 0 { usleep(UInt32(300 + 200 * (round % 4))) }
                done.wrappingAdd(1, ordering: .relaxed)
            }
            #expect(done.load(ordering: .relaxed) == workers, "round \(round)")
        }
    }

    /// Pools that go before their threads have come, while they watch, and when they sleep.
    @Test func poolsComeAndGo() {
        for round in 0..<300 {
            let workers = 2 + round % 7
            let pool = WorkerPool(workerCount: workers)
            if round % 3 == 1 { usleep(UInt32(round)) }
            guard round % 2 == 0 else { continue }
            let counts = Counts(9)
            for _ in 0..<(round % 4) { pool.run(taskCount: 9) { task, _ in counts.add(task) } }
            #expect(counts.areAll(round % 4), "round \(round)")
        }
    }

    /// Many pools on many threads, more than there are processors.
    @Test func manyPoolsAtOnce() async {
        await withTaskGroup(of: Bool.self) { group in
            for seed in UInt64(0)..<12 {
                group.addTask {
                    var generator = SeededGenerator(seed: seed, path: 133)
                    for _ in 0..<12 {
                        let pool = WorkerPool(workerCount: 2 + generator.index(below: 5))
                        let (tasks, rounds) = (1 + generator.index(below: 40), generator.index(below: 60))
                        let counts = Counts(tasks)
                        for _ in 0..<rounds { pool.run(taskCount: tasks) { task, _ in counts.add(task) } }
                        guard counts.areAll(rounds) else { return false }
                    }
                    return true
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    /// A task of one pool may use another, if no one else does.
    @Test func poolsWithinPools() {
        let outer = WorkerPool(workerCount: 3)
        let inner = (0..<3).map { _ in WorkerPool(workerCount: 3) }
        let counts = Counts(20 * 7)
        for _ in 0..<200 {
            outer.run(taskCount: 20) { task, worker in
                // A worker's own.
                inner[worker].run(taskCount: 7) { part, _ in counts.add(task * 7 + part) }
            }
        }
        #expect(counts.areAll(200))
    }

    /// What the caller writes before a round is there for its tasks, and what they write, afterwards.
    @Test func writesAreVisibleBothWays() {
        let pool = WorkerPool(workerCount: 4)
        var values = [Int](repeating: 0, count: 64)
        for round in 1...3000 {
            for index in values.indices { values[index] = round * 64 + index }
            values.withUnsafeMutableBufferPointer { values in
                let places = Places(values)
                pool.run(taskCount: 64) { task, _ in places.base[task] += places.base[task] }
            }
            guard values.indices.allSatisfy({ values[$0] == 2 * (round * 64 + $0) }) else {
                Issue.record("round \(round)")
                return
            }
        }
    }

    private struct Places: @unchecked Sendable {
        let base: UnsafeMutableBufferPointer<Int>
        init(_ base: UnsafeMutableBufferPointer<Int>) { self.base = base }
    }
}
