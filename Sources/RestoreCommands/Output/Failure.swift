import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

extension ExitCode {
    static let someFailed = ExitCode(1)
    static let usage = ExitCode(64)
    static let badData = ExitCode(65)
    static let noInput = ExitCode(66)
    static let cannotCreate = ExitCode(73)
    static let interrupted = ExitCode(130)
}

/// The exit code for the category of an error.
func exitCode(for error: any Error) -> ExitCode {
    switch error {
    case let code as ExitCode: code
    case let error as FileError: exitCode(for: error)
    case ImageError.file(let error): exitCode(for: error)
    case ImageError.cannotEncode: .cannotCreate
    case ImageError.unknownExtension: .usage
    case ModelError.weights(.file(let error)), WeightsError.file(let error): exitCode(for: error)
    case ModelError.notFound: .noInput
    case NetworkError.library: .noInput
    case TrainingError.file(let error): exitCode(for: error)
    case let error as ConfigurationError: error.path == nil ? .usage : .badData
    case TrainingError.noEnd: .usage
    case is UsageError: .usage
    case is ExistingOutputs, is AmbiguousPair: .cannotCreate
    case let error as UnwrittenComparison: exitCode(for: error.cause)
    case let error as PartlyReadable: exitCode(for: error.cause)
    case is Interrupted: .interrupted
    default: .badData
    }
}

private func exitCode(for error: FileError) -> ExitCode {
    switch error {
    case .notFound, .isDirectory, .notARegularFile, .unreadable: .noInput
    case .tooLarge: .badData
    case .alreadyExists, .cannotWrite, .noSpace, .folderGone: .cannotCreate
    }
}

/// Options that are valid individually but not together, detected during planning.
struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// A damaged picture that is rejected, and would not be with `--tolerant`.
struct PartlyReadable: Error, CustomStringConvertible {
    let cause: ImageError

    var description: String { "\(cause); --tolerant reads what is there" }
}

/// A comparison image could not be written, although the outputs were.
struct UnwrittenComparison: Error, CustomStringConvertible {
    let cause: any Error
    let outputs: [String]

    var description: String {
        let verb = outputs.count == 1 ? "itself was" : "were"
        return "\(explanation(of: cause)); \(outputs.joined(separator: ", ")) \(verb) written"
    }
}

/// Runs a command's work. Errors are reported as one line on stderr and an exit code.
package func reportingFailure(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let code as ExitCode {
        throw code
    } catch is Interrupted {
        Console.message("restore: interrupted; nothing was written")
        throw ExitCode.interrupted
    } catch {
        Console.message("restore: \(explanation(of: error))")
        throw exitCode(for: error)
    }
}

/// The error message, with advice if an option of the command can help.
func explanation(of error: any Error) -> String {
    switch error {
    case FileError.alreadyExists, ImageError.file(.alreadyExists), TrainingError.file(.alreadyExists):
        "\(error); use --overwrite to replace it"
    default:
        "\(error)"
    }
}
