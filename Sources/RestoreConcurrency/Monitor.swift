import Glibc

/// A value shared between threads: only one thread at a time can access it, and each can wait until others have changed
/// it.
///
/// Consists of a mutex and a condition variable (C. A. R. Hoare, "Monitors: An Operating System Structuring Concept",
/// CACM 17(10), 1974, with broadcasts in place of signals: a thread that wakes up rechecks its condition).
///
/// The closures run with the lock held: they must be short and must not use the same monitor. If the value contains
/// references that are also used elsewhere, the objects behind them are protected only if all their users hold the
/// lock.
public final class Monitor<State>: @unchecked Sendable {
    @usableFromInline let lock = ConditionLock()
    /// Allocated separately, so that waiting does not count as access to this object.
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

    /// Reads or changes the value without waking anyone: for changes that no thread waits for.
    @inlinable @discardableResult
    public func withLock<Answer>(_ body: (inout State) -> Answer) -> Answer {
        lock.acquire()
        defer { lock.release() }
        return body(&state.pointee)
    }

    /// Changes the value, and wakes all waiting threads to recheck their conditions.
    @inlinable @discardableResult
    public func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
        lock.acquire()
        defer { lock.release() }
        let answer = body(&state.pointee)
        lock.wakeSleepers()
        return answer
    }

    /// Returns when `condition` is true, immediately if it already is. It is rechecked after each `change` and
    /// `wakeAll`.
    @inlinable
    public func wait(until condition: (State) -> Bool) {
        wait(until: condition) { _ in }
    }

    /// Waits until `condition` is true, and calls `body` before another thread can make it false again.
    @inlinable
    public func wait<Answer>(until condition: (State) -> Bool, then body: (inout State) -> Answer) -> Answer {
        lock.acquire()
        defer { lock.release() }
        while !condition(state.pointee) { lock.sleep() }
        return body(&state.pointee)
    }

    /// Wakes all waiting threads to recheck their conditions: for conditions that depend on something other than the
    /// value.
    public func wakeAll() {
        lock.acquire()
        lock.wakeSleepers()
        lock.release()
    }
}

extension Monitor where State == Void {
    /// A monitor without a value, for conditions on something else, such as atomics. Code that makes such a condition
    /// true calls `wakeAll` afterwards.
    public convenience init() {
        self.init(())
    }
}

/// The system's mutex and condition variable, which must not be moved in memory.
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

    /// Releases the lock until `wakeSleepers` is called, or spuriously returns; the caller rechecks its condition.
    @usableFromInline
    func sleep() { pthread_cond_wait(condition, mutex) }

    @usableFromInline
    func wakeSleepers() { pthread_cond_broadcast(condition) }
}
