import ArgumentParser
import Glibc
import Logging
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN

/// How much is said on stderr.
struct VerbosityOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Only errors.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more: which model, threads and kernels are used.")
    var verbose = false

    var logger: Logger {
        var logger = Logger(label: "restore") { _ in ConsoleLogHandler(logLevel: .info) }
        logger.logLevel = quiet ? .error : (verbose ? .debug : .info)
        return logger
    }
}

struct ThreadOptions: ParsableArguments {
    @Option(
        name: [.customShort("j", allowingJoined: true), .long],
        help: "Threads; all processors unless given. The result is the same.")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("-j takes 1 to 1024 threads.") }
    }

    var pool: WorkerPool { WorkerPool(workerCount: threads ?? WorkerPool.availableProcessors) }
}

struct ModelOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Folder with models, searched first.", valueName: "folder"))
    var modelsDir: String?

    var catalogue: ModelCatalogue {
        ModelCatalogue.standard(modelsDirectory: modelsDir, executablePath: Self.executablePath) { name in
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
struct TilingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Width of a piece in pixels, or auto: as wide as the memory allows.", valueName: "auto|px"))
    var tile: TileSide = .auto

    @Option(help: ArgumentHelp("Memory to stay under, such as 800M or 2G.", valueName: "size"))
    var maxMemory = MemorySize(bytes: 1 << 30)

    /// - Parameters:
    ///   - pictureBytes: memory of the decoded picture.
    ///   - reserved: what writing it takes beside it, and what other pictures that are under way may take meanwhile.
    func tiling(pictureBytes: Int, reserved: Int = 0) -> Tiling {
        switch tile {
        case .side(let side):
            return .side(side)
        case .auto:
            let others = Self.memory(pictureBytes: pictureBytes, reserved: reserved)
            return .memory(max(16 << 20, maxMemory.bytes - others))
        }
    }

    /// Beside what the network works on there are the picture, the result, the encoded file in strips and in one
    /// piece, which together take about as much as a denoised picture, and the program itself with its weights.
    static func memory(pictureBytes: Int, reserved: Int) -> Int {
        3 * pictureBytes + BatchMemory.program + reserved
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

/// A number of bytes with an optional K, M or G (powers of 1024).
struct MemorySize: ExpressibleByArgument, Equatable {
    let bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
    }

    init?(argument: String) {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number > 0 else { return nil }
        let (bytes, overflowed) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflowed else { return nil }
        self.bytes = bytes
    }

    var defaultValueDescription: String { "\(bytes >> 20)M" }
}

/// A noise level in units of 1/255, or auto.
enum SigmaArgument: ExpressibleByArgument, Equatable {
    case auto
    case value(Double)

    init?(argument: String) {
        if argument == "auto" {
            self = .auto
        } else if let value = Double(argument), (0...75).contains(value) {
            self = .value(value)
        } else {
            return nil
        }
    }

    var defaultValueDescription: String { "auto" }

    var noiseLevel: Denoiser.NoiseLevel {
        switch self {
        case .auto: .automatic
        case .value(let sigma): .sigma(sigma)
        }
    }
}
