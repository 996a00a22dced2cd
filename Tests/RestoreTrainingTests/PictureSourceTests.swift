import RestoreConcurrency
import ModelTestSupport
import RestoreFiles
import RestoreImage
import RestoreNN
import RestoreTraining
import TestSupport
import Testing

/// Pictures from several sources: which files are taken, what they are called, and how often each is drawn.
@Suite struct PictureSourceTests {
    private let folder: TemporaryFolder
    private let log = LogRecorder()
    private let pool = WorkerPool(workerCount: 2)

    init() throws {
        folder = try TemporaryFolder()
    }

    private func pictures(_ sources: DataSource..., part: DatasetPart = .training, minimumSide: Int = 1) throws
        -> PictureSet
    {
        try PictureSet(sources: sources, part: part, minimumSide: minimumSide, pool: pool, logger: log.logger)
    }

    // MARK: Which files

    @Test func aFolderGivesItsTrainingFilesAndAFileGivesItself() throws {
        let batch = DatasetBytes.cifarBatch(labels: [1, 2])
        for name in ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin", "notes.bin"] {
            try folder.write(batch, "cifar/\(name)")
        }
        try folder.write(Array("airplane\n".utf8), "cifar/batches.meta.txt")
        try folder.write(readFile(Fixtures.path("corrupt/datasets/batches-meta")), "cifar/batches.meta")
        for name in ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"] {
            try folder.write(DatasetBytes.idx([1, 40, 40]), "mnist/\(name)")
        }
        try folder.write(DatasetBytes.idx([1], [7]), "mnist/train-labels-idx1-ubyte")
        try folder.write(.scene(width: 40, height: 40), "photos/t10k-images-idx3-ubyte.png")

        let set = try pictures(DataSource(path: folder.path))
        let expected = [
            "cifar/data_batch_1.bin#0", "cifar/data_batch_1.bin#1", "cifar/data_batch_2.bin#0",
            "cifar/data_batch_2.bin#1", "mnist/train-images-idx3-ubyte#0", "photos/t10k-images-idx3-ubyte.png",
        ]
        #expect(set.pictures.map(\.path) == expected.map { folder($0) })
        #expect(set.pictures.map(\.label) == [1, 2, 1, 2, 7, nil] && set.skipped.isEmpty)
        let tests = ["cifar/test_batch.bin", "mnist/t10k-images-idx3-ubyte"].map { folder($0) }
        #expect(set.leftOut == tests)
        #expect(log.lines.count == 2)
        for (line, path) in zip(log.lines, tests) { #expect(line.contains(path) && line.contains("test set")) }

        let named = try pictures(DataSource(path: tests[0]), DataSource(path: folder("cifar/notes.bin")))
        #expect(named.pictures.count == 4 && named.leftOut.isEmpty)
    }

    @Test func aFolderOfTestFilesAloneHasNothingToTrainOn() throws {
        try folder.write(DatasetBytes.cifarBatch(labels: [1, 2]), "test_batch.bin")
        let nothing = TrainingError.noPictures(paths: [folder.path], side: 1)
        #expect(throws: nothing) { try pictures(DataSource(path: folder.path)) }
    }

    @Test func aTestSetIsReadWithoutTheRest() throws {
        for (name, label) in [("data_batch_1.bin", UInt8(1)), ("test_batch.bin", 2)] {
            try folder.write(DatasetBytes.cifarBatch(labels: [label, label]), "cifar/\(name)")
        }
        for name in ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"] {
            try folder.write(DatasetBytes.idx([1, 40, 40]), "mnist/\(name)")
        }
        try folder.write(.scene(width: 40, height: 40), "photos/1.png")
        let tests = ["cifar/test_batch.bin", "mnist/t10k-images-idx3-ubyte"].map { folder($0) }
        let others = ["cifar/data_batch_1.bin", "mnist/train-images-idx3-ubyte", "photos/1.png"].map { folder($0) }

        let set = try pictures(DataSource(path: folder.path), part: .test)
        #expect(set.pictures.map(\.file) == [tests[0], tests[0], tests[1]])
        #expect(set.leftOut == others && log.lines.count == 1)
        #expect(try DatasetListing(folder.path, part: .test).files == tests)
        // A folder without a test set, and a file that is named itself, are read whole.
        let photos = try pictures(DataSource(path: folder("photos")), DataSource(path: others[0]), part: .test)
        #expect(photos.pictures.map(\.file) == [others[2], others[0], others[0]] && photos.leftOut.isEmpty)
    }

    // MARK: Classes

    @Test func picturesAreChosenByTheirClasses() throws {
        try folder.write(DatasetBytes.cifarBatch(labels: [1, 5, 6, 5, 9]), "data_batch_1.bin")
        try folder.write(.scene(width: 40, height: 40), "photo.png")
        let set = try pictures(DataSource(path: folder.path))
        #expect(set.classCounts == [1: 1, 5: 2, 6: 1, 9: 1] && set.pictures.count == 6)
        let chosen = try set.ofClasses([5, 9, 3])
        #expect(chosen.pictures.map(\.index) == [1, 3, 4] && chosen.classCounts == [5: 2, 9: 1])
        #expect(throws: TrainingError.noClasses([0, 2], found: [1, 5, 6, 9])) { try set.ofClasses([2, 0]) }
        let message = "\(TrainingError.noClasses([0, 2], found: [1, 5, 6, 9]))"
        #expect(message == "no picture of the classes 0, 2: the labels are 1, 5, 6, 9")

        let photos = try pictures(DataSource(path: folder("photo.png")))
        let error = TrainingError.noClasses([1], found: [])
        #expect(photos.classCounts.isEmpty)
        #expect(throws: error) { try photos.ofClasses([1]) }
        #expect("\(error)" == "no picture of class 1: none of the pictures has a label")
    }

    @Test func whatIsDrawnFromClassesKeepsItsWeight() throws {
        try folder.write(DatasetBytes.cifarBatch(labels: [1, 2]), "a.bin")
        try folder.write(DatasetBytes.cifarBatch(labels: [1, 2]), "b.bin")
        let set = try pictures(
            DataSource(path: folder("a.bin"), weight: 1e-12), DataSource(path: folder("b.bin"))
        ).ofClasses([2])
        var generator = SeededGenerator(seed: 5)
        #expect((0..<100).allSatisfy { _ in set.drawIndex(using: &generator) == 1 })
    }

    @Test func brokenRecordsAndFilesAreSkippedAndNamed() throws {
        var labels = [UInt8](repeating: 1, count: 100)
        for index in [3, 4, 50, 60, 70, 80, 90] { labels[index] = 77 }
        try folder.write(DatasetBytes.cifarBatch(labels: labels), "data_batch_1.bin")
        try folder.write([1, 2, 3], "data_batch_2")
        try folder.write(DatasetBytes.idx([2, 9, 9]).dropLast(), "train-images-idx3-ubyte")
        try folder.write(.scene(width: 40, height: 40), "photo.png")
        let set = try pictures(DataSource(path: folder.path))
        #expect(set.pictures.count == 94)
        let records = [3, 4, 50, 60, 70, 80, 90].map { folder("data_batch_1.bin#\($0)") }
        let files = ["data_batch_2", "train-images-idx3-ubyte"].map { folder($0) }
        #expect(set.skipped.map(\.path) == records + files)
        for item in set.skipped { #expect(item.reason.hasPrefix("\(item.path): "), "\(item.reason)") }
        // A file with many broken records does not flood the log.
        #expect(log.lines.count == 5 + 1 + 2)
        #expect(log.lines[5] == "skipped 2 more images of \(folder("data_batch_1.bin"))")
        for (line, path) in zip(log.lines.suffix(2), files) { #expect(line.contains(path)) }
    }

    @Test func picturesOfABatchThatAreTooSmall() throws {
        let path = try folder.write(DatasetBytes.cifarBatch(labels: [1, 2]), "data_batch_1.bin")
        #expect(throws: TrainingError.noPictures(paths: [path], side: 33)) {
            try pictures(DataSource(path: path), minimumSide: 33)
        }
        #expect(log.lines.first?.contains("data_batch_1.bin#0: 32×32 is smaller than 33") == true)
        #expect(try pictures(DataSource(path: path), minimumSide: 32).pictures.count == 2)
    }

    // MARK: Weights

    /// Two photographs of weight 3 and a batch of ten pictures of weight 0.5.
    private func weighted() throws -> PictureSet {
        for index in 0..<2 {
            try folder.write(.scene(width: 40, height: 40, seed: UInt64(index)), "photos/\(index).png")
        }
        try folder.write(DatasetBytes.cifarBatch(labels: .init(repeating: 0, count: 10)), "batch.bin")
        return try pictures(
            DataSource(path: folder("photos"), weight: 3), DataSource(path: folder("batch.bin"), weight: 0.5))
    }

    @Test func picturesAreDrawnByWeight() throws {
        let set = try weighted()
        #expect(set.pictures.map(\.weight) == [3, 3] + [Double](repeating: 0.5, count: 10))
        let sampler = PatchSampler(pictures: set, side: 8, seed: 3)
        var patch = [Float](repeating: 0, count: 3 * 8 * 8)
        var counts: [String: Double] = [:]
        let draws = 22_000
        for step in 0..<draws {
            var generator = sampler.generator(step: step, slot: 1)
            patch.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { counts[sampler.draw(&generator, into: base), default: 0] += 1 }
            }
        }
        for picture in set.pictures {
            // Six standard deviations of the binomial distribution.
            let chance = picture.weight / 11
            let expected = Double(draws) * chance
            let deviation = (expected * (1 - chance)).squareRoot()
            #expect(abs((counts[picture.path] ?? 0) - expected) < 6 * deviation, "\(picture.path)")
        }
    }

    @Test func equalWeightsAreAllTheSame() throws {
        try folder.writeScenes(5, side: 16)
        let sets = try [1, 1e-300, 1e300].map { try pictures(DataSource(path: folder.path, weight: $0)) }
        for seed in 0..<50 {
            let drawn = sets.map { set in
                var generator = SeededGenerator(seed: UInt64(seed))
                return set.drawIndex(using: &generator)
            }
            #expect(Set(drawn).count == 1)
        }
    }

    @Test func extremeWeightsAreDrawnWithoutOverflow() throws {
        try folder.writeScenes(5, side: 16)
        let set = try pictures(
            DataSource(path: folder.path, weight: 1e308), DataSource(path: folder("scene-0.png"), weight: 1e-308))
        var counts = [Int](repeating: 0, count: 6)
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<5000 { counts[set.drawIndex(using: &generator)] += 1 }
        #expect(counts[5] == 0 && counts.prefix(5).allSatisfy { $0 > 800 }, "\(counts)")
    }

    // MARK: Setting aside

    @Test func weightsAndLabelsStayWithThePicturesThatAreSetAside() throws {
        try folder.write(DatasetBytes.cifarBatch(labels: (0..<40).map { $0 % 10 }), "a.bin")
        try folder.writeScenes(40, side: 16)
        let set = try pictures(
            DataSource(path: folder("a.bin"), weight: 5), DataSource(path: folder.path, weight: 2))
        let (training, validation) = set.split(validation: 8)
        #expect(validation.pictures.count == 8 && training.pictures.count == 72)
        let sides = training.pictures + validation.pictures
        #expect(Set(sides.map(\.path)).count == 80)
        for picture in sides {
            #expect(picture.weight == (picture.index == nil ? 2 : 5))
            #expect(picture.label == picture.index.map { $0 % 10 })
        }
        #expect(Set(training.pictures.map(\.weight)) == [2, 5], "the weights differ in what is trained on")
        var generator = SeededGenerator(seed: 1)
        let draws = 20_000
        let drawn = (0..<draws).map { _ in training.pictures[training.drawIndex(using: &generator)] }
        let heavy = training.pictures.filter { $0.weight == 5 }.count
        let expected = Double(5 * heavy) / Double(5 * heavy + 2 * (72 - heavy))
        let share = Double(drawn.filter { $0.weight == 5 }.count) / Double(draws)
        // Four standard deviations of the binomial distribution: 0.013.
        let deviation = (expected * (1 - expected) / Double(draws)).squareRoot()
        #expect(abs(share - expected) < 4 * deviation, "\(share), expected \(expected)")
    }

    /// Neighbors in a file, often of one class or scene, are not set aside together.
    @Test func picturesOfABatchAreSetAsideFromAllOverIt() throws {
        try folder.write(DatasetBytes.cifarBatch(labels: .init(repeating: 0, count: 400)), "data_batch_1.bin")
        let validation = try pictures(DataSource(path: folder.path)).split(validation: 20).validation
        let places = validation.pictures.compactMap(\.index).sorted()
        #expect(places.count == 20 && Set(places.map { $0 / 40 }).count >= 6, "\(places)")
        #expect(zip(places, places.dropFirst()).filter { $1 - $0 == 1 }.count <= 4, "\(places)")
    }
}
