import ArgumentParser
import RestoreModels
import RestoreTraining

struct EvaluateColorizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "colorize",
        abstract: "Makes color pictures gray, colors them, and compares.",
        discussion: """
            Prints for each picture and on average: the mean absolute error of R, G and B (0–255); the PSNR of a picture \
            and, as the average, of all errors together; the share of pixels within 2% and 5% of the true color (|ΔL*| ≤ t, \
            |Δa*| and |Δb*| ≤ 2.2 t); SSIM of the luma; and colorfulness (Hasler and Süsstrunk: 0 for gray, 33 for a \
            moderately colorful picture). Beside them the same for the gray picture and for the mean color of each luma in \
            the model's training pictures; and for all pictures together the distance of the a*b* histogram from the true one \
            (0–1). --sheet shows pictures: gray, colored, true. If a folder has a test set, like that of CIFAR-10, only that is used.
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Model: a name or a path.", valueName: "name|path"), completion: .models
    )
    var model = ColorizeCommand.defaultModel

    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp("Folders or files with color pictures (PNG, JPEG, CIFAR-10).", valueName: "path"),
        completion: .file())
    var sources: [String]

    @Option(parsing: .unconditional, help: "Evaluate only the first pictures.")
    var limit: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("From the mean of plausible colors to the most probable ones.", valueName: "0…1"))
    var vividness = 0.0

    @Option(parsing: .unconditional, help: ArgumentHelp("Strength of the colors.", valueName: "0…2"))
    var saturation = 1.0

    @Option(
        help: ArgumentHelp("Number of hints of the true color at random places of each picture.", valueName: "number"))
    var hintCount = 0

    @Option(help: "The same seed gives the same places of hints.")
    var seed: UInt64 = 1

    @Flag(help: "Print JSON records to stdout, one per line.")
    var json = false

    @OptionGroup var sheet: SheetOptions
    @OptionGroup var models: ModelOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard !sources.isEmpty else { throw ValidationError("--data needs at least one path.") }
        if let limit, limit < 1 { throw ValidationError("--limit takes 1 or more.") }
        guard (0...1).contains(vividness) else { throw ValidationError("--vividness takes 0 to 1.") }
        guard (0...2).contains(saturation) else { throw ValidationError("--saturation takes 0 to 2.") }
        guard (0...10_000).contains(hintCount) else { throw ValidationError("--hint-count takes 0 to 10000.") }
    }

    func run() throws {
        try reportingFailure {
            try sheet.check()
            let pool = threads.pool
            let entry = try models.catalog().find(model)
            let colorizer = Colorizer(try Model<ColorizerArchitecture>(path: entry.path), pool: pool)
            guard hintCount == 0 || colorizer.architecture.kind == .skip else {
                throw UsageError(description: "\(entry.name): this model takes no hints of colors")
            }
            let pictures = try PictureSet(
                sources: sources.map { DataSource(path: $0) }, part: .test, minimumSide: 1, pool: pool,
                logger: verbosity.logger)
            let evaluator = ColorizeEvaluator(
                items: Array(pictures.pictures.prefix(limit ?? .max)), colorizer: colorizer, name: entry.name,
                options: Colorizer.Options(vividness: vividness, saturation: saturation), hintCount: hintCount,
                seed: seed, sheetRows: sheet.sheet == nil ? 0 : sheet.sheetRows)
            try EvaluationRun(evaluator: evaluator, json: json).run()
            try sheet.write(evaluator.rows)
        }
    }
}
