import Glibc

/// Removes the temporary files that programs which were killed while they wrote have left in `folder`. Those of programs
/// that still run stay, and so does what cannot be removed.
public func removeAbandonedTemporaryFiles(in folder: String) {
    // A folder that cannot be listed keeps them.
    let names = (try? listNames(in: folder, hiddenOnes: true)) ?? []
    for name in names {
        guard let process = temporaryFileOwner(name), process != getpid() else { continue }
        // Signal 0 only asks whether there is such a process.
        if kill(process, 0) != 0 && errno == ESRCH { removeFile(joinPath(folder, name)) }
    }
}

/// The process in the name of a temporary file of `writeFileAtomically`, or nil for another name.
private func temporaryFileOwner(_ name: String) -> pid_t? {
    guard name.hasPrefix(temporaryFilePrefix), name.hasSuffix(temporaryFileSuffix) else { return nil }
    return pid_t(name.dropFirst(temporaryFilePrefix.count).prefix { $0 != "-" })
}
