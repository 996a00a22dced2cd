import Glibc

/// Prevents files that are opened later from reusing the descriptors of closed standard streams: otherwise a model
/// could be read as the image on standard input, or a message written into an output file. Using such a stream still
/// fails as closed (EBADF). Must be called before any file is opened.
public func reserveClosedStandardStreams() {
    for (descriptor, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)] {
        guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
        // open returns the lowest free descriptor, and those below are in use.
        let opened = retryingOnInterrupt { open("/dev/null", mode) }
        if opened >= 0, opened != descriptor { close(opened) }
    }
}

/// Reads a stream, such as a pipe on standard input, to its end.
///
/// - Parameters:
///   - descriptor: open for reading; it stays open.
///   - name: the name used in errors.
///   - maximumBytes: the maximum number of bytes, at least 0.
///   - isCancelled: called several times a second while no data arrives; cancellation counts as the end of the stream.
///   - startBytes: the number of bytes at the start that `isWanted` needs.
///   - isWanted: called once with the start of the stream; if it returns false, no more is read, and the result is this
///     start.
/// - Throws: `FileError.isDirectory`, `.tooLarge` or `.unreadable`.
public func readStream(
    _ descriptor: Int32, name: String, maximumBytes: Int = defaultMaximumFileBytes,
    isCancelled: () -> Bool = { false }, startBytes: Int = 0, isWanted: (_ start: [UInt8]) -> Bool = { _ in true }
) throws(FileError) -> [UInt8] {
    precondition(maximumBytes >= 0, "maximumBytes must not be negative, found \(maximumBytes)")
    var bytes: [UInt8] = []
    var isStartChecked = false
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while !isCancelled() {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let ready = poll(&waiting, 1, 200)
        if ready == 0 || (ready < 0 && errno == EINTR) { continue }
        let count = chunk.withUnsafeMutableBytes { chunk in
            retryingOnInterrupt { read(descriptor, chunk.baseAddress, chunk.count) }
        }
        if count < 0 {
            // Another program may have made the stream non-blocking.
            if errno == EAGAIN { continue }
            guard errno != EBADF else {
                throw .unreadable(path: name, reason: "it is closed (\(systemMessage(EBADF)))")
            }
            throw readingError(name, code: errno)
        }
        if count == 0 { break }
        guard count <= maximumBytes - bytes.count else {
            throw .tooLarge(path: name, bytes: bytes.count + count, limit: maximumBytes)
        }
        bytes.append(contentsOf: chunk[..<count])
        if !isStartChecked, bytes.count >= startBytes {
            isStartChecked = true
            guard isWanted(bytes) else { break }
        }
    }
    return bytes
}

/// Writes all of `bytes` to a stream, such as a pipe on standard output.
///
/// - Parameter name: the name used in errors.
/// - Throws: `FileError.cannotWrite`, also if the reader has gone away and SIGPIPE is ignored; some bytes may have been
///   written.
public func writeStream(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(FileError) {
    let code = bytes.withUnsafeBytes { bytes -> Int32 in
        var offset = 0
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let written = retryingOnInterrupt { write(descriptor, rest.baseAddress, rest.count) }
            if written < 0 && errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
                continue
            }
            if written <= 0 { return written < 0 ? errno : EIO }
            offset += written
        }
        return 0
    }
    if code != 0 { throw writingError(name, code: code) }
}
