import ArgumentParser

/// `restore`: the root of all commands.
public struct RestoreCommand: ParsableCommand {
    public static let version = "0.1.0"

    public static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Repairs photographs: removes noise, on this computer alone.",
        discussion: """
            Try it: restore denoise photo.jpg

            Exit codes: 0 all done; 1 some files failed, each named; 64 usage; 65 bad data; 66 no such input; \
            73 the output exists or cannot be made; 130 interrupted.
            """,
        version: version,
        subcommands: [
            DenoiseCommand.self, DegradeCommand.self, EvaluateCommand.self, TrainCommand.self, DataCommand.self,
            ModelsCommand.self,
        ])

    public init() {}
}
