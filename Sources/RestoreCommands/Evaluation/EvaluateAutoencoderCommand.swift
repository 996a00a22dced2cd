import ArgumentParser
import RestoreFiles
import RestoreModels
import RestoreNN
import RestoreTraining

struct EvaluateAutoencoderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autoencoder",
        abstract: "Measures how well images are reconstructed from their codes.",
        discussion: """
            Prints the mean squared error per value, for values in 0…1, next to the error of the mean image, and then the \
            error and the codes of each class. If a folder has a test set, like MNIST's, only that is used. --codes writes \
            the code and the class of every image to a table, for example for a scatter plot.
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Model: a name or a path.", valueName: "name|path"), completion: .models
    )
    var model: String

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp("Folders or files with images (PNG, JPEG, CIFAR-10, MNIST).", valueName: "path"),
        completion: .file())
    var sources: [String]

    @Option(help: ArgumentHelp("Only these classes. (default: those the model was trained on)", valueName: "1,5,6"))
    var classes: String?

    @Option(parsing: .unconditional, help: "Evaluate only the first images.")
    var limit: Int?

    @Option(help: ArgumentHelp("Write codes and classes to this table.", valueName: "file.csv"))
    var codes: String?

    @Flag(help: "Replace an existing table.")
    var overwrite = false

    @Flag(help: "Print JSON records to stdout, one per line.")
    var json = false

    @OptionGroup var models: ModelOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard !sources.isEmpty else { throw ValidationError("--data needs at least one path.") }
        if let limit, limit < 1 { throw ValidationError("--limit takes 1 or more.") }
        if let classes, Self.numbers(classes) == nil {
            throw ValidationError("--classes takes numbers of classes, such as 1,5,6.")
        }
    }

    private static func numbers(_ text: String) -> Set<Int>? {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let found = numbers.compactMap { $0 }
        return found.count == numbers.count ? Set(found) : nil
    }

    func run() throws {
        try reportingFailure {
            if let codes { try OutputPlan.requireReplaceable(codes, overwrite: overwrite) }
            let pool = threads.pool
            let entry = try models.catalog().find(model)
            let autoencoder = Autoencoder(try Model<AutoencoderArchitecture>(path: entry.path), pool: pool)
            var pictures = try PictureSet(
                sources: sources.map { DataSource(path: $0) }, part: .test, minimumSide: 1, pool: pool,
                logger: verbosity.logger)
            if let chosen = (classes ?? autoencoder.metadata.notes["classes"]).flatMap(Self.numbers) {
                pictures = try pictures.ofClasses(chosen)
            }
            let evaluator = try AutoencoderEvaluator(
                autoencoder, name: entry.name, pictures: Array(pictures.pictures.prefix(limit ?? .max)))
            try EvaluationRun(evaluator: evaluator, json: json).run()
            if let codes { try writeFileAtomically(evaluator.codesTable, to: codes, overwrite: overwrite) }
        }
    }
}
