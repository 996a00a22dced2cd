import Glibc

/// Removes a file that is no longer needed. It is not an error if it cannot be removed or no longer exists: nothing is
/// lost.
public func removeFile(_ path: String) {
    guard isPassableToSystem(path) else { return }
    unlink(systemPath(path))
}

/// Renames an unusable file to `path` with `.damaged` appended. It is not an error if it cannot be renamed: it will be
/// examined again and found just as damaged.
public func moveDamagedFileAside(_ path: String) {
    guard isPassableToSystem(path) else { return }
    rename(systemPath(path), systemPath(path + ".damaged"))
}
