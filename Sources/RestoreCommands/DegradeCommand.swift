import ArgumentParser
import RestoreImage
import RestoreNN
import RestoreTraining

struct DegradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "degrade",
        abstract: "Makes damaged pictures to try things on.",
        subcommands: [DegradeNoiseCommand.self])
}

struct DegradeNoiseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "noise",
        abstract: "Adds Gaussian noise; the result is clipped and rounded to the picture's bit depth.")

    @Argument(help: "PNG or JPEG file.")
    var input: String

    @Argument(help: "File to write; .png keeps the noise as it is.")
    var output: String

    @Option(help: ArgumentHelp("Standard deviation of the noise, of 255.", valueName: "0…255"))
    var sigma = 25.0

    @Option(help: "The same seed gives the same noise.")
    var seed: UInt64 = 1

    @Flag(help: "Replace an output that exists.")
    var overwrite = false

    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard (0...255).contains(sigma) else { throw ValidationError("--sigma takes 0 to 255.") }
    }

    func run() throws {
        try reportingFailure {
            for path in [input, output] { try OutputPlan.requireName(path) }
            try OutputPlan.requireReplaceable(output, overwrite: overwrite)
            let picture = try readImage(input)
            let encoding = try OutputPlan.encoding(for: output, format: nil, input: picture.format, quality: nil)
            var generator = SeededGenerator(seed: seed)
            let noisy = try GaussianNoise(sigma: sigma).degrade(picture.image, generator: &generator)
            try writeImage(noisy, to: output, encoding: encoding, overwrite: overwrite)
            verbosity.logger.info("\(output): noise of \(decimals(sigma, 1)) of 255 added, seed \(seed)")
        }
    }
}
