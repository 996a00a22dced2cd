import Glibc

/// Writes `bytes` to `path` so that at any moment, even after a power failure, `path` has either its previous contents
/// or all of `bytes`.
///
/// The bytes are written to a hidden temporary file in the same folder and flushed to disk, and the file is then
/// renamed. Without `overwrite`, the rename itself fails if `path` exists, so no race can replace a file. With
/// `overwrite`, the permissions of the replaced file are kept, and if `path` is a symbolic link, its target is replaced
/// and the link is kept. A new file gets `0666 & ~umask`. On failure the temporary file is removed.
///
/// - Parameter source: a file from which this one is derived: group and others get no permissions on the new file that
///   they do not have on the source, so that a copy of a private image is equally private.
/// - Throws: `FileError.alreadyExists`, or `.cannotWrite`, also if the folder is missing or `path` is a folder, a FIFO,
///   a device, a socket or a dangling link, which are never replaced, even with `overwrite`.
public func writeFileAtomically(
    _ bytes: UnsafeRawBufferPointer, to path: String, overwrite: Bool, madeOf source: String? = nil
) throws(FileError) {
    guard isPassableToSystem(path) else {
        throw .cannotWrite(path: path, reason: "the path is empty or contains a NUL character")
    }
    let destination = overwrite ? try linkTarget(of: path) ?? path : path
    let replacedMode = try modeOfReplaceableFile(destination, path: path, overwrite: overwrite)
    let folder = parentFolder(of: destination)
    let temporary = try createTemporaryFile(in: folder, mode: replacedMode ?? modeOfNewFile(madeOf: source), path: path)
    // Keeps the lock until the file has its final name.
    let keeper = fcntl(temporary.descriptor, F_DUPFD_CLOEXEC, 0)
    defer { close(keeper) }
    do {
        try fill(temporary.descriptor, with: bytes, mode: replacedMode, path: path)
        try publish(temporary.path, as: destination, overwrite: overwrite, path: path)
    } catch {
        unlink(systemPath(temporary.path))
        throw error
    }
    flushFolder(folder)
}

/// Writes `bytes` to `path`; see the overload that takes a raw buffer.
public func writeFileAtomically(
    _ bytes: [UInt8], to path: String, overwrite: Bool, madeOf source: String? = nil
) throws(FileError) {
    var outcome: Result<Void, FileError> = .success(())
    bytes.withUnsafeBytes { buffer in
        do throws(FileError) {
            try writeFileAtomically(buffer, to: path, overwrite: overwrite, madeOf: source)
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

/// The permissions of the file that is about to be replaced, or nil if there is none.
private func modeOfReplaceableFile(
    _ destination: String, path: String, overwrite: Bool
) throws(FileError) -> mode_t? {
    var status = stat()
    // lstat: a dangling link is in the way just like a file.
    guard lstat(systemPath(destination), &status) == 0 else { return nil }
    switch status.fileType {
    case S_IFDIR: throw writingError(path, code: EISDIR)
    case S_IFREG, S_IFLNK:
        guard overwrite else { throw .alreadyExists(path: path) }
        return status.fileType == S_IFREG ? status.st_mode & 0o777 : nil
    default: throw .cannotWrite(path: path, reason: "it is a pipe, a device or a socket")
    }
}

/// Permissions for a new file, before the umask.
private func modeOfNewFile(madeOf source: String?) -> mode_t {
    var status = stat()
    guard let source, isPassableToSystem(source), stat(systemPath(source), &status) == 0 else { return 0o666 }
    return 0o600 | status.st_mode & 0o066
}

let temporaryFilePrefix = ".restore-"
let temporaryFileSuffix = ".partial"

private func createTemporaryFile(
    in folder: String, mode: mode_t, path: String
) throws(FileError) -> (descriptor: Int32, path: String) {
    // O_EXCL guarantees that the name is ours, whatever other threads, processes or an earlier crash have left here.
    for attempt in 0..<10_000 {
        let name = joinPath(folder, "\(temporaryFilePrefix)\(getpid())-\(attempt)\(temporaryFileSuffix)")
        let descriptor = retryingOnInterrupt {
            open(systemPath(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        }
        if descriptor >= 0 {
            if isHeld(descriptor) { return (descriptor, name) }
            close(descriptor)
        } else if errno != EEXIST {
            throw writingError(path, code: errno)
        }
    }
    throw .cannotWrite(path: path, reason: "no free name for a temporary file in \(folder)")
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
    _ descriptor: Int32, with bytes: UnsafeRawBufferPointer, mode: mode_t?, path: String
) throws(FileError) {
    var code: Int32 = 0
    var offset = 0
    while code == 0 && offset < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let count = retryingOnInterrupt { write(descriptor, rest.baseAddress, rest.count) }
        if count < 0 { code = errno } else { offset += count }
    }
    // The umask may have removed permissions that the replaced file had.
    if let mode, code == 0, fchmod(descriptor, mode) != 0, errno != EPERM { code = errno }
    if code == 0, retryingOnInterrupt({ fsync(descriptor) }) != 0, !isMissingFeature(errno) { code = errno }
    // close reports delayed write errors on network file systems; after EINTR the descriptor is closed anyway.
    if close(descriptor) != 0, errno != EINTR, code == 0 { code = errno }
    if code != 0 { throw writingError(path, code: code) }
}

/// Gives the finished temporary file its final name.
private func publish(
    _ temporary: String, as destination: String, overwrite: Bool, path: String
) throws(FileError) {
    if overwrite {
        guard rename(systemPath(temporary), systemPath(destination)) == 0 else { throw writingError(path, code: errno) }
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
private func renameWithoutReplacing(_ source: String, _ destination: String) -> Int32? {
    typealias RenameAt2 =
        @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
    let noReplace: UInt32 = 1  // RENAME_NOREPLACE from linux/fs.h
    guard let symbol = dlsym(nil, "renameat2") else { return nil }
    let function = unsafeBitCast(symbol, to: RenameAt2.self)
    return function(AT_FDCWD, systemPath(source), AT_FDCWD, systemPath(destination), noReplace) == 0 ? 0 : errno
}

/// `publish` without overwriting, for file systems such as NFS that lack RENAME_NOREPLACE: creating a hard link never
/// replaces an existing name either.
package func publishByLink(_ temporary: String, as destination: String, path: String) throws(FileError) {
    guard link(systemPath(temporary), systemPath(destination)) == 0 else { throw writingError(path, code: errno) }
    unlink(systemPath(temporary))
}

/// Makes the rename itself durable. Best effort: the file is complete either way, and a folder that is writable but not
/// readable cannot be opened.
private func flushFolder(_ folder: String) {
    let descriptor = retryingOnInterrupt { open(systemPath(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
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
    default: return .cannotWrite(path: path, reason: systemMessage(code))
    }
}
