import RestoreConcurrency
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreTraining
import TestSupport
import Testing

@Suite struct DatasetReportTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func report(_ path: String, minimumSide: Int = 1) throws -> DatasetReport {
        var check = DatasetCheck(minimumSide: minimumSide, pool: WorkerPool(workerCount: 2))
        return try check.report(path)
    }

    @Test func picturesAreCountedByWhatTheyAre() throws {
        try folder.write(.scene(width: 10, height: 40), "a.png")
        try folder.write(.scene(width: 20, height: 30, .gray), "b.png")
        try folder.write(.scene(width: 30, height: 20, .rgbAlpha, bitDepth: 16), "c.png")
        try folder.write(.scene(width: 50, height: 10, .grayAlpha), "d.png")
        try folder.write(
            encodeImage(.scene(width: 40, height: 15), as: ImageEncoding(format: .jpeg), path: ""), "e.jpg")
        try folder.write(Array("text".utf8), "f.png")
        try folder.write(Array("text".utf8), "g.txt")
        let report = try report(folder.path, minimumSide: 15)
        #expect(report.pictureCount == 5 && report.fileCount == 5)
        #expect(report.formats[.png]?.pictures == 4 && report.formats[.jpeg]?.pictures == 1)
        #expect(report.formats.count == 2)
        #expect((report.colorCount, report.grayCount, report.alphaCount, report.sixteenBitCount) == (3, 2, 2, 1))
        #expect(report.pixelCount == 400 + 600 + 600 + 500 + 600)
        let (widths, heights) = (try #require(report.widths), try #require(report.heights))
        #expect((widths.minimum, widths.median, widths.maximum) == (10, 30, 50))
        #expect((heights.minimum, heights.median, heights.maximum) == (10, 20, 40))
        #expect(report.small == ["a.png", "d.png"].map { folder($0) })
        #expect(report.broken.map(\.path) == [folder("f.png")])
        #expect(report.labels.isEmpty && report.duplicates.isEmpty && report.leftOut.isEmpty)
    }

    @Test func duplicatesAreNamedAcrossPathsAndFormats() throws {
        let scene = Image.scene(width: 16, height: 16)
        for name in ["one/a.png", "one/b.png", "two/c.png"] { try folder.write(scene, name) }
        // The same samples in another shape, and others, are other pictures.
        try folder.write(.scene(width: 16, height: 16, seed: 2), "two/d.png")
        try folder.write(
            Image(width: 8, height: 32, channelLayout: .rgb, samples: scene.samples), "two/e.png")
        let picture = Image(width: 32, height: 32, channelLayout: .rgb, samples: .uint8(DatasetBytes.samples(1)))
        try folder.write(picture, "two/f.png")
        try folder.write(DatasetBytes.cifarBatch(labels: [3, 4]), "batch.bin")

        var check = DatasetCheck(pool: WorkerPool(workerCount: 2))
        let first = try check.report(folder("one"))
        #expect(first.duplicates == [DatasetReport.Duplicate(path: folder("one/b.png"), original: folder("one/a.png"))])
        let second = try check.report(folder("two"))
        #expect(
            second.duplicates == [DatasetReport.Duplicate(path: folder("two/c.png"), original: folder("one/a.png"))])
        let third = try check.report(folder("batch.bin"))
        #expect(
            third.duplicates == [DatasetReport.Duplicate(path: folder("batch.bin#1"), original: folder("two/f.png"))])
    }

    @Test func labelsAndBrokenRecordsAreCounted() throws {
        var labels = [UInt8](repeating: 4, count: 30) + [2, 2, 9]
        labels[5] = 40
        let path = try folder.write(gzip(DatasetBytes.cifarBatch(labels: labels)), "data_batch_1.bin.gz")
        let report = try report(path)
        #expect(report.labels == [4: 29, 2: 2, 9: 1])
        #expect(report.broken.map(\.path) == ["\(path)#5"] && report.pictureCount == 32)
        #expect(report.formats[.cifar10Binary]?.compressedFiles == 1)
    }

    @Test func nothingThere() throws {
        #expect(throws: FileError.notFound(path: folder("missing"))) { try report(folder("missing")) }
        let empty = try report(folder.path)
        #expect(empty.pictureCount == 0 && empty.widths == nil && empty.fileCount == 0)
    }
}
