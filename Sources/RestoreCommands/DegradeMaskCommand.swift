import ArgumentParser
import RestoreFiles
import RestoreImage
import RestoreNN
import RestoreText
import RestoreTraining

struct DegradeMaskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mask",
        abstract: "Draws damage over a picture, and writes the mask of it.",
        discussion: """
            The damage is of the kinds that inpainting is trained on. The mask is white where there is damage: restore \
            inpaint --mask OUTPUT_mask.png OUTPUT repairs it.
            """)

    @OptionGroup var files: DegradeOptions

    @Option(help: "What is drawn.")
    var kind = DamageMask.Kind.scratches

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How much of the way to white damaged pixels go, in percent.", valueName: "1…100"))
    var depth = 100.0

    @Option(
        help: ArgumentHelp(
            "File of the mask. (default: beside the output, with _mask.png after its name)", valueName: "file.png"),
        completion: .pictures)
    var mask: String?

    @Option(help: "The same seed gives the same damage.")
    var seed: UInt64 = 1

    func validate() throws {
        guard (1...100).contains(depth) else { throw ValidationError("--depth takes 1 to 100.") }
    }

    func run() throws {
        let path = mask ?? removingPathExtension(files.output) + "_mask.png"
        var generator = SeededGenerator(seed: seed)
        try files.degrade(summary: "\(kind.rawValue) drawn, seed \(seed); the mask is \(path)") { image, _ in
            guard image.pixelCount > 1 else {
                throw UsageError(description: "\(files.input): a single-pixel image cannot be damaged")
            }
            try OutputPlan.requireReplaceable(path, overwrite: files.overwrite)
            let damage = DamageMask(kind, width: image.width, height: image.height, using: &generator)
            let marks = Image(
                width: image.width, height: image.height, channelLayout: .gray,
                samples: .uint8(damage.values.map { $0 == 0 ? 0 : 255 }))
            try writeImage(
                marks, to: path, encoding: OutputPlan.encoding(for: path, format: nil, input: .png, quality: nil),
                overwrite: files.overwrite)
            return try damaged(image, damage)
        }
    }

    private func damaged(_ image: Image, _ damage: DamageMask) throws -> Image {
        var (result, colors) = (image, image.colors)
        let share = Float(depth / 100)
        for pixel in damage.values.indices where damage.values[pixel] != 0 {
            for index in (3 * pixel)..<(3 * pixel + 3) { colors[index] += share * (1 - colors[index]) }
        }
        try result.setColors(of: result.bounds, from: colors)
        return result
    }
}

extension DamageMask.Kind: ExpressibleByArgument {}
