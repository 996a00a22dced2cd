import RestoreConcurrency

/// Averaged parameters: a ← decay · a + (1 − decay) · p after every update (Polyak & Juditsky 1992). The average scores
/// better than the last parameters and is the model that is saved.
///
/// The decay of update t is min(`decay`, (1 + t) / (10 + t)), so that the random initialization is quickly forgotten.
public struct ExponentialMovingAverage: Sendable {
    public let decay: Float
    public private(set) var values: [Float]
    /// Number of updates so far.
    public private(set) var step: Int

    /// - Parameter step: number of updates so far, when resuming.
    public init(decay: Float, values: [Float], step: Int = 0) {
        self.decay = decay
        self.values = values
        self.step = step
    }

    /// - Precondition: the number of parameters has not changed.
    public mutating func update(_ parameters: [Float], pool: WorkerPool) {
        precondition(parameters.count == values.count)
        step += 1
        let weight = 1 - min(decay, Float(1 + step) / Float(10 + step))
        parameters.withUnsafeBufferPointer { parameters in
            values.withUnsafeMutableBufferPointer { values in
                guard let p = parameters.baseAddress, let a = values.baseAddress else { return }
                pool.runPieces(count: parameters.count) { start, count in
                    for i in start..<(start + count) { a[i] += weight * (p[i] - a[i]) }
                }
            }
        }
    }
}
