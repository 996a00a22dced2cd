import RestoreConcurrency
import Logging
import RestoreFiles
import RestoreImage
import RestoreNN
import Synchronization

/// Training images, decoded and held in memory.
public struct PictureSet: Sendable {
    public struct Picture: Sendable {
        /// The file it was read from.
        public let file: String
        /// Its index in a file of many images; nil in a file with a single one.
        public let index: Int?
        public let image: Image
        /// Its class, if the file has labels: 0…9 in CIFAR-10 and MNIST.
        public let label: Int?
        /// The probability of drawing it, relative to an image of weight 1.
        public let weight: Double

        /// How messages refer to it: the path of its file, followed by `#` and its index if the file contains several.
        public var path: String { PictureSet.path(file, index) }
    }

    /// A file, or an image in one, that could not be used.
    public struct Skipped: Sendable, Hashable {
        /// The path of the file, followed by `#` and an index for one image of several.
        public let path: String
        /// A single line that includes the path.
        public let reason: String
    }

    /// In the given order of sources, and within each in the order of file paths, so that the draws for a seed do not
    /// depend on the file system.
    public let pictures: [Picture]
    public let skipped: [Skipped]
    /// Files in folders that belong to the other part of a data set. They are read only if given explicitly.
    public let leftOut: [String]
    /// Cumulative weights of the images, relative to the largest weight; empty if all are equal.
    private let cumulativeWeights: [Double]

    /// Reads every image of `sources`: folders with PNG and JPEG files, batches of CIFAR-10 and IDX files, plain or
    /// gzipped, as well as such files given explicitly (see docs/data.md). Broken files and records, and images smaller
    /// than `minimumSide`, are skipped and logged.
    ///
    /// - Parameters:
    ///   - part: which files to read in folders with a test set; files given explicitly are always read.
    ///   - maximumBytes: limit on the total size of the decoded images.
    ///   - remedy: a setting for smaller images, if all are too small; given the shorter side of the largest one.
    /// - Throws: `TrainingError.file` if a path does not exist, `.noPictures`, `.tooMuchData`.
    public init(
        sources: [DataSource], part: DatasetPart = .training, minimumSide: Int, maximumBytes: Int = 8 << 30,
        pool: WorkerPool, logger: Logger, remedy: (_ largestSide: Int) -> String? = { _ in nil }
    ) throws(TrainingError) {
        var files: [(path: String, weight: Double)] = []
        var leftOut: [String] = []
        for source in sources {
            do throws(FileError) {
                let listing = try DatasetListing(source.path, part: part)
                files += listing.files.map { ($0, source.weight) }
                leftOut += listing.leftOut
                Self.report(listing.leftOut, of: source.path, part: part, to: logger)
            } catch {
                throw .file(error)
            }
        }
        let results = try Self.read(files.map(\.path), maximumBytes: maximumBytes, pool: pool)
        var collected = PictureCollector(minimumSide: minimumSide, logger: logger)
        for (file, result) in zip(files, results) { collected.add(result, path: file.path, weight: file.weight) }
        guard !collected.pictures.isEmpty else {
            throw .noPictures(
                paths: sources.map(\.path), side: minimumSide,
                remedy: collected.largestRefusedSide.flatMap { remedy($0) })
        }
        self.init(pictures: collected.pictures, skipped: collected.skipped, leftOut: leftOut)
    }

    private static func report(_ leftOut: [String], of source: String, part: DatasetPart, to logger: Logger) {
        switch part {
        case .training:
            for path in leftOut {
                logger.info("skipped \(path): a test set; specify the file explicitly to train on it")
            }
        case .test:
            // Logs a single line, because there may be a whole folder of images next to a test set.
            guard !leftOut.isEmpty else { return }
            let others = "\(leftOut.count) other file\(leftOut.count == 1 ? "" : "s")"
            logger.info("\(source): read only its test set and skipped \(others)")
        }
    }

    private init(pictures: [Picture], skipped: [Skipped] = [], leftOut: [String] = []) {
        self.pictures = pictures
        self.skipped = skipped
        self.leftOut = leftOut
        cumulativeWeights = Self.cumulativeWeights(of: pictures)
    }

    /// Decodes the files, several at once; nil for a file that was not started because the limit had been reached.
    private static func read(
        _ paths: [String], maximumBytes: Int, pool: WorkerPool
    ) throws(TrainingError) -> [Result<DatasetFile, DatasetError>?] {
        let bytes = Atomic(0)
        let results = pool.map(taskCount: paths.count) { index -> Result<DatasetFile, DatasetError>? in
            guard bytes.load(ordering: .relaxed) <= maximumBytes else { return nil }
            do throws(DatasetError) {
                let file = try DatasetFile(path: paths[index])
                let own = file.records.intact.reduce(0) { $0 + $1.image.byteCount }
                bytes.wrappingAdd(own, ordering: .relaxed)
                return .success(file)
            } catch {
                return .failure(error)
            }
        }
        let total = bytes.load(ordering: .relaxed)
        guard total <= maximumBytes else { throw .tooMuchData(bytes: total, limit: maximumBytes) }
        return results
    }

    static func path(_ file: String, _ index: Int?) -> String { index.map { "\(file)#\($0)" } ?? file }
}

// MARK: Classes

extension PictureSet {
    /// The number of images per label; empty if there are no labels.
    public var classCounts: [Int: Int] {
        pictures.reduce(into: [:]) { counts, picture in
            if let label = picture.label { counts[label, default: 0] += 1 }
        }
    }

    /// The images of these classes, in the order of this set; those without a label are left out.
    ///
    /// - Throws: `TrainingError.noClasses` if none is left.
    public func ofClasses(_ classes: Set<Int>) throws(TrainingError) -> PictureSet {
        let chosen = pictures.filter { $0.label.map(classes.contains) ?? false }
        guard !chosen.isEmpty else { throw .noClasses(classes.sorted(), found: classCounts.keys.sorted()) }
        return PictureSet(pictures: chosen, skipped: skipped, leftOut: leftOut)
    }
}

// MARK: Drawing and splitting

extension PictureSet {
    /// The index in `pictures` of a weighted random draw. If all weights are equal, all images are equally likely.
    ///
    /// - Precondition: the set is not empty.
    public func drawIndex(using generator: inout SeededGenerator) -> Int {
        guard let total = cumulativeWeights.last else { return generator.index(below: pictures.count) }
        let place = generator.uniform() * total
        // The first image whose cumulative weight exceeds the position.
        var (low, high) = (0, cumulativeWeights.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulativeWeights[middle] > place { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func cumulativeWeights(of pictures: [Picture]) -> [Double] {
        let largest = pictures.lazy.map(\.weight).max() ?? 1
        guard pictures.contains(where: { $0.weight != largest }) else { return [] }
        var sum = 0.0
        return pictures.map { picture in
            // Relative to the largest weight, the sum stays finite for any weights.
            sum += picture.weight / largest
            return sum
        }
    }

    /// A digest of the names, sizes and weights of the images; it differs if the data does.
    public var digest: String {
        var hash = stableHash("\(pictures.count)")
        for picture in pictures {
            let name = lastPathComponent(of: picture.path)
            let facts = "\(name) \(picture.image.width) \(picture.image.height) \(picture.weight)"
            hash = (hash &* 31) ^ stableHash(facts)
        }
        return String(hash, radix: 16)
    }

    /// Holds out images, chosen by the hash of their names: when images are added, at most as many existing ones switch
    /// sides as were added. Images keep their weights.
    ///
    /// - Parameter most: the maximum number of images to hold out; never more than a tenth of all.
    public func split(validation most: Int) -> (training: PictureSet, validation: PictureSet) {
        let count = min(most, pictures.count / 10)
        let hashes = pictures.map(\.nameHash)
        let order = pictures.indices.sorted { (hashes[$0], $0) < (hashes[$1], $1) }
        let aside = Set(order.prefix(count))
        return (
            PictureSet(pictures: pictures.indices.filter { !aside.contains($0) }.map { pictures[$0] }),
            PictureSet(pictures: order.prefix(count).map { pictures[$0] })
        )
    }
}

extension PictureSet {
    /// Like `split(validation:)`; reports validation images that are also among the training images: the scores would be
    /// better than the network.
    ///
    /// - Parameter pool: for comparing the pixels.
    public func split(
        validation most: Int, pool: WorkerPool, logger: Logger
    ) -> (training: PictureSet, validation: PictureSet) {
        let sets = split(validation: most)
        let copies = Self.copies(of: sets.validation.pictures, among: sets.training.pictures, pool: pool)
        if let first = copies.first {
            let count = copies.count == 1 ? "1 validation image is" : "\(copies.count) validation images are"
            logger.warning(
                """
                \(count) also among the training images, so the validation score is too good: first \(first.held.path), a \
                copy of \(first.trained.path)
                """)
        }
        return sets
    }

    /// The images of one list that equal one of another, each with the first of these.
    private static func copies(
        of held: [Picture], among trained: [Picture], pool: WorkerPool
    ) -> [(held: Picture, trained: Picture)] {
        guard !held.isEmpty else { return [] }
        func digests(_ pictures: [Picture]) -> [PictureDigest] {
            pool.map(taskCount: pictures.count) { PictureDigest(pictures[$0].image) }
        }
        let known = Dictionary(zip(digests(trained), trained)) { first, _ in first }
        return zip(digests(held), held).compactMap { digest, picture in known[digest].map { (picture, $0) } }
    }
}

extension PictureSet.Picture {
    /// A hash of the file's name, without its folder, and of the index in the file.
    fileprivate var nameHash: UInt64 {
        let name = stableHash(lastPathComponent(of: file))
        guard let index else { return name }
        // A hash of "file#index" would sort neighbors in the file next to each other, because its last digit hardly
        // affects the leading bits.
        var generator = SeededGenerator(seed: name, path: UInt64(index))
        return generator.next()
    }
}

/// Collects the contents of the files in order.
private struct PictureCollector {
    let minimumSide: Int
    let logger: Logger
    private(set) var pictures: [PictureSet.Picture] = []
    private(set) var skipped: [PictureSet.Skipped] = []
    /// The largest of the shorter sides of images that were too small; nil if there are none.
    private(set) var largestRefusedSide: Int?
    /// Number of records per file that are named in the log; all are listed in `skipped`.
    private static let mostNamed = 5

    init(minimumSide: Int, logger: Logger) {
        self.minimumSide = minimumSide
        self.logger = logger
    }

    mutating func add(_ result: Result<DatasetFile, DatasetError>?, path: String, weight: Double) {
        switch result {
        case .success(let file):
            for warning in file.warnings { logger.warning("\(warning)") }
            add(file.records, path: path, weight: weight)
        case .failure(let error):
            skip([.init(path: path, reason: error.description)], path: path)
        case nil:
            break
        }
    }

    private mutating func add(_ records: DatasetRecords, path: String, weight: Double) {
        var refused = records.broken.map { record in
            let name = PictureSet.path(path, record.index)
            return PictureSet.Skipped(path: name, reason: "\(name): \(record.reason)")
        }
        for record in records.intact {
            let image = record.image
            if min(image.width, image.height) >= minimumSide {
                pictures.append(
                    .init(file: path, index: record.index, image: image, label: record.label, weight: weight))
            } else {
                largestRefusedSide = max(largestRefusedSide ?? 0, min(image.width, image.height))
                let name = PictureSet.path(path, record.index)
                let reason = "\(name): \(image.width)×\(image.height) is smaller than \(minimumSide)"
                refused.append(.init(path: name, reason: reason))
            }
        }
        skip(refused, path: path)
    }

    private mutating func skip(_ items: [PictureSet.Skipped], path: String) {
        skipped += items
        for item in items.prefix(Self.mostNamed) { logger.warning("skipped \(item.reason)") }
        let rest = items.count - Self.mostNamed
        if rest > 0 { logger.warning("skipped \(rest) more images of \(path)") }
    }
}
