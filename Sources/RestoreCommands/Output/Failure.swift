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

/// The exit code that says what kind of failure an error is.
func exitCode(for error: any Error) -> ExitCode {
    switch error {
    case let code as ExitCode: code
    case let error as FileError: exitCode(for: error)
    case ImageError.file(let error): exitCode(for: error)
    case ImageError.cannotEncode: .cannotCreate
    case ImageError.unknownExtension: .usage
    case ModelError.weights(.file(let error)), WeightsError.file(let error): exitCode(for: error)
    case ModelError.notFound: .noInput
    case TrainingError.file(let error): exitCode(for: error)
    case let error as ConfigurationError: error.path == nil ? .usage : .badData
    case TrainingError.noEnd: .usage
    case is UsageError: .usage
    case is ExistingOutputs, is AmbiguousPair: .cannotCreate
    case let error as UnwrittenComparison: exitCode(for: error.cause)
    case is Interrupted: .interrupted
    default: .badData
    }
}

private func exitCode(for error: FileError) -> ExitCode {
    switch error {
    case .notFound, .isDirectory, .notARegularFile, .unreadable: .noInput
    case .tooLarge: .badData
    case .alreadyExists, .cannotWrite: .cannotCreate
    }
}

/// Options that fit each alone but not together, found when the work is laid out.
struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// A comparison that could not be written, of a picture whose outputs are.
struct UnwrittenComparison: Error, CustomStringConvertible {
    let cause: any Error
    let outputs: [String]

    var description: String {
        let verb = outputs.count == 1 ? "itself is" : "are"
        return "\(explanation(of: cause)); \(outputs.joined(separator: ", ")) \(verb) written"
    }
}

/// Runs a command's work; an error becomes one line on stderr and its exit code.
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

/// The error, and what the user can do about it where that is an option of the command.
func explanation(of error: any Error) -> String {
    switch error {
    case FileError.alreadyExists, ImageError.file(.alreadyExists), TrainingError.file(.alreadyExists):
        "\(error); --overwrite replaces it"
    default:
        "\(error)"
    }
}
