import Foundation
import ModelTestSupport
import RestoreFiles
import TestSupport
import Testing

/// What is said of arguments and names, and on streams that take nothing.
@Suite struct MessageTests {
    private let workplace: Workplace
    private let folder: TemporaryFolder

    init() throws {
        workplace = try Workplace()
        folder = workplace.folder
        try folder.write(.scene(width: 20, height: 20), "x.png")
    }

    /// Numbers below zero are numbers, not options.
    @Test(arguments: [
        ("--sigma", "-5", "0…75"), ("-j", "-1", "1 to 1024"), ("--strength", "-1", "0 to 1"),
        ("--tile", "1", "16…65536"),
        ("--tile", "-1", "16…65536"), ("--max-pixels", "-1", "1 or more"), ("--max-memory", "-1", "800M|1.5G"),
        ("--max-memory", "5MX", "800M|1.5G"), ("--max-memory", "1e9", "800M|1.5G"), ("--max-memory", "7B", "800M|1.5G"),
        ("--max-memory", "0x9M", "800M|1.5G"), ("--max-memory", "nan", "800M|1.5G"),
        ("--max-memory", "1.5", "800M|1.5G"),
        ("--max-memory", "", "800M|1.5G"), ("--max-memory", ".M", "800M|1.5G"),
    ])
    func whatIsOutOfRangeIsSaidWithTheRange(_ option: String, _ value: String, _ range: String) throws {
        let outcome = try workplace.run(["denoise", "x.png", option, value])
        #expect(outcome.code == 64 && !outcome.errors.contains("Missing"), "\(outcome.errors)")
        #expect(outcome.errors.contains(range), "\(outcome.errors)")
    }

    @Test(arguments: ["512M", "512MB", "512MiB", "512mib", "1.5G", "0.5g", "1.5GB", "900000K", "500000000"])
    func sizesInEverySpelling(_ size: String) throws {
        let outcome = try workplace.denoise("x.png", "--max-memory", size)
        #expect(outcome.code == 0 && !outcome.errors.contains("warning"), "\(outcome.errors)")
    }

    @Test func aFolderIsNoModel() throws {
        try folder.makeFolder("run")
        for name in ["run", "./run", "run/"] {
            let outcome = try workplace.run(["denoise", "x.png", "-m", name])
            #expect(
                outcome.code == 66 && outcome.errors.contains("it is a folder without a model"), "\(outcome.errors)")
        }
    }

    @Test func devicesOfStreamsAreToldOfTheDash() throws {
        let input = try workplace.shell("cat x.png | restore denoise -m tiny /dev/stdin new.png")
        #expect(input.code == 66 && input.errors.contains("- reads standard input"), "\(input.errors)")
        let output = try workplace.shell("restore denoise -m tiny x.png /dev/stdout | cat")
        #expect(output.errors.contains("- writes to standard output"), "\(output.errors)")
    }

    @Test func closedStreams() throws {
        let input = try workplace.shell("restore denoise -m tiny - new.png <&-")
        #expect(input.code == 66 && input.errors.contains("standard input: cannot be read: it is closed"))
        let output = try workplace.shell("restore denoise -m tiny x.png - >&-")
        #expect(output.code == 73 && output.errors.contains("standard output: cannot be written: Bad file descriptor"))
        // No output takes the number of a stream, and with it messages.
        #expect(try workplace.shell("restore denoise -m tiny x.png new.png <&- >&- 2>&-").code == 0)
        #expect(try workplace.image("new.png").width == 20)
    }

    @Test func helpThatNobodyGets() throws {
        for arguments in [["--help"], ["denoise", "--help"], ["--version"]] {
            let outcome = try workplace.run(arguments, outputTo: "/dev/full")
            #expect(outcome.code == 73 && outcome.errors.contains("standard output"), "\(arguments): \(outcome.errors)")
        }
    }

    /// Escape sequences, text from right to left, spaces of no width, other ends of lines.
    @Test func nothingSteersTheTerminal() throws {
        let name = "a\tb\u{1B}[31m\u{202E}c\u{200B}\u{2028}\u{2029}\u{FEFF}.png"
        try folder.write(readFile(folder("x.png")), name)
        func isClean(_ text: String) -> Bool {
            text.unicodeScalars.allSatisfy { scalar in
                scalar == "\n"
                    || ![.control, .format, .lineSeparator, .paragraphSeparator].contains(
                        scalar.properties.generalCategory)
            }
        }
        for arguments in [
            [name, "--dry-run"], [name], [name, "--dry-run", "--json"], [name, "-o", "new/", "--json"],
            [name, "none\u{202E}", "-o", "o"],
            ["x.png", "--sigma", name], ["x.png", "--" + name],
        ] {
            let outcome = try workplace.run(["denoise", "-m", "tiny"] + arguments)
            #expect(
                isClean(outcome.output) && isClean(outcome.errors), "\(arguments): \(outcome.output)\(outcome.errors)")
            #expect((outcome.output + outcome.errors).lowercased().contains("202e"))
        }
        let rehearsal = try workplace.run(["denoise", name, "-o", "other", "--dry-run"])
        #expect(rehearsal.output.hasPrefix(#"a\tb\u{1B}[31m\u{202E}c\u{200B}\u{2028}\u{2029}\u{FEFF}.png -> "#))
    }

    @Test func noisyVersionsThatAreNotThereAreOneError() throws {
        try folder.write(.scene(width: 20, height: 20), "y.png")
        try workplace.expectFailure(
            ["evaluate", "denoise", "-m", "tiny", "--data", "x.png", "y.png", "--noisy", "nope"], code: 66,
            naming: "nope: no such file or folder")
    }

    @Test func secondsHaveNoMoreDigitsThanMeanAnything() throws {
        let outcome = try workplace.denoise("x.png", "--json")
        let seconds = try #require(outcome.output.firstMatch(of: /"seconds":([0-9.e-]+)/)).1
        #expect(seconds.split(separator: ".").last.map { $0.count <= 6 } == true, "\(seconds)")
    }
}
