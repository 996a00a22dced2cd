import RestoreFiles
import Testing

@Suite struct HelpTests {
    private static let shared = ["--version", "-h, --help"]
    private static let talk = ["-q, --quiet", "-v, --verbose"] + shared
    private static let model = ["-m, --model", "--ensemble", "--models-dir", "--tile", "--max-memory", "-j, --threads"]

    private static let options: [(command: String, options: [String])] = [
        ("", ["denoise", "degrade", "evaluate", "train", "data", "models"] + shared),
        (
            "denoise",
            [
                "-i, --input", "-o, --output", "-r, --recursive", "--sigma", "--strength", "--suffix", "-f, --format",
                "--quality", "--strip", "--max-pixels", "--tolerant", "--compare", "--overwrite", "--skip-existing",
                "--dry-run", "--json", "--progress",
            ] + model + talk
        ),
        ("degrade", ["noise", "photo", "jpeg"] + shared),
        ("degrade noise", ["--sigma", "--seed", "--overwrite"] + talk),
        ("degrade photo", ["--level", "--seed", "--overwrite"] + talk),
        ("degrade jpeg", ["--quality", "--overwrite"] + talk),
        ("evaluate", ["denoise"] + shared),
        (
            "evaluate denoise",
            [
                "--data", "--sigma", "--noise", "--level", "--noisy", "--auto", "--limit", "--seed", "--json",
                "--quality",
            ]
                + model + talk
        ),
        ("train", ["denoise"] + shared),
        (
            "train denoise",
            [
                "--data", "--noise", "--max-sigma", "--gray-share", "--clean-share", "--patch-size", "--widths",
                "--blocks",
                "--validation-pictures", "--license", "-o, --output", "--config", "--resume", "--overwrite", "--steps",
                "--epochs", "--time-limit", "--batch-size", "--optimizer", "--learning-rate", "--muon-learning-rate",
                "--warmup", "--loss", "--ema", "--seed", "--init", "--patience", "--report-interval",
                "--validation-interval", "--progress", "-j, --threads",
            ] + talk
        ),
        ("data", ["check"] + shared),
        ("data check", ["--patch-size", "--json", "-j, --threads"] + talk),
        ("models", ["list", "info", "convert"] + shared),
        ("models list", ["--json", "--models-dir"] + shared),
        ("models info", ["--json", "--models-dir"] + shared),
        ("models convert", ["--dtype", "--overwrite", "--models-dir"] + talk),
    ]

    @Test(arguments: options.indices)
    func helpNamesEveryOptionAndSaysSomethingAboutIt(index: Int) throws {
        let (command, options) = Self.options[index]
        let workplace = try Workplace()
        for flag in ["--help", "-h"] {
            let outcome = try workplace.run(command.split(separator: " ").map { String($0) } + [flag])
            #expect(outcome.code == 0 && outcome.errors == "")
            let lines = outcome.output.split(separator: "\n")
            let listed = lines.filter { $0.hasPrefix("  ") }.map { $0.drop { $0 == " " } }
            for option in options {
                let line = listed.firstIndex { $0 == option || $0.hasPrefix(option + " ") }
                #expect(line != nil, "\(command): \(option)")
            }
            // No option is left out of this test.
            let names = listed.filter { $0.hasPrefix("-") }.map { line in
                line.prefix { $0 != "<" }.split(separator: " ").prefix { $0.hasPrefix("-") }.joined(separator: " ")
            }
            for name in names { #expect(options.contains(name), "\(command): \(name)") }
        }
    }

    @Test func theVersionIsANumberOnStdout() throws {
        let outcome = try Workplace().run(["--version"])
        #expect(outcome.code == 0 && outcome.errors == "")
        let parts = outcome.output.split(separator: ".").map { Int($0.filter { $0 != "\n" }) }
        #expect(parts.count == 3 && !parts.contains(nil))
    }

    @Test func withoutACommandTheHelpIsShown() throws {
        let outcome = try Workplace().run([])
        #expect(outcome.output.contains("SUBCOMMANDS") || outcome.errors.contains("SUBCOMMANDS"))
    }
}
