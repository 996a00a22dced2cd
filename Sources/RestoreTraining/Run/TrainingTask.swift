import RestoreConcurrency
import RestoreImage
import RestoreNN

/// What is trained: a graph with its objective, the data for its inputs, and the validation.
///
/// The trainer contains no task-specific code: tables, logs, reports and progress take their columns from `measures`.
public protocol TrainingTask: Sendable {
    var graph: TrainingGraph { get }
    /// The source of each input of the graph's network, in the network's order.
    var inputs: [TrainingInput] { get }
    /// Number of examples in an epoch.
    var exampleCount: Int { get }
    /// Number of examples held out for validation.
    var validationCount: Int { get }
    /// A digest of the training data; it differs if the data does.
    var dataDigest: String { get }
    /// The data sets and network facts shown in the report.
    var dataSets: [RunReport.DataSet] { get }
    var facts: [RunReport.Fact] { get }
    /// The results of a validation. The first is the score that determines the best model.
    var metrics: [Metric] { get }
    /// The amount of work in an example, in `workUnit`.
    var workPerExample: Double { get }
    /// The unit of work for the training speed: "megapixels", "pictures".
    var workUnit: String { get }

    /// Writes one example of the batch of `step` to all inputs that are filled with examples.
    ///
    /// Called on several threads at once, ahead of time. What it writes must depend only on `step` and `slot`.
    ///
    /// - Parameters:
    ///   - slot: the example's index in the batch.
    ///   - inputs: destinations of the values, one for each input whose source is `.example`, in order. They are not
    ///     cleared.
    /// - Returns: the source file of the example.
    func fill(step: Int, slot: Int, inputs: [UnsafeMutablePointer<Float>]) -> String

    /// Evaluates parameters on held-out data. Nil if there is none.
    ///
    /// - Parameter parameters: all parameters of the graph; `restricted(to: graph.model)` gives those of a model file.
    /// - Returns: one value for each of `metrics`.
    func validate(_ parameters: Parameters, pool: WorkerPool) throws -> [Double]?

    /// The same few held-out images each time: the network's input, its output and the target, side by side. Empty if
    /// nothing is held out.
    func samples(_ parameters: Parameters, pool: WorkerPool) throws -> [SamplePicture]

    /// The metadata of a model file with these parameters.
    ///
    /// - Parameter metrics: the results of the validation, if there was one.
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

/// How an input of a training graph is filled.
public struct TrainingInput: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        /// `TrainingTask.fill` fills each slot of a batch.
        case example
        /// Standard normal draws, such as the ε of the reparameterization z = μ + σ·ε (Kingma & Welling 2014, sec.
        /// 2.4): a function of the seed, the input's name, the step and the slot in the batch.
        case standardNormal
    }

    /// The shape of a single example, with a batch size of 1.
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

/// A sample image for the run's report.
public struct SamplePicture: Sendable {
    /// The file name without extension; unique among the samples.
    public let name: String
    public let image: Image

    public init(name: String, image: Image) {
        self.name = name
        self.image = image
    }
}
