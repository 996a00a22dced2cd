import RestoreFiles
import RestoreImage

/// Which part of a data set to read from a folder that contains both.
public enum DatasetPart: Sendable {
    /// Everything except the test sets, so that nobody trains on them by accident.
    case training
    /// Only the test sets (`test_batch*`, `t10k-images*`), or all files if the folder has none.
    case test
}

/// The files of a folder that contain images for training or testing.
///
/// Within a folder, names determine which files are considered: images by their extensions, batches and IDX files by
/// the names used by CIFAR-10 and MNIST. The type of a file is then determined by its content. A file given explicitly
/// is accepted under any name.
package struct DatasetListing {
    /// Sorted by the bytes of their paths.
    package private(set) var files: [String] = []
    /// Files of the other part.
    package private(set) var leftOut: [String] = []

    /// - Throws: `FileError.notFound` if nothing exists at `path`, and errors from listing a folder.
    package init(_ path: String, part: DatasetPart = .training) throws(FileError) {
        switch pathKind(path) {
        case .missing:
            throw missingError(path)
        case .directory:
            var (training, test): ([String], [String]) = ([], [])
            for file in try listFilesRecursively(path, where: { Self.role(of: $0) != nil }) {
                if Self.role(of: lastPathComponent(of: file)) == .test {
                    test.append(file)
                } else {
                    training.append(file)
                }
            }
            let readsTest = part == .test && !test.isEmpty
            (files, leftOut) = readsTest ? (test, training) : (training, test)
        default:
            files = [path]
        }
    }

    /// The part of the data set that a file belongs to, judging by its name alone; nil if it is ignored.
    private static func role(of name: String) -> DatasetPart? {
        let name = name.lowercased()
        if ImageFormat.allFileExtensions.contains(pathExtension(of: name)) { return .training }
        if isTestName(name) { return .test }
        return isBatchName(name) || isImagesName(name) ? .training : nil
    }

    private static func isTestName(_ name: String) -> Bool {
        name.hasPrefix("test_batch") || isImagesName(name) && (name.hasPrefix("t10k") || name.contains("test-images"))
    }

    /// Whether this is a name of a CIFAR-10 batch: "data_batch_1", "data_batch_1.bin", "data_batch_1.bin.gz". Names of
    /// CIFAR-100 batches count too, so that they are reported as unsupported.
    static func isBatchName(_ name: String) -> Bool {
        name.hasPrefix("data_batch") || name.hasPrefix("test_batch") || name == "train" || name == "train.bin"
    }

    /// Matches "train-images-idx3-ubyte", "train-images.idx3-ubyte.gz" and the like.
    private static func isImagesName(_ name: String) -> Bool {
        name.contains("idx3-ubyte") || name.hasPrefix("train-images") || name.hasPrefix("t10k-images")
    }

    /// The path of the labels for an IDX file of images: next to it, under MNIST's name for them, plain or gzipped. Nil
    /// if there is none.
    static func labelsPath(of images: String) -> String? {
        let name = lastPathComponent(of: images)
        guard let range = name.lastRange(of: "images") else { return nil }
        var labels = name[..<range.lowerBound] + "labels" + name[range.upperBound...]
        if let axes = labels.lastRange(of: "idx3") { labels.replaceSubrange(axes, with: "idx1") }
        let other = labels.hasSuffix(".gz") ? String(labels.dropLast(3)) : labels + ".gz"
        let folder = parentFolder(of: images)
        return [String(labels), other].map { joinPath(folder, $0) }.first { pathKind($0) == .regularFile }
    }
}

extension StringProtocol {
    /// The last occurrence of `text`.
    fileprivate func lastRange(of text: String) -> Range<Index>? {
        indices.reversed().lazy.filter { self[$0...].hasPrefix(text) }.first.map {
            $0..<index($0, offsetBy: text.count)
        }
    }
}
