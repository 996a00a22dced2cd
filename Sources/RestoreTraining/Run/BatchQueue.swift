import RestoreConcurrency
import RestoreNN

/// Prepares the batches of coming steps on threads of its own while the network works on the present one.
///
/// Threads take the places of batches in order, step by step, a few batches ahead. What stands at a place depends on its
/// step and place alone, so neither the number of threads nor their pace changes what is trained.
final class BatchQueue<Training: TrainingTask>: @unchecked Sendable {
    /// A batch in memory.
    final class Batch: @unchecked Sendable {
        fileprivate(set) var step = -1
        fileprivate var missing = 0
        /// For each input of the network.
        let inputs: [UnsafeMutableBufferPointer<Float>]
        /// The file of each example.
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

    /// Batches in memory: the one in use and those ahead.
    private static var depth: Int { 4 }

    private let task: Training
    private let examples: Int
    private let seed: UInt64
    /// The inputs that the task fills, and those of random draws, each with its name.
    private let filled: [Int]
    private let drawn: [(input: Int, name: UInt64)]
    /// Values of one example.
    private let inputSizes: [Int]
    private let batches: [Batch]
    /// What the threads share, the steps, counts and file names of `batches` included.
    private let progress: Monitor<QueueProgress>
    private var threads = ThreadGroup(name: "restore-batches")

    /// - Parameters:
    ///   - examples: of a batch.
    ///   - seed: of random draws.
    ///   - firstStep: of the run, or of what is left of it.
    ///   - threadCount: 0 to prepare each batch when it is asked for.
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
        // Where the system refuses all threads, the caller does the work.
        threads.start(threadCount) { [self] _ in prepare() }
    }

    /// Ends the threads; to be called before the queue is let go of, for each thread holds it.
    func stop() {
        progress.change { $0.isStopping = true }
        threads.join()
    }

    /// The batch of `step`, valid until the next call.
    ///
    /// - Precondition: steps are asked for one after the other.
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

    /// What each thread does.
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

    /// Waits until a place is free, and takes it; nil where the queue stops.
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

    /// Fills the place with an example and random draws, and returns the example's file.
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

/// How far the threads of a queue are.
private struct QueueProgress {
    /// The next place to be filled.
    var nextStep: Int
    var nextSlot = 0
    /// The step whose batch is in use; its place in the ring and those before it may not be filled yet.
    var stepInUse: Int
    var isStopping = false
}
