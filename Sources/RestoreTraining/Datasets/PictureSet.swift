import Logging
import RestoreFiles
import RestoreImage
import RestoreNN
import Synchronization

/// Photographs below some folders, decoded and held in memory.
public struct PictureSet: Sendable {
    public struct Picture: Sendable {
        public let path: String
        public let image: Image
    }

    /// In the order of their paths, folder by folder as given: what a seed draws does not depend on the file system.
    public let pictures: [Picture]
    /// Files that could not be used, with the reason.
    public let skipped: [(path: String, reason: String)]

    /// Reads every PNG and JPEG below `paths`. Broken files, and pictures smaller than `minimumSide`, are skipped and named
    /// in the log.
    ///
    /// - Parameter maximumBytes: what the decoded pictures may take together.
    /// - Throws: `TrainingError.file` for a path that is not there, `.noPictures`, `.tooMuchData`.
    public init(
        paths: [String], minimumSide: Int, maximumBytes: Int = 8 << 30, pool: WorkerPool, logger: Logger
    ) throws(TrainingError) {
        let files = try Self.files(below: paths)
        let results = Mutex([Result<Image, ImageError>?](repeating: nil, count: files.count))
        let bytes = Atomic(0)
        pool.run(taskCount: files.count) { index, _ in
            guard bytes.load(ordering: .relaxed) <= maximumBytes else { return }
            let result: Result<Image, ImageError>
            do throws(ImageError) {
                let image = try readImage(files[index]).image
                bytes.wrappingAdd(image.sampleCount * image.bitDepth / 8, ordering: .relaxed)
                result = .success(image)
            } catch {
                result = .failure(error)
            }
            results.withLock { $0[index] = result }
        }
        let total = bytes.load(ordering: .relaxed)
        guard total <= maximumBytes else { throw .tooMuchData(bytes: total, limit: maximumBytes) }
        var pictures: [Picture] = []
        var skipped: [(path: String, reason: String)] = []
        for (path, result) in zip(files, results.withLock { $0 }) {
            switch result {
            case .success(let image) where min(image.width, image.height) >= minimumSide:
                pictures.append(Picture(path: path, image: image))
            case .success(let image):
                skipped.append((path, "\(path): \(image.width)×\(image.height) is smaller than \(minimumSide)"))
            case .failure(let error):
                skipped.append((path, error.description))
            case nil:
                break
            }
        }
        for file in skipped { logger.warning("skipped \(file.reason)") }
        guard !pictures.isEmpty else { throw .noPictures(paths: paths, side: minimumSide) }
        self.pictures = pictures
        self.skipped = skipped
    }

    init(pictures: [Picture]) {
        self.pictures = pictures
        skipped = []
    }

    private static func files(below paths: [String]) throws(TrainingError) -> [String] {
        var files: [String] = []
        for path in paths {
            do throws(FileError) {
                switch pathKind(path) {
                case .directory: files += try listFilesRecursively(path, extensions: ImageFormat.allFileExtensions)
                case .missing: throw .notFound(path: path)
                default: files.append(path)
                }
            } catch {
                throw .file(error)
            }
        }
        return files
    }

    /// Sets pictures aside, chosen by the hash of their file names: where pictures are added, no more others change
    /// sides than were added.
    ///
    /// - Parameter most: the most pictures to set aside; no more than a tenth of all are.
    public func split(validation most: Int) -> (training: PictureSet, validation: PictureSet) {
        let count = min(most, pictures.count / 10)
        let order = pictures.indices.sorted {
            (stableHash(lastPathComponent(of: pictures[$0].path)), $0)
                < (stableHash(lastPathComponent(of: pictures[$1].path)), $1)
        }
        let aside = Set(order.prefix(count))
        return (
            PictureSet(pictures: pictures.indices.filter { !aside.contains($0) }.map { pictures[$0] }),
            PictureSet(pictures: order.prefix(count).map { pictures[$0] })
        )
    }
}
