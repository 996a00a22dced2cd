import ArgumentParser
import RestoreModels
import RestoreText

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

    @Flag(help: "Print JSON records to stdout, one per line.")
    var json = false

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
        guard !json else { return try printLines(records(results, pictures: pictures)) }
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

    /// A record for each initialization, and one for all.
    private func records(_ results: [ClusterAgreement], pictures: Int) -> [String] {
        let runs = results.enumerated().map { index, result in
            jsonLine(
                RunRecord(
                    run: index, seed: seed &+ UInt64(index), accuracy: result.accuracy,
                    normalizedMutualInformation: result.normalizedMutualInformation, classes: result.labels,
                    classOfGroup: result.labelOfGroup, counts: result.counts))
        }
        let accuracies = results.map(\.accuracy)
        let count = Double(results.count)
        let summary = SummaryRecord(
            model: model.model, pictures: pictures, runs: results.count,
            mean: .init(
                accuracy: accuracies.reduce(0, +) / count,
                normalizedMutualInformation: results.reduce(0) { $0 + $1.normalizedMutualInformation } / count),
            leastAccuracy: accuracies.min() ?? 0, greatestAccuracy: accuracies.max() ?? 0)
        return runs + [jsonLine(summary)]
    }

    private struct RunRecord: Encodable {
        let run: Int
        let seed: UInt64
        let accuracy: Double
        let normalizedMutualInformation: Double
        let classes: [Int]
        /// Null for a group that no class is matched with.
        let classOfGroup: [Int?]
        /// Of each group, the pictures of each class.
        let counts: [[Int]]
    }

    private struct SummaryRecord: Encodable {
        struct Mean: Encodable {
            let accuracy: Double
            let normalizedMutualInformation: Double
        }

        let model: String
        let pictures: Int
        let runs: Int
        let mean: Mean
        let leastAccuracy: Double
        let greatestAccuracy: Double
    }
}
