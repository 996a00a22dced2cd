import Glibc

/// Removes temporary files that killed programs have left in `folder`. A program locks the file it is writing, so the
/// files of running programs are kept, including those in other containers; so are files that cannot be removed.
///
/// This program must not be writing into `folder` at the same time: on some network file systems a process does not see
/// its own lock.
public func removeAbandonedTemporaryFiles(in folder: String) {
    // If the folder cannot be listed, its files are kept.
    let names = (try? listNames(in: folder, hiddenOnes: true)) ?? []
    for name in names {
        // Checking for a process with that ID would not do: another process may have it by now.
        if isTemporaryFile(name) { removeUnlessLocked(joinPath(folder, name)) }
    }
}

private func removeUnlessLocked(_ path: String) {
    let descriptor = retryingOnInterrupt { open(systemPath(path), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { removeFile(path) }
}

/// Whether `name` has the form that `writeFileAtomically` gives to temporary files.
private func isTemporaryFile(_ name: String) -> Bool {
    guard name.hasPrefix(temporaryFilePrefix), name.hasSuffix(temporaryFileSuffix) else { return false }
    return pid_t(name.dropFirst(temporaryFilePrefix.count).prefix { $0 != "-" }) != nil
}
