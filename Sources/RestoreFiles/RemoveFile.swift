import Glibc

/// Removes a file that is no longer needed. That it cannot be removed, or is gone already, is no error: nothing is lost.
public func removeFile(_ path: String) {
    guard isPassableToSystem(path) else { return }
    unlink(systemPath(path))
}

/// Renames a file that cannot be used to `path` with `.damaged` after it. That it cannot be renamed is no error: it is
/// looked at again, and found as damaged as before.
public func moveDamagedFileAside(_ path: String) {
    guard isPassableToSystem(path) else { return }
    rename(systemPath(path), systemPath(path + ".damaged"))
}
