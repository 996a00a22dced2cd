import RestoreConcurrency
import Logging
import RestoreFiles
import RestoreNN

/// All settings of a task's training run, as stored in `config.yaml`, and the task they describe.
///
/// A task adds its own settings to those common to all runs (`TrainerSettings`); files, options and help are derived
/// from `table`.
public protocol TrainingConfiguration: Equatable, Sendable {
    associatedtype Training: TrainingTask

    /// A configuration with default settings.
    init()

    /// The word after `restore train`.
    static var task: String { get }
    /// All settings, in the order of the file.
    static var table: SettingsTable<Self> { get }
    /// Steps of a run with no other limit.
    static var defaultSteps: Int { get }

    /// The training data.
    var data: [DataSource] { get set }
    var trainer: TrainerSettings { get set }

    /// Settings of the task that are paths, beside the data and the initial model.
    static var pathSettings: [WritableKeyPath<Self, String?> & Sendable] { get }

    /// The heading of the run's report.
    var title: String { get }

    /// A copy with all settings filled in that depend on others, except the length of the run.
    ///
    /// - Throws: `ConfigurationError` if the settings are valid individually but not together.
    func completed() throws(ConfigurationError) -> Self

    /// Settings of the task that have no effect because of others, each with the reason: "with --noise photo".
    var ignoredSettings: [IgnoredSetting] { get }

    /// The network and objective to train.
    ///
    /// - Throws: `ConfigurationError` if the settings are valid individually but not together.
    func graph() throws(ConfigurationError) -> TrainingGraph

    /// Reads the data.
    ///
    /// - Parameters:
    ///   - graph: the graph for these settings.
    ///   - notes: additional metadata for the model files.
    func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> Training
}

/// A setting that has no effect because of another one.
public struct IgnoredSetting: Equatable, Sendable {
    public let key: String
    /// Completes "has no effect".
    public let reason: String

    public init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }
}

extension TrainingConfiguration {
    public var ignoredSettings: [IgnoredSetting] { [] }
    public static var pathSettings: [WritableKeyPath<Self, String?> & Sendable] { [] }

    /// Applies the settings of a YAML file; settings it does not contain keep their values.
    ///
    /// - Throws: `ConfigurationError` naming the file and the line.
    public mutating func read(yaml bytes: [UInt8], path: String) throws(ConfigurationError) {
        try Self.table.read(yaml: bytes, path: path, into: &self)
    }

    /// Applies a command-line option; `key` is its name without dashes.
    public mutating func read(option key: String, _ text: String) throws(ConfigurationError) {
        try Self.table.read(option: key, text, into: &self)
    }

    /// The contents of `config.yaml`.
    public var yaml: String { Self.table.yaml(self) }

    /// Names of the settings that differ from another configuration.
    public func differences(from other: Self) -> [String] { Self.table.differences(self, other) }

    /// A copy with all settings filled in that depend on others, including the length of the run.
    ///
    /// - Throws: as `completed`.
    public func resolved() throws(ConfigurationError) -> Self {
        var result = try completed()
        let hasEnd = trainer.steps != nil || trainer.epochs != nil || trainer.timeLimit != nil
        if !hasEnd { result.trainer.steps = Self.defaultSteps }
        return result
    }

    /// A copy with absolute paths, so that a run can be resumed from another folder.
    public var withAbsolutePaths: Self {
        var result = self
        result.data = data.map { DataSource(path: absolutePath($0.path), weight: $0.weight) }
        result.trainer.initialModel = trainer.initialModel.map { absolutePath($0) }
        for path in Self.pathSettings { result[keyPath: path] = result[keyPath: path].map { absolutePath($0) } }
        return result
    }

    /// A digest of all settings except file locations. A checkpoint with a different digest belongs to another run.
    public var digest: String {
        var settings = self
        settings.data = []
        settings.trainer.initialModel = nil
        for path in Self.pathSettings { settings[keyPath: path] = nil }
        return String(stableHash(settings.yaml), radix: 16)
    }
}

extension Setting {
    /// Data sources: paths, or a list of paths with weights.
    static func sources(_ key: String, _ path: WritableKeyPath<Root, [DataSource]> & Sendable) -> Setting {
        let expectation = Expectation(text: "a list of paths, each alone or as \"path:\" and \"weight:\"")
        return Setting(key, help: nil, valueName: "") { (value, root) throws(Expectation) in
            guard case .list(let items, _) = value else { throw expectation }
            var sources: [DataSource] = []
            for item in items {
                guard let source = DataSource(yaml: item) else { throw expectation }
                sources.append(source)
            }
            root[keyPath: path] = sources
        } write: { root in
            if root[keyPath: path].isEmpty { return "[]" }
            return root[keyPath: path].map { source in
                "\n  - path: \(YAMLValue.quoted(source.path))\n    weight: \(source.weight)"
            }.joined()
        }
    }
}

extension DataSource {
    init?(yaml value: YAMLValue) {
        switch value {
        case .scalar(let path, _):
            self.init(path: path)
        case .mapping(let pairs, _):
            var (path, weight): (String?, Double?) = (nil, 1)
            for pair in pairs {
                switch pair.key {
                case "path": path = pair.value.scalar
                case "weight": weight = pair.value.scalar.flatMap { Double($0) }
                default: return nil
                }
            }
            guard let path, let weight, weight > 0, weight.isFinite else { return nil }
            self.init(path: path, weight: weight)
        case .list:
            return nil
        }
    }
}
