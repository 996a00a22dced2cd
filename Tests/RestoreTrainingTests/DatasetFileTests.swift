import RestoreFiles
import RestoreImage
import RestoreTraining
import TestSupport
import Testing

/// Reading files of many pictures.
@Suite struct DatasetFileTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func read(_ bytes: [UInt8], _ name: String = "file") throws -> DatasetFile {
        try DatasetFile(path: folder.write(bytes, name))
    }

    /// The message of the refusal of a file, which begins with its path.
    private func refusal(_ bytes: [UInt8], _ name: String = "file") throws -> String {
        let path = try folder.write(bytes, name)
        let error = #expect(throws: DatasetError.self) { try DatasetFile(path: path) }
        let message = "\(error.map { "\($0)" } ?? "")"
        #expect(message.hasPrefix("\(path): "), "\(message)")
        return String(message.dropFirst(path.utf8.count + 2))
    }

    private func expectBatch(_ file: DatasetFile, labels: [Int?], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(file.records.intact.map(\.label) == labels, sourceLocation: sourceLocation)
        #expect(file.records.intact.map(\.index) == Array(0..<labels.count), sourceLocation: sourceLocation)
        for (index, record) in file.records.intact.enumerated() {
            let expected = Image(
                width: 32, height: 32, channelLayout: .rgb, samples: .uint8(DatasetBytes.samples(index)))
            #expect(record.image == expected, "picture \(index)", sourceLocation: sourceLocation)
        }
    }

    // MARK: CIFAR-10, binary

    @Test func aBinaryBatchIsKnownByItsContent() throws {
        for name in ["data_batch_1.bin", "anything", "x.png"] {
            let file = try read(DatasetBytes.cifarBatch(labels: [3, 9, 0]), name)
            #expect(file.format == .cifar10Binary && !file.isCompressed && file.records.broken.isEmpty)
            expectBatch(file, labels: [3, 9, 0])
        }
    }

    @Test func aBrokenRecordIsNamedAndTheOthersTaken() throws {
        var labels = [UInt8](repeating: 1, count: 20)
        labels[7] = 10
        let file = try read(DatasetBytes.cifarBatch(labels: labels))
        #expect(file.records.intact.map(\.index) == (0..<20).filter { $0 != 7 })
        #expect(file.records.broken.map(\.index) == [7])
        #expect(file.records.broken.first?.reason == "its label is 10, expected 0 to 9")
    }

    @Test func aBatchThatEndsEarlyGivesWhatIsWhole() throws {
        let bytes = DatasetBytes.cifarBatch(labels: .init(repeating: 2, count: 20))
        let file = try read(Array(bytes.dropLast(100)))
        #expect(file.records.intact.count == 19 && file.records.broken.map(\.index) == [19])
        let reason = try #require(file.records.broken.first?.reason)
        #expect(reason.contains("expected 61460 bytes") && reason.contains("found 61360"), "\(reason)")
        // Of so few records, no file is known to be a batch unless its name says so.
        let start = Array(bytes.prefix(3 * 3073 + 1))
        #expect(try refusal(start).contains("is not a PNG or JPEG image"))
        #expect(try refusal(start, "data_batch_1.bin").contains("found 9220 bytes"))
        #expect(try refusal(Array(bytes.prefix(3072)), "data_batch_1.bin").contains("expected records of 3073 bytes"))
    }

    @Test func otherFilesAreNoBatch() throws {
        let noise = (0..<(3073 * 4)).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) | 16 }
        #expect(try refusal(noise).contains("is not a PNG or JPEG image"))
        #expect(try refusal([]).contains("an empty file"))
        #expect(try refusal(Array("GIF89a".utf8)).contains("a GIF"))
        var archive = [UInt8](repeating: 65, count: 1024)
        archive.replaceSubrange(257..<262, with: Array("ustar".utf8))
        #expect(try refusal(archive).contains("tar archive"))
        #expect(try refusal(gzip(archive)).contains("tar archive"))
        let cifar100 = [UInt8](repeating: 12, count: 3074 * 17)
        #expect(try refusal(cifar100).contains("CIFAR-100"))
    }

    // MARK: CIFAR-10, Python

    @Test(arguments: ["python2", "protocol2", "protocol3", "protocol4", "protocol5"])
    func aPythonBatchIsRead(name: String) throws {
        let bytes = try readFile(Fixtures.path("datasets/cifar10-\(name)"))
        let file = try read(bytes)
        #expect(file.format == .cifar10Python && !file.isCompressed)
        expectBatch(file, labels: [1, 4])
        let compressed = try read(gzip(bytes))
        #expect(compressed.format == .cifar10Python && compressed.isCompressed)
        expectBatch(compressed, labels: [1, 4])
    }

    @Test(arguments: [
        ("os-system-protocol0", "is not a PNG or JPEG image"), ("os-system-protocol2", "posix.system"),
        ("os-system-protocol4", "posix.system"), ("os-system-as-data", "posix.system"),
        ("eval-as-labels", "builtins.eval"), ("numpy-load", "numpy.load"),
        ("codec-with-side-effects", "_codecs.encode"), ("instance", "INST"), ("object", "__main__.Plain"),
        ("ordered-dictionary", "collections.OrderedDict"), ("set", "EMPTY_SET"), ("float", "BINFLOAT"),
        ("extension", "EXT1"), ("list-in-itself", "a list"), ("cifar100", "CIFAR-100"),
        ("batches-meta", "label_names"), ("data-of-floats", "type f2"), ("data-of-objects", "a list"),
        ("data-column-by-column", "column by column"), ("data-in-three-axes", "2×3×1024"),
        ("data-as-bytes", "expected a NumPy array"), ("data-with-fields", "structured"),
        ("too-few-labels", "expected 2 labels, one per image, found 1"), ("labels-are-strings", "a string"),
        ("no-pictures", "0×3072"), ("list", "expected a dictionary"),
    ])
    func whatIsNoBatchIsRefusedByName(name: String, part: String) throws {
        let message = try refusal(readFile(Fixtures.path("corrupt/datasets/\(name)")))
        #expect(message.contains(part), "\(name): \(message)")
        #expect(pathKind("executed") == .missing)
    }

    @Test func everyRefusedFileIsInTheTestAbove() throws {
        let files = try listFilesRecursively(Fixtures.path("corrupt/datasets")) { _ in true }
        #expect(files.count == 26)
    }

    // MARK: IDX

    @Test func imagesAndLabelsOfMNISTAreRead() throws {
        let file = try DatasetFile(path: Fixtures.path("datasets/train-images-idx3-ubyte.gz"))
        #expect(file.format == .idx && file.isCompressed && file.warnings.isEmpty)
        #expect(file.records.intact.map(\.label) == [9, 8, 7])
        for (index, record) in file.records.intact.enumerated() {
            let samples = (0..<20).map { UInt8(40 * index + 10 * ($0 / 5) + $0 % 5) }
            #expect(
                record.image == Image(width: 5, height: 4, channelLayout: .gray, samples: .uint8(samples)))
        }
    }

    @Test(arguments: [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"), ("images", "labels"),
    ])
    func labelsAreFoundBesideThePictures(images: String, labels: String) throws {
        try folder.write(DatasetBytes.idx([2], [4, 200]), labels)
        let file = try read(DatasetBytes.idx([2, 3, 1]), images)
        #expect(file.records.intact.map(\.label) == [4, 200] && file.warnings.isEmpty)
    }

    @Test func wrongLabelsAreNamedAndThePicturesTaken() throws {
        let wrong: [[UInt8]] = [
            DatasetBytes.idx([3]), DatasetBytes.idx([2]).dropLast(), [1, 2], DatasetBytes.idx([2, 1, 1]),
            gzip(DatasetBytes.idx([2])).dropLast(12),
        ]
        for labels in wrong {
            let path = try folder.write(labels, "train-labels-idx1-ubyte")
            let file = try read(DatasetBytes.idx([2, 3, 1]), "train-images-idx3-ubyte")
            #expect(file.records.intact.map(\.label) == [nil, nil])
            #expect(file.warnings.count == 1 && file.warnings.allSatisfy { $0.hasPrefix(path) }, "\(file.warnings)")
        }
    }

    private static let wrongSizes: [(bytes: [UInt8], part: String)] = [
        (DatasetBytes.idx([2, 3, 4]).dropLast(), "expected 40 bytes, found 39"),
        (DatasetBytes.idx([2, 3, 4]) + [0], "expected 40 bytes, found 41"),
        (Array(DatasetBytes.idx([2, 3, 4]).prefix(15)), "expected a header of 16 bytes, found 15"),
        (DatasetBytes.idx([.max, .max, .max], []), "more bytes than can be counted"),
        (DatasetBytes.idx([1 << 31, 1 << 31, 2], []), "more bytes than can be counted"),
        // The product wraps around to 0.
        (DatasetBytes.idx([1 << 31, 1 << 31, 4], []), "more bytes than can be counted"),
        (DatasetBytes.idx([0, 28, 28]), "0 images"), (DatasetBytes.idx([5, 0, 7]), "5 images of 7×0"),
        ([0, 0, 8, 1, 0, 0, 0, 2, 7, 7], "2 labels and no images"), ([0, 0, 8, 1, 0, 0, 0, 3, 7, 7], "expected 11"),
        ([0, 0, 13, 3, 0, 0, 0, 1], "an IDX file of floats with 3 axes"),
        ([0, 0, 8, 4, 0, 0, 0, 1], "an IDX file of bytes with 4 axes"),
    ]

    @Test(arguments: wrongSizes.indices)
    func sizesOfIDXFilesAreNotTrusted(index: Int) throws {
        let (bytes, part) = Self.wrongSizes[index]
        let message = try refusal(bytes)
        #expect(message.contains(part), "\(message)")
    }

    /// A picture of one pixel takes more memory than its byte.
    @Test func tooManyTinyPicturesAreRefused() throws {
        let count = 1 << 23
        let bytes = DatasetBytes.idx([UInt32(count), 1, 1])
        #expect(try refusal(gzip(bytes)).contains("more than the limit"))
    }

    // MARK: gzip

    @Test func compressedFilesAreReadWhateverTheirNames() throws {
        for name in ["data_batch_1.bin.gz", "data_batch_1.bin"] {
            let file = try read(gzip(DatasetBytes.cifarBatch(labels: [1, 2])), name)
            #expect(file.format == .cifar10Binary && file.isCompressed)
            expectBatch(file, labels: [1, 2])
        }
        let scene = Image(width: 3, height: 2, channelLayout: .gray)
        let picture = try read(gzip(encodeImage(scene, as: ImageEncoding(format: .png), path: "")))
        #expect(picture.format == .png && picture.records.intact.map(\.image) == [scene])
    }

    @Test func membersAreJoinedAndPaddingIsNot() throws {
        let bytes = DatasetBytes.cifarBatch(labels: [5, 6])
        let members = gzip(Array(bytes[..<1000])) + gzip([]) + gzip(Array(bytes[1000...]))
        expectBatch(try read(members), labels: [5, 6])
        expectBatch(try read(members + [UInt8](repeating: 0, count: 512)), labels: [5, 6])
        #expect(try refusal(members + [0, 0, 7]).contains("3 bytes follow its end"))
    }

    @Test func everyTruncationOfACompressedFileIsRefused() throws {
        let bytes = gzip(DatasetBytes.idx([2, 3, 1], [1, 2, 3, 4, 5, 6]))
        for count in 3..<bytes.count {
            let message = try refusal(Array(bytes.prefix(count)))
            #expect(message.contains("gzip") && message.contains("ends after \(count) bytes"), "\(message)")
        }
        for index in bytes.indices.suffix(8) {
            var damaged = bytes
            damaged[index] ^= 1
            #expect(try refusal(damaged).contains("incorrect"), "byte \(index)")
        }
    }

    @Test func aBombIsRefusedBeforeItIsInflated() throws {
        let bomb = gzip([UInt8](repeating: 0, count: 20 << 20))
        #expect(bomb.count < 1 << 15)
        let path = try folder.write(bomb, "bomb")
        let error = #expect(throws: DatasetError.self) { try DatasetFile(path: path, maximumInflatedBytes: 1 << 20) }
        #expect("\(String(describing: error))".contains("more than the limit of 1048576 bytes"))
        // What fits exactly passes.
        let whole = DatasetBytes.idx([1, 100, 100])
        let good = try folder.write(gzip(whole), "good")
        #expect(try DatasetFile(path: good, maximumInflatedBytes: whole.count).records.intact.count == 1)
        #expect(throws: DatasetError.self) { try DatasetFile(path: good, maximumInflatedBytes: whole.count - 1) }
    }
}
