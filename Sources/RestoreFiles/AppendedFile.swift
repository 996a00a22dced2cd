import Glibc

/// A new file that grows at its end, for logs that other programs read while they are written.
///
/// What one `append` is given goes to the system in one call, so that a process that is killed leaves whole appends and
/// at most one that is cut short. An append that fails is taken back as far as the system allows.
public final class AppendedFile {
    public let path: String
    /// Bytes that were appended completely.
    public private(set) var count = 0
    private var descriptor: Int32

    /// Makes the file (permissions `0666 & ~umask`), which must not exist.
    ///
    /// - Throws: `FileError.alreadyExists`, or `.cannotWrite`.
    public init(creating path: String) throws(FileError) {
        guard isPassableToSystem(path) else {
            throw .cannotWrite(path: path, reason: "the path is empty or holds a NUL character")
        }
        // O_EXCL: of two processes that choose the same name one gets the file, and no link is followed.
        let descriptor = retryingOnInterrupt {
            open(systemPath(path), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else { throw writingError(path, code: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    /// Takes over an open descriptor, of a device that is always full for instance.
    package init(descriptor: Int32, path: String) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// Adds `bytes` at the end of the file.
    ///
    /// - Throws: `FileError.cannotWrite`; the file then holds what it held before, and the same bytes may be tried again.
    /// - Precondition: the file was not closed.
    public func append(_ bytes: [UInt8]) throws(FileError) {
        precondition(descriptor >= 0, "\(path) is closed")
        let code = bytes.withUnsafeBytes { bytes -> Int32 in
            var offset = 0
            // A disk that is nearly full takes a part; the next call then says why.
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

    /// Closes the file; nothing can be appended any more. A second call does nothing.
    ///
    /// - Throws: `FileError.cannotWrite` for what network file systems report only now.
    public func close() throws(FileError) {
        guard descriptor >= 0 else { return }
        let result = Glibc.close(descriptor)
        let code = errno
        descriptor = -1
        // After EINTR the descriptor is closed all the same.
        if result != 0, code != EINTR { throw writingError(path, code: code) }
    }
}
