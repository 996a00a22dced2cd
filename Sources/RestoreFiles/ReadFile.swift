import Glibc

/// The default limit of `readFile` in bytes: 4 GiB, enough for an uncompressed 16-bit RGBA image of 512 megapixels.
public let defaultMaximumFileBytes = 4 << 30

/// Returns the whole contents of a regular file.
///
/// Folders, FIFOs, devices and sockets are rejected without blocking, and a file larger than `maximumBytes` is rejected
/// before memory is allocated. A file that grows while it is being read is read to its end, within the limit.
///
/// - Parameters:
///   - path: the file to read; symbolic links are followed.
///   - maximumBytes: the maximum number of bytes, at least 0.
/// - Throws: `FileError.notFound`, `.isDirectory`, `.notARegularFile`, `.tooLarge` or `.unreadable`.
public func readFile(
    _ path: String, maximumBytes: Int = defaultMaximumFileBytes
) throws(FileError) -> [UInt8] {
    precondition(maximumBytes >= 0, "maximumBytes must not be negative, found \(maximumBytes)")
    let (descriptor, size) = try openRegularFile(path)
    defer { close(descriptor) }
    guard size <= maximumBytes else { throw .tooLarge(path: path, bytes: size, limit: maximumBytes) }
    return try readToEnd(of: descriptor, expecting: size, path: path, maximumBytes: maximumBytes)
}

/// Returns the first `maximumBytes` of a regular file, or all of a smaller one.
///
/// - Throws: as `readFile`, except for `.tooLarge`.
public func readStart(of path: String, maximumBytes: Int) throws(FileError) -> [UInt8] {
    precondition(maximumBytes >= 0, "maximumBytes must not be negative, found \(maximumBytes)")
    let (descriptor, size) = try openRegularFile(path)
    defer { close(descriptor) }
    var failure: Int32 = 0
    let wanted = min(size, maximumBytes)
    // At least one, as in readToEnd.
    let bytes = [UInt8](unsafeUninitializedCapacity: max(wanted, 1)) { buffer, initializedCount in
        while initializedCount < wanted {
            let room = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount..<wanted])
            let count = retryingOnInterrupt { read(descriptor, room.baseAddress, room.count) }
            if count < 0 { failure = errno }
            if count <= 0 { break }
            initializedCount += count
        }
    }
    guard failure == 0 else { throw .unreadable(path: path, reason: systemMessage(failure)) }
    return bytes
}

/// The size of a regular file in bytes; nil if there is none. Symbolic links are followed.
public func fileSize(_ path: String) -> Int? {
    var status = stat()
    guard isPassableToSystem(path), stat(systemPath(path), &status) == 0, status.fileType == S_IFREG else { return nil }
    return Int(status.st_size)
}

/// Opens a file for reading; the caller closes the descriptor.
private func openRegularFile(_ path: String) throws(FileError) -> (descriptor: Int32, size: Int) {
    guard isPassableToSystem(path) else { throw .notFound(path: path) }
    // O_NONBLOCK: opening a FIFO without a writer would block forever; regular files ignore it.
    let descriptor = retryingOnInterrupt { open(systemPath(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw readingError(path, code: errno) }
    var status = stat()
    let failure: FileError?
    if fstat(descriptor, &status) != 0 {
        failure = .unreadable(path: path, reason: systemMessage(errno))
    } else {
        switch status.fileType {
        case S_IFREG: failure = nil
        case S_IFDIR: failure = .isDirectory(path: path)
        default: failure = .notARegularFile(path: path)
        }
    }
    if let failure {
        close(descriptor)
        throw failure
    }
    return (descriptor, Int(status.st_size))
}

/// Reads `size` bytes in one piece, then whatever follows: files in /proc report a size of 0, and a log may be growing.
private func readToEnd(
    of descriptor: Int32, expecting size: Int, path: String, maximumBytes: Int
) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    // At least one, even if nothing is to be read: with a capacity of 0 the initializer writes to the empty array that
    // all threads share.
    var bytes = [UInt8](unsafeUninitializedCapacity: max(size, 1)) { buffer, initializedCount in
        while initializedCount < size {
            let room = UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[initializedCount..<size])
            let count = retryingOnInterrupt { read(descriptor, room.baseAddress, room.count) }
            if count < 0 { failure = errno }
            if count <= 0 { break }
            initializedCount += count
        }
    }
    var chunk = [UInt8]()
    while failure == 0 && bytes.count >= size {
        if chunk.isEmpty { chunk = [UInt8](repeating: 0, count: 1 << 16) }
        let count = chunk.withUnsafeMutableBytes { chunk in
            retryingOnInterrupt { read(descriptor, chunk.baseAddress, chunk.count) }
        }
        if count < 0 { failure = errno }
        if count <= 0 { break }
        guard count <= maximumBytes - bytes.count else {
            throw .tooLarge(path: path, bytes: bytes.count + count, limit: maximumBytes)
        }
        bytes.append(contentsOf: chunk[..<count])
    }
    guard failure == 0 else { throw .unreadable(path: path, reason: systemMessage(failure)) }
    return bytes
}
