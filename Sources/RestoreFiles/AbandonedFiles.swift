import Glibc

/// Removes the temporary files that programs which were killed while they wrote have left in `folder`. Who writes one
/// holds a lock on it, so those of programs that still run stay, in other containers, too; so does what cannot be removed.
///
/// This program must not be writing into `folder` at the same time: on some network file systems its own lock is none to it.
public func removeAbandonedTemporaryFiles(in folder: String) {
    // A folder that cannot be listed keeps them.
    let names = (try? listNames(in: folder, hiddenOnes: true)) ?? []
    for name in names {
        // Not whether there is a process of its number, which another one may have by now.
        if isTemporaryFile(name) { removeUnlessLocked(joinPath(folder, name)) }
    }
}

private func removeUnlessLocked(_ path: String) {
    let descriptor = retryingOnInterrupt { open(systemPath(path), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { removeFile(path) }
}

/// Whether `writeFileAtomically` gives such names to temporary files.
private func isTemporaryFile(_ name: String) -> Bool {
    guard name.hasPrefix(temporaryFilePrefix), name.hasSuffix(temporaryFileSuffix) else { return false }
    return pid_t(name.dropFirst(temporaryFilePrefix.count).prefix { $0 != "-" }) != nil
}
