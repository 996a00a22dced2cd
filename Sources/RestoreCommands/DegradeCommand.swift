import RestoreText
import ArgumentParser
import RestoreImage
import RestoreNN
import RestoreTraining

struct DegradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "degrade",
        abstract: "Creates degraded images for testing.",
        subcommands: [
            DegradeNoiseCommand.self, DegradePhotoCommand.self, DegradeJPEGCommand.self, DegradeMaskCommand.self,
        ])
}

/// Options common to all degradations.
struct DegradeOptions: ParsableArguments {
    @Argument(help: "PNG or JPEG file.", completion: .pictures)
    var input: String

    @Argument(help: "Output file; .png preserves the result exactly.", completion: .pictures)
    var output: String

    @Flag(help: "Replace an output that exists.")
    var overwrite = false

    @OptionGroup var verbosity: VerbosityOptions

    /// Reads the input, degrades it, writes the output, and prints a summary.
    ///
    /// - Parameter work: returns the degraded image; may change how it is encoded.
    func degrade(summary: String, _ work: (Image, inout ImageEncoding) throws -> Image) throws {
        try reportingFailure {
            for path in [input, output] { try OutputPlan.requireName(path) }
            try OutputPlan.requireReplaceable(output, overwrite: overwrite)
            // On a signal, a file being written is completed and no further one is started.
            Interruption.watch()
            let picture = try readImage(input)
            var encoding = try OutputPlan.encoding(for: output, format: nil, input: picture.format, quality: nil)
            if encoding.format == .jpeg, picture.image.bitDepth == 16 {
                verbosity.logger.warning("\(output): its 16 bits per channel become 8: a JPEG cannot store more")
            }
            let degraded = try work(picture.image, &encoding)
            try Interruption.check()
            try writeImage(
                degraded, metadata: picture.metadata, to: output, encoding: encoding, overwrite: overwrite)
            verbosity.logger.info("\(output): \(summary)")
        }
    }
}

struct DegradeNoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "noise",
        abstract: "Adds Gaussian noise; the result is clipped and rounded to the image's bit depth.")

    @OptionGroup var files: DegradeOptions

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Standard deviation of the noise, in units of 1/255.", valueName: "0…255"))
    var sigma = 25.0

    @Option(help: "The same seed gives the same noise.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (0...255).contains(sigma) else { throw ValidationError("--sigma takes 0 to 255.") }
    }

    func run() throws {
        var generator = SeededGenerator(seed: seed)
        try files.degrade(summary: "noise of \(decimals(sigma, 1)) of 255 added, seed \(seed)") { image, _ in
            try GaussianNoise(sigma: sigma).degrade(image, generator: &generator)
        }
    }
}

struct DegradePhotoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "photo",
        abstract: "Adds camera noise.",
        discussion: """
            Sensor noise before the gamma curve, demosaicking, color matrix, smoothing, sharpening and JPEG \
            compression, all for a random camera determined by the seed. The result has 8 bits per channel.
            """)

    @OptionGroup var files: DegradeOptions

    @Option(help: ArgumentHelp("Noise level.", valueName: "low|medium|high"))
    var level = PhotographNoise.Level.medium

    @Option(help: "The same seed gives the same camera and noise.")
    var seed: UInt64 = 1

    func run() throws {
        var generator = SeededGenerator(seed: seed)
        try files.degrade(summary: "noise of a photograph added, level \(level.rawValue), seed \(seed)") { image, _ in
            try PhotographNoise(level: level).degrade(image, path: files.input, generator: &generator)
        }
    }
}

struct DegradeJPEGCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jpeg",
        abstract: "Compresses as JPEG; a PNG output stores the decompressed result.",
        discussion: "Color is stored at half the resolution below quality 90.")

    @OptionGroup var files: DegradeOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("JPEG quality.", valueName: "1…100"))
    var quality = 50

    func validate() throws {
        guard (1...100).contains(quality) else { throw ValidationError("--quality takes 1 to 100.") }
    }

    func run() throws {
        try files.degrade(summary: "compressed as JPEG with quality \(quality)") { image, encoding in
            encoding.jpegQuality = quality
            // A JPEG output is compressed anyway when it is written, so it must not be compressed twice.
            if encoding.format == .jpeg { return image }
            return try JPEGCompression(quality: quality).decoded(image, path: files.input).image
        }
    }
}

extension PhotographNoise.Level: ExpressibleByArgument {}
