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

struct LatentClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Groups the codes of pictures, and compares the groups with their classes.",
        discussion: """
            K-means groups the codes; each group is matched with one class so that as many pictures as possible agree (the \
            Hungarian algorithm). The accuracy is the share of those that do. The classes serve for nothing else.
            """)

    @OptionGroup var model: LatentModelOptions
    @OptionGroup var data: LatentDataOptions

    @Option(help: ArgumentHelp("Groups. (default: as many as there are classes)", valueName: "k"))
    var groups: Int?

    @Option(help: "Initializations that are compared.")
    var runs = 5

    @Option(help: "Starts of each, of which the one with the least squared distances counts.")
    var starts = 5

    @Flag(help: "Group the pixels instead of the codes.")
    var pixels = false

    @Option(help: "The same seed gives the same groups.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (1...1000).contains(runs), (1...1000).contains(starts) else {
            throw ValidationError("--runs and --starts take 1 to 1000.")
        }
        if let groups, !(1...1000).contains(groups) { throw ValidationError("--groups takes 1 to 1000.") }
    }

    func run() throws {
        try reportingFailure {
            let autoencoder = try model.load()
            let pictures = try data.pictures(model, for: autoencoder)
            let coded = try CodedPictures(pixels ? [] : pictures, by: autoencoder)
            let points = pixels ? pictures.map { autoencoder.input(of: $0.image) } : coded.codes
            let labels = pictures.compactMap(\.label)
            guard labels.count == pictures.count else {
                throw UsageError(
                    description: "the pictures of --data have no classes, as those of MNIST and CIFAR-10 do")
            }
            let count = groups ?? Set(labels).count
            guard points.count >= count else {
                throw UsageError(description: "\(count) groups need as many pictures, found \(points.count)")
            }
            var results: [ClusterAgreement] = []
            for run in 0..<runs {
                try Interruption.check()
                let found = KMeans(
                    points, count: count, starts: starts, seed: seed &+ UInt64(run), pool: model.threads.pool)
                results.append(ClusterAgreement(groups: found.groups, labels: labels))
            }
            try report(results, pictures: points.count)
        }
    }

    private func report(_ results: [ClusterAgreement], pictures: Int) throws {
        let accuracies = results.map { 100 * $0.accuracy }
        let mean = accuracies.reduce(0, +) / Double(results.count)
        let information = results.reduce(0) { $0 + $1.normalizedMutualInformation } / Double(results.count)
        let range = "\(decimals(accuracies.min() ?? 0, 2)) to \(decimals(accuracies.max() ?? 0, 2))"
        var lines = [
            """
            accuracy \(decimals(mean, 2)) %, mean of \(results.count) (\(range)); normalized mutual information \
            \(decimals(information, 3)); \(pictures) pictures
            """
        ]
        // The table of the best.
        if let best = results.max(by: { $0.accuracy < $1.accuracy }) {
            let width = max(6, "\(pictures)".count + 1)
            func cell(_ text: String) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
            lines.append("group  class" + best.labels.map { cell("\($0)") }.joined())
            for (group, counts) in best.counts.enumerated() {
                let label = best.labelOfGroup[group].map { "\($0)" } ?? "-"
                let name = cell("\(group)").suffix(5) + cell(label).suffix(7)
                lines.append(name + counts.map { cell("\($0)") }.joined())
            }
        }
        try printLines(lines)
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
            try printLines([
                """
                error \(decimals(100 * error, 2)) % of \(test.codes.count) test pictures; \
                \(decimals(100 * known, 2)) % of the \(training.codes.count) trained on
                """
            ])
        }
    }
}
