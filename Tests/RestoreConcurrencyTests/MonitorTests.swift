import Glibc
import RestoreConcurrency
import RestoreFiles
import Synchronization
import Testing

/// Threads that share a value through a monitor. Under a thread sanitizer, too.
@Suite struct MonitorTests {
    @Test(arguments: [1, 2, 8]) func noChangeIsLost(threadCount: Int) {
        let count = Monitor(0)
        var threads = ThreadGroup(name: "adding")
        threads.start(threadCount) { _ in
            for round in 0..<4000 {
                if round % 2 == 0 { count.change { $0 += 1 } } else { count.withLock { $0 += 1 } }
            }
        }
        #expect(threads.count == threadCount)
        threads.join()
        #expect(count.withLock { $0 } == 4000 * threadCount)
    }

    @Test func closuresAnswer() {
        let words = Monitor(["a"])
        let length = words.change {
            $0.append("b")
            return $0.count
        }
        #expect(length == 2)
        #expect(words.withLock { $0.joined() } == "ab")
        #expect(words.wait(until: { $0.count == 2 }, then: { $0.removeLast() }) == "b")
        #expect(words.withLock { $0 } == ["a"])
    }

    /// A condition that holds already is not waited for.
    @Test func whatIsTrueIsNotWaitedFor() {
        Monitor(1).wait { $0 == 1 }
        Monitor().wait { _ in true }
    }

    /// Threads that pass a number on in turn: each waits for its own turn among many who wake with it.
    @Test(arguments: [2, 3, 7]) func turnsAreTaken(threadCount: Int) {
        let turn = Monitor(0)
        let order = Monitor<[Int]>([])
        var threads = ThreadGroup(name: "turns")
        threads.start(threadCount) { index in
            for round in 0..<300 {
                turn.wait { $0 == round * threadCount + index }
                order.withLock { $0.append(index) }
                turn.change { $0 += 1 }
            }
        }
        threads.join()
        #expect(order.withLock { $0 } == (0..<300 * threadCount).map { $0 % threadCount })
    }

    /// A shelf with a few places: what is taken was put there, once, and no one sees too much on it.
    @Test(arguments: [1, 3]) func waitingAndTakingAreOneStep(shelfSize: Int) {
        struct Shelf {
            var things: [Int] = []
            var next = 0
            var taken: [Int] = []
        }
        let (shelf, total) = (Monitor(Shelf()), 3000)
        var threads = ThreadGroup(name: "shelf")
        threads.start(6) { index in
            while true {
                let goesOn =
                    if index % 2 == 0 {
                        shelf.wait(until: { $0.things.count < shelfSize || $0.next == total }) { shelf in
                            guard shelf.next < total else { return false }
                            shelf.things.append(shelf.next)
                            shelf.next += 1
                            return true
                        }
                    } else {
                        shelf.wait(until: { !$0.things.isEmpty || $0.taken.count == total }) { shelf in
                            guard !shelf.things.isEmpty else { return false }
                            shelf.taken.append(shelf.things.removeFirst())
                            return true
                        }
                    }
                shelf.wakeAll()
                guard goesOn else { return }
            }
        }
        threads.join()
        #expect(shelf.withLock { $0.taken } == Array(0..<total))
        #expect(shelf.withLock { $0.things.isEmpty })
    }

    /// Conditions on atomics: who makes one true and calls `wakeAll` afterwards reaches all who sleep, or are about to.
    @Test func wakesWhoWaitsForSomethingElse() {
        let (monitor, round, arrived) = (Monitor(), Shared(), Shared())
        var threads = ThreadGroup(name: "sleepers")
        threads.start(3) { _ in
            for awaited in 1...500 {
                monitor.wait { _ in round.number.load(ordering: .sequentiallyConsistent) >= awaited }
                arrived.number.wrappingAdd(1, ordering: .sequentiallyConsistent)
                monitor.wakeAll()
            }
        }
        for number in 1...500 {
            if number % 50 == 0 { usleep(300) }
            round.number.store(number, ordering: .sequentiallyConsistent)
            monitor.wakeAll()
            monitor.wait { _ in arrived.number.load(ordering: .sequentiallyConsistent) == 3 * number }
        }
        threads.join()
        #expect(arrived.number.load(ordering: .relaxed) == 1500)
    }

    /// The value goes with its monitor.
    @Test func theValueIsReleased() {
        final class Witness: Sendable {}
        var witness: Witness? = Witness()
        weak let remains = witness
        do {
            let monitor = Monitor(witness)
            witness = nil
            #expect(monitor.withLock { $0 != nil })
            #expect(remains != nil)
        }
        #expect(remains == nil)
    }

    private final class Shared: Sendable {
        let number = Atomic<Int>(0)
    }
}

@Suite struct ThreadGroupTests {
    @Test func everyIndexIsCalledOnce() {
        let indices = Monitor<Set<Int>>([])
        var threads = ThreadGroup(name: "indices")
        #expect(threads.count == 0)
        threads.start(5) { index in indices.withLock { #expect($0.insert(index).inserted) } }
        #expect(threads.count == 5)
        threads.join()
        #expect(threads.count == 0)
        #expect(indices.withLock { $0 } == [0, 1, 2, 3, 4])
        threads.join()
    }

    @Test func noThreads() {
        var threads = ThreadGroup(name: "none")
        threads.start(0) { _ in Issue.record("a thread of none") }
        threads.start(-1) { _ in Issue.record("a thread of fewer than none") }
        #expect(threads.count == 0)
        threads.join()
    }

    @Test(arguments: [("short", "short"), ("restore-worker-of-many", "restore-worker-"), ("", "")])
    func threadsAreNamed(name: String, expected: String) throws {
        let found = Monitor("")
        var threads = ThreadGroup(name: name)
        threads.start(1) { _ in
            let text = (try? readFile("/proc/thread-self/comm")).map { String(decoding: $0, as: UTF8.self) }
            found.withLock { $0 = text ?? "no name" }
        }
        threads.join()
        #expect(found.withLock { $0 } == expected + "\n")
    }

    /// What the threads use is released when they have returned.
    @Test func theClosureIsReleased() {
        final class Witness: Sendable {}
        var witness: Witness? = Witness()
        weak let remains = witness
        var threads = ThreadGroup(name: "witness")
        threads.start(3) { [witness] _ in _ = witness }
        witness = nil
        threads.join()
        #expect(remains == nil)
    }
}
