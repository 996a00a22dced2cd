import Glibc
import Logging
import RestoreFiles
import Synchronization

/// Output streams: data goes to stdout, everything else to stderr.
enum Console {
    /// Writes a line to stdout. Control characters other than tab, the column separator, are escaped.
    ///
    /// - Throws: `FileError.cannotWrite`, for example if the disk is full, because the requested output is missing.
    static func data(_ line: String) throws(FileError) {
        let code = redrawn.withLock { isOpen in
            clear(&isOpen)
            return write(printable(line, keeping: "\t") + "\n", to: STDOUT_FILENO)
        }
        if code != 0 { throw .cannotWrite(path: "standard output", reason: String(cString: strerror(code))) }
    }

    /// A damaged file may contain names of several megabytes. Messages longer than any path plus a sentence are
    /// shortened in the middle.
    private static let longestMessage = 5000

    /// Writes a line to stderr, with control characters escaped. If that fails, there is nowhere to report it.
    static func message(_ line: String) {
        let (scalars, half) = (line.unicodeScalars, longestMessage / 2)
        let isLong = scalars.count > longestMessage
        let shown = isLong ? String(scalars.prefix(half)) + "…" + String(scalars.suffix(half)) : line
        redrawn.withLock { isOpen in
            clear(&isOpen)
            _ = write(printable(shown) + "\n", to: STDERR_FILENO)
        }
    }

    /// On a terminal, replaces the previous progress line with `text`; an empty text clears it. Other lines may be
    /// written in between, from any thread; they overwrite the progress line.
    static func redraw(_ text: String) {
        redrawn.withLock { isOpen in
            clear(&isOpen)
            if text.isEmpty { return }
            _ = write(text, to: STDERR_FILENO)
            isOpen = true
        }
    }

    /// Whether a progress line is currently displayed.
    private static let redrawn = Mutex(false)

    private static func clear(_ isOpen: inout Bool) {
        if isOpen { _ = write("\r\u{1B}[K", to: STDERR_FILENO) }
        isOpen = false
    }

    /// Escapes characters, as found in file names, that control a terminal or are invisible (`isInvisible`), so that
    /// the text stays on one line. Bytes that are not valid UTF-8 become `\xE9`.
    static func printable(_ text: String, keeping kept: Unicode.Scalar? = nil) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if let byte = systemByte(for: scalar) {
                result += "\\x" + String(byte, radix: 16, uppercase: true)
            } else if isInvisible(scalar), scalar != kept {
                result += scalar.escaped(asASCII: true)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Control characters, and those that change text direction, separate lines or have no width (Unicode categories
    /// Cc, Cf, Zl and Zp): with them, one name can be made to look like another.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// Writes text of several lines, each escaped as in `message`: to stdout for requested help, to stderr for errors
    /// in the arguments.
    ///
    /// - Throws: `FileError.cannotWrite` if writing to stdout fails.
    static func text(_ text: String, isOutput: Bool) throws(FileError) {
        let code = write(printable(text, keeping: "\n"), to: isOutput ? STDOUT_FILENO : STDERR_FILENO)
        if code != 0, isOutput { throw .cannotWrite(path: "standard output", reason: String(cString: strerror(code))) }
    }

    /// Writes text to stderr unchanged, without a line break.
    static func control(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
    }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Returns 0, or the `errno` of a failure.
    private static func write(_ text: String, to descriptor: Int32) -> Int32 {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : EIO }
            done += count
        }
        return 0
    }
}

/// Writes log lines as plain messages to stderr.
struct ConsoleLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let prefix = event.level >= .warning ? "restore: \(event.level): " : ""
        Console.message(prefix + event.message.description)
    }
}
