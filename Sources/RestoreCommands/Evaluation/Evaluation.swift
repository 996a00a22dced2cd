import RestoreTraining

/// What was measured of one picture.
struct Evaluation {
    let file: String
    /// A value for each of the evaluator's metrics; nil if it has none for this picture.
    let values: [Double?]
    let seconds: Double
    /// What else the task reports, in the order of the text.
    var facts: [Fact] = []
    /// The same metrics of simpler methods, for comparison: "noisy", "gray".
    var baselines: [Baseline] = []

    struct Baseline {
        let name: String
        let values: [Double?]
    }

    /// A value beside the metrics. Numbers are averaged in the summary if `isAveraged`.
    struct Fact {
        let key: String
        let value: RecordValue
        var isAveraged = false
    }
}

/// A task's measures: what is evaluated, and how.
protocol Evaluator {
    /// What is measured at a time.
    associatedtype Item

    /// First the one that stands for the result.
    var metrics: [Metric] { get }
    var items: [Item] { get }
    /// What the summary reports beside the means.
    var summary: [Evaluation.Fact] { get }

    /// Whether the text has a line for each item; records always are.
    var listsItems: Bool { get }
    /// Lines of text after the means.
    var remarks: [String] { get }

    /// How records refer to an item.
    func name(of item: Item) -> String
    func evaluate(_ item: Item) throws -> Evaluation
}

extension Evaluator {
    var listsItems: Bool { true }
    var remarks: [String] { [] }
}

/// A value of a record.
enum RecordValue: Encodable {
    case number(Double)
    case integer(Int)
    case seed(UInt64)
    case text(String)
    case flag(Bool)
    case numbers([Double])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .seed(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .flag(let value): try container.encode(value)
        case .numbers(let values): try container.encode(values)
        }
    }
}
