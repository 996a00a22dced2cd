import ArgumentParser
import RestoreModels

/// What the program can be trained to do. A task is one line here; commands, model files and measures follow from it.
enum Tasks {
    static let all: [any TaskDefinition.Type] = [
        DenoiseTask.self,
        ColorizeTask.self,
        InpaintTask.self,
        AutoencoderTask.self,
    ]

    /// The architecture of models for a task; nil for one that this program does not know.
    static func architecture(of task: String) -> (any ModelArchitecture.Type)? {
        all.lazy.map { $0.architecture }.first { $0.task == task }
    }
}

/// A task's parts, as the commands that serve every task find them.
protocol TaskDefinition {
    static var architecture: any ModelArchitecture.Type { get }
    /// `restore train NAME` and `restore evaluate NAME`.
    static var trainCommand: any ParsableCommand.Type { get }
    static var evaluateCommand: any ParsableCommand.Type { get }
}

enum DenoiseTask: TaskDefinition {
    static let architecture: any ModelArchitecture.Type = DenoiserArchitecture.self
    static let trainCommand: any ParsableCommand.Type = TrainTaskCommand<TrainDenoiseOptions>.self
    static let evaluateCommand: any ParsableCommand.Type = EvaluateDenoiseCommand.self
}

enum ColorizeTask: TaskDefinition {
    static let architecture: any ModelArchitecture.Type = ColorizerArchitecture.self
    static let trainCommand: any ParsableCommand.Type = TrainTaskCommand<TrainColorizeOptions>.self
    static let evaluateCommand: any ParsableCommand.Type = EvaluateColorizeCommand.self
}

enum InpaintTask: TaskDefinition {
    static let architecture: any ModelArchitecture.Type = InpainterArchitecture.self
    static let trainCommand: any ParsableCommand.Type = TrainTaskCommand<TrainInpaintOptions>.self
    static let evaluateCommand: any ParsableCommand.Type = EvaluateInpaintCommand.self
}

enum AutoencoderTask: TaskDefinition {
    static let architecture: any ModelArchitecture.Type = AutoencoderArchitecture.self
    static let trainCommand: any ParsableCommand.Type = TrainTaskCommand<TrainAutoencoderOptions>.self
    static let evaluateCommand: any ParsableCommand.Type = EvaluateAutoencoderCommand.self
}
