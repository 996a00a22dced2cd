import Glibc

/// Removes a file that is no longer needed. That it cannot be removed, or is gone already, is no error: nothing is lost.
public func removeFile(_ path: String) {
    guard isPassableToSystem(path) else { return }
    unlink(path)
}
