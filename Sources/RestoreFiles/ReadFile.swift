import Glibc

/// The most bytes `readFile` takes unless told otherwise: 4 GiB, which holds an uncompressed 16-bit RGBA
/// picture of 512 megapixels.
public let defaultMaximumFileBytes = 4 << 30

/// The whole contents of a regular file.
///
/// Folders, FIFOs, devices and sockets are refused without blocking, and a file larger than `maximumBytes` is
/// refused before memory is taken. A file that grows while it is read is read to its end, within the limit.
///
/// - Parameters:
///   - path: where the file is; symbolic links are followed.
///   - maximumBytes: the most bytes to take, at least 0.
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

/// The first `maximumBytes` of a regular file, or all of a smaller one.
///
/// - Throws: as `readFile`, but for `.tooLarge`.
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

/// Opens a file for reading; the caller closes the descriptor.
private func openRegularFile(_ path: String) throws(FileError) -> (descriptor: Int32, size: Int) {
    guard isPassableToSystem(path) else { throw .notFound(path: path) }
    // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever; regular files ignore it.
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

/// Reads `size` bytes in one piece, then whatever follows: files in /proc say 0, and a log may be growing.
private func readToEnd(
    of descriptor: Int32, expecting size: Int, path: String, maximumBytes: Int
) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    // At least one, though nothing may be read: for none the initializer writes to the empty array that all threads share.
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
