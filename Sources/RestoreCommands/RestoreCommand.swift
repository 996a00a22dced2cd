import ArgumentParser
import Glibc
import RestoreFiles

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

    /// The program: runs what its arguments ask for, and ends with the exit code.
    public static func start() -> Never {
        // A file that grows beyond what the system allows is an error to report, not a signal that leaves pieces behind.
        signal(SIGXFSZ, SIG_IGN)
        reserveClosedStandardStreams()
        var code = ExitCode.success
        do {
            // Swift reads them in /proc. Where it cannot, there is not even a name, which would pass for a call for help.
            let arguments = argumentsFromSystem()
            guard !arguments.isEmpty else {
                Console.message("restore: the arguments cannot be read; is /proc there?")
                throw ExitCode.noInput
            }
            // ArgumentParser would take them as repaired text, which does not lead to files whose names are not UTF-8.
            var command = try parseAsRoot(Array(arguments.dropFirst()))
            try command.run()
        } catch {
            code = Self.exitCode(for: error)
            let message = fullMessage(for: error)
            if !message.isEmpty {
                do {
                    try Console.text(message + "\n", isOutput: code.isSuccess)
                } catch {
                    Console.message("restore: \(error)")
                    code = .cannotCreate
                }
            }
        }
        Glibc.exit(code.rawValue)
    }
}
