import RestoreConcurrency
import Logging
import RestoreFiles
import RestoreNN

/// Every setting of a task's training run, as `config.yaml` holds it, and the task that they describe.
///
/// A task adds its own settings to those of every run (`TrainerSettings`); files, options and help follow from `table`.
public protocol TrainingConfiguration: Equatable, Sendable {
    associatedtype Training: TrainingTask

    /// The defaults.
    init()

    /// The word after `restore train`.
    static var task: String { get }
    /// Every setting in the order of the file.
    static var table: SettingsTable<Self> { get }
    /// Steps of a run that is told no other end.
    static var defaultSteps: Int { get }

    /// What is trained on.
    var data: [DataSource] { get set }
    var trainer: TrainerSettings { get set }

    /// The heading of the run's report.
    var title: String { get }

    /// With everything that follows from other settings, but for the end of the run.
    ///
    /// - Throws: `ConfigurationError` where the settings fit each alone but not together.
    func completed() throws(ConfigurationError) -> Self

    /// What is trained.
    ///
    /// - Throws: `ConfigurationError` where the settings fit each alone but not together.
    func graph() throws(ConfigurationError) -> TrainingGraph

    /// Reads the data.
    ///
    /// - Parameters:
    ///   - graph: that of these settings.
    ///   - notes: further metadata of the model files.
    func makeTask(
        _ graph: TrainingGraph, notes: [String: String], pool: WorkerPool, logger: Logger
    ) throws -> Training
}

extension TrainingConfiguration {
    /// Takes what a YAML file says; what it does not name stays.
    ///
    /// - Throws: `ConfigurationError` naming the file and the line.
    public mutating func read(yaml bytes: [UInt8], path: String) throws(ConfigurationError) {
        try Self.table.read(yaml: bytes, path: path, into: &self)
    }

    /// Takes an option of the command line: `key` is its name without dashes.
    public mutating func read(option key: String, _ text: String) throws(ConfigurationError) {
        try Self.table.read(option: key, text, into: &self)
    }

    /// The contents of `config.yaml`.
    public var yaml: String { Self.table.yaml(self) }

    /// Names of the settings in which this one differs from another.
    public func differences(from other: Self) -> [String] { Self.table.differences(self, other) }

    /// With everything that follows from other settings, the end of the run included.
    ///
    /// - Throws: as `completed`.
    public func resolved() throws(ConfigurationError) -> Self {
        var result = try completed()
        let hasEnd = trainer.steps != nil || trainer.epochs != nil || trainer.timeLimit != nil
        if !hasEnd { result.trainer.steps = Self.defaultSteps }
        return result
    }

    /// With paths from the root: a run may be resumed from another folder.
    public var withAbsolutePaths: Self {
        var result = self
        result.data = data.map { DataSource(path: absolutePath($0.path), weight: $0.weight) }
        result.trainer.initialModel = trainer.initialModel.map { absolutePath($0) }
        return result
    }

    /// A digest of all settings but for where the files lie: a checkpoint of others is of another run.
    public var digest: String {
        var settings = self
        settings.data = []
        settings.trainer.initialModel = nil
        return String(stableHash(settings.yaml), radix: 16)
    }
}

extension Setting {
    /// Data sources: paths, or lists of them with their weights.
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
