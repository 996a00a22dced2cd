import RestoreConcurrency
import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Which model removes the noise, and how it is applied.
struct DenoiserOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Model: a name, a path, or auto to choose by the noise.", valueName: "auto|name|path"),
        completion: .models)
    var model: String?

    @Flag(help: "Average over eight orientations: slightly better, eight times the work.")
    var ensemble = false

    @OptionGroup var models: ModelOptions

    static let automatic = "auto"

    /// Whether eight orientations are averaged: the best that this installation can do.
    func usesEnsemble(_ effort: Effort?) -> Bool { ensemble || effort == .best }

    /// Refuses an effort that contradicts the flag.
    func validate(_ effort: Effort?) throws {
        guard !ensemble || effort != .fast else {
            throw ValidationError("--ensemble and --quality fast exclude each other.")
        }
    }

    /// The models, none of them loaded yet.
    ///
    /// - Throws: `FileError` for a `--models-dir` that is no folder.
    func selection(pool: WorkerPool, verbosity: VerbosityOptions) throws(FileError) -> DenoiserSelection {
        let logger = verbosity.logger
        return DenoiserSelection(catalog: try models.catalog(), pool: pool) { path in
            logger.debug("model \(path), \(pool.workerCount) threads, \(kernelDescription) kernels")
        }
    }
}

/// How much work goes into a result.
enum Effort: String, ExpressibleByArgument, CaseIterable {
    case fast
    /// The best that this installation can do.
    case best
}

/// A value of `--quality`: the effort, or the quality of JPEG output.
enum QualityArgument: ExpressibleByArgument, Equatable {
    case effort(Effort)
    case jpeg(Int)

    init?(argument: String) {
        if let effort = Effort(rawValue: argument) {
            self = .effort(effort)
        } else if let number = Int(argument), (1...100).contains(number) {
            self = .jpeg(number)
        } else {
            return nil
        }
    }
}

extension [QualityArgument] {
    /// The quality of JPEG output, if one is given.
    var jpeg: Int? {
        compactMap { if case .jpeg(let number) = $0 { number } else { nil } }.first
    }

    /// The effort, if one is given.
    var effort: Effort? {
        compactMap { if case .effort(let effort) = $0 { effort } else { nil } }.first
    }

    /// Refuses two of a kind.
    func validate() throws {
        let numbers = count { if case .jpeg = $0 { true } else { false } }
        guard numbers <= 1, count - numbers <= 1 else {
            throw ValidationError("--quality takes fast or best once, and a number once.")
        }
    }
}
