import ArgumentParser
import Glibc
import Logging
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreTraining

/// The autoencoder that a tool works with.
struct LatentModelOptions: ParsableArguments {
    @Argument(help: "Autoencoder: a name or a path.", completion: .models)
    var model: String

    @OptionGroup var models: ModelOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    /// The model in titles: its file with the folder, which is what differs between runs.
    var title: String { model.split(separator: "/").suffix(2).joined(separator: "/") }

    /// - Throws: `ModelError`, `FileError`.
    func load() throws -> Autoencoder {
        // From here on, a signal ends the work at the next check.
        Interruption.watch()
        let entry = try models.catalog().find(model)
        let found = try Model<AutoencoderArchitecture>(path: entry.path)
        guard found.architecture.kind.reconstructs else {
            throw UsageError(
                description: """
                    \(model): a \(found.architecture.kind.rawValue) autoencoder has no code that pictures are made of; \
                    measure it with restore evaluate autoencoder
                    """)
        }
        return Autoencoder(found, pool: threads.pool)
    }
}

/// Pictures with their classes, if they have any.
struct LatentDataOptions: ParsableArguments {
    @Option(
        name: .customLong("data"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Folders or files with pictures (PNG, JPEG, CIFAR-10, MNIST). (default: MNIST)", valueName: "path"),
        completion: .file())
    var sources: [String] = []

    @Option(help: "Which part of a data set that has both, like MNIST.")
    var part = DataPart.test

    @Option(help: ArgumentHelp("Only these classes. (default: those the model was trained on)", valueName: "1,5,6"))
    var classes: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Only the first pictures.", valueName: "number"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit takes 1 or more.") }
        if let classes, integers(classes) == nil {
            throw ValidationError("--classes takes numbers of classes, such as 1,5,6.")
        }
    }

    /// The pictures that were asked for.
    ///
    /// - Parameter autoencoder: the model's; unless others are given, pictures are of the classes that it was trained on.
    /// - Throws: `UsageError` if there is no data, `TrainingError`.
    func pictures(
        _ model: LatentModelOptions, for autoencoder: Autoencoder, part: DataPart? = nil
    ) throws -> [PictureSet.Picture] {
        let part = part ?? self.part
        let parts = part == .all ? [DatasetPart.training, .test] : [part == .train ? .training : .test]
        let sources =
            self.sources.isEmpty
            ? [DataSource(path: try StandardData.mnist.find { getenv($0).map { pathFromSystem($0) } })]
            : self.sources.map { DataSource(path: $0) }
        // What is left out was asked for.
        var logger = model.verbosity.logger
        logger.logLevel = max(logger.logLevel, .notice)
        var pictures: [PictureSet.Picture] = []
        for part in parts {
            var set = try PictureSet(
                sources: sources, part: part, minimumSide: 1, pool: model.threads.pool, logger: logger)
            // What it was trained on says nothing of pictures without classes.
            let trained = set.pictures.contains { $0.label != nil } ? autoencoder.metadata.notes["classes"] : nil
            if let numbers = (classes ?? trained).flatMap(integers) { set = try set.ofClasses(Set(numbers)) }
            pictures += set.pictures
        }
        return Array(pictures.prefix(limit ?? .max))
    }
}

/// A part of a data set.
enum DataPart: String, CaseIterable, ExpressibleByArgument {
    case train, test, all
}

/// Where a picture is written.
struct LatentOutputOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("File to write.", valueName: "file"), completion: .file())
    var output: String

    @Flag(help: "Replace an existing file.")
    var overwrite = false

    /// Before the work starts.
    func check() throws {
        try OutputPlan.requireName(output)
        try OutputPlan.requireReplaceable(output, overwrite: overwrite)
        try OutputPlan.requireFolder(parentFolder(of: output), for: output)
    }

    func write(_ image: Image) throws {
        let encoding = try OutputPlan.encoding(for: output, format: nil, input: .png, quality: nil)
        try writeImage(image, to: output, encoding: encoding, overwrite: overwrite)
    }

    func write(_ bytes: [UInt8]) throws {
        try writeFileAtomically(bytes, to: output, overwrite: overwrite)
    }
}

/// - Throws: `FileError.cannotWrite`.
func printLines(_ lines: [String]) throws(FileError) {
    for line in lines { try Console.data(line) }
}

/// Pictures with their codes.
struct CodedPictures {
    let pictures: [PictureSet.Picture]
    let codes: [[Float]]

    /// Pictures that pass the network together.
    private static let chunk = 500

    /// - Throws: `NetworkError` if the machine has too little memory, `Interrupted` after a signal.
    init(_ pictures: [PictureSet.Picture], by autoencoder: Autoencoder) throws {
        var codes: [[Float]] = []
        for start in stride(from: 0, to: pictures.count, by: Self.chunk) {
            try Interruption.check()
            let part = pictures[start...].prefix(Self.chunk)
            codes += try autoencoder.codes(
                of: part.map { autoencoder.input(of: $0.image) }, labels: part.map(\.label))
        }
        (self.pictures, self.codes) = (pictures, codes)
    }

    /// - Throws: `UsageError` unless every picture has a class.
    func labels() throws(UsageError) -> [Int] {
        let labels = pictures.compactMap(\.label)
        guard labels.count == pictures.count else {
            throw UsageError(description: "the pictures of --data have no classes, as those of MNIST and CIFAR-10 do")
        }
        return labels
    }

    /// A table of comma-separated values.
    var table: [UInt8] { codesTable(labels: pictures.map(\.label), codes: codes) }

    /// The mean and the standard deviation of each unit of the code.
    var moments: [(mean: Float, deviation: Float)] {
        (codes.first ?? []).indices.map { axis in
            let count = Double(codes.count)
            let mean = codes.reduce(0) { $0 + Double($1[axis]) } / count
            let variance = codes.reduce(0) { $0 + (Double($1[axis]) - mean) * (Double($1[axis]) - mean) } / count
            return (Float(mean), Float(variance.squareRoot()))
        }
    }
}

/// A table of comma-separated values: the class, empty if there is none, and the units of the code.
func codesTable(labels: [Int?], codes: [[Float]]) -> [UInt8] {
    let columns = ["label"] + (codes.first?.indices.map { "code\($0 + 1)" } ?? [])
    let rows = zip(labels, codes).map { label, code in
        ([label.map { "\($0)" } ?? ""] + code.map { "\($0)" }).joined(separator: ",")
    }
    return Array(([columns.joined(separator: ",")] + rows).joined(separator: "\n").utf8) + [UInt8(ascii: "\n")]
}

/// Small pictures in rows and columns, enlarged so that they can be looked at.
func tiled(_ rows: [[Image]], gap: Int = 2) -> Image? {
    let all = rows.flatMap { $0 }
    guard let first = all.first, let columns = rows.map(\.count).max() else { return nil }
    let zoom = max(1, (56 + first.width - 1) / first.width)
    let (cellWidth, cellHeight) = (first.width * zoom, first.height * zoom)
    let width = columns * (cellWidth + gap) + gap
    let height = rows.count * (cellHeight + gap) + gap
    var samples = [UInt8](repeating: 255, count: 3 * width * height)
    for (row, images) in rows.enumerated() {
        for (column, image) in images.enumerated() {
            let colors = image.colors
            for y in 0..<cellHeight {
                for x in 0..<cellWidth {
                    let source = 3 * ((y / zoom) * image.width + x / zoom)
                    let left = gap + column * (cellWidth + gap) + x
                    let target = 3 * ((gap + row * (cellHeight + gap) + y) * width + left)
                    for channel in 0..<3 { samples[target + channel] = UInt8(colors[source + channel] * 255 + 0.5) }
                }
            }
        }
    }
    return Image(width: width, height: height, channelLayout: .rgb, samples: .uint8(samples))
}
