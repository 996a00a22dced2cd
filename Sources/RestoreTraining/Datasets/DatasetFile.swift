import RestoreFiles
import RestoreImage

/// The types of files that contain training images.
public enum DatasetFormat: String, Sendable, CaseIterable {
    case png
    case jpeg
    case cifar10Binary = "cifar10_binary"
    case cifar10Python = "cifar10_python"
    case idx

    /// The human-readable name of the format.
    public var name: String {
        switch self {
        case .png: "PNG"
        case .jpeg: "JPEG"
        case .cifar10Binary: "CIFAR-10 batch (binary)"
        case .cifar10Python: "CIFAR-10 batch (Python)"
        case .idx: "IDX file"
        }
    }
}

/// A decoded file with one or more images.
package struct DatasetFile: Sendable {
    package let format: DatasetFormat
    package let isCompressed: Bool
    package let records: DatasetRecords
    /// Problems with a file that is still usable, such as bad labels.
    package let warnings: [String]

    /// Default limit on the inflated size of a gzipped file: five times the size of all of CIFAR-10.
    package static let maximumInflatedBytes = 1 << 30

    /// Reads an image (PNG, JPEG), a batch of CIFAR-10 (binary, Python) or an IDX file of images, plain or gzipped. The
    /// type is determined by the content, not the name.
    package init(
        path: String, maximumInflatedBytes: Int = DatasetFile.maximumInflatedBytes
    ) throws(DatasetError) {
        let (bytes, isCompressed) = try Self.content(of: path, maximumInflatedBytes: maximumInflatedBytes)
        self.isCompressed = isCompressed
        if let format = ImageFormat.detect(bytes) {
            do throws(ImageError) {
                let image = try decodeImage(bytes, path: path).image
                records = DatasetRecords(intact: [DatasetRecord(image: image, label: nil, index: nil)])
            } catch { throw .image(error) }
            self.format = format == .png ? .png : .jpeg
            warnings = []
        } else if PickleReader.isPickle(bytes) {
            format = .cifar10Python
            records = try Self.named(path, format.name) { () throws(FormatProblem) in try CIFARBatch.readPython(bytes) }
            warnings = []
        } else if IDXFile.isImages(bytes) {
            format = .idx
            let (labels, warning) = try Self.labels(ofImages: bytes, path: path, limit: maximumInflatedBytes)
            records = try Self.named(path, format.name) { () throws(FormatProblem) in
                try IDXFile.readImages(bytes, labels: labels)
            }
            warnings = warning.map { [$0] } ?? []
        } else if !CIFARBatch.isBinaryOf100Classes(bytes), CIFARBatch.isBinary(bytes) {
            format = .cifar10Binary
            records = CIFARBatch.readBinary(bytes)
            warnings = []
        } else {
            throw try Self.refusal(of: bytes, path: path)
        }
    }

    /// The bytes of a file, inflated if it is gzipped.
    private static func content(
        of path: String, maximumInflatedBytes: Int
    ) throws(DatasetError) -> (bytes: [UInt8], isCompressed: Bool) {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try readFile(path) } catch { throw .file(error) }
        guard GzipStream.isGzip(bytes) else { return (bytes, false) }
        let inflated = try named(path, "gzip file") { () throws(FormatProblem) in
            try GzipStream.inflated(bytes, maximumBytes: maximumInflatedBytes)
        }
        return (inflated, true)
    }

    /// The labels next to an IDX file of images. Without labels, or with wrong ones, the images are still usable.
    private static func labels(
        ofImages bytes: [UInt8], path: String, limit: Int
    ) throws(DatasetError) -> (labels: ArraySlice<UInt8>?, warning: String?) {
        let count = try named(path, DatasetFormat.idx.name) { () throws(FormatProblem) in
            try IDXFile.imageCount(bytes)
        }
        guard let labelsPath = DatasetListing.labelsPath(of: path) else { return (nil, nil) }
        do throws(DatasetError) {
            let (content, _) = try content(of: labelsPath, maximumInflatedBytes: limit)
            let labels = try named(labelsPath, DatasetFormat.idx.name) { () throws(FormatProblem) in
                guard IDXFile.isLabels(content) else { throw .unsupported("expected an IDX file of labels") }
                let labels = try IDXFile.readLabels(content)
                guard labels.count == count else {
                    throw .damage("expected \(count) labels, one per image of \(path), found \(labels.count)")
                }
                return labels
            }
            return (labels, nil)
        } catch {
            return (nil, error.description)
        }
    }

    /// Why a file of no known format is rejected.
    private static func refusal(of bytes: [UInt8], path: String) throws(DatasetError) -> DatasetError {
        if IDXFile.isLabels(bytes) {
            let count = try named(path, DatasetFormat.idx.name) { () throws(FormatProblem) in
                try IDXFile.readLabels(bytes).count
            }
            return .unsupported(
                path: path, reason: "it contains \(count) labels and no images; labels are read along with their images"
            )
        }
        if let kind = IDXFile.otherKind(bytes) {
            return .unsupported(path: path, reason: "it is \(kind), expected bytes with 3 axes")
        }
        if CIFARBatch.isBinaryOf100Classes(bytes) {
            return .unsupported(path: path, reason: "it is a batch of CIFAR-100; only CIFAR-10 is read")
        }
        if bytes.dropFirst(257).starts(with: Array("ustar".utf8)) {
            return .unsupported(path: path, reason: "it is a tar archive; unpack it first")
        }
        if DatasetListing.isBatchName(lastPathComponent(of: path).lowercased()) {
            return .damaged(
                path: path, format: DatasetFormat.cifar10Binary.name,
                reason: "expected records of 3073 bytes that begin with a label of 0 to 9, found \(bytes.count) bytes")
        }
        do throws(ImageError) { _ = try decodeImage(bytes, path: path) } catch {
            if case .unknownFormat(_, let found) = error { return .unknownFormat(path: path, found: found) }
            return .image(error)
        }
        return .unknownFormat(path: path, found: "\(bytes.count) bytes")
    }

    /// Runs a parser and adds the file's path to its errors.
    private static func named<Value>(
        _ path: String, _ format: String, _ parse: () throws(FormatProblem) -> Value
    ) throws(DatasetError) -> Value {
        do throws(FormatProblem) { return try parse() } catch { throw error.error(path: path, format: format) }
    }
}
