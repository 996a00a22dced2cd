import Glibc
import RestoreFiles
import SwiftProtobuf

/// A run's scalars and images by step for TensorBoard, appended to an event file in the run's folder.
///
/// Each log creates its own file, `events.out.tfevents.SECONDS.HOST.PROCESS.0`; TensorBoard reads the files of a folder
/// in the order of their names as one run. A file is a sequence of TFRecords: the length of the message (8 bytes,
/// little-endian), its masked CRC-32C, the message, its masked CRC-32C. The messages are defined in `Protos`.
///
/// Records are kept in memory until `flush`. A killed process leaves complete records and at most one truncated one at
/// the end, which readers skip. Must be used from one thread at a time.
public final class EventLog {
    private let file: AppendedFile
    private let now: () -> Double
    private var pending: [UInt8] = []

    /// Starts a new event file in `folder`, which must exist.
    ///
    /// - Parameter step: the step from which the run is resumed: records of later steps in earlier files of the folder
    ///   become void. Nil for a new run.
    /// - Throws: `FileError.cannotWrite` if it cannot be created, `.notFound` or `.unreadable` if the folder cannot be
    ///   listed.
    public convenience init(folder: String, resumingAfter step: Int? = nil) throws(FileError) {
        try self.init(folder: folder, resumingAfter: step, now: wallTime)
    }

    /// - Parameter now: the time of each record in seconds since 1970.
    package init(
        folder: String, resumingAfter step: Int? = nil, now: @escaping () -> Double
    ) throws(FileError) {
        self.now = now
        file = try Self.makeFile(in: folder, seconds: Int(now()))
        append { $0.fileVersion = "brain.Event:2" }
        // Every session records its start, including the first: TensorBoard treats a run's first START as its
        // beginning, and only later ones invalidate earlier records from their step on.
        append(step: step.map { $0 + 1 } ?? 0) { $0.sessionLog.status = .start }
        // Immediately, so that a run killed before its first report does not leave an empty file.
        try flush()
    }

    /// Path of the event file.
    public var path: String { file.path }

    /// Adds a value, rounded to single precision.
    ///
    /// - Parameter tag: a name such as `loss/training`; the part before the first slash is the group.
    public func scalar(_ tag: String, _ value: Double, step: Int) {
        var entry = TensorBoardSummary.Value()
        entry.tag = tag
        entry.simpleValue = Float(value)
        append(step: step) { $0.summary.value = [entry] }
    }

    /// Adds an image.
    ///
    /// - Parameters:
    ///   - png: a complete PNG file of `width`×`height` pixels.
    public func image(_ tag: String, png: [UInt8], width: Int, height: Int, step: Int) {
        var entry = TensorBoardSummary.Value()
        entry.tag = tag
        entry.image.width = Int32(clamping: width)
        entry.image.height = Int32(clamping: height)
        entry.image.colorspace = colorspace(png)
        entry.image.encodedImageString = .init(png)
        append(step: step) { $0.summary.value = [entry] }
    }

    /// Passes everything added so far to the operating system, in one call. This protects against a kill, not against a
    /// power failure.
    ///
    /// - Throws: `FileError.cannotWrite`, for example if the disk is full; the records are kept for the next call.
    public func flush() throws(FileError) {
        guard !pending.isEmpty else { return }
        try file.append(pending)
        pending.removeAll(keepingCapacity: true)
    }

    /// Flushes and closes the file. Nothing can be flushed afterwards.
    public func close() throws(FileError) {
        try flush()
        try file.close()
    }

    private func append(step: Int = 0, _ fill: (inout TensorBoardEvent) -> Void) {
        var event = TensorBoardEvent()
        event.wallTime = now()
        event.step = Int64(step)
        fill(&event)
        // Serialization fails if required fields are missing, of which there are none, and beyond 2 GiB.
        guard let message: [UInt8] = try? event.serializedBytes() else { return }
        let length = littleEndian(UInt64(message.count))
        pending += length + littleEndian(CRC32C.maskedChecksum(length))
        pending += message
        pending += littleEndian(CRC32C.maskedChecksum(message))
    }
}

// MARK: The file's name

extension EventLog {
    static let prefix = "events.out.tfevents."

    /// Creates the file with a name that sorts after those of the event files already in the folder: a run may be
    /// resumed within a second of its end, or after the clock was set back.
    private static func makeFile(in folder: String, seconds: Int) throws(FileError) -> AppendedFile {
        let latest = try latestSeconds(in: folder)
        let digits = String(max(seconds, latest.map { $0 + 1 } ?? 0, 0))
        let padded = String(repeating: "0", count: max(0, 10 - digits.count)) + digits
        return try AppendedFile(creating: joinPath(folder, "\(prefix)\(padded).\(hostName()).\(getpid()).0"))
    }

    private static func latestSeconds(in folder: String) throws(FileError) -> Int? {
        try listNames(in: folder).compactMap { name in
            guard name.hasPrefix(prefix) else { return nil }
            let digits = name.dropFirst(prefix.count).prefix { $0 != "." }
            // More digits cannot be a time, and would leave no room for the next.
            return digits.utf8.count <= 12 ? Int(digits) : nil
        }.max()
    }

    /// The host name, restricted to letters, digits, dots, hyphens and underscores.
    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        // POSIX does not guarantee that a truncated name is terminated by NUL.
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        let characters = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .unicodeScalars.map { scalar in
                scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789.-_".unicodeScalars.contains(scalar))
                    ? String(scalar) : "_"
            }
        return characters.isEmpty ? "unknown" : characters.joined()
    }
}

// MARK: Parts of records

/// Seconds since 1970, with a fraction.
private func wallTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

private func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// TensorFlow's number for a PNG's color type, which is byte 25 of the file: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA.
private func colorspace(_ png: [UInt8]) -> Int32 {
    let colorType: UInt8 = png.count > 25 ? png[25] : 2
    switch colorType {
    case 0: return 1
    case 4: return 2
    case 6: return 4
    default: return 3
    }
}
