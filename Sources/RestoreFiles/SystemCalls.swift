import Glibc

/// The system's message for an `errno` value, such as "Permission denied".
func systemMessage(_ code: Int32) -> String {
    // strerror has been thread-safe since glibc 2.32.
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}

/// Repeats `body` while it fails with EINTR; returns its result (-1 on another error).
func retryingOnInterrupt<Status: SignedInteger>(_ body: () -> Status) -> Status {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}

/// Whether `path` can be passed to the system at all: a NUL would silently truncate it.
func isPassableToSystem(_ path: String) -> Bool {
    !path.isEmpty && !path.utf8.contains(0)
}

/// The error for a `path` that could not be opened or listed.
func readingError(_ path: String, code: Int32) -> FileError {
    switch code {
    case ENOENT, ENOTDIR: return .notFound(path: path)
    case EISDIR: return .isDirectory(path: path)
    case ENXIO: return .notARegularFile(path: path)  // returned when opening a socket
    default: return .unreadable(path: path, reason: systemMessage(code))
    }
}

extension stat {
    /// The file type of `st_mode` (POSIX `S_IFMT` field).
    var fileType: mode_t { st_mode & S_IFMT }
}
