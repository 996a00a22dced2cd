import ModelTestSupport
import RestoreFiles
import RestoreImage
import TestSupport
import Testing

/// Several inputs and several results per picture, as run by a task made for these tests (`PictureProbe`).
@Suite struct PictureJobTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try writeGray(0.2, "a.png")
    }

    private func writeGray(_ gray: Double, _ name: String, side: Int = 6) throws {
        let samples = [UInt8](repeating: UInt8((255 * gray).rounded()), count: side * side)
        try folder.write(Image(width: side, height: side, channelLayout: .gray, samples: .uint8(samples)), name)
    }

    private func probe(_ arguments: String...) throws -> Outcome {
        let executable = joinPath(parentFolder(of: Program.path), "picture-probe")
        return try RunningProgram(
            ["-j", "2"] + arguments, in: folder.path, environment: [:], executable: executable
        ).outcome()
    }

    /// Version, mask and picture in tenths: the colors of the first pixel.
    private func tenths(_ name: String) throws -> [Int] {
        let image = try workplace.image(name)
        #expect(image.channelLayout == .rgb, "a gray picture became a color picture")
        return image.colors.prefix(3).map { Int((10 * $0).rounded()) }
    }

    private struct Record: Decodable {
        let file: String
        var output: String?
        var outputs: [String]?
        var mask: String?
        var memory: Int?
        var skipped: Bool?
        var error: String?
    }

    // MARK: Several results

    @Test func severalVersionsAreNumbered() throws {
        #expect(try probe("a.png", "--versions", "3").code == 0)
        #expect(try folder.names == ["a.png", "a_probed-1.png", "a_probed-2.png", "a_probed-3.png"])
        #expect(try (1...3).map { try tenths("a_probed-\($0).png") } == [[1, 0, 2], [2, 0, 2], [3, 0, 2]])
        #expect(try probe("a.png", "b.c.png", "--versions", "2").code == 0)
        #expect(try probe("a.png", "-o", "out/", "--versions", "2", "-f", "jpg").code == 0)
        let names = try folder.names.filter { !$0.hasPrefix("a") }
        #expect(names == ["b.c-1.png", "b.c-2.png", "out", "out/a-1.jpg", "out/a-2.jpg"])
        #expect(try probe("a.png", "one.png", "--versions", "1").code == 0)
        #expect(try tenths("one.png") == [1, 0, 2])
    }

    @Test func stdoutTakesOne() throws {
        let outcome = try probe("a.png", "-", "--versions", "2")
        #expect(outcome.code == 64 && outcome.errors.contains("stdout takes one picture"), "\(outcome.errors)")
    }

    @Test func everyOutputIsChecked() throws {
        try writeGray(0.9, "a_probed-2.png")
        let before = try workplace.contents
        let refused = try probe("a.png", "--versions", "2")
        #expect(refused.code == 73 && refused.errors.contains("a_probed-2.png: 1 of 2 outputs"), "\(refused.errors)")
        let other = try probe("-i", "a.png", "-i", "a_probed-2.png", "--versions", "2", "--overwrite")
        #expect(other.code == 64 && other.errors.contains("a_probed-2.png: both an input"), "\(other.errors)")
        let comparison = try probe("a.png", "--versions", "2", "--compare", "a_probed-1.png", "--overwrite")
        #expect(comparison.code == 64 && comparison.errors.contains("a_probed-1.png: both"), "\(comparison.errors)")
        #expect(try workplace.contents == before)
        #expect(try probe("a.png", "--versions", "2", "--overwrite").code == 0)
        #expect(try tenths("a_probed-2.png") == [2, 0, 2])
    }

    /// What a run that was interrupted has left is completed, and what it had written stays.
    @Test func onlyMissingVersionsAreWritten() throws {
        try writeGray(0.9, "a_probed-2.png")
        try writeGray(0.3, "b.png")
        for number in 1...3 { try writeGray(0.8, "b_probed-\(number).png") }
        let kept = try readFile(folder("a_probed-2.png"))
        let outcome = try probe("-i", "a.png", "-i", "b.png", "--versions", "3", "--skip-existing", "--json")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let records = try outcome.records(Record.self)
        #expect(records.map(\.file) == ["b.png", "a.png"] && records.map(\.skipped) == [true, nil])
        #expect(records[0].outputs == ["b_probed-1.png", "b_probed-2.png", "b_probed-3.png"])
        #expect(try readFile(folder("a_probed-2.png")) == kept)
        #expect(try tenths("a_probed-1.png") == [1, 0, 2] && tenths("a_probed-3.png") == [3, 0, 2])
    }

    @Test func aDryRunNamesEveryOutput() throws {
        try writeGray(1, "mask.png")
        let text = try probe("a.png", "x.png", "--versions", "2", "--mask", "mask.png", "--dry-run")
        #expect(text.outputLines == ["a.png + mask.png -> x-1.png", "a.png + mask.png -> x-2.png"])
        let json = try probe("a.png", "x.png", "--versions", "2", "--mask", "mask.png", "--dry-run", "--json")
        let records = try json.records(Record.self)
        #expect(records.map(\.outputs) == [["x-1.png", "x-2.png"]] && records.map(\.mask) == ["mask.png"])
        #expect(try folder.names == ["a.png", "mask.png"])
    }

    /// Before and all versions, side by side; the gray picture is shown in color.
    @Test func aComparisonShowsAllVersions() throws {
        #expect(try probe("a.png", "x.png", "--versions", "2", "--compare", "both.png").code == 0)
        let image = try workplace.image("both.png")
        #expect(image.width == 18 && image.height == 6 && image.channelLayout == .rgb)
        let colors = image.colors
        let tenths = [0, 6, 12].map { x in (0..<3).map { Int((10 * colors[3 * x + $0]).rounded()) } }
        #expect(tenths == [[2, 2, 2], [1, 0, 2], [2, 0, 2]])
    }

    /// All results of a job are held until the last one is written, and one file at a time.
    @Test func everyResultCounts() throws {
        try writeGray(0.5, "large.png", side: 1000)
        let left = try [1, 2, 5].map { versions in
            try probe("large.png", "\(versions).png", "--versions", "\(versions)", "--json")
                .records(Record.self).compactMap(\.memory).first ?? 0
        }
        #expect(left[0] - left[1] == 3_000_000 && left[1] - left[2] == 9_000_000)
        let compared = try probe("large.png", "c.png", "--compare", "both.png", "--json")
            .records(Record.self).compactMap(\.memory).first
        // Two pictures side by side and their file, instead of the file of the result.
        #expect(compared == left[0] - 9_000_000)
        try writeGray(0.5, "mask.png", side: 1000)
        let masked = try probe("large.png", "m.png", "--mask", "mask.png", "--json")
            .records(Record.self).compactMap(\.memory).first
        // Each input with its file.
        #expect(masked == left[0] - 1_000_000 - (try readFile(folder("mask.png")).count))
    }

    // MARK: Several inputs

    @Test func aMaskGoesWithEveryPicture() throws {
        try writeGray(0.5, "b.png")
        try writeGray(0.7, "mask.png")
        #expect(try probe("-i", "a.png", "-i", "b.png", "--mask", "mask.png").code == 0)
        #expect(try tenths("a_probed.png") == [1, 7, 2] && tenths("b_probed.png") == [1, 7, 5])
    }

    /// By relative path, in any format; a picture without a mask fails, and the others are done.
    @Test func aFolderHasAMaskForEachPicture() throws {
        try writeGray(0.2, "in/a.png")
        try writeGray(0.3, "in/below/b.png")
        try writeGray(0.4, "in/c.png")
        try writeGray(0.7, "masks/a.png")
        try writeGray(0.9, "masks/below/b.jpg")
        let outcome = try probe("-r", "in", "-o", "out", "--mask", "masks", "--json")
        #expect(outcome.code == 1 && outcome.errors.contains("masks/c.png: no such file"), "\(outcome.errors)")
        #expect(try outcome.records(Record.self).map { $0.error == nil } == [true, true, false])
        #expect(try tenths("out/a.png") == [1, 7, 2] && tenths("out/below/b.png") == [1, 9, 3])
    }

    @Test func inputsOfAnyRoleAreProtected() throws {
        try writeGray(0.7, "mask.png")
        let before = try workplace.contents
        let missing = try probe("a.png", "--mask", "none.png")
        #expect(missing.code == 66 && missing.errors.contains("none.png"), "\(missing.errors)")
        let output = try probe("a.png", "mask.png", "--mask", "mask.png", "--overwrite")
        #expect(output.code == 64 && output.errors.contains("mask.png: both an input"), "\(output.errors)")
        let comparison = try probe(
            "a.png", "x.png", "--mask", "mask.png", "--overwrite", "--compare", "mask.png")
        #expect(comparison.code == 64 && comparison.errors.contains("mask.png: both the input"), "\(comparison.errors)")
        #expect(try workplace.contents == before)
    }
}
