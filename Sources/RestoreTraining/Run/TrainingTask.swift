import RestoreConcurrency
import RestoreImage
import RestoreNN

/// What is trained: a network, its batches, and how good it is.
public protocol TrainingTask: Sendable {
    var network: Network { get }
    /// Shapes of the network's inputs for one batch.
    var inputShapes: [Shape] { get }
    /// Examples that an epoch has.
    var exampleCount: Int { get }
    /// A digest of what the examples are made of; another one means other data.
    var dataDigest: String { get }

    /// Writes the inputs of one place of the batch of `step` and the target of the network's one output.
    ///
    /// Called on several threads at once, ahead of need; what it writes depends on `step` and `slot` alone.
    ///
    /// - Parameters:
    ///   - inputs: for each input of the network, the values of this place.
    ///   - target: the values of this place.
    /// - Returns: the file that the example was made of.
    func fill(
        step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>], target: UnsafeMutablePointer<Float>
    ) -> String

    /// Score of the parameters on pictures that are not trained on, in dB; higher is better. Nil where there are none.
    func validate(_ parameters: Parameters, pool: WorkerPool) throws -> Double?

    /// The same few held-out pictures every time: what the network got, what it made of it, and what was wanted, side by
    /// side. None where nothing is held out.
    func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture]

    /// What a model file of these parameters says about itself.
    func metadata(step: Int, score: Double?) -> [String: String]
}

/// A picture for the reader of a run.
public struct SamplePicture: Sendable {
    /// Names the file, without extension; another one for each picture.
    public let name: String
    public let image: Image

    public init(name: String, image: Image) {
        self.name = name
        self.image = image
    }
}
