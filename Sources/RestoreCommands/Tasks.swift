import ArgumentParser
import RestoreModels

/// What the program can be trained to do. A task is one line here; commands, model files and measures follow from it.
enum Tasks {
    static let all: [any TaskDefinition.Type] = [
        DenoiseTask.self
    ]
}

/// A task's parts, as the commands that serve every task find them.
protocol TaskDefinition {
    associatedtype Architecture: ModelArchitecture

    /// `restore train NAME` and `restore evaluate NAME`.
    static var trainCommand: any ParsableCommand.Type { get }
    static var evaluateCommand: any ParsableCommand.Type { get }
}

enum DenoiseTask: TaskDefinition {
    typealias Architecture = DenoiserArchitecture

    static let trainCommand: any ParsableCommand.Type = TrainTaskCommand<TrainDenoiseOptions>.self
    static let evaluateCommand: any ParsableCommand.Type = EvaluateDenoiseCommand.self
}
