import ArgumentParser
import RestoreFiles
import RestoreModels
import RestoreText

struct LatentFeaturesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "features",
        abstract: "Writes the codes of pictures, for other programs.",
        discussion: """
            A .csv file has a row for each picture, its class and its code. A .npy file is a float32 array for NumPy, with a \
            row for each picture; --labels writes the classes to another, of int32, with -1 for none.
            """)

    @OptionGroup var model: LatentModelOptions
    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    @Option(help: ArgumentHelp("Write the classes to this file, too.", valueName: "file.npy"), completion: .file())
    var labels: String?

    func run() throws {
        try reportingFailure {
            try output.check()
            if let labels { try OutputPlan.requireReplaceable(labels, overwrite: output.overwrite) }
            let type = pathExtension(of: output.output).lowercased()
            guard type == "csv" || type == "npy" else {
                throw UsageError(description: "\(output.output): expected a .csv or .npy file")
            }
            let autoencoder = try model.load()
            let coded = try CodedPictures(data.pictures(model, for: autoencoder), by: autoencoder)
            let size = coded.codes.first?.count ?? 0
            if type == "npy" {
                try output.write(NumPyFile.bytes(coded.codes.flatMap { $0 }, shape: [coded.codes.count, size]))
            } else {
                try output.write(coded.table)
            }
            if let labels {
                let values = coded.pictures.map { Int32($0.label ?? -1) }
                try writeFileAtomically(
                    NumPyFile.bytes(values, shape: [values.count]), to: labels, overwrite: output.overwrite)
            }
        }
    }
}

struct LatentProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Measures how well a linear classifier tells the classes of codes.",
        discussion: """
            The classifier, multinomial logistic regression, is trained on the codes of the training part and measured on \
            those of the test part.
            """)

    @OptionGroup var model: LatentModelOptions
    @OptionGroup var data: LatentDataOptions

    @Option(help: "Passes over the training pictures.")
    var epochs = 30

    @Option(help: "The same seed gives the same classifier.")
    var seed: UInt64 = 1

    @Flag(help: "Print a JSON record to stdout.")
    var json = false

    func validate() throws {
        guard (1...10_000).contains(epochs) else { throw ValidationError("--epochs takes 1 to 10000.") }
    }

    func run() throws {
        try reportingFailure {
            let autoencoder = try model.load()
            let training = try CodedPictures(data.pictures(model, for: autoencoder, part: .train), by: autoencoder)
            let test = try CodedPictures(data.pictures(model, for: autoencoder, part: .test), by: autoencoder)
            var settings = ClassProbe.Settings()
            (settings.epochs, settings.seed) = (epochs, seed)
            let labels = (training: try training.labels(), test: try test.labels())
            guard !training.codes.isEmpty, !test.codes.isEmpty else {
                throw UsageError(description: "a probe needs pictures to train on and others to test")
            }
            let probe = try ClassProbe(
                codes: training.codes, labels: labels.training, settings: settings, pool: model.threads.pool)
            let error = probe.error(codes: test.codes, labels: labels.test)
            let known = probe.error(codes: training.codes, labels: labels.training)
            guard !json else {
                let record = Record(
                    model: model.model, testPictures: test.codes.count, testError: error,
                    trainingPictures: training.codes.count, trainingError: known, seed: seed)
                return try printLines([jsonLine(record)])
            }
            try printLines([
                """
                error \(decimals(100 * error, 2)) % of \(test.codes.count) test pictures; \
                \(decimals(100 * known, 2)) % of the \(training.codes.count) trained on
                """
            ])
        }
    }

    /// Errors are fractions.
    private struct Record: Encodable {
        let model: String
        let testPictures: Int
        let testError: Double
        let trainingPictures: Int
        let trainingError: Double
        let seed: UInt64
    }
}
