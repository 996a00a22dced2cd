import Glibc

/// A new append-only file, for logs that other programs read while they are written.
///
/// Each `append` is passed to the system in one call, so a killed process leaves complete appends and at most one
/// truncated one. A failed append is undone as far as the system allows.
public final class AppendedFile {
    public let path: String
    /// Number of bytes appended completely.
    public private(set) var count = 0
    private var descriptor: Int32

    /// Creates the file (permissions `0666 & ~umask`), which must not exist.
    ///
    /// - Throws: `FileError.alreadyExists`, or `.cannotWrite`.
    public init(creating path: String) throws(FileError) {
        guard isPassableToSystem(path) else {
            throw .cannotWrite(path: path, reason: "the path is empty or contains a NUL character")
        }
        // O_EXCL: if two processes choose the same name, only one gets the file, and no link is followed.
        let descriptor = retryingOnInterrupt {
            open(systemPath(path), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else { throw writingError(path, code: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    /// Takes over an open descriptor, for example of a device that is always full.
    package init(descriptor: Int32, path: String) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Appends `bytes` to the file.
    ///
    /// - Throws: `FileError.cannotWrite`; the file then has its previous contents, and the same bytes may be tried
    ///   again.
    /// - Precondition: the file has not been closed.
    public func append(_ bytes: [UInt8]) throws(FileError) {
        precondition(descriptor >= 0, "\(path) is closed")
        let code = bytes.withUnsafeBytes { bytes -> Int32 in
            var offset = 0
            // A nearly full disk accepts part of the bytes; the next call then returns the reason.
            while offset < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                let written = retryingOnInterrupt { write(descriptor, rest.baseAddress, rest.count) }
                if written <= 0 { return written < 0 ? errno : ENOSPC }
                offset += written
            }
            return 0
        }
        guard code == 0 else {
            _ = retryingOnInterrupt { ftruncate(descriptor, off_t(count)) }
            throw writingError(path, code: code)
        }
        count += bytes.count
    }

    /// Closes the file; nothing can be appended afterwards. A second call has no effect.
    ///
    /// - Throws: `FileError.cannotWrite` for errors that network file systems report only on closing.
    public func close() throws(FileError) {
        guard descriptor >= 0 else { return }
        let result = Glibc.close(descriptor)
        let code = errno
        descriptor = -1
        // After EINTR the descriptor is closed anyway.
        if result != 0, code != EINTR { throw writingError(path, code: code) }
    }
}
