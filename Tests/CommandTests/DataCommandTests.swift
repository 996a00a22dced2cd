import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

@Suite struct DataCommandTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
    }

    private func check(_ arguments: String...) throws -> Outcome {
        try workplace.run(["data", "check"] + arguments)
    }

    private struct Record: Decodable {
        struct Spread: Decodable, Equatable {
            let min: Int
            let median: Int
            let max: Int
        }
        struct Format: Decodable, Equatable {
            let files: Int
            let gzipped: Int
            let pictures: Int
        }
        struct Duplicate: Decodable, Equatable {
            let path: String
            let sameAs: String
        }
        struct Broken: Decodable, Equatable {
            let path: String
            let reason: String
        }
        let path: String
        let pictures: Int
        let formats: [String: Format]
        let color: Int
        let gray: Int
        let alpha: Int
        let bits8: Int
        let bits16: Int
        let width: Spread?
        let height: Spread?
        let megapixels: Double
        let labels: [String: Int]
        let duplicates: [Duplicate]
        let broken: [Broken]
        let leftOut: [String]
        let warnings: [String]
        let small: Int?
    }

    private func writePhotos() throws {
        try folder.write(.scene(width: 20, height: 40), "photos/a.png")
        try folder.write(.scene(width: 50, height: 30, .gray, bitDepth: 16), "photos/b.png")
        try folder.write(.scene(width: 20, height: 40), "photos/c.png")
    }

    @Test func theTableSaysWhatIsThere() throws {
        try writePhotos()
        try folder.write(DatasetBytes.cifarBatch(labels: [3, 3, 8]), "cifar/data_batch_1.bin")
        try folder.write(DatasetBytes.cifarBatch(labels: [3]), "cifar/test_batch.bin")
        let outcome = try check("photos", "cifar", "--patch-size", "32", "-j", "2")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let words = outcome.outputLines.map { $0.split(separator: " ").joined(separator: " ") }
        for line in [
            "photos", "PNG 3 files, 3 pictures", "pictures 3, 0.0 megapixels", "colors 2 color, 1 gray; 0 with alpha",
            "depth 2 8 bits, 1 16 bits", "width 20 to 50, median 20", "height 30 to 40, median 40",
            "photos/c.png is photos/a.png", "cifar", "CIFAR-10 batch (binary) 1 file, 3 pictures", "labels 3: 2, 8: 1",
            "left out 1", "cifar/test_batch.bin",
        ] {
            #expect(words.contains(line), "\(line) in \(words)")
        }
        #expect(outcome.errorLines.count == 2, "\(outcome.errors)")
        #expect(outcome.errors.contains("warning: photos: 3 images are smaller than 32×32"))
        #expect(outcome.errors.contains("cifar: test sets are skipped"))
        #expect(outcome.errors.contains("photos/a.png"))
        #expect(try check("photos", "cifar", "--patch-size", "32", "-q").errors == "")
    }

    @Test func recordsSayTheSame() throws {
        try writePhotos()
        try folder.write(DatasetBytes.idx([2, 28, 28]), "mnist/train-images-idx3-ubyte")
        try folder.write(DatasetBytes.idx([2], [7, 1]), "mnist/train-labels-idx1-ubyte")
        let outcome = try check("photos", "mnist", "--json", "--patch-size", "24")
        #expect(outcome.code == 0)
        let records = try outcome.records(Record.self)
        #expect(records.map(\.path) == ["photos", "mnist"] && outcome.outputLines.count == 2)
        let photos = records[0]
        #expect(photos.formats == ["png": .init(files: 3, gzipped: 0, pictures: 3)])
        #expect(photos.pictures == 3 && photos.color == 2 && photos.gray == 1 && photos.alpha == 0)
        #expect(photos.bits8 == 2 && photos.bits16 == 1 && photos.megapixels == 0.0031)
        #expect(photos.width == .init(min: 20, median: 20, max: 50))
        #expect(photos.height == .init(min: 30, median: 40, max: 40))
        #expect(photos.duplicates == [.init(path: "photos/c.png", sameAs: "photos/a.png")])
        #expect(photos.small == 2 && photos.labels.isEmpty && photos.broken.isEmpty)
        let digits = records[1]
        #expect(digits.formats == ["idx": .init(files: 1, gzipped: 0, pictures: 2)])
        #expect(digits.labels == ["1": 1, "7": 1] && digits.gray == 2)
        // Both pictures are black.
        #expect(digits.duplicates.count == 1 && digits.small == 0)
    }

    @Test func brokenFilesAreNamedAndTheRestIsReported() throws {
        try writePhotos()
        try folder.write(Array("no picture".utf8), "photos/text.png")
        try folder.write(readFile(Fixtures.path("corrupt/datasets/os-system-protocol2")), "photos/data_batch_1")
        let outcome = try check("photos")
        #expect(outcome.code == 1)
        #expect(outcome.errorLines == ["restore: 2 files or records broken"])
        #expect(outcome.outputLines.contains { $0.contains("photos/text.png: is not a PNG or JPEG") })
        #expect(outcome.outputLines.contains { $0.contains("photos/data_batch_1: ") && $0.contains("posix.system") })
        let record = try #require(try check("photos", "--json").records(Record.self).first)
        #expect(record.pictures == 3)
        #expect(record.broken.map(\.path) == ["photos/data_batch_1", "photos/text.png"])
        for item in record.broken { #expect(item.reason.hasPrefix("\(item.path): ")) }
        #expect(try folder.names.contains("executed") == false)
    }

    @Test func aPathWithoutPicturesBesideOneWithSome() throws {
        try writePhotos()
        try folder.makeFolder("empty")
        let outcome = try check("empty", "photos")
        #expect(outcome.code == 1 && outcome.errorLines == ["restore: no usable images in empty"])
    }

    @Test func nothingUsable() throws {
        try folder.write(Array("no picture".utf8), "text/text.png")
        let outcome = try check("text")
        #expect(outcome.code == 65 && outcome.errorLines == ["restore: no usable images in text"])
        #expect(outcome.output.contains("text/text.png"))
        try workplace.expectFailure(["data", "check", "nowhere"], code: 66, naming: "nowhere")
        try workplace.expectFailure(["data", "check", "text", "nowhere"], code: 66, naming: "nowhere")
        #expect(try check().code == 64)
        #expect(try check("text", "--patch-size", "0").code == 64)
    }

    /// Training takes the same files: here a batch and digits, from two sources of different weight.
    @Test func batchesAreTrainedOn() throws {
        try folder.write(
            DatasetBytes.cifarBatch(labels: (0..<20).map { $0 % 10 }), "cifar/data_batch_1.bin")
        try folder.write(DatasetBytes.idx([10, 28, 28]), "digits")
        let outcome = try workplace.run([
            "train", "denoise", "--data", "cifar=2", "digits", "--output", "run", "--steps", "2", "--batch-size", "2",
            "--patch-size", "16", "--widths", "4,8", "--blocks", "1",
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("27 pictures to train on, 3 to validate on"), "\(outcome.errors)")
    }
}
