import RestoreFiles
import RestoreImage

/// The pictures that a run reads: files that were named, and those in folders that were named.
struct PictureInputs {
    struct File: Equatable {
        let path: String
        /// Where its output lies below an output folder: its name or, in a folder, its way from there.
        let relativePath: String
    }

    private(set) var files: [File] = []
    /// Folders that cannot be listed or hold no picture, while others can and do, and what in them may be a folder and cannot
    /// be reached.
    private(set) var failures: [FileError] = []
    /// Files in folders that are results of an earlier run, by their names or places.
    private(set) var passedOver = 0

    private let suffix: String
    private let recursive: Bool
    private let outputFolder: String?

    /// - Parameters:
    ///   - suffix: that of results, which are not taken from folders; empty for none.
    ///   - recursive: whether folders below folders are entered.
    ///   - outputFolder: what lies there is not taken, unless it is an input itself.
    /// - Throws: `FileError` for a single folder that cannot be listed or holds no picture.
    init(_ inputs: [String], suffix: String, recursive: Bool, outputFolder: String?) throws(FileError) {
        self.suffix = suffix
        self.recursive = recursive
        self.outputFolder = outputFolder.flatMap { pathKind($0) == .directory ? canonicalPath($0) : nil }
        for input in inputs {
            guard OutputPlan.isFolder(input) else {
                files.append(File(path: input, relativePath: lastPathComponent(of: input)))
                continue
            }
            do throws(FileError) {
                try add(folder: input)
            } catch {
                if inputs.count == 1 { throw error }
                failures.append(error)
            }
        }
    }

    private mutating func add(folder: String) throws(FileError) {
        let isInFolder = outputBelow(folder)
        var unreadable: [FileError] = []
        let found = try listFilesRecursively(
            folder, descends: recursive, passOver: { unreadable.append($0) },
            where: { ImageFormat.allFileExtensions.contains(pathExtension(of: $0)) })
        let taken = found.filter { !isResult($0, isInFolder) }
        failures += unreadable
        passedOver += found.count - taken.count
        guard !taken.isEmpty || !unreadable.isEmpty else {
            let reason =
                found.isEmpty
                ? "it holds no PNG or JPEG file\(recursive ? "" : "; -r looks in the folders below, too")"
                : "it holds only results of an earlier run, whose names end in \(suffix)"
            throw .unreadable(path: folder, reason: reason)
        }
        let start = folder.utf8.last == UInt8(ascii: "/") ? folder.utf8.count : folder.utf8.count + 1
        files += taken.map { path in
            File(path: path, relativePath: String(path[path.utf8.index(path.startIndex, offsetBy: start)...]))
        }
    }

    /// The output folder where it lies below `folder`; one that is the folder itself gets its outputs beside its inputs.
    private func outputBelow(_ folder: String) -> String? {
        guard let outputFolder else { return nil }
        let place = canonicalPath(folder)
        return outputFolder != place && isPath(outputFolder, inside: place) ? outputFolder : nil
    }

    private func isResult(_ path: String, _ outputFolder: String?) -> Bool {
        if !suffix.isEmpty, removingPathExtension(lastPathComponent(of: path)).hasSuffix(suffix) { return true }
        return outputFolder.map { isPath(canonicalPath(path), inside: $0) } ?? false
    }
}
