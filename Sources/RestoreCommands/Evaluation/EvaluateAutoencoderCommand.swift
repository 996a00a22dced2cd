import ArgumentParser
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

struct EvaluateAutoencoderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "autoencoder",
        abstract: "Measures how well images are reconstructed from their codes, or their pixels classified.",
        discussion: """
            Prints the mean squared error per value, for values in 0…1, next to the error of the mean image, and then the \
            error and the codes of each class. --components adds the best linear code of the same length. --samples estimates \
            how probable binarized pictures are for a variational autoencoder. If a folder has a test set, like MNIST's, only that is used. --codes writes \
            the code and the class of every image to a table, for example for a scatter plot. --sheet shows images and their \
            reconstructions.

            Of a segmentation, it prints how well the pixels' classes are found: intersection over union, of each class and on \
            average, in scenes of two digits of the data each over the photographs of --photos. They are always the same. \
            --sheet shows scenes, the true classes and those found.
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

    @Option(
        help: ArgumentHelp("Photographs behind the digits of a segmentation.", valueName: "path"), completion: .file())
    var photos: String?

    @Flag(help: "Print JSON records to stdout, one per line.")
    var json = false

    @OptionGroup var sheet: SheetOptions
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
            if let codes { try OutputPlan.requireReplaceable(codes, overwrite: sheet.overwrite) }
            try sheet.check()
            let pool = threads.pool
            let entry = try models.catalog().find(model)
            let found = try Model<AutoencoderArchitecture>(path: entry.path)
            guard found.architecture.kind.reconstructs else { return try evaluateSegmentation(found, entry.name, pool) }
            guard photos == nil else {
                throw UsageError(description: "--photos is for a segmentation; \(entry.name) is none")
            }
            let autoencoder = Autoencoder(found, pool: pool)
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
            if let codes { try writeFileAtomically(evaluator.table, to: codes, overwrite: sheet.overwrite) }
            if sheet.sheet != nil { try sheet.write(rows(measured, autoencoder)) }
        }
    }

    /// The first pictures beside their reconstructions.
    private func rows(_ pictures: [PictureSet.Picture], _ autoencoder: Autoencoder) throws -> [[Image]] {
        let shown = pictures.prefix(sheet.sheetRows)
        let inputs = shown.map { autoencoder.input(of: $0.image) }
        return try zip(inputs, autoencoder.apply(inputs, labels: shown.map(\.label))).map { input, output in
            [autoencoder.image(of: input), autoencoder.image(of: output.reconstruction)]
        }
    }
}

extension EvaluateAutoencoderCommand {
    private func evaluateSegmentation(
        _ model: Model<AutoencoderArchitecture>, _ name: String, _ pool: WorkerPool
    ) throws {
        guard let photos else {
            throw UsageError(description: "\(name): a segmentation needs --photos, which digits are put on")
        }
        guard classes == nil, codes == nil, samples == nil, !components else {
            throw UsageError(
                description: "\(name): --classes, --codes, --components and --samples are not for a segmentation")
        }
        func pictures(_ sources: [String], minimumSide: Int) throws -> PictureSet {
            try PictureSet(
                sources: sources.map { DataSource(path: $0) }, part: .test, minimumSide: minimumSide, pool: pool,
                logger: verbosity.logger)
        }
        let architecture = model.architecture
        let scenes = try DigitScenes(
            digits: pictures(sources, minimumSide: 1), photographs: pictures([photos], minimumSide: architecture.width),
            side: architecture.width, channels: architecture.channels)
        guard scenes.count > 0 else { throw UsageError(description: "a scene takes two digits, found one") }
        let evaluator = try SegmentationEvaluator(
            Segmenter(model, pool: pool), name: name, scenes: scenes, count: min(scenes.count, limit ?? .max),
            sheetRows: sheet.sheet == nil ? 0 : sheet.sheetRows)
        try EvaluationRun(evaluator: evaluator, json: json).run()
        try sheet.write(evaluator.rows)
    }
}
