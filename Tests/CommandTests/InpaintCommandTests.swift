import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// `restore inpaint` with a small model.
@Suite struct InpaintCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try workplace.models.write(TinyInpainter().file(), "inpaint-photo/model.safetensors")
        try folder.write(Image.scene(width: 64, height: 48), "photo.png")
        try folder.write(mask(64, 48) { x, y in (20..<40).contains(x) && (10..<30).contains(y) }, "m.png")
    }

    private func mask(_ width: Int, _ height: Int, _ isMarked: (Int, Int) -> Bool) -> Image {
        Image(
            width: width, height: height, channelLayout: .gray,
            samples: .uint8((0..<(width * height)).map { isMarked($0 % width, $0 / width) ? 255 : 0 }))
    }

    private func inpaint(_ arguments: String...) throws -> Outcome {
        try workplace.run(["inpaint", "-j", "2"] + arguments)
    }

    private func image(_ name: String) throws -> Image { try readImage(folder(name)).image }

    /// The pixels that two pictures do not share.
    private func differences(_ a: Image, _ b: Image) -> Set<Int> {
        let channels = a.channelLayout.channelCount
        return Set(zip(a.values, b.values).enumerated().filter { $1.0 != $1.1 }.map { $0.offset / channels })
    }

    @Test func onlyTheMaskIsFilled() throws {
        let outcome = try inpaint("--mask", "m.png", "photo.png")
        #expect(outcome.code == 0 && outcome.errors.contains("photo_inpainted.png: 64×48, 13.0 % filled"))
        let changed = try differences(image("photo.png"), image("photo_inpainted.png"))
        #expect(
            changed.count > 300 && changed.allSatisfy { (20..<40).contains($0 % 64) && (10..<30).contains($0 / 64) })
        #expect(try inpaint("--mask", "m.png", "photo.png").code == 73, "nothing is overwritten")
        #expect(try inpaint("--mask", "m.png", "photo.png", "grown.png", "--dilate", "2").code == 0)
        let grown = try differences(image("photo.png"), image("grown.png"))
        #expect(grown.contains(64 * 15 + 18) && !grown.contains(64 * 15 + 17) && grown.count > changed.count)
    }

    @Test func samplesAreNumberedAndTheirSeedsRecorded() throws {
        let outcome = try inpaint("--mask", "m.png", "photo.png", "--samples", "3", "--seed", "7", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        struct Record: Decodable {
            let outputs: [String]
            let seeds: [UInt64]
            let missing: Int
            let method: String
            let model: String?
        }
        let record = try JSONDecoder().decode(Record.self, from: Data(outcome.output.utf8))
        #expect(record.outputs == (1...3).map { "photo_inpainted-\($0).png" } && record.seeds == [7, 8, 9])
        #expect(record.missing == 400 && record.method == "cvae" && record.model == "inpaint-photo")
        #expect(Set(try record.outputs.map { try readFile(folder($0)) }).count == 3)
        #expect(try inpaint("--mask", "m.png", "photo.png", "again.png", "--samples", "1", "--seed", "8").code == 0)
        #expect(try image("again.png") == image("photo_inpainted-2.png"))
        #expect(try inpaint("--mask", "m.png", "photo.png", "plain.png").code == 0)
        let cold = try inpaint("--mask", "m.png", "photo.png", "cold.png", "--samples", "1", "--temperature", "0")
        #expect(try cold.code == 0 && image("cold.png") == image("plain.png"))
    }

    /// They need no model.
    @Test(arguments: ["harmonic", "biharmonic"]) func classicalFillsAreAvailable(method: String) throws {
        let outcome = try workplace.run(
            ["inpaint", "--mask", "m.png", "photo.png", "out.png", "--method", method, "--json"],
            environment: ["RESTORE_MODELS": folder("nowhere")])
        #expect(outcome.code == 0 && outcome.output.contains("\"model\":null"), "\(outcome.errors)")
        #expect(try !differences(image("photo.png"), image("out.png")).isEmpty)
        let wrong = try inpaint("--mask", "m.png", "photo.png", "--method", method, "--samples", "2")
        #expect(wrong.code == 64 && wrong.errors.contains("no model"))
    }

    @Test func anEmptyMaskCopiesThePictureAndSaysSo() throws {
        try folder.write(mask(64, 48) { _, _ in false }, "black.png")
        let outcome = try inpaint("--mask", "black.png", "photo.png")
        #expect(outcome.code == 0 && outcome.errors.contains("nothing is marked"), "\(outcome.errors)")
        #expect(try image("photo_inpainted.png") == image("photo.png"))
    }

    @Test func masksThatDoNotFitAreRefused() throws {
        try folder.write(mask(63, 48) { _, _ in true }, "narrow.png")
        let size = try inpaint("--mask", "narrow.png", "photo.png")
        #expect(size.code == 64 && size.errors.contains("63×48") && size.errors.contains("64×48"), "\(size.errors)")
        try folder.write(mask(64, 48) { _, _ in true }, "white.png")
        let all = try inpaint("--mask", "white.png", "photo.png")
        #expect(all.code == 64 && all.errors.contains("all of it is marked"), "\(all.errors)")
        let grown = try inpaint("--mask", "m.png", "photo.png", "--dilate", "100")
        #expect(grown.code == 64 && grown.errors.contains("all of it is marked"))
        #expect(try inpaint("--mask", "none.png", "photo.png").code == 66)
        #expect(try inpaint("photo.png").code == 64, "a mask is needed")
        #expect(pathKind(folder("photo_inpainted.png")) == .missing)
    }

    /// By the same name or with `_mask`; a picture without one is a failure, and the others are done.
    @Test func aFolderHasAMaskForEachPicture() throws {
        for name in ["a", "b", "c"] {
            try folder.write(Image.scene(width: 40, height: 32, seed: UInt64(name.utf8.first ?? 0)), "in/\(name).png")
        }
        let mark = mask(40, 32) { x, _ in (10..<14).contains(x) }
        try folder.write(mark, "masks/a.png")
        try folder.write(mark, "masks/b_mask.png")
        let outcome = try inpaint("--mask", "masks", "in", "-o", "out")
        #expect(outcome.code == 1 && outcome.errors.contains("masks/c.png"), "\(outcome.errors)")
        for name in ["a", "b"] {
            let changed = try differences(image("in/\(name).png"), image("out/\(name).png"))
            #expect(!changed.isEmpty && changed.allSatisfy { (10..<14).contains($0 % 40) })
        }
        #expect(pathKind(folder("out/c.png")) == .missing)
    }

    @Test func transparentPartsAreFilledAndBecomeOpaque() throws {
        var values = Image.scene(width: 40, height: 32, .rgbAlpha).values.map { UInt8($0) }
        for pixel in 0..<(40 * 32) { values[4 * pixel + 3] = (10..<20).contains(pixel % 40) ? 0 : 255 }
        try folder.write(Image(width: 40, height: 32, channelLayout: .rgbAlpha, samples: .uint8(values)), "clear.png")
        let outcome = try inpaint("--mask", "alpha", "clear.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let result = try image("clear_inpainted.png").values
        #expect(stride(from: 3, to: result.count, by: 4).allSatisfy { result[$0] == 255 })
        for pixel in 0..<(40 * 32) where !(10..<20).contains(pixel % 40) {
            for index in (4 * pixel)..<(4 * pixel + 3) { #expect(result[index] == Int(values[index])) }
        }
        let opaque = try inpaint("--mask", "alpha", "photo.png")
        #expect(opaque.code == 64 && opaque.errors.contains("no transparency"))
    }

    @Test func modelsOfOtherTasksAreRefused() throws {
        try folder.write(TinyColorizer().file(), "color.safetensors")
        let outcome = try inpaint("--mask", "m.png", "photo.png", "-m", "color.safetensors")
        #expect(outcome.code == 65 && outcome.errors.contains("colorize"), "\(outcome.errors)")
    }
}
