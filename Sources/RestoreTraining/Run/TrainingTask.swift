import RestoreNN

/// What is trained: a network, its batches, and how good it is.
public protocol TrainingTask {
    var network: Network { get }
    /// Shapes of the network's inputs for one batch.
    var inputShapes: [Shape] { get }
    var loss: Loss { get }

    /// Writes the inputs of one place of the batch of `step` and the target of the network's one output.
    ///
    /// Called on several threads at once; what it writes depends on `step` and `slot` alone.
    ///
    /// - Parameters:
    ///   - inputs: for each input of the network, the values of this place.
    ///   - target: the values of this place.
    /// - Returns: the file that the example was made of.
    func fill(
        step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>], target: UnsafeMutablePointer<Float>
    ) -> String

    /// Score of the parameters on pictures that are not trained on; higher is better. Nil where there are none.
    func validate(_ parameters: Parameters, pool: WorkerPool) throws -> Double?

    /// What a model file of these parameters says about itself.
    func metadata(step: Int, score: Double?) -> [String: String]
}
