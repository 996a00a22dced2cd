import RestoreConcurrency
import ArgumentParser
import Glibc
import Logging
import RestoreFiles
import RestoreImage
import RestoreModels

/// How much is said on stderr.
package struct VerbosityOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Print errors only.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Print more: the model, threads and kernels used.")
    var verbose = false

    package init() {}

    package func validate() throws {
        guard !(quiet && verbose) else { throw ValidationError("--quiet and --verbose exclude each other.") }
    }

    var logger: Logger {
        var logger = Logger(label: "restore") { _ in ConsoleLogHandler(logLevel: .info) }
        logger.logLevel = quiet ? .error : (verbose ? .debug : .info)
        return logger
    }
}

package struct ThreadOptions: ParsableArguments {
    @Option(
        name: [.customShort("j", allowingJoined: true), .long], parsing: .unconditional,
        help: "Number of threads; all processors by default. Does not affect the result.")
    var threads: Int?

    package init() {}

    package func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("-j takes 1 to 1024 threads.") }
    }

    package var count: Int { threads ?? WorkerPool.availableProcessors }

    package var pool: WorkerPool { WorkerPool(workerCount: count) }
}

struct ModelOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Folder with models; searched first.", valueName: "folder"),
        completion: .directory)
    var modelsDir: String?

    /// Where models are looked for.
    ///
    /// - Throws: `FileError` for a folder that was named and is none: another model would be used without a word.
    func catalog() throws(FileError) -> ModelCatalog {
        if let modelsDir, pathKind(modelsDir) != .directory {
            throw pathKind(modelsDir) == .missing
                ? missingError(modelsDir) : .unreadable(path: modelsDir, reason: "it is not a folder")
        }
        return ModelCatalog.standard(modelsDirectory: modelsDir, executablePath: Self.executablePath) { name in
            getenv(name).map { pathFromSystem($0) }
        }
    }

    private static var executablePath: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return argumentsFromSystem().first ?? "restore" }
        return pathFromSystem(buffer[..<count].map { UInt8(bitPattern: $0) })
    }
}

extension ImageFormat: ExpressibleByArgument {
    public init?(argument: String) {
        guard let format = Self.allCases.first(where: { $0.fileExtensions.contains(argument.lowercased()) }) else {
            return nil
        }
        self = format
    }

    public static var allValueStrings: [String] { allCases.map { $0.fileExtensions[0] } }
}

/// How a wide picture is cut.
package struct TilingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Tile width in pixels, or auto: as wide as memory allows.", valueName: "auto|16…65536"))
    var tile: TileSide = .auto

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Memory limit, in units of 1024² or 1024³ bytes.", valueName: "800M|1.5G"))
    var maxMemory = MemorySize(bytes: 1 << 30)

    package init() {}

    /// - Parameter threads: of the pool.
    package func budget(threads: Int) -> MemoryBudget {
        MemoryBudget(limit: maxMemory.bytes, tile: tile, threads: threads)
    }
}

enum TileSide: ExpressibleByArgument, Equatable {
    case auto
    case side(Int)

    init?(argument: String) {
        if argument == "auto" {
            self = .auto
        } else if let side = Int(argument), (16...65536).contains(side) {
            self = .side(side)
        } else {
            return nil
        }
    }

    var defaultValueDescription: String { "auto" }
}

/// A number of bytes, or of K, M or G (powers of 1024, also written KB or KiB and so on) with decimals.
struct MemorySize: ExpressibleByArgument, Equatable {
    let bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
    }

    init?(argument: String) {
        var number = argument.uppercased()[...]
        for ending in ["IB", "B"] where number.hasSuffix(ending) {
            number = number.dropLast(ending.count)
            // Of bytes alone there is no other name.
            guard let unit = number.last, "KMG".contains(unit) else { return nil }
            break
        }
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = number.last.flatMap { units[$0] }
        if unit != nil { number = number.dropLast() }
        // No exponents, signs or names of numbers, which Double takes, too.
        guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), unit != nil || !number.contains("."),
            let value = Double(number).map({ $0 * Double(unit ?? 1) }), value >= 1, value < 0x1p62
        else { return nil }
        bytes = Int(value)
    }

    var defaultValueDescription: String { "\(bytes >> 20)M" }
}

extension NoiseSetting: ExpressibleByArgument {
    public init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let value = Double(argument), Self.range.contains(value) {
            self = .sigma(value)
        } else {
            return nil
        }
    }

    public var defaultValueDescription: String { "auto" }
}
