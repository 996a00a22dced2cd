import RestoreConcurrency
import RestoreFiles
import RestoreImage

/// The contents of a data set.
public struct DatasetReport: Sendable {
    /// Number of files and images of one format.
    public struct FormatCount: Sendable, Equatable {
        public internal(set) var files = 0
        public internal(set) var compressedFiles = 0
        /// Number of usable images.
        public internal(set) var pictures = 0
    }

    /// Minimum, median and maximum of some lengths in pixels; the upper median if the number of lengths is even.
    public struct Spread: Sendable, Equatable {
        public let minimum: Int
        public let median: Int
        public let maximum: Int

        /// Nil if there are no lengths.
        init?(_ lengths: [Int]) {
            let sorted = lengths.sorted()
            guard let first = sorted.first, let last = sorted.last else { return nil }
            (minimum, median, maximum) = (first, sorted[sorted.count / 2], last)
        }
    }

    /// An image whose decoded pixels equal those of an earlier one.
    public struct Duplicate: Sendable, Equatable {
        public let path: String
        public let original: String

        public init(path: String, original: String) {
            self.path = path
            self.original = original
        }
    }

    public let path: String
    public internal(set) var formats: [DatasetFormat: FormatCount] = [:]
    /// Number of usable images.
    public internal(set) var pictureCount = 0
    public internal(set) var colorCount = 0
    public internal(set) var sixteenBitCount = 0
    public internal(set) var alphaCount = 0
    /// Total number of pixels in all images.
    public internal(set) var pixelCount = 0
    /// Nil if there are no images.
    public internal(set) var widths: Spread?
    public internal(set) var heights: Spread?
    /// Number of images per label; empty if there are no labels.
    public internal(set) var labels: [Int: Int] = [:]
    /// Duplicates among the images of this path and of those checked before.
    public internal(set) var duplicates: [Duplicate] = []
    /// Unusable files and records.
    public internal(set) var broken: [PictureSet.Skipped] = []
    /// Problems with files that are still usable.
    public internal(set) var warnings: [String] = []
    /// Test-set files in a folder, which were not checked.
    public internal(set) var leftOut: [String] = []
    /// Paths of images with a side shorter than the given length.
    public internal(set) var small: [String] = []

    public var grayCount: Int { pictureCount - colorCount }
    public var fileCount: Int { formats.values.reduce(0) { $0 + $1.files } }
}

/// Checks data sets one after the other, and detects duplicates across them.
public struct DatasetCheck: ~Copyable {
    private let pool: WorkerPool
    private let minimumSide: Int
    /// Where each image was first seen.
    private var seen: [PictureDigest: (file: String, index: Int?)] = [:]

    /// - Parameter minimumSide: images with a shorter side are reported as small.
    public init(minimumSide: Int = 1, pool: WorkerPool) {
        self.minimumSide = minimumSide
        self.pool = pool
    }

    /// Reads everything at `path`, a few files at a time, without keeping decoded images in memory.
    ///
    /// - Throws: `FileError` if nothing exists at `path` or a folder cannot be listed.
    public mutating func report(_ path: String) throws(FileError) -> DatasetReport {
        let listing = try DatasetListing(path)
        let files = listing.files
        let results = pool.map(taskCount: files.count) { index -> Result<FileFacts, DatasetError> in
            do throws(DatasetError) {
                return .success(FileFacts(try DatasetFile(path: files[index])))
            } catch {
                return .failure(error)
            }
        }
        var report = DatasetReport(path: path)
        report.leftOut = listing.leftOut
        var sizes: [(width: Int, height: Int)] = []
        for (file, result) in zip(files, results) {
            switch result {
            case .success(let facts):
                add(facts, file: file, to: &report)
                sizes += facts.pictures.map { ($0.width, $0.height) }
            case .failure(let error):
                report.broken.append(.init(path: file, reason: error.description))
            }
        }
        report.widths = DatasetReport.Spread(sizes.map(\.width))
        report.heights = DatasetReport.Spread(sizes.map(\.height))
        return report
    }

    private mutating func add(_ facts: FileFacts, file: String, to report: inout DatasetReport) {
        var count = report.formats[facts.format] ?? DatasetReport.FormatCount()
        count.files += 1
        count.compressedFiles += facts.isCompressed ? 1 : 0
        count.pictures += facts.pictures.count
        report.formats[facts.format] = count
        report.warnings += facts.warnings
        report.broken += facts.broken.map { record in
            let path = PictureSet.path(file, record.index)
            return .init(path: path, reason: "\(path): \(record.reason)")
        }
        for picture in facts.pictures { add(picture, file: file, to: &report) }
    }

    private mutating func add(_ picture: PictureFacts, file: String, to report: inout DatasetReport) {
        report.pictureCount += 1
        report.colorCount += picture.layout.colorChannelCount == 3 ? 1 : 0
        report.alphaCount += picture.layout.hasAlpha ? 1 : 0
        report.sixteenBitCount += picture.bitDepth == 16 ? 1 : 0
        report.pixelCount += picture.width * picture.height
        if let label = picture.label { report.labels[label, default: 0] += 1 }
        if min(picture.width, picture.height) < minimumSide {
            report.small.append(PictureSet.path(file, picture.index))
        }
        if let first = seen[picture.digest] {
            report.duplicates.append(
                .init(
                    path: PictureSet.path(file, picture.index), original: PictureSet.path(first.file, first.index)))
        } else {
            seen[picture.digest] = (file, picture.index)
        }
    }
}

/// What is kept of a file after its pixels have been freed.
private struct FileFacts: Sendable {
    let format: DatasetFormat
    let isCompressed: Bool
    let pictures: [PictureFacts]
    let broken: [(index: Int, reason: String)]
    let warnings: [String]

    init(_ file: DatasetFile) {
        format = file.format
        isCompressed = file.isCompressed
        pictures = file.records.intact.map { PictureFacts($0) }
        broken = file.records.broken
        warnings = file.warnings
    }
}

private struct PictureFacts: Sendable {
    let index: Int?
    let width: Int
    let height: Int
    let layout: Image.ChannelLayout
    let bitDepth: Int
    let label: Int?
    let digest: PictureDigest

    init(_ record: DatasetRecord) {
        index = record.index
        (width, height) = (record.image.width, record.image.height)
        layout = record.image.channelLayout
        bitDepth = record.image.bitDepth
        label = record.label
        digest = PictureDigest(record.image)
    }
}
