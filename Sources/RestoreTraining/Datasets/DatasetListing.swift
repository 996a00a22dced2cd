import RestoreFiles
import RestoreImage

/// Which part of a data set is read where a folder has both.
public enum DatasetPart: Sendable {
    /// All but the test sets, which nobody should train on by accident.
    case training
    /// The test sets alone (`test_batch*`, `t10k-images*`); all files of a folder that has none.
    case test
}

/// The files of a folder that hold pictures to train on or to test with.
///
/// In a folder names decide what is looked at: pictures by their extensions, batches and IDX files by the names that
/// CIFAR-10 and MNIST give them. What a file is, its content tells. A file that is named itself is taken whatever its
/// name is.
package struct DatasetListing {
    /// Sorted by the bytes of their paths.
    package private(set) var files: [String] = []
    /// Files of the other part.
    package private(set) var leftOut: [String] = []

    /// - Throws: `FileError.notFound` where nothing is at `path`, and what listing a folder throws.
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

    /// What a file is for, by its name alone; nil for one that is passed over.
    private static func role(of name: String) -> DatasetPart? {
        let name = name.lowercased()
        if ImageFormat.allFileExtensions.contains(pathExtension(of: name)) { return .training }
        if isTestName(name) { return .test }
        return isBatchName(name) || isImagesName(name) ? .training : nil
    }

    private static func isTestName(_ name: String) -> Bool {
        name.hasPrefix("test_batch") || isImagesName(name) && (name.hasPrefix("t10k") || name.contains("test-images"))
    }

    /// Whether a batch of CIFAR-10 may be called so: "data_batch_1", "data_batch_1.bin", "data_batch_1.bin.gz". The
    /// batches of CIFAR-100 count, too, so that they are refused by name.
    static func isBatchName(_ name: String) -> Bool {
        name.hasPrefix("data_batch") || name.hasPrefix("test_batch") || name == "train" || name == "train.bin"
    }

    /// "train-images-idx3-ubyte", "train-images.idx3-ubyte.gz" and the like.
    private static func isImagesName(_ name: String) -> Bool {
        name.contains("idx3-ubyte") || name.hasPrefix("train-images") || name.hasPrefix("t10k-images")
    }

    /// Where the labels of an IDX file of pictures are: beside it, under the name that MNIST gives them; plain or
    /// gzipped. Nil where there are none.
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
    /// Where `text` stands last.
    fileprivate func lastRange(of text: String) -> Range<Index>? {
        indices.reversed().lazy.filter { self[$0...].hasPrefix(text) }.first.map {
            $0..<index($0, offsetBy: text.count)
        }
    }
}
