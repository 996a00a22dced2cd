import ArgumentParser
import RestoreConcurrency
import RestoreFiles
import RestoreModels
import RestoreNN

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Lists, shows, verifies and converts models.",
        subcommands: [
            ModelsListCommand.self, ModelsInfoCommand.self, ModelsVerifyCommand.self, ModelsConvertCommand.self,
        ])
}

struct ModelsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the models.")

    @Flag(help: "Write one JSON record per model to stdout.")
    var json = false

    @OptionGroup var models: ModelOptions

    func run() throws {
        try reportingFailure {
            let catalog = try models.catalog()
            let entries = catalog.list()
            var failures = 0
            for entry in entries {
                let task: String
                do {
                    task = try ModelMetadata(SafetensorsFile(path: entry.path)).task
                } catch {
                    Console.message("restore: \(explanation(of: error))")
                    failures += 1
                    continue
                }
                // If the list itself cannot be written, stop: no other model could be listed either.
                if json {
                    try Console.data(jsonLine(ModelRecord(name: entry.name, path: entry.path, task: task)))
                } else {
                    try Console.data("\(entry.name)\t\(task)\t\(entry.path)")
                }
            }
            if entries.isEmpty {
                Console.message("restore: no models in \(catalog.folders.joined(separator: ", "))")
            }
            if failures > 0 { throw ExitCode.someFailed }
        }
    }
}

private struct ModelRecord: Encodable {
    let name: String
    let path: String
    let task: String
}

struct ModelsInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Shows a model's architecture, training data and its license, scores, limits and failures.")

    @Argument(help: ArgumentHelp("Model name or path.", valueName: "name|path"), completion: .models)
    var model: String

    @Flag(help: "One JSON record on stdout.")
    var json = false

    @OptionGroup var models: ModelOptions

    func run() throws {
        try reportingFailure {
            let entry = try models.catalog().find(model)
            let file = try SafetensorsFile(path: entry.path)
            let metadata = try ModelMetadata(file)
            var facts = metadata.notes
            facts["task"] = metadata.task
            facts["architecture"] = metadata.architecture
            for (key, value) in try ModelFacts(ofModelAt: entry.path)?.texts ?? [:] { facts[key] = value }
            facts["path"] = entry.path
            facts["parameters"] = "\(file.valueCount)"
            facts["element_type"] = elementTypes(of: file)
            facts["file_bytes"] = "\(file.byteCount)"
            if json {
                try Console.data(jsonLine(facts))
            } else {
                for (key, value) in facts.sorted(by: { $0.key < $1.key }) { try Console.data("\(key): \(value)") }
            }
        }
    }
}

/// The names of a file's element types; unknown types are shown as in the file.
private func elementTypes(of file: SafetensorsFile) -> String {
    file.elementTypes.map { SafetensorsFile.ElementType(rawValue: $0)?.name ?? $0 }.joined(separator: ", ")
}

struct ModelsVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks models: checksum, tensors and their shapes, finite values, and a known output.",
        discussion: """
            Without names, all installed models are checked. A model that comes with the program also processes a small \
            picture, and the result must be the one it is known to have.
            """)

    @Argument(help: ArgumentHelp("Names or paths.", valueName: "name|path"), completion: .models)
    var names: [String] = []

    @Flag(help: "One JSON record a model on stdout.")
    var json = false

    /// For `facts.json`.
    @Flag(help: .hidden)
    var showOutput = false

    @OptionGroup var models: ModelOptions
    @OptionGroup var threads: ThreadOptions

    func run() throws {
        try reportingFailure {
            let catalog = try models.catalog()
            let pool = threads.pool
            let targets = names.isEmpty ? catalog.list().map(\.name) : names
            guard !targets.isEmpty else {
                throw ModelError.notFound(name: "models", searched: catalog.folders)
            }
            var failures: [any Error] = []
            for name in targets {
                do {
                    try report(try verify(try catalog.find(name), pool: pool))
                } catch let error as ModelError {
                    failures.append(error)
                    Console.message("restore: \(explanation(of: error))")
                }
            }
            // Of a single model the exit code says what is wrong.
            guard let failure = failures.first else { return }
            throw targets.count == 1 ? RestoreCommands.exitCode(for: failure) : ExitCode.someFailed
        }
    }

    private func verify(_ entry: ModelCatalog.Entry, pool: WorkerPool) throws -> VerifiedModel {
        let file: SafetensorsFile
        do { file = try SafetensorsFile(path: entry.path) } catch { throw ModelError.weights(error) }
        let metadata = try ModelMetadata(file)
        guard let architecture = Tasks.architecture(of: metadata.task) else {
            throw ModelError.wrongTask(
                path: entry.path, expected: "a task of this program", found: metadata.task)
        }
        try verifyModel(path: entry.path, as: architecture)
        let expected = try ModelFacts(ofModelAt: entry.path)?.knownOutput
        if let expected { try verifyOutput(of: entry.path, task: metadata.task, expected, pool: pool) }
        if showOutput, let found = try KnownOutput.computed(path: entry.path, task: metadata.task, pool: pool) {
            try Console.data(jsonLine(found))
        }
        return VerifiedModel(
            name: entry.name, path: entry.path, task: metadata.task, tensors: file.tensorNames.count,
            parameters: file.valueCount, checksum: file.hasChecksum, knownOutput: expected != nil)
    }

    private func verifyOutput(of path: String, task: String, _ expected: KnownOutput, pool: WorkerPool) throws {
        guard let found = try KnownOutput.computed(path: path, task: task, pool: pool) else { return }
        let difference = expected.difference(from: found)
        guard let difference, difference <= expected.tolerance else {
            throw ModelError.wrongOutput(path: path, difference: difference, tolerance: expected.tolerance)
        }
    }

    private func report(_ model: VerifiedModel) throws {
        guard !json else { return try Console.data(jsonLine(model)) }
        let checksum = model.checksum ? "checksum right" : "no checksum to compare with"
        let output = model.knownOutput ? ", known output right" : ""
        try Console.data(
            "\(model.name): \(model.task), \(model.tensors) tensors, \(model.parameters) finite values, \(checksum)\(output)"
        )
    }
}

private struct VerifiedModel: Encodable {
    let name: String
    let path: String
    let task: String
    let tensors: Int
    let parameters: Int
    /// Whether the file has a checksum, which is then right.
    let checksum: Bool
    /// Whether it is known what the model computes, which it then does.
    let knownOutput: Bool
}

/// Loads a model as its task would.
private func verifyModel<Architecture: ModelArchitecture>(
    path: String, as _: Architecture.Type
) throws(ModelError) {
    _ = try Model<Architecture>(path: path)
}

struct ModelsConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Converts a model's weights to another precision.",
        discussion: """
            16-bit weights halve the file size. Metadata are kept; the checksum is recomputed. A weight that is \
            too large for the type is an error.
            """)

    @Argument(help: ArgumentHelp("Model name or path.", valueName: "name|path"), completion: .models)
    var input: String

    @Argument(help: "File to write.", completion: .models)
    var output: String

    @Option(help: "Type of the weights.")
    var dtype: SafetensorsFile.ElementType

    @Flag(help: "Replace an output that exists.")
    var overwrite = false

    @OptionGroup var models: ModelOptions
    @OptionGroup var verbosity: VerbosityOptions

    func run() throws {
        try reportingFailure {
            for path in [input, output] { try OutputPlan.requireName(path) }
            let entry = try models.catalog().find(input)
            try OutputPlan.requireReplaceable(output, overwrite: overwrite)
            try OutputPlan.requireFolder(parentFolder(of: output), for: output)
            let file = try SafetensorsFile(path: entry.path)
            let bytes = try file.converted(to: dtype)
            try writeFileAtomically(bytes, to: output, overwrite: overwrite)
            verbosity.logger.info(
                "\(output): \(dtype.name), \(bytes.count) bytes (\(entry.path): \(elementTypes(of: file)), \(file.byteCount))"
            )
        }
    }
}

extension SafetensorsFile.ElementType: ExpressibleByArgument {
    public init?(argument: String) {
        guard let type = Self.allCases.first(where: { $0.name == argument }) else { return nil }
        self = type
    }

    public static var allValueStrings: [String] { allCases.map(\.name) }
}
