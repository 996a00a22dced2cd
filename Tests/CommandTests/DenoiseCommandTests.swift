import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import TestSupport
import Testing

/// `restore denoise` where all goes well.
@Suite struct DenoiseCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
    }

    /// What the library makes of a picture with the tiny model at the level 25.
    private func expected(_ image: Image, strength: Double = 1) throws -> Image {
        let options = Denoiser.Options(noiseLevel: .sigma(25), strength: strength)
        return try Workplace.model.denoiser().denoise(image, options: options).image
    }

    @Test(arguments: Image.ChannelLayout.allCases, [8, 16])
    func aPNGBecomesAPNGOfItsKind(layout: Image.ChannelLayout, bitDepth: Int) throws {
        let image = Image.scene(width: 61, height: 47, layout, bitDepth: bitDepth)
        try folder.write(image, "in.png")
        let outcome = try workplace.denoise("in.png", "out.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output == "")
        #expect(outcome.errorLines.count == 1 && outcome.errors.hasPrefix("out.png: 61×47, noise level 25.0"))
        #expect(try workplace.image("out.png") == expected(image))
        #expect(try folder.names == ["in.png", "out.png"])
    }

    @Test func aJPEGGetsAJPEGBesideIt() throws {
        try folder.write(.scene(width: 60, height: 40), "album/x.jpg")
        let outcome = try workplace.denoise("album/x.jpg")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try folder.names == ["album", "album/x.jpg", "album/x_denoised.jpg"])
        let result = try readImage(folder("album/x_denoised.jpg"))
        #expect(result.format == .jpeg)
        let difference = try peakSignalToNoiseRatio(result.image, expected(workplace.image("album/x.jpg")))
        #expect(difference > 35)
    }

    @Test func severalInputsGoIntoAFolder() throws {
        let names = ["a.png", "sub/b.jpeg", "c.JPG"]
        for name in names { try folder.write(.scene(width: 30, height: 20), name) }
        try folder.makeFolder("clean")
        let outcome = try workplace.denoise("a.png", "sub/b.jpeg", "c.JPG", "-o", "clean")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errorLines.count == 4 && outcome.errorLines.last == "3 of 3 pictures denoised")
        let made = try folder.names.filter { $0.hasPrefix("clean/") }
        #expect(made == ["clean/a.png", "clean/b.jpeg", "clean/c.JPG"])
        #expect(try readImage(folder("clean/c.JPG")).format == .jpeg)
    }

    @Test func aFolderLastIsTheOutput() throws {
        for name in ["a.png", "b.png", "c.png"] { try folder.write(.scene(width: 20, height: 20), name) }
        try folder.makeFolder("clean")
        #expect(try workplace.denoise("a.png", "clean").code == 0)
        #expect(try workplace.denoise("b.png", "c.png", "clean/").code == 0)
        #expect(try folder.names.filter { $0.hasPrefix("clean/") } == ["clean/a.png", "clean/b.png", "clean/c.png"])
    }

    @Test func severalInputsWithoutAnOutputStayInTheirFolders() throws {
        for name in ["a.png", "sub/b.png", "c.png"] { try folder.write(.scene(width: 20, height: 20), name) }
        #expect(try workplace.denoise("a.png", "sub/b.png", "c.png", "--suffix=-clean").code == 0)
        let made = try folder.names.filter { $0.contains("-clean") }
        #expect(made == ["a-clean.png", "c-clean.png", "sub/b-clean.png"])
    }

    @Test func theExtensionDecidesTheFormat() throws {
        try folder.write(.scene(width: 40, height: 30), "in.png")
        try folder.write(.scene(width: 40, height: 30), "in.jpg")
        // Without an extension they are files only because they are there.
        for name in ["4", "5"] { try folder.write([], name) }
        for (input, output, format) in [
            ("in.png", "1.jpg", ImageFormat.jpeg), ("in.jpg", "2.png", .png), ("in.jpg", "3.PNG", .png),
            ("in.png", "4", .png), ("in.jpg", "5", .jpeg),
        ] {
            #expect(try workplace.denoise(input, output, "--overwrite").code == 0)
            #expect(try readImage(folder(output)).format == format, "\(output)")
        }
        #expect(try workplace.denoise("in.png", "6.x", "--format", "jpg").code == 0)
        #expect(try readImage(folder("6.x")).format == .jpeg)
    }

    @Test func qualityDecidesTheSize() throws {
        try folder.write(.scene(width: 100, height: 80), "in.png")
        for quality in ["10", "95"] {
            #expect(try workplace.denoise("in.png", "\(quality).jpg", "--quality", quality).code == 0)
        }
        #expect(try readFile(folder("10.jpg")).count * 2 < readFile(folder("95.jpg")).count)
    }

    @Test func optionsNameInputAndOutputToo() throws {
        try folder.write(.scene(width: 20, height: 20), "in.png")
        let variants = [["-i", "in.png", "-o", "1.png"], ["-i", "in.png", "2.png"], ["in.png", "--output", "3.png"]]
        for arguments in variants {
            let outcome = try workplace.run(["denoise", "-m", "tiny", "--sigma", "25"] + arguments)
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        #expect(try Set(["1.png", "2.png", "3.png"].map { try readFile(folder($0)) }).count == 1)
    }

    @Test func aComparisonShowsBeforeAndAfter() throws {
        let image = Image.scene(width: 41, height: 30, .rgbAlpha, bitDepth: 16)
        try folder.write(image, "in.png")
        let outcome = try workplace.denoise("in.png", "out.png", "--compare", "both.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let both = try workplace.image("both.png")
        #expect((both.width, both.height, both.bitDepth) == (82, 30, 16))
        #expect(both.cropped(to: ImageRegion(x: 0, y: 0, width: 41, height: 30)) == image)
        #expect(try both.cropped(to: ImageRegion(x: 41, y: 0, width: 41, height: 30)) == workplace.image("out.png"))
        #expect(try workplace.denoise("in.png", "2.png", "--compare", "2.jpg").code == 73)
    }

    // MARK: What is computed

    @Test func threadsAndTilesDoNotChangeABit() throws {
        try folder.write(.scene(width: 150, height: 110), "in.png")
        let variants = [["-j", "1"], ["-j", "3"], ["--tile", "60"], ["--tile", "100"], ["--max-memory", "70M"]]
        for (index, options) in variants.enumerated() {
            let outcome = try workplace.run(
                ["denoise", "-m", "tiny", "--sigma", "25", "in.png", "\(index).png"] + options)
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try readFile(folder("\(index).png")) == readFile(folder("0.png")), "\(options)")
        }
    }

    /// Blocks and bands are cut to fit the caches.
    @Test(arguments: ["64K,1M", "512K,32M", "4M,512M"]) func cachesDoNotChangeABit(sizes: String) throws {
        try folder.write(.scene(width: 150, height: 310), "in.png")
        let arguments = ["denoise", "-m", "tiny", "--sigma", "25", "in.png"]
        #expect(try workplace.run(arguments + ["expected.png"]).code == 0)
        let outcome = try workplace.run(arguments + ["out.png"], environment: ["RESTORE_CACHES": sizes])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try readFile(folder("out.png")) == readFile(folder("expected.png")))
    }

    @Test func noStrengthChangesNothing() throws {
        let image = Image.scene(width: 60, height: 40, .rgbAlpha, bitDepth: 16)
        try folder.write(image, "in.png")
        #expect(try workplace.denoise("in.png", "out.png", "--strength", "0").code == 0)
        #expect(try workplace.image("out.png") == image)
        #expect(try workplace.denoise("in.png", "half.png", "--strength", "0.5").code == 0)
        #expect(try workplace.image("half.png") == expected(image, strength: 0.5))
    }

    @Test func theLevelIsEstimatedUnlessItIsGiven() throws {
        try folder.write(.scene(width: 128, height: 128), "clean.png")
        let noise = try workplace.run(["degrade", "noise", "clean.png", "in.png", "--sigma", "30"])
        #expect(noise.code == 0, "\(noise.errors)")
        let outcome = try workplace.run(["denoise", "-m", "tiny", "in.png", "out.png", "--json"])
        let sigma = try #require(outcome.records(Record.self).first).sigma
        let estimate = NoiseEstimator().estimate(try workplace.image("in.png"))
        #expect(abs(sigma - estimate) < 0.005, "\(sigma), by the library \(estimate)")
        let expected = try Workplace.model.denoiser().denoise(workplace.image("in.png")).image
        #expect(try workplace.image("out.png") == expected)
    }

    // MARK: Streams

    private struct Record: Decodable {
        let file: String
        let output: String
        let width: Int
        let height: Int
        let sigma: Double
        let seconds: Double
    }

    @Test func recordsAreTheOnlyThingOnStdout() throws {
        for (index, name) in ["a.png", "b \"quoted\".png", "c\nd.png"].enumerated() {
            try folder.write(.scene(width: 20 + index, height: 10), name)
        }
        let outcome = try workplace.denoise("a.png", "b \"quoted\".png", "c\nd.png", "--json", "-q")
        #expect(outcome.code == 0 && outcome.errors == "")
        let records = try outcome.records(Record.self)
        #expect(records.map(\.file) == ["a.png", "b \"quoted\".png", "c\nd.png"])
        #expect(records.map(\.output) == ["a_denoised.png", "b \"quoted\"_denoised.png", "c\nd_denoised.png"])
        #expect(records.map(\.width) == [20, 21, 22])
        #expect(records.allSatisfy { $0.height == 10 && $0.sigma == 25 && $0.seconds > 0 })
    }

    @Test func quietSaysNothing() throws {
        try folder.write(.scene(width: 20, height: 20), "in.png")
        let outcome = try workplace.denoise("in.png", "out.png", "-q")
        #expect((outcome.code, outcome.output, outcome.errors) == (0, "", ""))
    }

    private struct ProgressRecord: Decodable {
        let file: String
        let done: Double
        let megapixels_per_second: Double
        let seconds_left: Double
    }

    /// Work that takes longer than the program keeps silent, however fast the machine is: it is made to wait in the middle.
    /// Ended when it has said how far it is: nothing of it stays behind.
    @Test(arguments: ["json", "plain"])
    func longWorkSaysHowFarItIs(style: String) throws {
        try folder.write(Image(width: 3000, height: 2500, channelLayout: .gray), "in.png")
        let running = try workplace.start(
            ["denoise", "-m", "tiny", "--sigma", "25", "-j", "1", "--tile", "16", "--progress", style]
                + ["in.png", "out.png"])
        let deadline = ContinuousClock.now + .seconds(50)
        // It is at rest nine tenths of the time: a second's work takes ten.
        while try !running.errors.contains("\n"), ContinuousClock.now < deadline {
            running.pause(microseconds: 45_000)
            usleep(5_000)
        }
        running.end()
        let outcome = try running.outcome()
        #expect(outcome.code == -SIGKILL && outcome.output == "")
        let line = try #require(outcome.errorLines.first)
        if style == "json" {
            let record = try JSONDecoder().decode(ProgressRecord.self, from: Data(line.utf8))
            #expect(record.file == "in.png" && record.done > 0 && record.done < 1)
            #expect(record.megapixels_per_second > 0 && record.seconds_left > 0)
        } else {
            #expect(line.hasPrefix("in.png: ") && line.contains(" %, ") && line.hasSuffix(" left"))
        }
        #expect(try folder.names == ["in.png"])
    }

    // MARK: Names

    @Test(arguments: [
        "with space.png", "new\nline.png", "ünïcödé 照片 🖼.png", "quote'\"$HOME`x`.png", "%s%n.png", ".hidden.png",
        "a.b.c.png", "tab\tand\u{1B}[31m.png",
    ])
    func oddNamesAreOnlyNames(name: String) throws {
        try folder.write(.scene(width: 20, height: 20), name)
        let outcome = try workplace.denoise(name)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errorLines.count == 1 && !outcome.errors.contains("\u{1B}"))
        let made = name.dropLast(4) + "_denoised.png"
        #expect(try Set(folder.names) == [name, String(made)])
    }

    @Test func aLeadingDashIsANameAfterTwoDashes() throws {
        try folder.write(.scene(width: 20, height: 20), "-rf.png")
        #expect(try workplace.denoise("--", "-rf.png", "--out.png").code == 0)
        #expect(try workplace.denoise("--", "-rf.png").code == 0)
        #expect(try folder.names == ["--out.png", "-rf.png", "-rf_denoised.png"])
    }
}
