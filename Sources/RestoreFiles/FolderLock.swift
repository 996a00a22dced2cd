import Glibc

/// Keeps other programs that request the same lock out of a folder, until it is released or the program ends for any
/// reason. Nothing is written to the folder.
public final class FolderLock: Sendable {
    private let descriptor: Int32

    /// - Throws: `FileError.cannotWrite` if another program, or another part of this one, holds the lock; `.notFound`
    ///   or `.unreadable` if the folder cannot be opened. On file systems without locks, no lock is taken.
    public init(folder: String) throws(FileError) {
        guard isPassableToSystem(folder) else { throw .notFound(path: folder) }
        let opened = retryingOnInterrupt { open(systemPath(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard opened >= 0 else { throw readingError(folder, code: errno) }
        if retryingOnInterrupt({ flock(opened, LOCK_EX | LOCK_NB) }) != 0, errno == EWOULDBLOCK {
            close(opened)
            throw .cannotWrite(path: folder, reason: "another program is using this folder")
        }
        descriptor = opened
    }

    deinit {
        // A child process that is just being started may still have a copy of the descriptor, which would keep the
        // lock.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
