import Glibc

/// A folder for outputs, kept open while they are written: they go to this folder, and nowhere else, even if it is
/// renamed, removed or unmounted meanwhile and another one takes its path.
///
/// Used from one thread at a time.
public final class OutputFolder {
    public let path: String
    /// The folder, or as long as it does not exist, the nearest existing one above it.
    private var anchor: Anchor
    /// Folders that exist or have been created, relative to `path`; they are not created again.
    private var known: Set<[UInt8]> = []

    /// An open folder.
    private final class Anchor {
        let path: String
        let descriptor: Int32

        /// - Parameter place: where the folder is, if not at its path.
        init(_ path: String, at place: Place? = nil) throws(FileError) {
            self.path = path
            let place = place ?? Place(path: path)
            descriptor = retryingOnInterrupt {
                openat(place.base, systemPath(place.path), O_DIRECTORY | O_CLOEXEC | OutputFolder.openPathOnly)
            }
            guard descriptor >= 0 else { throw writingError(path, code: errno) }
        }

        deinit { close(descriptor) }

        /// Whether the path still leads to the folder that was opened.
        var isInPlace: Bool { FileIdentity(path).map { $0 == FileIdentity(descriptor: descriptor) } ?? false }
    }

    /// O_PATH of asm-generic/fcntl.h, which glibc declares only under _GNU_SOURCE: a folder need not be readable.
    fileprivate static let openPathOnly: Int32 = 0o10000000

    /// - Parameter path: need not exist; it is created with its first output.
    /// - Throws: `FileError.cannotWrite`.
    public init(_ path: String) throws(FileError) {
        guard isPassableToSystem(path) else {
            throw .cannotWrite(path: path, reason: "the path is empty or contains a NUL character")
        }
        self.path = path
        var existing = path
        while pathKind(existing) == .missing, parentFolder(of: existing) != existing {
            existing = parentFolder(of: existing)
        }
        anchor = try Anchor(existing)
    }

    /// Makes the folder and those below it that are to contain `output`, each at most once.
    ///
    /// - Throws: `FileError.folderGone` if the folder has disappeared, or `.cannotWrite`.
    func prepare(for output: String) throws(FileError) {
        guard anchor.isInPlace else { throw .folderGone(path: path) }
        if anchor.path != path {
            try makeFolders(to: path)
            anchor = try Anchor(path, at: place(of: path))
        }
        try makeFolders(to: parentFolder(of: output))
    }

    /// Where `output` is for the system, relative to the open folder; nil if it is not below it.
    func place(of output: String) -> Place? {
        relative(output).map { Place(base: anchor.descriptor, path: $0) }
    }

    private func makeFolders(to folder: String) throws(FileError) {
        guard let way = relative(folder), !known.contains(Array(folder.utf8)) else { return }
        var part = ""
        for name in way.utf8.split(separator: UInt8(ascii: "/")) {
            part = joinPath(part, String(Substring(name)))
            guard mkdirat(anchor.descriptor, systemPath(part), 0o777) != 0, errno != EEXIST else { continue }
            throw writingError(folder, code: errno)
        }
        known.insert(Array(folder.utf8))
    }

    /// The rest of a path below the open folder; nil for others, and for the folder itself.
    private func relative(_ path: String) -> String? {
        if anchor.path == ".", path.utf8.first != UInt8(ascii: "/") { return path }
        let start = anchor.path.utf8.last == UInt8(ascii: "/") ? anchor.path : anchor.path + "/"
        guard path.utf8.starts(with: start.utf8), path.utf8.count > start.utf8.count else { return nil }
        return String(path[path.utf8.index(path.startIndex, offsetBy: start.utf8.count)...])
    }
}

/// A path, relative to an open folder or, as usual, to the current one.
struct Place {
    var base: Int32 = AT_FDCWD
    let path: String

    /// The folder that contains it.
    var folder: Place { Place(base: base, path: parentFolder(of: path)) }

    func beside(_ name: String) -> Place { Place(base: base, path: joinPath(parentFolder(of: path), name)) }
}
