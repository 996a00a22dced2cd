import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Files whose extension is not that of their format: nothing is lost without a word.
@Suite struct MisnamedFileTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        let image = Image.scene(width: 20, height: 16)
        let deep = Image(
            width: 20, height: 16, channelLayout: image.channelLayout,
            samples: .uint16((0..<image.sampleCount).map { UInt16(truncatingIfNeeded: 20_000 + 37 * $0) }))
        try folder.write(encodeImage(deep, as: ImageEncoding(format: .png), path: "p"), "in/deep.jpg")
        try folder.write(encodeImage(image, as: ImageEncoding(format: .jpeg), path: "p"), "in/flat.PNG")
        try folder.write(encodeImage(image, as: ImageEncoding(format: .png), path: "p"), "in/right.png")
        try folder.write(encodeImage(image, as: ImageEncoding(format: .png), path: "p"), "in/odd.dat")
    }

    private func made(_ name: String) throws -> [String] { try folder.names.filter { $0.hasPrefix("\(name)/") } }

    private let remark = "restore: warning: in/deep.jpg: is a PNG file, so its result is a .png"

    @Test func aNameThatIsDerivedGetsTheExtensionOfTheContent() throws {
        let batch = try workplace.denoise("in", "--output", "out")
        #expect(batch.code == 0 && batch.errorLines.contains(remark), "\(batch.errors)")
        #expect(batch.errorLines.contains("restore: warning: in/flat.PNG: is a JPEG file, so its result is a .jpg"))
        #expect(!batch.errors.contains("right.png: is a"))
        #expect(try made("out") == ["out/deep.png", "out/flat.jpg", "out/right.png"])
        #expect(try workplace.image("out/deep.png").bitDepth == 16)
        #expect(try readImage(folder("out/flat.jpg")).format == .jpeg)
        // Beside the input, and of an extension that is none of a picture.
        #expect(try workplace.denoise("in/deep.jpg").errorLines.contains(remark))
        #expect(try workplace.image("in/deep_denoised.png").bitDepth == 16)
        #expect(try workplace.denoise("in/odd.dat").code == 0)
        #expect(try folder.names.contains("in/odd_denoised.png"))
        // The second run finds the results of the first.
        let again = try workplace.denoise("in", "--output", "out", "--skip-existing")
        #expect(again.code == 0 && again.errorLines.last == "0 of 3 pictures denoised, 3 skipped", "\(again.errors)")
        // An explicit format counts.
        #expect(try workplace.denoise("in/deep.jpg", "--output", "jpegs/", "--format", "jpg").code == 0)
        #expect(try made("jpegs") == ["jpegs/deep.jpg"])
    }

    @Test func whatAnExplicitNameCostsIsSaid() throws {
        let line = "in/deep.jpg: its 16 bits per channel become 8: a JPEG cannot store more"
        let outcome = try workplace.denoise("in/deep.jpg", "out.jpg")
        #expect(outcome.code == 0 && outcome.errorLines.contains("restore: warning: \(line)"), "\(outcome.errors)")
        #expect(try readImage(folder("out.jpg")).format == .jpeg)
        let deep = try workplace.denoise("in/deep.jpg", "out.png")
        #expect(deep.code == 0 && !deep.errors.contains("16 bits"), "\(deep.errors)")
        #expect(try workplace.image("out.png").bitDepth == 16)
    }

    @Test func replacingInPlaceIsRefusedWithTheRemedy() throws {
        let command = ["denoise", "-m", "tiny", "--sigma", "25", "--overwrite"]
        let files = ["in/deep.jpg": "use --format png, or rename it", "in/flat.PNG": "use --format jpg, or rename it"]
        for (name, remedy) in files {
            try workplace.expectFailure(command + [name, name], code: 64, naming: remedy)
            try workplace.expectFailure(command + [name, "./\(name)"], code: 64, naming: remedy)
        }
        #expect(try workplace.run(command + ["in/deep.jpg", "in/deep.jpg", "--format", "png"]).code == 0)
        #expect(try workplace.image("in/deep.jpg").bitDepth == 16)
        // Rightly named files are replaced as ever.
        #expect(try workplace.run(command + ["in/right.png", "in/right.png"]).code == 0)
    }
}
