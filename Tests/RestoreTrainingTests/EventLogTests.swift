import FoundationEssentials
import Glibc
import RestoreFiles
import RestoreTraining
import TestSupport
import Testing

@Suite struct EventLogTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A clock that says a quarter of a second more each time.
    private final class Clock {
        var time = 1_700_000_000.0

        func tick() -> Double {
            defer { time += 0.25 }
            return time
        }
    }

    /// The picture of `Fixtures/golden/events.py`.
    private static let png = Data(
        base64Encoded: """
            iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAGElEQVR4nGNgYGD4z8DA8J+BiYHhPwQCACv8Bf2EjMVyAAAAAElFTkSuQmCC
            """
    ).map { [UInt8]($0) }

    /// The lengths of the records of a file whose lengths and checksums are all right, and how many bytes follow them.
    private func records(_ bytes: [UInt8]) -> (lengths: [Int], rest: Int) {
        var lengths: [Int] = []
        var start = 0
        func number(_ from: Int, _ count: Int) -> UInt64 {
            bytes[from..<from + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        while bytes.count - start >= 16 {
            let length = Int(number(start, 8))
            guard length <= bytes.count - start - 16 else { break }
            let message = start + 12
            #expect(number(start + 8, 4) == UInt64(CRC32C.maskedChecksum(bytes[start..<start + 8])))
            #expect(
                number(message + length, 4) == UInt64(CRC32C.maskedChecksum(bytes[message..<message + length])))
            lengths.append(length)
            start = message + length + 4
        }
        return (lengths, bytes.count - start)
    }

    @Test func theBytesAreThoseOfTensorBoardsOwnWriter() throws {
        let clock = Clock()
        // The file's name takes the clock's first time.
        let log = try EventLog(folder: folder.path, resumingAfter: 400, now: clock.tick)
        log.scalar("loss/training", 0.1, step: 0)
        log.scalar("loss/training", 0, step: 450)
        log.scalar("learning_rate", -1.5e-40, step: 1 << 40)
        log.scalar("größe/δ", .infinity, step: 7)
        log.image("samples/α", png: try #require(Self.png), width: 3, height: 2, step: 500)
        try log.close()
        let found = try readFile(log.path)
        #expect(found == (try readFile(Fixtures.path("golden/tensorboard.tfevents"))))
        #expect(records(found).lengths.count == 7)
    }

    /// Without it TensorBoard would take the first START of a resumed run for its beginning and void nothing.
    @Test func aRunThatBeginsStartsItsSessionToo() throws {
        let log = try EventLog(folder: folder.path)
        let bytes = try readFile(log.path)
        // Field 7, two bytes long: field 1, START. No field 2: step 0.
        #expect(bytes.contains([0x3A, 2, 0x08, 1]))
        #expect(records(bytes).lengths == [9 + 15, 9 + 4])
    }

    @Test func nothingIsWrittenBeforeAFlush() throws {
        let log = try EventLog(folder: folder.path)
        let version = try readFile(log.path)
        #expect(records(version).lengths.count == 2 && version.contains("brain.Event:2".utf8))
        log.scalar("loss", 1, step: 1)
        log.scalar("loss", 2, step: 2)
        #expect(try readFile(log.path) == version)
        try log.flush()
        #expect(records(try readFile(log.path)).lengths.count == 4)
        try log.flush()
        #expect(records(try readFile(log.path)).lengths.count == 4)
        log.scalar("loss", 3, step: 3)
        try log.close()
        let closed = records(try readFile(log.path))
        #expect(closed.lengths.count == 5 && closed.rest == 0)
    }

    @Test func theNameHasTheTimeTheMachineAndTheProcess() throws {
        let log = try EventLog(folder: folder.path, now: { 12345.75 })
        let parts = lastPathComponent(of: log.path).split(separator: ".", omittingEmptySubsequences: false)
        #expect(parts.prefix(4) == ["events", "out", "tfevents", "0000012345"])
        #expect(parts.suffix(2) == ["\(getpid())", "0"])
        #expect(parts.count >= 7 && !parts[4].isEmpty)
    }

    /// TensorBoard reads a folder's files in the order of their names.
    @Test func aLaterFileHasALaterNameWhateverTheClockSays() throws {
        var names: [String] = []
        for time in [1_700_000_000.9, 1_700_000_000.9, 1_600_000_000, 1_700_000_500] {
            names.append(lastPathComponent(of: try EventLog(folder: folder.path, now: { time }).path))
        }
        let seconds = names.map { String($0.split(separator: ".")[3]) }
        #expect(seconds == ["1700000000", "1700000001", "1700000002", "1700000500"])
        // What is no event file of a time does not count.
        try folder.write([], "events.out.tfevents.99999999999999999999.x.1.0")
        try folder.write([], "events.out.tfevents.x")
        let last = try EventLog(folder: folder.path, now: { 1_700_000_600 })
        #expect(last.path.contains("events.out.tfevents.1700000600."))
    }

    @Test func aFolderThatIsNotThereIsAnError() {
        let path = folder("missing")
        #expect(throws: FileError.notFound(path: path)) { try EventLog(folder: path) }
    }

    @Test(arguments: [(0, 1), (2, 3), (3, 3), (4, 2), (6, 4)])
    func thePicturesColorTypeIsNamed(colorType: UInt8, colorspace: UInt8) throws {
        let log = try EventLog(folder: folder.path, now: { 1 })
        var png = try #require(Self.png)
        png[25] = colorType
        log.image("x", png: png, width: 3, height: 2, step: 1)
        try log.close()
        // Fields 1, 2 and 3 of the picture: height, width, colorspace.
        #expect(try readFile(log.path).contains([0x08, 2, 0x10, 3, 0x18, colorspace, 0x22, UInt8(png.count)]))
    }
}

@Suite struct CRC32CTests {
    /// RFC 3720, appendix B.4, and the check value of the CRC catalog.
    private static let known: [([UInt8], UInt32)] = [
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C), (Array("123456789".utf8), 0xE306_9283),
        ([], 0), (Array("a".utf8), 0xC1D0_4330),
    ]

    @Test(arguments: known)
    func knownValues(bytes: [UInt8], checksum: UInt32) {
        #expect(CRC32C.checksum(bytes) == checksum)
    }

    @Test func theMaskIsThatOfTFRecord() {
        #expect(CRC32C.maskedChecksum([UInt8](repeating: 0, count: 32)) == 0x0FD7_FFFA)
        #expect(CRC32C.maskedChecksum("123456789".utf8) == 0xC78A_B0E5)
    }
}
