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
    /// For each folder with images of formats that are not supported.
    private(set) var unsupported: [UnsupportedImages] = []

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
        var others = UnsupportedImages(folder: folder)
        let found = try listFilesRecursively(
            folder, descends: recursive, passOver: { unreadable.append($0) },
            where: { name in
                others.count(name)
                return ImageFormat.allFileExtensions.contains(pathExtension(of: name))
            })
        let taken = found.filter { !isResult($0, isInFolder) }
        failures += unreadable
        passedOver += found.count - taken.count
        guard !taken.isEmpty || !unreadable.isEmpty else {
            let hint = recursive ? "" : "; -r looks in the folders below, too"
            let reason =
                found.isEmpty
                ? "it holds no PNG or JPEG file\(others.kinds.map { ", but \($0)" } ?? "")\(hint)"
                : "it holds only results of an earlier run, whose names end in \(suffix)"
            throw .unreadable(path: folder, reason: reason)
        }
        if others.kinds != nil { unsupported.append(others) }
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

/// Counts the files of a folder that are images, by their extensions, in formats that this program does not read. Others,
/// such as texts, nobody expects it to read.
struct UnsupportedImages: CustomStringConvertible {
    let folder: String
    private var counts: [Kind: Int] = [:]

    /// In the order in which they are listed.
    private enum Kind: String, CaseIterable {
        case heic = "HEIC"
        case webp = "WebP"
        case avif = "AVIF"
        case tiff = "TIFF"
        case raw = "camera raw"
        case gif = "GIF"
        case bmp = "BMP"
        case jpegXL = "JPEG XL"
        case jpeg2000 = "JPEG 2000"
        case photoshop = "Photoshop"

        var extensions: Set<String> {
            switch self {
            case .heic: ["heic", "heif", "hif"]
            case .webp: ["webp"]
            case .avif: ["avif"]
            case .tiff: ["tif", "tiff"]
            case .raw:
                [
                    "3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "iiq", "kdc", "mef", "mrw", "nef", "nrw", "orf",
                    "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
                ]
            case .gif: ["gif"]
            case .bmp: ["bmp", "dib"]
            case .jpegXL: ["jxl"]
            case .jpeg2000: ["jp2", "j2k", "jpf", "jpx"]
            case .photoshop: ["psd", "psb"]
            }
        }

        static let byExtension = Dictionary(
            uniqueKeysWithValues: allCases.flatMap { kind in kind.extensions.map { ($0, kind) } })
    }

    init(folder: String) { self.folder = folder }

    /// Counts a file if it is one of these.
    mutating func count(_ name: String) {
        if let kind = Kind.byExtension[pathExtension(of: name)] { counts[kind, default: 0] += 1 }
    }

    /// "2 HEIC and 1 WebP file"; nil if there are none.
    var kinds: String? {
        let found = Kind.allCases.compactMap { kind in counts[kind].map { (kind, $0) } }
        guard let last = found.last else { return nil }
        let texts = found.map { "\($0.1) \($0.0.rawValue)" }
        let list =
            texts.count == 1 ? texts[0] : texts.dropLast().joined(separator: ", ") + " and " + texts[texts.count - 1]
        return "\(list) file\(last.1 == 1 ? "" : "s")"
    }

    var description: String { "\(folder): \(kinds ?? "nothing") left out: only PNG and JPEG are read" }
}
