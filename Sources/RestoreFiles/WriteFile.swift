import Glibc

/// Writes `bytes` to `path` so that at any moment, even after a power failure, `path` has either its previous contents
/// or all of `bytes`.
///
/// The bytes are written to a hidden temporary file in the same folder and flushed to disk, and the file is then
/// renamed. Without `overwrite`, the rename itself fails if `path` exists, so no race can replace a file. With
/// `overwrite`, the replaced file's permissions, access control list, user attributes and, if the system allows it, owner
/// and group are kept, and if `path` is a symbolic link, its target is replaced and the link is kept. A new file gets
/// `0666 & ~umask`. On failure the temporary file is removed.
///
/// - Parameters:
///   - source: a file from which this one is derived.
///   - folder: where the file belongs, if it is below that: missing folders are created there, and nowhere else.
/// - Throws: `FileError.alreadyExists`; `.noSpace`; `.folderGone`; or `.cannotWrite`, also if the folder is missing or
///   `path` is a folder, a FIFO, a device, a socket or a dangling link, which are never replaced, even with `overwrite`.
public func writeFileAtomically(
    _ bytes: UnsafeRawBufferPointer, to path: String, overwrite: Bool, madeOf source: FileSource? = nil,
    in folder: OutputFolder? = nil
) throws(FileError) {
    guard isPassableToSystem(path) else {
        throw .cannotWrite(path: path, reason: "the path is empty or contains a NUL character")
    }
    try folder?.prepare(for: path)
    let target = overwrite ? try linkTarget(of: path) : nil
    let destination = target.map { Place(path: $0) } ?? folder?.place(of: path) ?? Place(path: path)
    let isReplaced = try isReplaceableFile(destination, path: path, overwrite: overwrite)
    let attributes = NewFileAttributes(replaced: isReplaced ? FileAttributes(target ?? path) : nil, source: source)
    let temporary = try createTemporaryFile(beside: destination, mode: attributes.mode, path: path)
    // Keeps the lock until the file has its final name.
    let keeper = fcntl(temporary.descriptor, F_DUPFD_CLOEXEC, 0)
    defer { close(keeper) }
    do {
        try fill(temporary.descriptor, with: bytes, attributes, path: path)
        try publish(temporary.place, as: destination, overwrite: overwrite, path: path)
    } catch {
        unlinkat(temporary.place.base, systemPath(temporary.place.path), 0)
        throw error
    }
    flushFolder(destination.folder)
}

/// A file from which another one is made: group and others get no permissions on the new file that they do not have on
/// this one, so that a copy of a private image is equally private.
public struct FileSource: Sendable {
    public var path: String
    /// Whether the new file gets the modification time of this one.
    public var keepsTime: Bool

    public init(_ path: String, keepsTime: Bool = false) {
        self.path = path
        self.keepsTime = keepsTime
    }
}

/// Writes `bytes` to `path`; see the overload that takes a raw buffer.
public func writeFileAtomically(
    _ bytes: [UInt8], to path: String, overwrite: Bool, madeOf source: FileSource? = nil,
    in folder: OutputFolder? = nil
) throws(FileError) {
    var outcome: Result<Void, FileError> = .success(())
    bytes.withUnsafeBytes { buffer in
        do throws(FileError) {
            try writeFileAtomically(buffer, to: path, overwrite: overwrite, madeOf: source, in: folder)
        } catch {
            outcome = .failure(error)
        }
    }
    try outcome.get()
}

/// The target of a symbolic link, or nil if `path` is not a link.
///
/// - Throws: `FileError.cannotWrite` for a dangling link: replacing it would remove the link without creating its
///   target.
private func linkTarget(of path: String) throws(FileError) -> String? {
    guard isSymbolicLink(path) else { return nil }
    guard let resolved = realpath(systemPath(path), nil) else { throw brokenLinkError(path) }
    defer { free(resolved) }
    return pathFromSystem(resolved)
}

/// The error for a symbolic link at `path` that cannot be followed.
public func brokenLinkError(_ path: String) -> FileError {
    var status = stat()
    let code = isPassableToSystem(path) && stat(systemPath(path), &status) != 0 ? errno : ENOENT
    let reason = code == ENOENT || code == ENOTDIR ? "" : ": " + systemMessage(code)
    return .cannotWrite(path: path, reason: "it is a dangling link" + reason)
}

/// Whether there is a file that is about to be replaced.
private func isReplaceableFile(
    _ destination: Place, path: String, overwrite: Bool
) throws(FileError) -> Bool {
    var status = stat()
    // Links are not followed: a dangling one is in the way just like a file.
    let code = fstatat(destination.base, systemPath(destination.path), &status, AT_SYMLINK_NOFOLLOW)
    guard code == 0 else { return false }
    switch status.fileType {
    case S_IFDIR: throw writingError(path, code: EISDIR)
    case S_IFREG, S_IFLNK:
        guard overwrite else { throw .alreadyExists(path: path) }
        return status.fileType == S_IFREG
    default: throw .cannotWrite(path: path, reason: "it is a pipe, a device or a socket")
    }
}

/// What a new file gets besides its contents.
private struct NewFileAttributes {
    /// Those of the file that it replaces.
    let replaced: FileAttributes?
    /// Those of the file that it is made of, if it replaces none.
    private let source: FileAttributes?
    private let modified: timespec?

    init(replaced: FileAttributes?, source: FileSource?) {
        self.replaced = replaced
        let attributes = source.flatMap { FileAttributes($0.path) }
        self.source = replaced == nil ? attributes : nil
        modified = source?.keepsTime == true ? attributes?.modified : nil
    }

    /// Permissions to create it with, before the umask. What replaces a file is private until it has all of its
    /// attributes.
    var mode: mode_t {
        if let replaced { return replaced.mode & 0o700 }
        return source?.modeOfProduct ?? 0o666
    }

    /// Before the contents are written: nobody may read what he may not.
    ///
    /// - Returns: 0, or the `errno` of a failure.
    func restrict(_ descriptor: Int32) -> Int32 {
        var status = stat()
        guard let source, fstat(descriptor, &status) == 0, status.st_gid != source.group else { return 0 }
        let mode = status.st_mode & 0o777
        let allowed = FileAttributes.withoutGroup(source.modeOfProduct)
        if mode & ~allowed == 0 { return 0 }
        return fchmod(descriptor, mode & allowed) == 0 || errno == EPERM ? 0 : errno
    }

    /// After the contents have been written.
    ///
    /// - Returns: 0, or the `errno` of a failure.
    func complete(_ descriptor: Int32) -> Int32 {
        if let code = replaced?.apply(to: descriptor), code != 0 { return code }
        guard let modified else { return 0 }
        let times = [timespec(tv_sec: 0, tv_nsec: Self.omitted), modified]
        return futimens(descriptor, times) == 0 ? 0 : errno
    }

    /// UTIME_OMIT of linux/stat.h, a macro that Swift does not import: the time of access stays.
    private static let omitted = (1 << 30) - 2
}

let temporaryFilePrefix = ".restore-"
let temporaryFileSuffix = ".partial"

private func createTemporaryFile(
    beside destination: Place, mode: mode_t, path: String
) throws(FileError) -> (descriptor: Int32, place: Place) {
    // O_EXCL guarantees that the name is ours, whatever other threads, processes or an earlier crash have left here.
    for attempt in 0..<10_000 {
        let place = destination.beside("\(temporaryFilePrefix)\(getpid())-\(attempt)\(temporaryFileSuffix)")
        let descriptor = retryingOnInterrupt {
            openat(place.base, systemPath(place.path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        }
        if descriptor >= 0 {
            if isHeld(descriptor) { return (descriptor, place) }
            close(descriptor)
        } else if errno != EEXIST {
            throw writingError(path, code: errno)
        }
    }
    throw .cannotWrite(path: path, reason: "no free name for a temporary file in \(parentFolder(of: path))")
}

/// Locks a new temporary file, so that programs looking for abandoned files leave it alone. Returns false if one of
/// them was faster.
private func isHeld(_ descriptor: Int32) -> Bool {
    // On file systems without locks no program considers the file abandoned.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return false }
    var status = stat()
    return fstat(descriptor, &status) != 0 || status.st_nlink > 0
}

/// Writes and flushes `bytes`, and closes `descriptor` whatever happens.
private func fill(
    _ descriptor: Int32, with bytes: UnsafeRawBufferPointer, _ attributes: NewFileAttributes, path: String
) throws(FileError) {
    var code = attributes.restrict(descriptor)
    var offset = 0
    while code == 0 && offset < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let count = retryingOnInterrupt { write(descriptor, rest.baseAddress, rest.count) }
        if count < 0 { code = errno } else { offset += count }
    }
    if code == 0 { code = attributes.complete(descriptor) }
    if code == 0, retryingOnInterrupt({ fsync(descriptor) }) != 0, !isMissingFeature(errno) { code = errno }
    // close reports delayed write errors on network file systems; after EINTR the descriptor is closed anyway.
    if close(descriptor) != 0, errno != EINTR, code == 0 { code = errno }
    if code != 0 { throw writingError(path, code: code) }
}

/// Gives the finished temporary file its final name.
private func publish(
    _ temporary: Place, as destination: Place, overwrite: Bool, path: String
) throws(FileError) {
    if overwrite {
        let (from, to) = (systemPath(temporary.path), systemPath(destination.path))
        guard renameat(temporary.base, from, destination.base, to) == 0 else { throw writingError(path, code: errno) }
        return
    }
    if let code = renameWithoutReplacing(temporary, destination) {
        guard code != 0 else { return }
        guard isMissingFeature(code) else { throw writingError(path, code: code) }
    }
    try publishByLink(temporary, as: destination, path: path)
}

/// renameat2 with RENAME_NOREPLACE: 0 or an errno value, or nil if the C library does not have the function.
///
/// It is looked up by name because glibc declares it only under _GNU_SOURCE, which Swift's Glibc module does not set.
private func renameWithoutReplacing(_ source: Place, _ destination: Place) -> Int32? {
    typealias RenameAt2 =
        @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
    let noReplace: UInt32 = 1  // RENAME_NOREPLACE from linux/fs.h
    guard let symbol = dlsym(nil, "renameat2") else { return nil }
    let function = unsafeBitCast(symbol, to: RenameAt2.self)
    let (from, to) = (systemPath(source.path), systemPath(destination.path))
    return function(source.base, from, destination.base, to, noReplace) == 0 ? 0 : errno
}

/// `publish` without overwriting, for file systems such as NFS that lack RENAME_NOREPLACE: creating a hard link never
/// replaces an existing name either.
package func publishByLink(_ temporary: String, as destination: String, path: String) throws(FileError) {
    try publishByLink(Place(path: temporary), as: Place(path: destination), path: path)
}

private func publishByLink(_ temporary: Place, as destination: Place, path: String) throws(FileError) {
    let (from, to) = (systemPath(temporary.path), systemPath(destination.path))
    guard linkat(temporary.base, from, destination.base, to, 0) == 0 else { throw writingError(path, code: errno) }
    unlinkat(temporary.base, from, 0)
}

/// Makes the rename itself durable. Best effort: the file is complete either way, and a folder that is writable but not
/// readable cannot be opened.
private func flushFolder(_ folder: Place) {
    let descriptor = retryingOnInterrupt {
        openat(folder.base, systemPath(folder.path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard descriptor >= 0 else { return }
    _ = retryingOnInterrupt { fsync(descriptor) }
    close(descriptor)
}

private func isMissingFeature(_ code: Int32) -> Bool {
    code == EINVAL || code == ENOSYS || code == ENOTSUP
}

func writingError(_ path: String, code: Int32) -> FileError {
    switch code {
    case EEXIST: return .alreadyExists(path: path)
    case EISDIR: return .cannotWrite(path: path, reason: "it is a folder")
    case ENOENT: return .cannotWrite(path: path, reason: "its folder does not exist")
    case ENOSPC, EDQUOT: return .noSpace(path: path, reason: systemMessage(code))
    default: return .cannotWrite(path: path, reason: systemMessage(code))
    }
}
