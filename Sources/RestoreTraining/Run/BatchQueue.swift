import RestoreConcurrency
import RestoreNN

/// Prepares upcoming batches on its own threads while the network processes the current one.
///
/// Threads fill batch slots in order, step by step, a few batches ahead. The contents of a slot depend only on its step
/// and index, so neither the number of threads nor their speed affects training.
final class BatchQueue<Training: TrainingTask>: @unchecked Sendable {
    /// A batch in memory.
    final class Batch: @unchecked Sendable {
        fileprivate(set) var step = -1
        fileprivate var missing = 0
        /// One per input of the network.
        let inputs: [UnsafeMutableBufferPointer<Float>]
        /// The source file of each example.
        fileprivate(set) var files: [String]

        fileprivate init(inputCounts: [Int], examples: Int) {
            inputs = inputCounts.map { .allocate(capacity: $0) }
            for buffer in inputs { buffer.initialize(repeating: 0) }
            files = [String](repeating: "", count: examples)
        }

        deinit {
            for buffer in inputs { buffer.deallocate() }
        }
    }

    /// Number of batches in memory: the one in use and those ahead.
    private static var depth: Int { 4 }

    private let task: Training
    private let examples: Int
    private let seed: UInt64
    /// The inputs filled by the task, and those filled with random draws, each with its name.
    private let filled: [Int]
    private let drawn: [(input: Int, name: UInt64)]
    /// Number of values per example.
    private let inputSizes: [Int]
    private let batches: [Batch]
    /// The state shared by the threads, which also protects the steps, counts and file names of `batches`.
    private let progress: Monitor<QueueProgress>
    private var threads = ThreadGroup(name: "restore-batches")

    /// - Parameters:
    ///   - examples: number of examples per batch.
    ///   - seed: for the random draws.
    ///   - firstStep: the first step to prepare, which is not 0 if the run is resumed.
    ///   - threadCount: 0 to prepare each batch when it is requested.
    init(_ task: Training, examples: Int, seed: UInt64, firstStep: Int, threadCount: Int) {
        self.task = task
        self.examples = examples
        self.seed = seed
        let inputs = task.inputs
        let network = task.graph.network
        filled = inputs.indices.filter { inputs[$0].source == .example }
        drawn = inputs.indices.filter { inputs[$0].source == .standardNormal }
            .map { ($0, stableHash(network.nodes[network.inputs[$0].index].name)) }
        let sizes = inputs.map(\.shape.count)
        inputSizes = sizes
        let count = threadCount == 0 ? 1 : Self.depth
        batches = (0..<count).map { _ in Batch(inputCounts: sizes.map { $0 * examples }, examples: examples) }
        progress = Monitor(QueueProgress(nextStep: firstStep, stepInUse: firstStep))
        // If the system refuses to start any thread, the caller does the work.
        threads.start(threadCount) { [self] _ in prepare() }
    }

    /// Stops the threads. Must be called before the queue is released, because each thread retains it.
    func stop() {
        progress.change { $0.isStopping = true }
        threads.join()
    }

    /// The batch of `step`, valid until the next call.
    ///
    /// - Precondition: steps are requested in order.
    func batch(step: Int) -> Batch {
        let batch = batches[step % batches.count]
        guard threads.count > 0 else {
            for slot in 0..<examples { batch.files[slot] = fill(batch, step: step, slot: slot) }
            return batch
        }
        progress.change { $0.stepInUse = step }
        progress.wait { _ in batch.step == step && batch.missing == 0 }
        return batch
    }

    /// The body of each thread.
    private func prepare() {
        while let (batch, step, slot) = nextPlace() {
            let file = fill(batch, step: step, slot: slot)
            let isComplete = progress.withLock { _ in
                batch.files[slot] = file
                batch.missing -= 1
                return batch.missing == 0
            }
            if isComplete { progress.wakeAll() }
        }
    }

    /// Waits until a slot is free, and claims it; nil once the queue has stopped.
    private func nextPlace() -> (Batch, step: Int, slot: Int)? {
        progress.wait {
            $0.isStopping || $0.nextStep < $0.stepInUse + batches.count
        } then: { progress in
            guard !progress.isStopping else { return nil }
            let (step, slot) = (progress.nextStep, progress.nextSlot)
            let batch = batches[step % batches.count]
            if slot == 0 {
                batch.step = step
                batch.missing = examples
            }
            progress.nextSlot += 1
            if progress.nextSlot == examples { (progress.nextStep, progress.nextSlot) = (step + 1, 0) }
            return (batch, step, slot)
        }
    }

    /// Fills the slot with an example and random draws, and returns the example's file.
    private func fill(_ batch: Batch, step: Int, slot: Int) -> String {
        func place(_ input: Int) -> UnsafeMutablePointer<Float>? {
            batch.inputs[input].baseAddress.map { $0 + slot * inputSizes[input] }
        }
        for (input, name) in drawn {
            guard let values = place(input) else { continue }
            var generator = SeededGenerator(seed: seed, path: name, UInt64(step), UInt64(slot))
            for index in 0..<inputSizes[input] { values[index] = Float(generator.normal()) }
        }
        return task.fill(step: step, slot: slot, inputs: filled.compactMap(place))
    }
}

/// The progress of a queue's threads.
private struct QueueProgress {
    /// The next slot to fill.
    var nextStep: Int
    var nextSlot = 0
    /// The step whose batch is in use. The ring slots for it and for earlier steps may not be filled yet.
    var stepInUse: Int
    var isStopping = false
}
