import RestoreImage
import RestoreNN

extension ConcurrentRunner {
    /// Lends a pool's workers to what knows of no pool. Nothing else may run on the pool meanwhile.
    public init(_ pool: WorkerPool) {
        self.init { taskCount, body in pool.run(taskCount: taskCount) { task, _ in body(task) } }
    }
}
