import Glibc
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
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var threads: [pthread_t] = []
    /// The next place to be filled.
    private var (nextStep, nextSlot) = (0, 0)
    /// The step whose batch is in use; its place in the ring and those before it may not be filled yet.
    private var stepInUse: Int
    private var isStopping = false

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
        nextStep = firstStep
        stepInUse = firstStep
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        for _ in 0..<threadCount { startThread() }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    /// Ends the threads; to be called before the queue is let go of, for each thread holds it.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopping = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    /// The batch of `step`, valid until the next call.
    ///
    /// - Precondition: steps are asked for one after the other.
    func batch(step: Int) -> Batch {
        let batch = batches[step % batches.count]
        guard !threads.isEmpty else {
            for slot in 0..<examples { fill(batch, step: step, slot: slot) }
            return batch
        }
        pthread_mutex_lock(mutex)
        stepInUse = step
        pthread_cond_broadcast(changed)
        while batch.step != step || batch.missing > 0 { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
        return batch
    }

    private func fill(_ batch: Batch, step: Int, slot: Int) {
        func place(_ input: Int) -> UnsafeMutablePointer<Float>? {
            batch.inputs[input].baseAddress.map { $0 + slot * inputSizes[input] }
        }
        for (input, name) in drawn {
            guard let values = place(input) else { continue }
            var generator = SeededGenerator(seed: seed, path: name, UInt64(step), UInt64(slot))
            for index in 0..<inputSizes[input] { values[index] = Float(generator.normal()) }
        }
        let file = task.fill(step: step, slot: slot, inputs: filled.compactMap(place))
        // Several threads fill one batch; the array of names is theirs together.
        pthread_mutex_lock(mutex)
        batch.files[slot] = file
        pthread_mutex_unlock(mutex)
    }

    private func startThread() {
        var thread = pthread_t()
        let queue = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                (Unmanaged<AnyObject>.fromOpaque(argument).takeRetainedValue() as? any BatchPreparer)?.prepare()
                return nil
            }, queue.toOpaque())
        // Without threads the caller does the work.
        if status == 0 { threads.append(thread) } else { queue.release() }
    }
}

/// What a thread runs; a C function knows no generic type.
private protocol BatchPreparer: AnyObject {
    func prepare()
}

extension BatchQueue: BatchPreparer {
    func prepare() {
        pthread_mutex_lock(mutex)
        while true {
            while !isStopping && nextStep >= stepInUse + batches.count { pthread_cond_wait(changed, mutex) }
            if isStopping { break }
            let (step, slot) = (nextStep, nextSlot)
            let batch = batches[step % batches.count]
            if slot == 0 {
                batch.step = step
                batch.missing = examples
            }
            nextSlot += 1
            if nextSlot == examples { (nextStep, nextSlot) = (step + 1, 0) }
            pthread_mutex_unlock(mutex)
            fill(batch, step: step, slot: slot)
            pthread_mutex_lock(mutex)
            batch.missing -= 1
            if batch.missing == 0 { pthread_cond_broadcast(changed) }
        }
        pthread_mutex_unlock(mutex)
    }
}
