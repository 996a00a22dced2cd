import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import TestSupport
import Testing

/// What a batch takes is what its largest pictures take, however many there are.
@Suite struct BatchMemoryTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        // As wide as the shipped one, so that it takes its share of the memory, and not as deep.
        let model = TinyModel(DenoiserArchitecture(checking: [48, 64, 96], blocksPerLevel: 1))
        try workplace.models.write(model.file(), "wide/model.safetensors")
    }

    /// The system hands out memory for large buffers in pages of 2 MiB, by its own lights: so much is chance.
    private static let largePage = 2048.0

    /// The most memory of a run, in KiB, as it says itself.
    private func peak(_ arguments: String...) throws -> Double {
        let outcome = try workplace.run(["denoise", "-m", "wide", "--sigma", "25", "-v", "-j", "2"] + arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let line = try #require(outcome.errorLines.first { $0.hasPrefix("peak memory ") })
        return try #require(Double(line.split(separator: " ")[2]))
    }

    @Test func fiveHundredPicturesTakeNoMoreThanFive() throws {
        for (index, side) in [(240, 160), (90, 300), (330, 110), (200, 200), (64, 80)].enumerated() {
            let image = Image.scene(width: side.0, height: side.1, seed: UInt64(index))
            let name = "\(index).\(index == 1 ? "jpg" : "png")"
            let bytes = try readFile(folder.write(image, "5/\(name)"))
            // Of one size after the other, so that each picture meets what another size has left.
            for copy in 100..<200 { try folder.write(bytes, "500/\(copy)-\(name)") }
        }
        // Which of five are under way together is a matter of chance.
        let few = try (0..<3).map { try peak("5", "-o", "few-\($0)") }.max() ?? 0
        let many = try peak("500", "-o", "many")
        #expect(many <= 1.05 * few + Self.largePage, "\(few) KiB for 5, \(many) KiB for 500")
    }

    /// A large picture passes alone: two at once would leave the network no room.
    @Test func largePicturesStayUnderTheLimit() throws {
        let image = Image(width: 2400, height: 2000, channelLayout: .rgb)
        for index in 0..<3 { try folder.write(image, "in/\(index).png") }
        let one = try peak("in/0.png", "-o", "one.png", "--max-memory", "200M")
        let three = try peak("in", "-o", "out", "--max-memory", "200M")
        // Not even one more of them at a time.
        let picture = Double(image.sampleCount) / 1024
        #expect(three < one + picture - Self.largePage, "\(one) KiB for 1, \(three) KiB for 3")
        #expect(three < 200 * 1024)
    }

    /// What stands in for hidden colours counts, and so do the coefficients of a JPEG that is coded for its picture; what the
    /// network held for the picture before is gone by then.
    @Test func hiddenColorsAndCoefficientsStayUnderTheLimit() throws {
        let opaque = Image(width: 2400, height: 2000, channelLayout: .rgb)
        try folder.write(opaque, "in/0.png")
        try folder.write(Image(width: 1800, height: 1600, channelLayout: .rgbAlpha), "in/1.png")
        var encoding = ImageEncoding(format: .jpeg)
        let part = JPEGParameters.Component(horizontalSampling: 1, verticalSampling: 1, tableIndex: 0)
        encoding.jpegParameters = JPEGParameters(
            quantizationTables: [[UInt16](repeating: 2, count: 64)], components: [part, part, part],
            optimizesCodes: true)
        try folder.write(encodeImage(opaque, as: encoding, path: "2.jpg"), "in/2.jpg")
        #expect(try peak("in", "-o", "out", "--max-memory", "200M") < 200 * 1024)
        #expect(try readImage(folder("out/2.jpg")).jpeg?.optimizesCodes == true)
    }
}
