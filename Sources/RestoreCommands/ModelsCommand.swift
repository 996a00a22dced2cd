import ArgumentParser
import RestoreModels
import RestoreNN

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "What models are installed, and what they say about themselves.",
        subcommands: [ModelsListCommand.self, ModelsInfoCommand.self])
}

struct ModelsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the models.")

    @Flag(help: "One JSON record a model on stdout.")
    var json = false

    @OptionGroup var models: ModelOptions

    func run() throws {
        try reportingFailure {
            let catalogue = models.catalogue
            let entries = catalogue.list()
            var failures = 0
            for entry in entries {
                do {
                    let file = try SafetensorsFile(path: entry.path)
                    let metadata = try ModelMetadata(file)
                    if json {
                        try Console.data(
                            jsonLine(ModelRecord(name: entry.name, path: entry.path, task: metadata.task)))
                    } else {
                        try Console.data("\(entry.name)\t\(metadata.task)\t\(entry.path)")
                    }
                } catch {
                    Console.message("restore: \(explanation(of: error))")
                    failures += 1
                }
            }
            if entries.isEmpty {
                Console.message("restore: no models in \(catalogue.folders.joined(separator: ", "))")
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
        abstract: "Shows what a model is, what it was trained on, its licence and its scores.")

    @Argument(help: ArgumentHelp("A name, or a path.", valueName: "name|path"))
    var model: String

    @Flag(help: "One JSON record on stdout.")
    var json = false

    @OptionGroup var models: ModelOptions

    func run() throws {
        try reportingFailure {
            let entry = try models.catalogue.find(model)
            let file = try SafetensorsFile(path: entry.path)
            let metadata = try ModelMetadata(file)
            var facts = metadata.notes
            facts["task"] = metadata.task
            facts["architecture"] = metadata.architecture
            facts["path"] = entry.path
            facts["parameters"] = "\(file.valueCount)"
            if json {
                try Console.data(jsonLine(facts))
            } else {
                for (key, value) in facts.sorted(by: { $0.key < $1.key }) { try Console.data("\(key): \(value)") }
            }
        }
    }
}
