import Glibc

/// Removes the temporary files that programs which were killed while they wrote have left in `folder`. Those of programs
/// that still run stay, in other containers, too, and so does what cannot be removed.
public func removeAbandonedTemporaryFiles(in folder: String) {
    // A folder that cannot be listed keeps them.
    let names = (try? listNames(in: folder, hiddenOnes: true)) ?? []
    for name in names {
        guard let process = temporaryFileOwner(name), process != getpid() else { continue }
        // Signal 0 only asks whether there is such a process.
        if kill(process, 0) != 0 && errno == ESRCH { removeUnlessLocked(joinPath(folder, name)) }
    }
}

/// A process that cannot be seen from here, as in another container, still holds a lock on the file that it writes.
private func removeUnlessLocked(_ path: String) {
    let descriptor = retryingOnInterrupt { open(systemPath(path), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { removeFile(path) }
}

/// The process in the name of a temporary file of `writeFileAtomically`, or nil for another name.
private func temporaryFileOwner(_ name: String) -> pid_t? {
    guard name.hasPrefix(temporaryFilePrefix), name.hasSuffix(temporaryFileSuffix) else { return nil }
    return pid_t(name.dropFirst(temporaryFilePrefix.count).prefix { $0 != "-" })
}
