import Glibc
import Logging

/// Streams: data goes to stdout, everything else to stderr.
enum Console {
    /// A line on stdout.
    static func data(_ line: String) {
        write(line + "\n", to: STDOUT_FILENO)
    }

    /// A line on stderr. Control characters, which file names may hold, are escaped: a message stays one line and does
    /// not steer the terminal.
    static func message(_ line: String) {
        var printable = ""
        for scalar in line.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            printable += isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
        write(printable + "\n", to: STDERR_FILENO)
    }

    /// Text on stderr as it is, without an end of line.
    static func control(_ text: String) {
        write(text, to: STDERR_FILENO)
    }

    static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // Nobody reads any more; there is nowhere to say so.
            guard count > 0 else { return }
            done += count
        }
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
