import Glibc
import Logging
import RestoreFiles
import Synchronization

/// Streams: data goes to stdout, everything else to stderr.
enum Console {
    /// A line on stdout. Control characters but the tab, which parts columns, are escaped.
    ///
    /// - Throws: `FileError.cannotWrite`, as where the disk is full: what was asked for is not there.
    static func data(_ line: String) throws(FileError) {
        let code = redrawn.withLock { isOpen in
            clear(&isOpen)
            return write(printable(line, keeping: "\t") + "\n", to: STDOUT_FILENO)
        }
        if code != 0 { throw .cannotWrite(path: "standard output", reason: String(cString: strerror(code))) }
    }

    /// A damaged file may hold names of megabytes: of a message longer than any path and a sentence the middle goes.
    private static let longestMessage = 5000

    /// A line on stderr, control characters escaped. That it cannot be written is nothing that could be said anywhere.
    static func message(_ line: String) {
        let (scalars, half) = (line.unicodeScalars, longestMessage / 2)
        let isLong = scalars.count > longestMessage
        let shown = isLong ? String(scalars.prefix(half)) + "…" + String(scalars.suffix(half)) : line
        redrawn.withLock { isOpen in
            clear(&isOpen)
            _ = write(printable(shown) + "\n", to: STDERR_FILENO)
        }
    }

    /// Shows `text` in place of what was shown so last, on a terminal; an empty text takes it away. Other lines may come in
    /// between, from any thread: they take its place.
    static func redraw(_ text: String) {
        redrawn.withLock { isOpen in
            clear(&isOpen)
            if text.isEmpty { return }
            _ = write(text, to: STDERR_FILENO)
            isOpen = true
        }
    }

    /// Whether a line stands there that is to be redrawn.
    private static let redrawn = Mutex(false)

    private static func clear(_ isOpen: inout Bool) {
        if isOpen { _ = write("\r\u{1B}[K", to: STDERR_FILENO) }
        isOpen = false
    }

    /// The text with characters escaped that file names may hold and that steer a terminal or do not show (`isInvisible`): it
    /// stays one line. Bytes of a name that are not UTF-8 become `\xE9`.
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

    /// Control characters, and those that turn the order of the text around them, part lines or take no room (Unicode's
    /// categories Cc, Cf, Zl and Zp): with them one name passes for another.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// Text of several lines, each as in `message`: help where it was asked for, on stdout, or what is wrong with the arguments.
    ///
    /// - Throws: `FileError.cannotWrite` where stdout does not take it.
    static func text(_ text: String, isOutput: Bool) throws(FileError) {
        let code = write(printable(text, keeping: "\n"), to: isOutput ? STDOUT_FILENO : STDERR_FILENO)
        if code != 0, isOutput { throw .cannotWrite(path: "standard output", reason: String(cString: strerror(code))) }
    }

    /// Text on stderr as it is, without an end of line.
    static func control(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
    }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Returns 0, or the `errno` value of what went wrong.
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

/// Log lines as plain messages on stderr.
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
