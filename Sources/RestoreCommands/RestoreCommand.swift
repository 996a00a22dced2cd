import ArgumentParser
import Glibc
import RestoreFiles
import RestoreImage

/// `restore`: the root command.
public struct RestoreCommand: ParsableCommand {
    public static let version = "0.1.0"

    public static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: """
            Restores photographs: removes noise, adds color and fills in what is missing, entirely on this computer.
            """,
        discussion: """
            Try it: restore denoise photo.jpg

            Exit codes: 0 success; 1 some files failed; 64 usage error; 65 invalid data; 66 input not found; \
            73 output exists or cannot be created; 130 interrupted.
            """,
        version: version,
        subcommands: [
            DenoiseCommand.self, ColorizeCommand.self, InpaintCommand.self, DegradeCommand.self, EvaluateCommand.self,
            TrainCommand.self, LatentCommand.self, DataCommand.self, ModelsCommand.self, ServeCommand.self,
            ServePreviewCommand.self,
        ])

    public init() {}

    /// What to type instead of a picture, or a folder, in the place of the command; nil for anything else.
    ///
    /// - Parameter word: the first argument.
    static func commandHint(_ word: String?) -> String? {
        guard let word, !word.hasPrefix("-") || pathKind(word) != .missing else { return nil }
        let commands = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        guard !commands.contains(word), pathKind(word) != .missing || ImageFormat.forPath(word) != nil else {
            return nil
        }
        return "\(word): expected a command before the picture; to remove noise: restore denoise \(word)"
    }

    /// Runs the command given by the program's arguments, and exits with its exit code.
    public static func start() -> Never {
        // Exceeding the file-size limit is an error to report, not a signal that leaves partial files behind.
        signal(SIGXFSZ, SIG_IGN)
        reserveClosedStandardStreams()
        var code = ExitCode.success
        do {
            // Swift reads them from /proc. If that fails, there is not even a program name, which would be mistaken for
            // a request for help.
            let arguments = argumentsFromSystem()
            guard !arguments.isEmpty else {
                Console.message("restore: the arguments cannot be read; is /proc mounted?")
                throw ExitCode.noInput
            }
            if let hint = commandHint(arguments.dropFirst().first) {
                Console.message("restore: \(hint)")
                throw ExitCode.usage
            }
            // ArgumentParser's own list has invalid UTF-8 repaired, so file names that are not UTF-8 would not be
            // found.
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
