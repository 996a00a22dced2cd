import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Files that are no pictures, or none that can be read, and what people try first.
@Suite struct ForeignFileTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
    }

    /// Read in whole, they would take 4 GiB of memory and more.
    @Test func whatIsNoPictureIsNotRead() throws {
        try folder.write([], "sparse.png")
        try #require(truncate(folder("sparse.png"), 64 << 30) == 0)
        let zeros = "is neither a PNG nor a JPEG image: found bytes 00 00"
        let sparse = try workplace.run(["denoise", "-m", "tiny", "sparse.png", "y.png"])
        #expect(sparse.code == 65 && sparse.errors.hasPrefix("restore: sparse.png: \(zeros)"), "\(sparse.errors)")
        let outcome = try workplace.shell("cat /dev/zero | restore denoise -m tiny - y.png")
        #expect(outcome.code == 65 && outcome.errors == "restore: standard input: \(zeros) 00 00 00 00 00 00\n")
    }

    /// A header that claims a size, and no more.
    private func writeHeader(width: Int, height: Int, _ name: String) throws {
        func number(_ value: Int) -> [UInt8] { (0..<4).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        let body = Array("IHDR".utf8) + number(width) + number(height) + [8, 0, 0, 0, 0]
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in body {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        // Some data, which is damaged.
        let data = number(1) + Array("IDAT".utf8) + [0, 0, 0, 0, 0]
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        try folder.write(signature + number(13) + body + number(Int(~sum)) + data, name)
    }

    /// A network pads every row of a narrow picture, so that it computes many times its pixels.
    @Test func narrowPicturesCountAsWhatIsComputed() throws {
        try writeHeader(width: 1, height: 300_000_000, "high.png")
        try writeHeader(width: 30_000_000, height: 1, "wide.png")
        try writeHeader(width: 1, height: 900_000, "less.png")
        func expectFailure(_ name: String, _ more: [String] = [], naming reason: String) throws {
            try workplace.expectFailure(["denoise", "-m", "tiny", name, "out.png"] + more, code: 65, naming: reason)
        }
        try expectFailure("high.png", naming: "high.png: claims 1×300000000 pixels, more than the limit of 512000000")
        try expectFailure("wide.png", naming: "more than the limit of 1000000 for a side")
        try expectFailure("less.png", ["--max-pixels", "14"], naming: "more than the limit of 14000000")
        // Within the limit, it is the data that are wrong.
        try expectFailure("less.png", ["--max-pixels", "15"], naming: "is a damaged PNG file")
    }

    @Test func aDamagedPictureThatCanBeReadInPartSaysHow() throws {
        let whole = try encodeImage(.scene(width: 40, height: 40), as: ImageEncoding(format: .png), path: "p")
        try folder.write(whole.dropLast(20), "cut.png")
        try folder.write(Array(whole.prefix(50)), "none.png")
        let text = "is a damaged PNG file: the file ends too early"
        for name in ["cut.png", "none.png"] {
            let advice = name == "cut.png" ? "; --tolerant reads what is there" : ""
            let failure = try workplace.denoise(name, "out.png")
            #expect(failure.code == 65 && failure.errors.hasSuffix("\(advice)\n"), "\(failure.errors)")
            #expect(failure.errors.hasPrefix("restore: \(name): is a damaged PNG file: "), "\(failure.errors)")
            #expect(failure.errors.contains("--tolerant") == (name == "cut.png"))
        }
        let stream = try workplace.run(
            ["denoise", "-m", "tiny", "-", "out.png"], inputFrom: folder("cut.png"))
        #expect(stream.errors == "restore: standard input: \(text); --tolerant reads what is there\n")
        #expect(try workplace.denoise("cut.png", "out.png", "--tolerant").code == 0)
    }

    @Test func picturesOfUnsupportedFormatsAreCounted() throws {
        for name in ["a.HEIC", "b.heif", "c.webp", "d.CR2", "x/e.tiff", "notes.txt"] {
            try folder.write([1], "in/\(name)")
        }
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "in"], code: 66,
            naming: "in: cannot be read: it holds no PNG or JPEG file, but 2 HEIC, 1 WebP and 1 camera raw file; -r")
        try folder.write(.scene(width: 20, height: 20), "in/a.png")
        let outcome = try workplace.denoise("in", "-r", "-o", "out")
        let line = "in: 2 HEIC, 1 WebP, 1 TIFF and 1 camera raw file left out: only PNG and JPEG are read"
        #expect(outcome.code == 0 && outcome.errorLines.contains("restore: warning: \(line)"), "\(outcome.errors)")
        #expect(outcome.errorLines.last == "1 of 1 picture denoised")
    }

    @Test func aPictureInPlaceOfACommand() throws {
        try folder.write(.scene(width: 20, height: 20), "photo.jpg")
        try folder.makeFolder("holiday")
        for name in ["photo.jpg", "missing.png", "holiday", "./photo.jpg"] {
            try workplace.expectFailure([name], code: 64, naming: "to remove noise: restore denoise \(name)")
        }
        // A mistyped command stays one, and a folder of a command's name does not hide it.
        let mistyped = try workplace.run(["denois", "photo.jpg"])
        #expect(mistyped.code == 64 && !mistyped.errors.contains("to remove noise"))
        try folder.makeFolder("models")
        #expect(try workplace.run(["models", "list"]).code == 0)
    }

    @Test func aRunGivesItsBestModel() throws {
        for (name, model) in [("best", Workplace.model.file()), ("last", [1, 2, 3])] {
            try folder.write(model, "run/\(name).safetensors")
        }
        try folder.write(.scene(width: 20, height: 20), "a.png")
        for run in ["run", "run/", "./run"] {
            let outcome = try workplace.run(["denoise", "-m", run, "--sigma", "25", "a.png", "out.png", "--overwrite"])
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        #expect(try workplace.denoise("a.png", "tiny.png").code == 0)
        #expect(try workplace.image("out.png") == workplace.image("tiny.png"))
    }
}
