import ArgumentParser
import Glibc
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText
import RestoreTraining

struct LatentInterpolateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interpolate",
        abstract: "Shows the way from one picture to another, in code space and in pixels.",
        discussion: """
            The upper row decodes (1 - a) f(A) + a f(B), where f is the encoder, for a from 0 to 1; the lower one blends the \
            pixels. The two pictures are files, or two of the data by --indices.
            """)

    @OptionGroup var model: LatentModelOptions

    @Argument(help: "Two picture files.", completion: .pictures)
    var pictures: [String] = []

    @Option(help: ArgumentHelp("Two pictures of the data by their numbers, from 0.", valueName: "i,j"))
    var indices: String?

    @Option(help: "Pictures from the first to the second.")
    var steps = 9

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        guard (2...100).contains(steps) else { throw ValidationError("--steps takes 2 to 100.") }
        guard (pictures.count == 2) != (indices != nil) && (pictures.isEmpty || pictures.count == 2) else {
            throw ValidationError("Give two picture files, or --indices.")
        }
        if let indices, integers(indices)?.count != 2 {
            throw ValidationError("--indices takes two numbers, such as 0,7.")
        }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let (ends, labels) = try ends(autoencoder)
            let codes = try autoencoder.codes(of: ends, labels: labels)
            let shares = (0..<steps).map { Float($0) / Float(steps - 1) }
            func blends(_ pair: [[Float]]) -> [[Float]] {
                shares.map { share in zip(pair[0], pair[1]).map { (1 - share) * $0 + share * $1 } }
            }
            let decoded = try autoencoder.pictures(
                of: blends(codes), labels: shares.map { labels[$0 < 0.5 ? 0 : 1] })
            let rows = [decoded, blends(ends)].map { $0.map { autoencoder.image(of: $0) } }
            if let image = tiled(rows) { try output.write(image) }
        }
    }

    private func ends(_ autoencoder: Autoencoder) throws -> ([[Float]], [Int?]) {
        guard let indices, let numbers = integers(indices) else {
            return (try pictures.map { autoencoder.input(of: try readImage($0).image) }, [nil, nil])
        }
        let all = try data.pictures(model, for: autoencoder)
        guard numbers.allSatisfy(all.indices.contains) else {
            throw UsageError(description: "--indices takes 0 to \(all.count - 1) for this data, found \(indices)")
        }
        return (numbers.map { autoencoder.input(of: all[$0].image) }, numbers.map { all[$0].label })
    }
}

struct LatentGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Decodes codes that are given as numbers.",
        discussion: "Try it, with a code of two units: restore latent generate MODEL --code -1,5 -o picture.png")

    @OptionGroup var model: LatentModelOptions

    @Option(
        name: .customLong("code"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A code; may be repeated.", valueName: "a,b,..."))
    var codes: [String]

    @Option(
        name: .customLong("class"), help: ArgumentHelp("Class, for a conditional autoencoder.", valueName: "number"))
    var label: Int?

    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        for code in codes where floats(code) == nil {
            throw ValidationError("--code takes numbers with commas, such as -1,5; found \(code).")
        }
        guard !codes.isEmpty else { throw ValidationError("--code is needed.") }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let size = autoencoder.architecture.codeSize
            let values = codes.compactMap { floats($0) }
            if let wrong = values.first(where: { $0.count != size }) {
                throw UsageError(description: "a code of \(model.model) has \(size) numbers, found \(wrong.count)")
            }
            let pictures = try autoencoder.pictures(of: values, labels: values.map { _ in label })
            if let image = tiled([pictures.map { autoencoder.image(of: $0) }]) { try output.write(image) }
        }
    }
}

struct LatentSampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Decodes codes drawn at random.",
        discussion: """
            Codes come from the prior of a variational autoencoder, or from a normal distribution, its units independent, \
            fitted to the codes of the data. A conditional autoencoder gives a row for each class.
            """)

    enum Density: String, CaseIterable, ExpressibleByArgument {
        case prior, gaussian
    }

    @OptionGroup var model: LatentModelOptions

    @Option(help: "Where codes come from. (default: the prior if there is one)")
    var density: Density?

    @Option(help: "Pictures.")
    var count = 100

    @Option(help: "The same seed gives the same pictures.")
    var seed: UInt64 = 1

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        guard (1...1000).contains(count) else { throw ValidationError("--count takes 1 to 1000.") }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let architecture = autoencoder.architecture
            let density = self.density ?? (architecture.hasNormalPrior ? .prior : .gaussian)
            guard density == .gaussian || architecture.hasNormalPrior else {
                throw UsageError(
                    description:
                        "\(model.model) is a \(architecture.kind.rawValue) autoencoder, whose codes have no prior; "
                        + "use --density gaussian")
            }
            let moments =
                density == .prior
                ? [(mean: Float, deviation: Float)](repeating: (0, 1), count: architecture.codeSize)
                : try CodedPictures(data.pictures(model, for: autoencoder), by: autoencoder).moments
            var generator = SeededGenerator(seed: seed)
            let codes = (0..<count).map { _ in moments.map { $0.mean + $0.deviation * Float(generator.normal()) } }
            let columns = architecture.classCount == nil ? Int(Double(count).squareRoot().rounded(.up)) : count
            var rows: [[Image]] = []
            for label in architecture.classCount.map({ (0..<$0).map { Optional($0) } }) ?? [nil] {
                let pictures = try autoencoder.pictures(of: codes, labels: codes.map { _ in label })
                let images = pictures.map { autoencoder.image(of: $0) }
                rows += stride(from: 0, to: count, by: columns).map { Array(images[$0..<min($0 + columns, count)]) }
            }
            if let image = tiled(rows) { try output.write(image) }
        }
    }
}

struct LatentGridCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grid",
        abstract: "Decodes a grid of the plane of an autoencoder with a code of two units.",
        discussion: """
            Of a variational autoencoder, rows and columns are at equal quantiles of the prior, so that each picture stands \
            for as much of it (Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, figure 4). Of others they \
            are evenly spaced over --range or, without it, over nearly all codes of the data.
            """)

    @OptionGroup var model: LatentModelOptions

    @Option(help: "Pictures a side.")
    var steps = 20

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Least and greatest value of both units.", valueName: "low,high"))
    var range: String?

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    func validate() throws {
        guard (2...100).contains(steps) else { throw ValidationError("--steps takes 2 to 100.") }
        if let range {
            guard let ends = floats(range), ends.count == 2, ends[0] < ends[1] else {
                throw ValidationError("--range takes two numbers, such as -3,3.")
            }
        }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let architecture = autoencoder.architecture
            guard architecture.codeSize == 2 else {
                throw UsageError(
                    description: "\(model.model) has a code of \(architecture.codeSize) units; a grid needs one of 2")
            }
            let places = try places(autoencoder)
            // The second unit grows upward, as in a chart.
            let rows = try places[1].reversed().map { second in
                try autoencoder.pictures(of: places[0].map { [$0, second] }).map { autoencoder.image(of: $0) }
            }
            if let image = tiled(rows, gap: 0) { try output.write(image) }
        }
    }

    /// The values of either unit.
    private func places(_ autoencoder: Autoencoder) throws -> [[Float]] {
        func even(_ low: Float, _ high: Float) -> [Float] {
            (0..<steps).map { low + (high - low) * Float($0) / Float(steps - 1) }
        }
        if let range, let ends = floats(range) { return [even(ends[0], ends[1]), even(ends[0], ends[1])] }
        if autoencoder.architecture.hasNormalPrior {
            let quantiles = (0..<steps).map { Float(normalQuantile((Double($0) + 0.5) / Double(steps))) }
            return [quantiles, quantiles]
        }
        let codes = try CodedPictures(data.pictures(model, for: autoencoder), by: autoencoder).codes
        return (0..<2).map { axis in
            let values = codes.map { $0[axis] }.sorted()
            // Without a hundredth of the codes at either end.
            return even(values[values.count / 100], values[values.count - 1 - values.count / 100])
        }
    }
}

/// The value that a standard normal variable stays below with probability `p` in 0…1.
func normalQuantile(_ p: Double) -> Double {
    var (low, high) = (-9.0, 9.0)
    for _ in 0..<60 {
        let middle = (low + high) / 2
        if 0.5 * erfc(-middle / 2.0.squareRoot()) < p { low = middle } else { high = middle }
    }
    return (low + high) / 2
}

struct LatentTraverseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traverse",
        abstract: "Varies one unit of a picture's code at a time.",
        discussion: """
            A row for each unit: its value goes from three standard deviations below the mean of the data's codes to three \
            above, while the others stay those of the picture. The first column is the picture's own reconstruction.
            """)

    @OptionGroup var model: LatentModelOptions

    @Option(help: ArgumentHelp("The picture of the data by its number, from 0.", valueName: "number"))
    var index = 0

    @Option(help: ArgumentHelp("Units to vary, from 1. (default: the ten that vary most)", valueName: "1,2,3"))
    var units: String?

    @Option(help: "Pictures a row.")
    var steps = 11

    @OptionGroup var data: LatentDataOptions
    @OptionGroup var output: LatentOutputOptions

    private static let mostUnits = 10
    private static let reach: Float = 3

    func validate() throws {
        guard (2...100).contains(steps) else { throw ValidationError("--steps takes 2 to 100.") }
        if let units, integers(units) == nil { throw ValidationError("--units takes numbers, such as 1,2,3.") }
    }

    func run() throws {
        try reportingFailure {
            try output.check()
            let autoencoder = try model.load()
            let coded = try CodedPictures(data.pictures(model, for: autoencoder), by: autoencoder)
            guard coded.codes.indices.contains(index) else {
                throw UsageError(
                    description: "--index takes 0 to \(coded.codes.count - 1) for this data, found \(index)")
            }
            let (code, moments) = (coded.codes[index], coded.moments)
            let chosen =
                units.flatMap { integers($0) }?.map { $0 - 1 }
                ?? Array(
                    moments.indices.sorted { moments[$0].deviation > moments[$1].deviation }.prefix(Self.mostUnits))
            guard chosen.allSatisfy(code.indices.contains) else {
                throw UsageError(description: "--units takes 1 to \(code.count) for this model")
            }
            let label = coded.pictures[index].label
            let rows = try chosen.map { unit in
                let varied = (0..<steps).map { step in
                    var varied = code
                    let place = 2 * Float(step) / Float(steps - 1) - 1
                    varied[unit] = moments[unit].mean + Self.reach * place * moments[unit].deviation
                    return varied
                }
                let codes = [code] + varied
                return try autoencoder.pictures(of: codes, labels: codes.map { _ in label }).map {
                    autoencoder.image(of: $0)
                }
            }
            if let image = tiled(rows) { try output.write(image) }
        }
    }
}
