import Foundation
import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// `restore denoise` where there is nothing to remove: the picture comes back as it was, and of the same kind.
@Suite struct CleanPictureTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
    }

    private struct Record: Decodable {
        let model: String?
        let sigma: Double?
    }

    private func denoise(_ arguments: String...) throws -> Outcome {
        let outcome = try workplace.run(["denoise", "-m", "tiny", "-j", "2", "--sigma", "0"] + arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome
    }

    /// Width, height, depth and color type of a PNG.
    private func kind(_ path: String) throws -> [UInt8] { Array(try readFile(path)[16..<26]) }

    @Test(arguments: [
        "gray1.png", "gray2-interlaced.png", "gray4-transparent.png", "gray16.png", "palette2-alpha.png",
        "palette8.png",
        "rgb16-transparent.png", "gray-alpha16.png",
    ])
    func aPNGKeepsItsKind(name: String) throws {
        let source = Fixtures.path("images/formats/\(name)")
        let outcome = try denoise(source, folder("out.png"))
        #expect(outcome.errors.contains("left as it is: no noise found"))
        #expect(try workplace.image("out.png") == readImage(source).image)
        #expect(try kind(folder("out.png")) == kind(source))
        #expect(try readFile(folder("out.png")).count <= readFile(source).count)
    }

    @Test(arguments: ["baseline-420.jpg", "progressive-422.jpg", "rgb-stored.jpg", "restart-markers.jpg"])
    func aJPEGLosesNothing(name: String) throws {
        let source = Fixtures.path("images/formats/\(name)")
        _ = try denoise(source, folder("out.jpg"))
        #expect(try workplace.image("out.jpg") == readImage(source).image)
        // Another quality is another file.
        _ = try denoise(source, folder("small.jpg"), "--quality", "10")
        #expect(try workplace.image("small.jpg") != readImage(source).image)
    }

    @Test func theRecordSaysThatNoModelWasUsed() throws {
        try folder.write(.scene(width: 30, height: 20), "in.png")
        let outcome = try denoise("in.png", "out.png", "--json")
        let record = try JSONDecoder().decode(Record.self, from: Data(outcome.output.utf8))
        #expect(record.model == nil && record.sigma == 0)
        #expect(outcome.output.contains("\"model\":null"))
        let other = try workplace.denoise("in.png", "other.png", "--json")
        #expect(try JSONDecoder().decode(Record.self, from: Data(other.output.utf8)).model == "tiny")
    }

    /// Another format, a comparison, stripped metadata, an output that is a stream: all as for any other picture.
    @Test func theRestIsAsUsual() throws {
        let image = Image.scene(width: 30, height: 20)
        let metadata = ImageMetadata(
            texts: [.init(keyword: Array("Title".utf8), isUTF8: false, value: Array("clean".utf8))])
        try writeImage(image, metadata: metadata, to: folder("in.png"), overwrite: false)
        _ = try denoise("in.png", "out.png", "--compare", "both.png")
        #expect(try readImage(folder("out.png")).metadata == metadata)
        #expect(try workplace.image("both.png") == image.beside(image))
        _ = try denoise("in.png", "stripped.png", "--strip")
        #expect(try readImage(folder("stripped.png")).metadata == ImageMetadata())
        #expect(try workplace.image("stripped.png") == image)
        _ = try denoise("in.png", "out.jpg")
        #expect(try readImage(folder("out.jpg")).format == .jpeg)
        let streamed = try workplace.shell("restore denoise -m tiny --sigma 0 - - < in.png > streamed.png")
        #expect(streamed.code == 0)
        #expect(try readFile(folder("streamed.png")) == readFile(folder("out.png")))
    }

    /// A picture whose file says that it lies on its side comes back upright.
    @Test(arguments: ImageFormat.allCases) func aTurnedPictureIsTurned(format: ImageFormat) throws {
        let name = "in.\(format.fileExtensions[0])"
        let exif: [UInt8] = [
            0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ]
        try writeImage(
            .scene(width: 48, height: 32), metadata: ImageMetadata(exif: exif), to: folder(name), overwrite: false)
        _ = try denoise(name, "out.png")
        #expect(try workplace.image("out.png") == workplace.image(name))
        _ = try denoise(name, "again.\(format.fileExtensions[0])")
        let again = try workplace.image("again.\(format.fileExtensions[0])")
        #expect((again.width, again.height) == (32, 48))
    }

    /// A picture of one color in three channels stays without color, however it is stored.
    @Test func equalChannelsStayEqual() throws {
        let gray = Image.scene(width: 64, height: 48, .gray)
        let color = Image(
            width: 64, height: 48, channelLayout: .rgb,
            samples: .uint8(gray.values.flatMap { [UInt8($0), UInt8($0), UInt8($0)] }))
        for name in ["in.png", "in.jpg"] {
            try writeImage(color, to: folder(name), overwrite: true)
            let outcome = try workplace.denoise(name, "out-\(name)")
            #expect(outcome.code == 0, "\(outcome.errors)")
            let image = try workplace.image("out-\(name)")
            #expect(image != (try workplace.image(name)))
            #expect(image.hasEqualChannels(), "\(name)")
        }
    }
}
