import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// What a file says beside its pixels goes through the program.
@Suite struct MetadataCommandTests {
    private let workplace: Workplace

    init() throws { workplace = try Workplace() }

    private func denoised(_ input: String, to output: String, _ options: String...) throws -> DecodedImage {
        let outcome = try workplace.run(
            ["denoise", "-m", "tiny", "-j", "2", "--sigma", "25", Fixtures.path(input), output] + options)
        #expect(outcome.code == 0 && !outcome.errors.contains("warning"), "\(outcome.errors)")
        return try readImage(workplace.folder(output))
    }

    @Test(arguments: ["metadata/all.jpg", "metadata/all.png"], ["out.jpg", "out.png"])
    func metadataAreKeptAndTrue(_ input: String, _ output: String) throws {
        let before = try readImage(Fixtures.path(input))
        let after = try denoised(input, to: output)
        // The fixture lies on its side: 24×16 pixels, orientation 6.
        #expect((after.image.width, after.image.height) == (16, 24) && after.metadata.orientation == 1)
        #expect(after.metadata.colorProfile == before.metadata.colorProfile && after.metadata.colorProfile != nil)
        #expect(after.metadata.exif == before.metadata.exif && after.metadata.exif != nil)
        #expect(after.metadata.xmp == before.metadata.xmp && after.metadata.xmp != nil)
        #expect(after.metadata.photoshop == before.metadata.photoshop && after.metadata.photoshop != nil)
        #expect(!after.metadata.texts.isEmpty)
        let resolution = try #require(after.metadata.resolution)
        let dotsPerInch = Double(resolution.x) * (resolution.unit == .metre ? 0.0254 : 1)
        #expect(abs(dotsPerInch - 300) < 0.5)
    }

    @Test(arguments: ["metadata/all.jpg", "metadata/all.png"])
    func strippedOutputsKeepTheirColors(_ input: String) throws {
        let after = try denoised(input, to: "out.png", "--strip")
        let profile = try readImage(Fixtures.path(input)).metadata.colorProfile
        #expect(profile != nil && after.metadata == ImageMetadata(colorProfile: profile))
        #expect((after.image.width, after.image.height) == (16, 24), "still upright")
    }

    @Test func aJPEGKeepsItsTablesUnlessAQualityIsAskedFor() throws {
        let before = try #require(readImage(Fixtures.path("metadata/all.jpg")).jpeg)
        #expect(try denoised("metadata/all.jpg", to: "kept.jpg").jpeg == before)
        let asked = try #require(denoised("metadata/all.jpg", to: "asked.jpg", "--quality", "60").jpeg)
        #expect(asked.quantizationTables != before.quantizationTables)
    }

    @Test(arguments: ["cmyk-adobe", "ycck-adobe", "cmyk-plain"])
    func inksBecomeRGB(_ name: String) throws {
        let outcome = try workplace.denoise(
            "--strength", "0", "--quality", "100", Fixtures.path("images/formats/\(name).jpg"), "out.jpg")
        #expect(outcome.code == 0 && outcome.errors.contains("jpg: its CMYK colors are converted to sRGB"))
        let after = try readImage(workplace.folder("out.jpg"))
        #expect(after.image.channelLayout == .rgb && after.jpeg?.components.count == 3)
        let before = try readImage(Fixtures.path("images/formats/\(name).jpg")).image
        #expect(meanSquaredError(after.image, before) < 4)
    }

    /// A PNG describes its colors by chunks that a JPEG lacks: there a profile says the same.
    @Test func colorsWithoutAProfileGetOneInAJPEG() throws {
        let linear = ImageMetadata(
            pngColor: .init(gamma: 100_000, chromaticities: [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000]))
        let image = try readImage(Fixtures.path("images/astronaut.png")).image
        try writeImage(image, metadata: linear, to: workplace.folder("linear.png"), overwrite: false)
        let before = try readImage(workplace.folder("linear.png"))
        #expect(before.image.colorSpace != .sRGB)
        for output in ["out.png", "out.jpg"] {
            let outcome = try workplace.run(
                ["denoise", "-m", "tiny", "--sigma", "5", "--strength", "0", "linear.png", output])
            #expect(outcome.code == 0 && !outcome.errors.contains("warning"), "\(outcome.errors)")
            let after = try readImage(workplace.folder(output))
            #expect(colorDistance(after.image, before.image) < 0.02, "\(output)")
        }
        #expect(try readImage(workplace.folder("out.png")).metadata == linear)
        #expect(try readImage(workplace.folder("out.jpg")).metadata.colorProfile != nil)
    }

    /// What of a file does not get into the output is said: for people, in records, and not where quiet is asked for.
    @Test func whatIsNotReadIsSaid() throws {
        let picture = try Fixtures.bytes("jpeg/gray.jpg")
        let video: [UInt8] = [0, 0, 0, 24] + Array("ftypmp42".utf8) + [UInt8](repeating: 7, count: 500)
        try workplace.folder.write(picture + video, "moving.jpg")
        let line = "moving.jpg: the video after the image is not kept (512 bytes)"
        let said = try workplace.denoise("moving.jpg", "said.jpg")
        #expect(said.code == 0 && said.errors.contains("warning: " + line), "\(said.errors)")
        let record = try workplace.denoise("--json", "moving.jpg", "record.jpg")
        #expect(record.output.contains("\"warnings\":[\"the video after"), "\(record.output)")
        let quiet = try workplace.denoise("-q", "moving.jpg", "quiet.jpg")
        #expect(quiet.code == 0 && quiet.errors == "", "\(quiet.errors)")
    }

    @Test func damagedPicturesAreReadInPartWhereThatIsAskedFor() throws {
        let whole = try readFile(Fixtures.path("images/dandelion.jpg"))
        try workplace.folder.write(Array(whole.prefix(whole.count * 3 / 4)), "cut.jpg")
        try workplace.expectFailure(
            ["denoise", "-m", "tiny", "--sigma", "5", "cut.jpg", "out.png"], code: 65, naming: "cut.jpg")
        let outcome = try workplace.run(
            ["denoise", "-m", "tiny", "--sigma", "5", "--tolerant", "--json", "cut.jpg", "out.png"])
        #expect(outcome.code == 0 && outcome.errors.contains("warning: cut.jpg: "), "\(outcome.errors)")
        #expect(outcome.output.contains("\"warnings\":[\""))
        let image = try workplace.image("out.png")
        let original = try readImage(Fixtures.path("images/dandelion.jpg")).image
        #expect((image.width, image.height) == (original.width, original.height))
    }

    private func meanSquaredError(_ first: Image, _ second: Image) -> Double {
        let (a, b) = (first.values, second.values)
        guard a.count == b.count else { return .infinity }
        return zip(a, b).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) } / Double(a.count)
    }

    /// The mean distance of two pictures' colors in sRGB.
    private func colorDistance(_ first: Image, _ second: Image) -> Float {
        func colors(_ image: Image) -> [Float] {
            let region = ImageRegion(x: 0, y: 0, width: image.width, height: image.height)
            return [Float](unsafeUninitializedCapacity: 3 * image.pixelCount) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                image.copyColors(of: region, to: base)
                count = 3 * image.pixelCount
            }
        }
        let (a, b) = (colors(first), colors(second))
        guard a.count == b.count else { return .infinity }
        return zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(a.count)
    }
}
