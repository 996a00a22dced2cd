import RestoreConcurrency
import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// Which model removes the noise.
struct DenoiserOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Model: a name, a path, or auto, which goes by the noise.", valueName: "auto|name|path"))
    var model: String?

    @OptionGroup var models: ModelOptions

    static let automatic = "auto"

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

extension Denoiser.Quality: ExpressibleByArgument {}

/// What `--quality` takes: how much work the denoiser does, or the quality of JPEG output.
enum QualityArgument: ExpressibleByArgument, Equatable {
    case denoising(Denoiser.Quality)
    case jpeg(Int)

    init?(argument: String) {
        if let quality = Denoiser.Quality(rawValue: argument) {
            self = .denoising(quality)
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

    var denoising: Denoiser.Quality {
        compactMap { if case .denoising(let quality) = $0 { quality } else { nil } }.first ?? .fast
    }

    /// Refuses two of a kind.
    func validate() throws {
        let numbers = count { if case .jpeg = $0 { true } else { false } }
        guard numbers <= 1, count - numbers <= 1 else {
            throw ValidationError("--quality takes fast or best once, and a number once.")
        }
    }
}
