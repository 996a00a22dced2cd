import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// The same pictures give the same bytes, whatever runs beside.
@Suite(.serialized) struct DeterminismTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder
    private static let count = 50

    /// Of every kind and of many sizes, so that plans change from picture to picture.
    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        let layouts = Image.ChannelLayout.allCases
        for index in 0..<Self.count {
            let layout = layouts[index % 4]
            let isJPEG = index % 5 == 0 && !layout.hasAlpha
            let image = Image.scene(
                width: 40 + 13 * index % 97, height: 30 + 29 * index % 83, layout,
                bitDepth: index % 3 == 0 && !isJPEG ? 16 : 8,
                seed: UInt64(index))
            try folder.write(image, "in/\(index % 3)/\(index).\(isJPEG ? "jpg" : "png")")
        }
    }

    private func start(_ output: String, _ arguments: String...) throws -> RunningProgram {
        try workplace.start(["denoise", "-m", "tiny", "-r", "in", "-o", output, "--json"] + arguments)
    }

    private func bytes(_ output: String) throws -> [String: [UInt8]] {
        var bytes: [String: [UInt8]] = [:]
        for name in try folder.names where name.hasPrefix(output + "/") && pathKind(folder(name)) == .regularFile {
            bytes[String(name.dropFirst(output.count))] = try readFile(folder(name))
        }
        return bytes
    }

    private struct Record: Decodable {
        let file: String
        let error: String?
        let skipped: Bool?
    }

    @Test func threadsAndNeighborsChangeNothing() throws {
        let first = try start("1", "-j", "1").outcome()
        #expect(first.code == 0, "\(first.errors)")
        let expected = try bytes("1")
        #expect(expected.count == Self.count)
        let order = try first.records(Record.self).map(\.file)
        for (threads, memory) in [("2", "1G"), ("8", "1G"), ("2", "100M"), ("8", "97M")] {
            let output = "\(threads)-\(memory)"
            let outcome = try start(output, "-j", threads, "--max-memory", memory).outcome()
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(try bytes(output) == expected, "-j \(threads) --max-memory \(memory)")
            #expect(try outcome.records(Record.self).map(\.file) == order)
        }
    }

    /// Two programs at once in one folder: each file is made by one of them, whole.
    @Test(arguments: [
        ["--skip-existing", "--skip-existing"], ["--overwrite", "--overwrite"], ["--skip-existing", ""],
    ])
    func twoProgramsAtOnce(options: [String]) throws {
        let outcomes: [Outcome]
        #expect(try start("alone", "-j", "2").outcome().code == 0)
        let programs = try options.enumerated().map { index, option in
            try option.isEmpty ? start("both", "-j", "2") : start("both", "-j", "\(2 - index)", option)
        }
        outcomes = try programs.map { try $0.outcome() }
        #expect(try bytes("both") == bytes("alone"))
        for (option, outcome) in zip(options, outcomes) {
            // A file that the other one made first is no failure of the batch, but is never replaced unasked; without an
            // option the batch may not even begin.
            #expect(option == "" ? [0, 1, 73].contains(outcome.code) : outcome.code == 0, "\(outcome.errors)")
            if option == "--skip-existing" {
                let records = try outcome.records(Record.self)
                #expect(records.count == Self.count && records.allSatisfy { $0.error == nil })
            }
        }
    }
}
