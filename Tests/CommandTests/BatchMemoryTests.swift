import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreModels
import RestoreNN
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
        try memory(arguments + ["-j", "2"]).peak
    }

    /// The most memory of a run, and what it warned that it would take, both in KiB.
    private func memory(_ arguments: [String]) throws -> (peak: Double, warned: Double?, reason: String) {
        let outcome = try workplace.run(["denoise", "-m", "wide", "--sigma", "25", "-v"] + arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        func number(after start: String) -> (number: Double, rest: String)? {
            guard let line = outcome.errorLines.first(where: { $0.contains(start) }),
                let found = line.range(of: start)
            else { return nil }
            let words = line[found.upperBound...].split(separator: " ", maxSplits: 1)
            return Double(words[0]).map { ($0, String(words[1])) }
        }
        let warning = number(after: "it takes about ")
        let peak = try #require(number(after: "peak memory ")).number
        return (peak, warning.map { $0.number * 1024 }, warning?.rest ?? "")
    }

    /// Whatever is asked for, the limit is kept, or a warning says what it takes: never too little, and not much too much.
    @Test(arguments: [Image.ChannelLayout.rgb, .rgbAlpha], ["fast", "best"])
    func theLimitIsKeptOrTheWarningIsTrue(layout: Image.ChannelLayout, quality: String) throws {
        // Hidden in one half. Random bits, which no file makes smaller.
        let scene = Image.scene(width: 1400, height: 900, layout, seed: 3)
        guard case .uint8(var samples) = scene.samples else { return }
        var generator = SeededGenerator(seed: 4)
        for index in samples.indices {
            let isAlpha = layout.hasAlpha && index % 4 == 3
            samples[index] =
                isAlpha ? (index / 4 % 1400 < 700 ? 0 : 255) : samples[index] ^ UInt8(15 * generator.uniform())
        }
        try folder.write(
            Image(width: 1400, height: 900, channelLayout: layout, samples: .uint8(samples)), "in.png")
        var limits: Set<String> = []
        for limit in [1, 46, 50, 54, 58, 62, 66, 70, 90, 110, 130, 160] {
            let run = try memory([
                "in.png", "out-\(limit).png", "--quality", quality, "--max-memory", "\(limit)M", "-j", "2",
            ])
            let largest = Double(limit) * 1024
            if let warned = run.warned {
                #expect(run.peak <= warned && warned <= 1.15 * run.peak, "\(limit) MiB: \(run)")
                #expect(warned > largest, "\(limit) MiB: \(run)")
            } else {
                #expect(run.peak <= largest, "\(limit) MiB: \(run)")
            }
            limits.insert(run.reason)
        }
        // Too little for the program, for what is worth the work, and enough.
        #expect(limits.count >= 3, "\(limits)")
    }

    /// A limit below what the program itself takes; workers without work take next to nothing.
    @Test(arguments: [2, 16, 1024])
    func aSmallPictureAboveTheLimit(threads: Int) throws {
        try folder.write(.scene(width: 64, height: 48), "small.png")
        for limit in ["1", "1M", "20M"] {
            let run = try memory(["small.png", "out-\(limit).png", "--max-memory", limit, "-j", "\(threads)"])
            let warned = try #require(run.warned)
            // Of many workers few find work in so small a picture: the others' working memory is reserved and never touched.
            let untouched = threads > 16 ? 1.25 : 1.15
            #expect(run.peak <= warned && warned <= untouched * run.peak + Self.largePage, "\(limit): \(run)")
        }
        #expect(try memory(["small.png", "out.png", "-j", "\(threads)"]).warned == nil)
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

    /// What stands in for hidden colors counts, and so do the coefficients of a JPEG that is coded for its picture; what the
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
