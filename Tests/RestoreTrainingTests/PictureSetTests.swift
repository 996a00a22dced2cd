import RestoreConcurrency
import Logging
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreTraining
import Synchronization
import TestSupport
import Testing

@Suite struct PictureSetTests {
    private let folder: TemporaryFolder
    private let log = LogRecorder()
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        folder = try TemporaryFolder()
    }

    private func pictures(
        _ paths: [String]? = nil, minimumSide: Int = 16, maximumBytes: Int = 1 << 30
    ) throws(TrainingError) -> PictureSet {
        try PictureSet(
            sources: (paths ?? [folder.path]).map { DataSource(path: $0) }, minimumSide: minimumSide,
            maximumBytes: maximumBytes, pool: pool,
            logger: log.logger)
    }

    @Test func everyPictureIsReadInTheOrderOfPaths() throws {
        for name in ["b/2.png", "a/10.jpg", "a/9.JPEG", "c.PNG", "c.txt", ".hidden.png"] {
            let isText = name.hasSuffix("txt")
            let bytes = try encodeImage(
                .scene(width: 20, height: 16), as: ImageEncoding(format: name.contains("J") ? .jpeg : .png),
                path: name)
            try folder.write(isText ? [1] : bytes, name)
        }
        let set = try pictures()
        #expect(set.pictures.map(\.path) == ["a/10.jpg", "a/9.JPEG", "b/2.png", "c.PNG"].map { folder($0) })
        #expect(set.skipped.isEmpty && log.lines.isEmpty)
        let turned = try pictures([folder("b"), folder("a/9.JPEG")])
        #expect(turned.pictures.map(\.path) == [folder("b/2.png"), folder("a/9.JPEG")])
    }

    @Test func brokenAndSmallFilesAreSkippedAndNamed() throws {
        try folder.write(.scene(width: 16, height: 16), "good.png")
        try folder.write(.scene(width: 100, height: 15), "low.png")
        try folder.write(.scene(width: 15, height: 100), "narrow.png")
        try folder.write(Array("no picture".utf8), "text.jpg")
        try folder.write([], "empty.png")
        try folder.write(
            Array(encodeImage(.scene(width: 32, height: 32), as: ImageEncoding(format: .png), path: "").prefix(200)),
            "truncated.png")
        let set = try pictures()
        #expect(set.pictures.map(\.path) == [folder("good.png")])
        let skipped = ["empty.png", "low.png", "narrow.png", "text.jpg", "truncated.png"]
        #expect(set.skipped.map(\.path) == skipped.map { folder($0) })
        for (name, line) in zip(skipped, log.lines) { #expect(line.contains(folder(name)), "\(line)") }
        #expect(log.lines.count == skipped.count)
    }

    /// The same pictures, names and warnings in the same order, however many read them.
    @Test func workersDoNotMatter() throws {
        try folder.writeScenes(14, side: 20)
        for name in ["a.png", "scene-3b.png", "z.jpg"] { try folder.write(Array("no picture".utf8), name) }
        func set(_ workers: Int) throws -> (set: PictureSet, log: [String]) {
            let log = LogRecorder()
            let set = try PictureSet(
                sources: [DataSource(path: folder.path)], minimumSide: 16, pool: WorkerPool(workerCount: workers),
                logger: log.logger)
            return (set, log.lines)
        }
        let expected = try set(1)
        #expect(expected.set.pictures.count == 14 && expected.set.skipped.count == 3 && expected.log.count == 3)
        for workers in [2, 3, 8] {
            let found = try set(workers)
            #expect(found.set.pictures.map(\.path) == expected.set.pictures.map(\.path), "\(workers) workers")
            #expect(found.set.pictures.map(\.image) == expected.set.pictures.map(\.image), "\(workers) workers")
            #expect(found.set.skipped.map(\.path) == expected.set.skipped.map(\.path), "\(workers) workers")
            #expect(found.set.digest == expected.set.digest && found.log == expected.log, "\(workers) workers")
        }
    }

    @Test func nothingUsableIsAnError() throws {
        let missing = TrainingError.noPictures(paths: [folder.path], side: 16)
        #expect(throws: missing) { try pictures() }
        try folder.write(.scene(width: 15, height: 15), "small.png")
        #expect(throws: missing) { try pictures() }
        #expect(throws: TrainingError.noPictures(paths: [folder.path], side: 16, remedy: "size 15")) {
            try PictureSet(
                sources: [DataSource(path: folder.path)], minimumSide: 16, pool: .serial, logger: log.logger,
                remedy: { "size \($0)" })
        }
        #expect("\(missing)".contains("16×16") && "\(missing)".contains(folder.path))
    }

    @Test func aMissingPathIsAnErrorWhateverElseIsThere() throws {
        try folder.write(.scene(width: 20, height: 20), "good.png")
        let path = folder("missing")
        #expect(throws: TrainingError.file(.notFound(path: path))) { try pictures([folder.path, path]) }
    }

    @Test func tooMuchDataIsRefused() throws {
        try folder.writeScenes(4, side: 32)
        let error = #expect(throws: TrainingError.self) { try pictures(maximumBytes: 6000) }
        guard case .tooMuchData(let bytes, 6000) = error else {
            Issue.record("expected tooMuchData, found \(String(describing: error))")
            return
        }
        #expect(bytes > 6000)
        #expect(try pictures(maximumBytes: 1 << 20).pictures.count == 4)
    }

    // MARK: Setting aside

    /// A set of tiny pictures with these names, and which of them are set aside.
    private func setAside(_ names: [String], most: Int) throws -> Set<String> {
        let folder = try TemporaryFolder()
        let pixel = Image(width: 1, height: 1, channelLayout: .gray)
        for name in names { try folder.write(pixel, name) }
        let (training, validation) = try pictures([folder.path], minimumSide: 1).split(validation: most)
        let sides = [training, validation].map { Set($0.pictures.map { lastPathComponent(of: $0.path) }) }
        #expect(sides[0].isDisjoint(with: sides[1]))
        #expect(sides[0].union(sides[1]) == Set(names.map { lastPathComponent(of: $0) }))
        return sides[1]
    }

    private func names(_ range: Range<Int>) -> [String] { range.map { "picture-\($0).png" } }

    @Test func atMostATenthIsSetAside() throws {
        for (count, most, expected) in [(1, 32, 0), (9, 32, 0), (10, 32, 1), (59, 32, 5), (60, 4, 4), (60, 0, 0)] {
            #expect(try setAside(names(0..<count), most: most).count == expected, "\(count) pictures")
        }
    }

    @Test func theFolderDoesNotMatter() throws {
        let here = try setAside(names(0..<40), most: 32)
        #expect(try setAside(names(0..<40).map { "deep/down/\($0)" }, most: 32) == here)
    }

    /// Pictures that are added push aside at most as many as they are.
    @Test func addedPicturesMoveFewOthers() throws {
        let before = try setAside(names(0..<50), most: 5)
        for added in [1, 5, 20] {
            let after = try setAside(names(0..<(50 + added)), most: 5)
            let old = after.intersection(names(0..<50))
            #expect(old.isSubset(of: before), "none that was trained on is validated on")
            #expect(before.subtracting(after).count <= added)
        }
        let grown = try setAside(names(0..<60), most: 32)
        #expect(grown.count == 6)
        #expect(before.symmetricDifference(grown.intersection(names(0..<50))).count <= 10)
    }
}

/// Takes what is logged.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(recorder: self) }
        logger.logLevel = .debug
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.debug
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.recorded.withLock { $0.append(event.message.description) }
        }
    }
}
