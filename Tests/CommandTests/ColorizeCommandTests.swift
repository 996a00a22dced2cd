import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import TestSupport
import Testing

/// `restore colorize` and `restore evaluate colorize` with a small model.
@Suite struct ColorizeCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try workplace.models.write(TinyColorizer().file(), "colorize-photo/model.safetensors")
        try folder.write(Image.scene(width: 64, height: 48, .gray), "photo.png")
    }

    private func colorize(_ arguments: String...) throws -> Outcome {
        try workplace.run(["colorize", "-j", "2"] + arguments)
    }

    @Test func theResultIsBesideThePhotograph() throws {
        let outcome = try colorize("photo.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let result = try readImage(folder("photo_colorized.png")).image
        let own = try readImage(folder("photo.png")).image
        #expect(result.channelLayout == .rgb && (result.width, result.height) == (64, 48))
        let (colors, gray) = (result.colors, own.colors)
        for pixel in 0..<own.pixelCount {
            let luma = Luma.of(colors[3 * pixel], colors[3 * pixel + 1], colors[3 * pixel + 2])
            #expect(abs(luma - gray[3 * pixel]) <= 0.51 / 255)
        }
        #expect(try colorize("photo.png").code == 73, "nothing is overwritten")
    }

    @Test func samplesAreNumberedAndTheirSeedsRecorded() throws {
        let outcome = try colorize("photo.png", "out.png", "--samples", "3", "--seed", "7", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        struct Record: Decodable {
            let outputs: [String]
            let seeds: [UInt64]
        }
        let record = try JSONDecoder().decode(Record.self, from: Data(outcome.output.utf8))
        #expect(record.outputs == ["out-1.png", "out-2.png", "out-3.png"] && record.seeds == [7, 8, 9])
        let results = try record.outputs.map { try readFile(folder($0)) }
        #expect(Set(results).count == 3)
        #expect(try colorize("photo.png", "again.png", "--samples", "1", "--seed", "8").code == 0)
        #expect(try readImage(folder("again.png")).image == readImage(folder("out-2.png")).image)
    }

    @Test func aColorPictureIsColoredAnewAndAMessageSaysSo() throws {
        try folder.write(Image.scene(width: 30, height: 20), "color.png")
        let outcome = try colorize("color.png")
        #expect(outcome.code == 0 && outcome.errors.contains("color.png: it has colors, which are replaced"))
        let errors = try colorize("photo.png").errors
        #expect(!errors.contains("colors, which"))
    }

    @Test func hintsAreCheckedAndUsed() throws {
        #expect(try colorize("photo.png", "plain.png").code == 0)
        #expect(try colorize("photo.png", "hinted.png", "--hint", "20,10,#ff0000").code == 0)
        #expect(try readFile(folder("plain.png")) != readFile(folder("hinted.png")))
        let outside = try colorize("photo.png", "x.png", "--hint", "64,10,#ff0000")
        #expect(outside.code == 64 && outside.errors.contains("64×48"), "\(outside.errors)")
        for text in ["1,2", "1,2,red", "-1,2,#000000", "1,2,#ff00", "1,2,#+f0000"] {
            #expect(try colorize("photo.png", "x.png", "--hint=\(text)").code == 64, "\(text)")
        }
        try folder.write(Image.scene(width: 64, height: 48, .rgbAlpha), "layer.png")
        try folder.write(Image.scene(width: 60, height: 48, .rgbAlpha), "narrow.png")
        #expect(try colorize("photo.png", "layered.png", "--hints", "layer.png").code == 0)
        #expect(try readFile(folder("plain.png")) != readFile(folder("layered.png")))
        let narrow = try colorize("photo.png", "x.png", "--hints", "narrow.png")
        #expect(narrow.code != 0 && narrow.errors.contains("60×48, expected 64×48"), "\(narrow.errors)")
        let opaque = try colorize("photo.png", "x.png", "--hints", "photo.png")
        #expect(opaque.code != 0 && opaque.errors.contains("no transparency"))
    }

    @Test func anAutoencoderTakesNoHintsAndSaysSo() throws {
        try folder.write(TinyColorizer(.init(textbook: .textbook)).file(), "textbook.safetensors")
        let outcome = try colorize("photo.png", "-m", "textbook.safetensors", "--hint", "1,1,#00ff00")
        #expect(outcome.code == 64 && outcome.errors.contains("takes no hints"))
    }

    /// A JPEG of one component becomes one of three: its luma is not coded anew, and chroma at half the resolution is
    /// quantized as strongly.
    @Test(arguments: [95, 60, 20]) func aGrayJPEGKeepsItsLuma(quality: Int) throws {
        let gray = Image.scene(width: 75, height: 53, .gray)
        try writeImage(
            gray, to: folder("photo.jpg"), encoding: ImageEncoding(format: .jpeg, jpegQuality: quality),
            overwrite: false)
        let outcome = try colorize("photo.jpg", "out.jpg", "--saturation", "0.1")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let (before, after) = (try readImage(folder("photo.jpg")), try readImage(folder("out.jpg")))
        let (own, result) = (try #require(before.jpeg), try #require(after.jpeg))
        #expect(result.components.map(\.horizontalSampling) == [2, 1, 1])
        #expect(result.quantizationTables[0] == own.quantizationTables[0])
        // The same coefficients give the same luma but for the rounding of three colors.
        let (luma, other) = (before.image.inColor().colors, after.image.inGray().inColor().colors)
        #expect(zip(luma, other).allSatisfy { abs($0 - $1) <= 1.01 / 255 })
        // The tables are those of libjpeg's quality.
        var encoding = ImageEncoding(format: .jpeg, jpegQuality: quality)
        encoding.jpegSubsamplesColor = true
        try writeImage(gray.inColor(), to: folder("reference.jpg"), encoding: encoding, overwrite: false)
        let reference = try #require(try readImage(folder("reference.jpg")).jpeg)
        for (step, expected) in zip(result.quantizationTables[1], reference.quantizationTables[1]) {
            #expect(abs(Int(step) - Int(expected)) <= 1 + Int(expected) / 20)
        }
    }

    /// Other quality, other format, or a file that is not gray: the pixels are coded as usual.
    @Test func otherOutputsAreCodedAnew() throws {
        try writeImage(
            Image.scene(width: 64, height: 48, .gray), to: folder("photo.jpg"),
            encoding: ImageEncoding(format: .jpeg, jpegQuality: 60), overwrite: false)
        #expect(try colorize("photo.jpg", "better.jpg", "--quality", "95").code == 0)
        let (before, after) = (try readImage(folder("photo.jpg")), try readImage(folder("better.jpg")))
        #expect(after.jpeg?.quantizationTables[0] != before.jpeg?.quantizationTables[0])
        #expect(try colorize("photo.jpg", "other.png").code == 0)
        #expect(try readImage(folder("other.png")).image.channelLayout == .rgb)
    }

    @Test func edgeCasesComeOutRight() throws {
        for (name, width, height, value) in [("black", 40, 30, 0), ("white", 30, 40, 255), ("dot", 1, 1, 90)] {
            let samples = [UInt8](repeating: UInt8(value), count: width * height)
            try folder.write(
                Image(width: width, height: height, channelLayout: .gray, samples: .uint8(samples)), "\(name).png")
            #expect(try colorize("\(name).png", "\(name)-out.png").code == 0)
            let result = try readImage(folder("\(name)-out.png")).image
            #expect((result.width, result.height) == (width, height))
            #expect(try result.inGray().roundedTo8Bits().colors.allSatisfy { abs($0 * 255 - Float(value)) <= 1 })
        }
        try folder.write(Image.scene(width: 3, height: 5000, .gray), "strip.png")
        #expect(try colorize("strip.png", "strip-out.png").code == 0)
        #expect(try readImage(folder("strip-out.png")).image.height == 5000)
    }

    @Test func evaluationStandsBesideTheGrayPicture() throws {
        for index in 0..<3 {
            try folder.write(Image.scene(width: 40, height: 32, seed: UInt64(index)), "set/\(index).png")
        }
        let text = try workplace.run(["evaluate", "colorize", "--data", "set"])
        #expect(text.code == 0, "\(text.errors)")
        #expect(text.outputLines.contains { $0.hasPrefix("mean of 3 pictures  MAE ") && $0.contains("gray: ") })
        let outcome = try workplace.run(["evaluate", "colorize", "--data", "set", "--json", "--hint-count", "5"])
        struct Values: Decodable {
            let mae: Double
            let psnr: Double
            let psnr_pooled: Double
            let mse: Double
            let acc2: Double
            let colorfulness: Double
        }
        struct Summary: Decodable {
            let mean: Values
            let baselines: [String: Values]
            let pictures: Int
        }
        let line = try #require(outcome.outputLines.last)
        let summary = try JSONDecoder().decode(Summary.self, from: Data(line.utf8))
        let gray = try #require(summary.baselines["gray"])
        #expect(summary.pictures == 3 && gray.colorfulness < 1e-3 && summary.mean.colorfulness > 0)
        // Equally large pictures: the pooled PSNR is that of the mean squared error.
        #expect(abs(gray.psnr_pooled + 10 * log10(gray.mse)) < 1e-6)
        #expect(gray.psnr > gray.psnr_pooled && (0...1).contains(gray.acc2))
        // A gray picture among them has no error as gray, and counts: the pooled error is three quarters.
        try folder.write(Image.scene(width: 40, height: 32, .gray), "set/gray.png")
        let more = try workplace.run(["evaluate", "colorize", "--data", "set", "--json", "--hint-count", "5"])
        let last = try JSONDecoder().decode(Summary.self, from: Data(try #require(more.outputLines.last).utf8))
        let pooled = try #require(last.baselines["gray"]).psnr_pooled
        #expect(abs(pooled - gray.psnr_pooled - 10 * log10(4.0 / 3)) < 0.01)
    }

    @Test func theSheetShowsGrayColoredAndTrue() throws {
        for index in 0..<3 {
            try folder.write(Image.scene(width: 40, height: 32, seed: UInt64(index)), "set/\(index).png")
        }
        let arguments = ["evaluate", "colorize", "--data", "set", "--sheet", "sheet.png", "--sheet-rows", "2"]
        let outcome = try workplace.run(arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        // Two rows of three cells, and pictures enlarged by four.
        let sheet = try readImage(folder("sheet.png")).image
        #expect((sheet.width, sheet.height) == (12 + 3 * 192 + 2 * 4 + 12, 2 * (128 + 12) + 12))
        func pixel(_ cell: Int, _ x: Int, _ y: Int) -> [Int] {
            let place = 12 + cell * 196 + 16 + 4 * x + 2 + sheet.width * (12 + 4 * y + 2)
            return Array(sheet.values[(3 * place)..<(3 * place + 3)])
        }
        let truth = try readImage(folder("set/0.png")).image
        for (x, y) in [(0, 0), (17, 9), (39, 31)] {
            let place = 3 * (40 * y + x)
            #expect(pixel(2, x, y) == Array(truth.values[place..<(place + 3)]))
            #expect(Set(pixel(0, x, y)).count == 1, "gray")
        }
        #expect((0..<40).contains { Set(pixel(1, $0, 9)).count > 1 }, "colored")
        #expect(try workplace.run(arguments).code == 73, "nothing is overwritten")
        #expect(try workplace.run(arguments + ["--overwrite"]).code == 0)
    }
}
