import Glibc
import RestoreConcurrency
import RestoreFiles
import RestoreImage

/// A picture in the server's private folder: uploaded, taken from the shared folder, or a result.
struct StoredPicture: Sendable {
    let id: String
    /// As the user knows it; safe as a file name.
    let name: String
    let path: String
    let bytes: Int
    let header: ImageHeader
}

/// The pictures of all tabs, in a folder that only this user can enter and that is removed with the server.
final class PictureStore: Sendable {
    let root: String
    let limits: ServeLimits
    private struct Contents {
        var pictures: [String: StoredPicture] = [:]
        /// Least recently used first.
        var order: [String] = []
        /// Of pictures and of uploads in progress.
        var bytes = 0
        var lastNumber = 0
        /// Pictures that jobs still read; they are not removed.
        var uses: [String: Int] = [:]
    }
    private let contents = Monitor(Contents())

    /// - Throws: `FileError` if the folder cannot be made.
    init(limits: ServeLimits) throws(FileError) {
        let parent = getenv("TMPDIR").map { pathFromSystem($0) } ?? "/tmp"
        var template = systemPath(joinPath(parent, "restore-serve-XXXXXX"))
        // With permissions 0700.
        guard mkdtemp(&template) != nil else {
            throw .cannotWrite(path: parent, reason: String(cString: strerror(errno)))
        }
        root = template.withUnsafeBufferPointer { $0.baseAddress.map { pathFromSystem($0) } ?? "" }
        self.limits = limits
    }

    func newID() -> String {
        contents.withLock { contents in
            contents.lastNumber += 1
            return "\(contents.lastNumber)"
        }
    }

    subscript(id: String) -> StoredPicture? {
        contents.withLock { contents in
            guard let picture = contents.pictures[id] else { return nil }
            contents.order.removeAll { $0 == id }
            contents.order.append(id)
            return picture
        }
    }

    /// Makes a private folder for a picture or a job.
    func makeFolder(_ id: String) throws(ServeError) -> String {
        let path = joinPath(root, id)
        guard mkdir(systemPath(path), 0o700) == 0 else { throw Self.storageError(errno) }
        return path
    }

    /// Reserves space for an upload, and removes the least recently used pictures if there is too little.
    func reserve(_ bytes: Int) throws(ServeError) {
        guard bytes <= limits.uploadBytes else {
            throw ServeError(.payloadTooLarge, "the file has more than \(limits.uploadBytes >> 20) MiB")
        }
        while contents.withLock({ $0.bytes + bytes > limits.storeBytes }) {
            guard let oldest = contents.withLock({ contents in contents.order.first { contents.uses[$0] == nil } })
            else {
                throw ServeError(.insufficientStorage, "the server holds too many pictures; discard some")
            }
            remove(oldest)
        }
        contents.withLock { $0.bytes += bytes }
    }

    func release(_ bytes: Int) { contents.withLock { $0.bytes -= bytes } }

    /// Adds a file in the folder of `id`, for which `bytes` have been reserved.
    func add(_ id: String, name: String, path: String, bytes: Int) throws(ServeError) -> StoredPicture {
        guard let header = readImageHeader(path) else {
            throw ServeError(.unsupportedMediaType, "\(name): is neither a PNG nor a JPEG picture")
        }
        let (pixels, isHuge) = header.width.multipliedReportingOverflow(by: header.height)
        guard !isHuge, pixels <= limits.megapixels * 1_000_000 else {
            throw ServeError(
                .payloadTooLarge,
                "\(name): \(header.width)×\(header.height) pixels exceed \(limits.megapixels) megapixels")
        }
        let picture = StoredPicture(id: id, name: name, path: path, bytes: bytes, header: header)
        let outnumbered = contents.withLock { contents -> String? in
            contents.pictures[id] = picture
            contents.order.append(id)
            return contents.order.count > limits.pictures
                ? contents.order.first { contents.uses[$0] == nil && $0 != id } : nil
        }
        if let outnumbered { remove(outnumbered) }
        return picture
    }

    /// Keeps pictures from being removed while a job reads them.
    func use(_ ids: [String]) { contents.withLock { contents in for id in ids { contents.uses[id, default: 0] += 1 } } }

    func endUse(_ ids: [String]) {
        contents.withLock { contents in
            for id in ids { contents.uses[id] = contents.uses[id].flatMap { $0 > 1 ? $0 - 1 : nil } }
        }
    }

    /// Forgets a picture and removes its file. Jobs that read it have links of their own.
    func remove(_ id: String) {
        let removed = contents.withLock { contents -> StoredPicture? in
            guard let picture = contents.pictures.removeValue(forKey: id) else { return nil }
            contents.order.removeAll { $0 == id }
            contents.bytes -= picture.bytes
            return picture
        }
        if removed != nil { removeTree(joinPath(root, id)) }
    }

    func removeAll() { removeTree(root) }

    /// The answer to a file that cannot be written.
    static func storageError(_ code: Int32) -> ServeError {
        switch code {
        case ENOSPC, EDQUOT, EFBIG: ServeError(.insufficientStorage, "the disk with the temporary folder is full")
        default: ServeError(.internalServerError, "the temporary folder: \(String(cString: strerror(code)))")
        }
    }
}

/// What clients may take.
package struct ServeLimits: Sendable {
    /// Of one file.
    package var uploadBytes = 512 << 20
    /// Of all files that the server holds.
    package var storeBytes = 4 << 30
    package var pictures = 512
    package var megapixels = 512
    /// Waiting and running.
    package var jobs = 32
    package var connections = 128
    package var samples = 16

    package init() {}
}

/// Removes a folder with all that is in it; symbolic links are not followed.
func removeTree(_ path: String) {
    for name in (try? listNames(in: path, hiddenOnes: true)) ?? [] {
        let entry = joinPath(path, name)
        if unlink(systemPath(entry)) != 0 { removeTree(entry) }
    }
    rmdir(systemPath(path))
}

/// A name that a client gave, as a file name: without folders and control characters, and not longer than file systems
/// allow with a suffix.
func safeFileName(_ name: String) -> String {
    let last = name.split { $0 == "/" || $0 == "\\" }.last ?? ""
    var result = ""
    for scalar in last.unicodeScalars where scalar.properties.generalCategory != .control {
        result.unicodeScalars.append(scalar)
    }
    var stem = removingPathExtension(result)
    let ending = result.utf8.dropFirst(stem.utf8.count).count <= 16 ? String(result.dropFirst(stem.count)) : ""
    while stem.utf8.count > 160 { stem.removeLast() }
    if stem.isEmpty || stem.allSatisfy({ $0 == "." }) { stem = "picture" }
    return stem + ending
}
