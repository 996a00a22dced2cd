import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreNN
import RestoreText
import RestoreTraining

struct DataSyntheticCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synthetic",
        abstract: "Draws synthetic pictures like those of restore train denoise --synthetic-share.",
        discussion: """
            Each shows overlapping shapes with flat, shaded, striped or tiled surfaces or text, or one such surface. \
            Training draws its own; this command shows what they look like, or makes a folder of them for other programs.
            """)

    @Argument(
        help: ArgumentHelp("Folder for the pictures, synthetic-1.png and so on.", valueName: "folder"),
        completion: .directory)
    var folder: String

    @Option(help: ArgumentHelp("Number of pictures.", valueName: "number"))
    var count = 16

    @Option(help: ArgumentHelp("Width and height.", valueName: "px"))
    var size = 128

    @Option(help: "The same seed gives the same pictures.")
    var seed: UInt64 = 1

    @Flag(help: "Replace pictures that exist.")
    var overwrite = false

    @OptionGroup var verbosity: VerbosityOptions

    func validate() throws {
        guard count >= 1 else { throw ValidationError("--count takes 1 or more.") }
        guard (8...4096).contains(size) else { throw ValidationError("--size takes 8 to 4096.") }
    }

    func run() throws {
        try reportingFailure {
            Interruption.watch()
            try makeDirectory(folder)
            for index in 1...count {
                try Interruption.check()
                let path = joinPath(folder, "synthetic-\(index).png")
                let image = SyntheticPicture.image(side: size, seed: seed, index: index)
                try writeImage(image, to: path, encoding: ImageEncoding(format: .png), overwrite: overwrite)
            }
            verbosity.logger.info("\(folder): \(count) synthetic picture\(count == 1 ? "" : "s")")
        }
    }
}
