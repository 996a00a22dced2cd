import ArgumentParser
import Logging
import RestoreConcurrency
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
import RestoreText

struct ColorizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "colorize",
        abstract: "Colors gray photographs.",
        usage: """
            restore colorize INPUT OUTPUT
            restore colorize INPUT... [--output FOLDER] [--recursive]
            restore colorize - - < INPUT > OUTPUT
            """,
        discussion: """
            \(PictureOptions.discussion(suffix: defaultSuffix))

            The result keeps the input's luma, pixel for pixel, its size, bit depth, transparency and metadata; a gray \
            JPEG keeps the very coefficients of its luma. A color picture is colored anew, as if it were gray.

            By default the colors are the mean of what is plausible: safe, but a little dull. --vividness moves toward the \
            most probable colors, --saturation strengthens all of them. --samples writes several different answers, \
            numbered from 1; the same --seed gives the same ones. A hint gives the color of a place: --hint 120,80,#c03020, \
            in pixels from the top left. --hints takes a picture of the same size that is transparent except for dabs of \
            color.
            """)

    private static let defaultSuffix = "_colorized"

    @OptionGroup var pictures: PictureOptions

    @Option(help: "Suffix for outputs without explicit names. (default: \(Self.defaultSuffix))")
    var suffix: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Strength of the colors.", valueName: "0…2"))
    var saturation = 1.0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("From the mean of plausible colors to the most probable ones.", valueName: "0…1"))
    var vividness = 0.0

    @Option(help: ArgumentHelp("Color of a place; can be repeated.", valueName: "x,y,#rrggbb"))
    var hint: [HintArgument] = []

    @Option(
        help: ArgumentHelp("Picture, or folder of pictures, with dabs of color on transparency.", valueName: "path"),
        completion: .pictures)
    var hints: String?

    @Option(help: ArgumentHelp("Number of different answers.", valueName: "number"))
    var samples: Int?

    @Option(help: "The same seed gives the same answers.")
    var seed: UInt64 = 1

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Model: a name or a path.", valueName: "name|path"),
        completion: .models)
    var model = Self.defaultModel

    @Option(help: ArgumentHelp("Quality of JPEG output.", valueName: "1…100"))
    var quality: Int?

    @OptionGroup var models: ModelOptions
    @OptionGroup var tiling: TilingOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var verbosity: VerbosityOptions

    static let defaultModel = "colorize-photo"
    private static let mostSamples = 100

    func validate() throws {
        guard (0...2).contains(saturation) else { throw ValidationError("--saturation takes 0 to 2.") }
        guard (0...1).contains(vividness) else { throw ValidationError("--vividness takes 0 to 1.") }
        if let samples, !(1...Self.mostSamples).contains(samples) {
            throw ValidationError("--samples takes 1 to \(Self.mostSamples).")
        }
        if let quality, !(1...100).contains(quality) { throw ValidationError("--quality takes 1 to 100.") }
    }

    func run() throws {
        try reportingFailure {
            let pool = threads.pool
            let path = try pictures.recordingFailure { try models.catalog().find(model).path }
            let logger = verbosity.logger
            let plan = try pictures.plan(
                suffix: suffix, defaultSuffix: Self.defaultSuffix,
                companions: hints.map { [.init(role: .hints, path: $0)] } ?? [], versionCount: samples ?? 1)
            let run = PictureRun(
                plan: plan, options: pictures, memory: tiling.budget(threads: pool.workerCount), pool: pool,
                verbosity: verbosity, participle: "colorized")
            var colorizer: Colorizer?
            func loaded() throws -> Colorizer {
                if let colorizer { return colorizer }
                logger.debug("model \(path), \(pool.workerCount) threads, \(kernelDescription) kernels")
                let new = try Colorizer(path: path, pool: pool)
                try checkHints(for: new)
                colorizer = new
                return new
            }
            try run.run(
                prepare: { _ = try loaded() },
                restore: { try colorize($0, with: loaded()) })
        }
    }

    private func checkHints(for colorizer: Colorizer) throws(UsageError) {
        guard !(hint.isEmpty && hints == nil), colorizer.architecture.kind != .skip else { return }
        throw UsageError(description: "\(model): this model takes no hints of colors")
    }

    private func colorize(_ loaded: LoadedJob, with colorizer: Colorizer) throws -> RestoredPicture {
        let (job, image) = (loaded.job, loaded.decoded.image)
        var decoded = loaded.decoded
        decoded.makeColor()
        // Tables and sampling of a gray JPEG say nothing of color.
        if image.channelLayout.colorChannelCount == 1 { decoded.jpeg = nil }
        let comparison = try pictures.comparison(of: decoded, quality: quality)
        var warnings: [String] = []
        if image.channelLayout.colorChannelCount == 3, !image.hasEqualChannels(pool: threads.pool) {
            warnings.append("it has colors, which are replaced")
        }
        let given = try allHints(loaded)
        var versions: [RestoredPicture.Version] = []
        let seeds = samples == nil ? [nil] : (0..<job.outputs.count).map { UInt64?(seed &+ UInt64($0)) }
        for (index, (output, seed)) in zip(job.outputs, seeds).enumerated() {
            let options = Colorizer.Options(
                vividness: vividness, saturation: saturation, hints: given, sample: seed)
            let result = try colorizer.colorize(image, options: options) {
                try loaded.progress((Double(index) + $0) / Double(job.outputs.count))
            }
            let encoding = try pictures.encoding(for: output, format: pictures.format, of: decoded, quality: quality)
            versions.append(
                .init(
                    image: result, metadata: pictures.metadata(of: decoded), encoding: encoding,
                    coded: try coded(loaded.decoded, in: result, encoding, path: output)))
        }
        return RestoredPicture(versions: versions, warnings: warnings, comparison: comparison) {
            [width = image.width, height = image.height, model] in
            let record = ColorizeRecord(
                file: job.picture, output: job.outputs[0], outputs: job.outputs, width: width, height: height,
                model: model, seeds: seeds.compactMap { $0 }, seconds: $0.seconds, warnings: $0.warnings)
            return (record, record.lines)
        }
    }

    /// A gray JPEG's own luma with the result's chroma, if the result is a JPEG too and no other quality is asked for.
    private func coded(
        _ input: DecodedImage, in result: Image, _ encoding: ImageEncoding, path: String
    ) throws(ImageError) -> CodedImage? {
        guard encoding.format == .jpeg, quality == nil, let parameters = input.jpeg else { return nil }
        return try input.coded?.colored(by: result, gray: parameters, path: path)
    }

    /// The hints of the options and of the hints' picture.
    private func allHints(_ loaded: LoadedJob) throws -> [ColorHint] {
        let image = loaded.decoded.image
        for hint in hint where hint.x >= image.width || hint.y >= image.height {
            throw UsageError(
                description: """
                    --hint \(hint.text): outside \(loaded.job.picture), which has \(image.width)×\(image.height) pixels
                    """)
        }
        let given = hint.map { ColorHint(x: $0.x, y: $0.y, red: $0.red, green: $0.green, blue: $0.blue) }
        guard let layer = loaded.companions[.hints]?.image else { return given }
        guard (layer.width, layer.height) == (image.width, image.height) else {
            throw UsageError(
                description: """
                    \(hints ?? "--hints"): is \(layer.width)×\(layer.height), expected \(image.width)×\(image.height) as \
                    \(loaded.job.picture)
                    """)
        }
        guard layer.channelLayout.hasAlpha else {
            throw UsageError(description: "\(hints ?? "--hints"): has no transparency, so every pixel would be a hint")
        }
        return given + ColorHint.hints(of: layer, longSide: Colorizer.workingSide)
    }
}

private struct ColorizeRecord: Encodable {
    let file: String
    let output: String
    /// All of them, in the order of `seeds`.
    let outputs: [String]
    let width: Int
    let height: Int
    let model: String
    /// Of the answers; empty for the default one.
    let seeds: [UInt64]
    let seconds: Double
    let warnings: [String]

    /// The same for people.
    var lines: [(level: Logger.Level, text: String)] {
        outputs.map { (.info, "\($0): \(width)×\(height), \(decimals(seconds, 2)) s") }
    }
}

/// A value of `--hint`: x,y,#rrggbb.
struct HintArgument: ExpressibleByArgument, Equatable {
    let text: String
    let x: Int
    let y: Int
    /// Encoded sRGB, 0…1.
    let red: Float
    let green: Float
    let blue: Float

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, let x = Int(parts[0]), let y = Int(parts[1]), x >= 0, y >= 0 else { return nil }
        let digits = parts[2].utf8.first == UInt8(ascii: "#") ? parts[2].dropFirst() : parts[2]
        guard digits.utf8.count == 6, digits.allSatisfy(\.isHexDigit), let color = UInt32(digits, radix: 16) else {
            return nil
        }
        (text, self.x, self.y) = (argument, x, y)
        (red, green, blue) = (
            Float(color >> 16) / 255, Float(color >> 8 & 255) / 255, Float(color & 255) / 255
        )
    }
}
