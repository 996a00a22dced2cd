import RestoreConcurrency
import RestoreImage
import RestoreNN

/// What is trained: a graph with its objective, what its inputs are filled with, and how good the result is.
///
/// A task adds no code to the trainer: tables, logs, reports and progress take their columns from `measures`.
public protocol TrainingTask: Sendable {
    var graph: TrainingGraph { get }
    /// What each input of the graph's network is filled with, in the network's order.
    var inputs: [TrainingInput] { get }
    /// Examples that an epoch has.
    var exampleCount: Int { get }
    /// Examples that are held out for validation.
    var validationCount: Int { get }
    /// A digest of what the examples are made of; another one means other data.
    var dataDigest: String { get }
    /// What the report says of the data and of the network.
    var dataSets: [RunReport.DataSet] { get }
    var facts: [RunReport.Fact] { get }
    /// What a validation measures, first the score that decides which model is the best.
    var metrics: [Metric] { get }
    /// How much of `workUnit` an example is.
    var workPerExample: Double { get }
    /// What the pace is counted in: "megapixels", "pictures".
    var workUnit: String { get }

    /// Writes one example of the batch of `step`, in all inputs that are filled with examples.
    ///
    /// Called on several threads at once, ahead of need; what it writes depends on `step` and `slot` alone.
    ///
    /// - Parameters:
    ///   - slot: the example's place in the batch.
    ///   - inputs: for each input whose source is `.example`, in order, where its values go. They are not cleared.
    /// - Returns: the file that the example was made of.
    func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String

    /// Measures parameters on data that is not trained on. Nil where nothing is held out.
    ///
    /// - Parameter parameters: all of the graph's; `restricted(to: graph.model)` are those of a model file.
    /// - Returns: a value for each of `metrics`.
    func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]?

    /// The same few held-out pictures every time: what the network got, what it made of it, and what was wanted, side by
    /// side. None where nothing is held out.
    func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture]

    /// The metadata of a model file of these parameters.
    ///
    /// - Parameter metrics: those of the validation, if there was one.
    func metadata(step: Int, metrics: [Double]?) -> [String: String]
}

extension TrainingTask {
    public var validationCount: Int { 0 }
    public var dataSets: [RunReport.DataSet] { [] }
    public var facts: [RunReport.Fact] { [] }

    public var measures: RunMeasures {
        RunMeasures(terms: graph.objective.terms.map(\.name), metrics: metrics, workUnit: workUnit)
    }
}

/// What an input of a training graph is filled with.
public struct TrainingInput: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        /// Each place of a batch by `TrainingTask.fill`.
        case example
        /// Standard normal draws, such as the ε of the reparameterization z = μ + σ·ε (Kingma & Welling 2014, sec. 2.4):
        /// a function of the seed, the input's name, the step and the place in the batch.
        case standardNormal
    }

    /// The values of one example: the batch is 1.
    public let shape: Shape
    public let source: Source

    public init(height: Int = 1, width: Int = 1, channels: Int, source: Source = .example) {
        shape = Shape(batch: 1, height: height, width: width, channels: channels)
        self.source = source
    }

    /// The shape for a whole batch.
    func shape(batch: Int) -> Shape {
        var result = shape
        result.batch = batch
        return result
    }
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
