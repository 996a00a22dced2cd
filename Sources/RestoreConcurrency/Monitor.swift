import Glibc

/// A value that threads share: one of them at a time sees it, and each can wait until the others have changed it.
///
/// A mutex and a condition variable (C. A. R. Hoare, "Monitors: An Operating System Structuring Concept", CACM 17(10),
/// 1974, with broadcasts in place of signals: a thread that wakes checks its condition again).
///
/// The closures run with the lock held: they must be short, and must not use the same monitor. References in the value may
/// be shared with what is outside; what they lead to is protected only as far as all of its users hold the lock.
public final class Monitor<State>: @unchecked Sendable {
    @usableFromInline let lock = ConditionLock()
    /// In memory of its own, so that waiting does not count as access to this object.
    @usableFromInline let state: UnsafeMutablePointer<State>

    @inlinable
    public init(_ initial: State) {
        state = .allocate(capacity: 1)
        state.initialize(to: initial)
    }

    @inlinable
    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
        lock.destroy()
    }

    /// Looks at the value or changes it without waking anybody: for changes that no thread waits for.
    @inlinable @discardableResult
    public func withLock<Answer>(_ body: (inout State) -> Answer) -> Answer {
        lock.acquire()
        defer { lock.release() }
        return body(&state.pointee)
    }

    /// Changes the value, and lets all who wait check their conditions.
    @inlinable @discardableResult
    public func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
        lock.acquire()
        defer { lock.release() }
        let answer = body(&state.pointee)
        lock.wakeSleepers()
        return answer
    }

    /// Returns when `condition` is true, at once if it is already. It is checked again after each `change` and `wakeAll`.
    @inlinable
    public func wait(until condition: (State) -> Bool) {
        wait(until: condition) { _ in }
    }

    /// Waits until `condition` is true, and calls `body` before any other thread can make it false again.
    @inlinable
    public func wait<Answer>(until condition: (State) -> Bool, then body: (inout State) -> Answer) -> Answer {
        lock.acquire()
        defer { lock.release() }
        while !condition(state.pointee) { lock.sleep() }
        return body(&state.pointee)
    }

    /// Lets all who wait check their conditions: for conditions on something other than the value.
    public func wakeAll() {
        lock.acquire()
        lock.wakeSleepers()
        lock.release()
    }
}

extension Monitor where State == Void {
    /// A monitor without a value, for conditions on something else, such as atomics. Whoever makes such a condition true
    /// calls `wakeAll` afterwards.
    public convenience init() {
        self.init(())
    }
}

/// The system's mutex and condition variable, which must not move in memory.
@usableFromInline
struct ConditionLock {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    @usableFromInline
    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    @usableFromInline
    func destroy() {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    @usableFromInline
    func acquire() { pthread_mutex_lock(mutex) }

    @usableFromInline
    func release() { pthread_mutex_unlock(mutex) }

    /// Gives the lock back until `wakeSleepers` is called, or for no reason; the caller checks its condition again.
    @usableFromInline
    func sleep() { pthread_cond_wait(condition, mutex) }

    @usableFromInline
    func wakeSleepers() { pthread_cond_broadcast(condition) }
}
