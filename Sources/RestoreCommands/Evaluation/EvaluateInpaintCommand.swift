import ArgumentParser
import RestoreConcurrency
import RestoreModels
import RestoreTraining

struct EvaluateInpaintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inpaint",
        abstract: "Measures how well missing parts are filled.",
        discussion: """
            For a model for photographs: prints PSNR over the whole picture and inside the mask, and SSIM, beside the \
            harmonic and the biharmonic fill. With --samples, also what the best sample gains inside the mask, in dB, beside \
            the best of as many answers with smooth noise; what the mean sample gains; both if the best is taken for each hole; \
            the root mean squared difference of \
            samples; the KL of a picture; and the gain by the code of the true picture and by that of another picture. \
            --sheet shows pictures: damaged, filled, three samples, true.

            For a model of the mnist-quadrants recipe: prints bounds on the negative log likelihood of the missing pixels \
            in nats, on average over the digits of a test set: -ELBO; Monte Carlo over the prior; importance sampling from \
            the recognition network. First for gray targets, then for digits rounded to black and white. Beside them the \
            plain network that has no code. --sheet shows completions of one digit of each class.
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Model: a name or a path.", valueName: "name|path"), completion: .models
    )
    var model: String

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp("Folders or files with pictures (PNG, JPEG, MNIST).", valueName: "path"),
        completion: .file())
    var sources: [String]

    @Option(parsing: .unconditional, help: "Evaluate only the first pictures.")
    var limit: Int?

    @Option(
        help: ArgumentHelp("Masks of photographs, named like them; white is missing.", valueName: "folder"))
    var masks: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Samples of each photograph, to measure how the code is used.", valueName: "number"))
    var samples = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much samples of photographs differ, as for restore inpaint.", valueName: "0…1"))
    var temperature = 1.0

    @OptionGroup(title: "Digits") var digits: QuadrantOptions

    @Option(parsing: .unconditional, help: "The same seed gives the same draws.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON records to stdout, one per line.")
    var json = false

    @OptionGroup var sheet: SheetOptions
    @OptionGroup var models: ModelOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard !sources.isEmpty else { throw ValidationError("--data needs at least one path.") }
        guard (0...1000).contains(samples) else { throw ValidationError("--samples takes 0 to 1000.") }
        guard (0...1).contains(temperature) else { throw ValidationError("--temperature takes 0 to 1.") }
        if let limit, limit < 1 { throw ValidationError("--limit takes 1 or more.") }
    }

    func run() throws {
        try reportingFailure {
            try sheet.check()
            let pool = threads.pool
            let entry = try models.catalog().find(model)
            let model = try Model<InpainterArchitecture>(path: entry.path)
            guard model.architecture.kind == .quadrants else { return try evaluatePhotographs(model, entry.name, pool) }
            let pictures = try PictureSet(
                sources: sources.map { DataSource(path: $0) }, part: .test, minimumSide: 1, pool: pool,
                logger: verbosity.logger)
            let evaluator = QuadrantEvaluator(
                completer: QuadrantCompleter(model, pool: pool), name: entry.name,
                items: Array(pictures.pictures.prefix(limit ?? .max)), options: digits, seed: seed)
            try EvaluationRun(evaluator: evaluator, json: json).run()
            if let sheet = sheet.sheet { try evaluator.writeSheet(sheet, overwrite: self.sheet.overwrite) }
        }
    }
}

extension EvaluateInpaintCommand {
    private func evaluatePhotographs(
        _ model: Model<InpainterArchitecture>, _ name: String, _ pool: WorkerPool
    ) throws {
        guard let masks else {
            throw UsageError(description: "\(name): a model for photographs needs --masks")
        }
        let pictures = try PictureSet(
            sources: sources.map { DataSource(path: $0) }, part: .test, minimumSide: 1, pool: pool,
            logger: verbosity.logger)
        let items = try PhotoFillEvaluator.items(Array(pictures.pictures.prefix(limit ?? .max)), masks: masks)
        let evaluator = PhotoFillEvaluator(
            inpainter: Inpainter(model, pool: pool), pool: pool, name: name, items: items, sampleCount: samples,
            seed: seed, temperature: temperature,
            sheetRows: sheet.sheet == nil ? 0 : sheet.sheetRows)
        try EvaluationRun(evaluator: evaluator, json: json).run()
        try sheet.write(evaluator.rows)
    }
}

/// Options for models of digits.
struct QuadrantOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Codes of each digit for -ELBO and Monte Carlo.", valueName: "number"))
    var draws = 10

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Codes of each digit for importance sampling; 0 for none.", valueName: "number"))
    var importanceDraws = 50

    func validate() throws {
        guard (1...100_000).contains(draws) else { throw ValidationError("--draws takes 1 to 100000.") }
        guard (0...100_000).contains(importanceDraws) else {
            throw ValidationError("--importance-draws takes 0 to 100000.")
        }
    }
}
