import ArgumentParser
import RestoreFiles
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

struct EvaluateAutoencoderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autoencoder",
        abstract: "Measures how well images are reconstructed from their codes.",
        discussion: """
            Prints the mean squared error per value, for values in 0…1, next to the error of the mean image, and then the \
            error and the codes of each class. --components adds the best linear code of the same length. --samples estimates \
            how probable binarized pictures are for a variational autoencoder. If a folder has a test set, like MNIST's, only that is used. --codes writes \
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

    @Flag(help: "Compare with as many principal components of the training pictures.")
    var components = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Codes a picture for the likelihood of a variational autoencoder.", valueName: "K"))
    var samples: Int?

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
        if let samples, !(1...1_000_000).contains(samples) {
            throw ValidationError("--samples takes 1 to 1000000.")
        }
        if let classes, integers(classes) == nil {
            throw ValidationError("--classes takes numbers of classes, such as 1,5,6.")
        }
    }

    func run() throws {
        try reportingFailure {
            if let codes { try OutputPlan.requireReplaceable(codes, overwrite: overwrite) }
            let pool = threads.pool
            let entry = try models.catalog().find(model)
            let autoencoder = Autoencoder(try Model<AutoencoderArchitecture>(path: entry.path), pool: pool)
            let chosen = (classes ?? autoencoder.metadata.notes["classes"]).flatMap(integers).map { Set($0) }
            func pictures(_ part: DatasetPart) throws -> [PictureSet.Picture] {
                let all = try PictureSet(
                    sources: sources.map { DataSource(path: $0) }, part: part, minimumSide: 1, pool: pool,
                    logger: verbosity.logger)
                return try chosen.map { try all.ofClasses($0).pictures } ?? all.pictures
            }
            let measured = Array(try pictures(.test).prefix(limit ?? .max))
            var remarks: [String] = []
            var subspace: PrincipalSubspace?
            if components {
                let inputs = try pictures(.training).map { autoencoder.input(of: $0.image) }
                subspace = try PrincipalSubspace(inputs, size: autoencoder.architecture.codeSize)
            }
            if let subspace, autoencoder.architecture.kind == .linear {
                let cosines = subspace.cosines(to: try autoencoder.decoderDirections())
                let mean = cosines.reduce(0, +) / Double(cosines.count)
                remarks.append(
                    "cosines of the angles to the principal subspace: \(decimals(mean, 4)) on average, "
                        + "at least \(decimals(cosines.first ?? 0, 4))")
            }
            if let samples {
                let report = try LikelihoodReport(
                    autoencoder, name: entry.name, pictures: measured, samples: samples, pool: pool)
                remarks += report.lines
            }
            let evaluator = try AutoencoderEvaluator(
                autoencoder, name: entry.name, pictures: measured, subspace: subspace, notes: remarks)
            try EvaluationRun(evaluator: evaluator, json: json).run()
            if let codes { try writeFileAtomically(evaluator.table, to: codes, overwrite: overwrite) }
        }
    }
}
