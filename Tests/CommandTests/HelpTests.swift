import Foundation
import RestoreFiles
import RestoreTraining
import TestSupport
import Testing

/// What the commands say with `--help`, word for word; and that the defaults stated there are those of a run.
@Suite struct HelpTests {
    private static let remedy =
        "`make help-texts` writes what the program says now: look at the difference, and commit it"
    private static let folder = Fixtures.path("help")

    private func help(_ command: [String], flag: String = "--help") throws -> Outcome {
        try Workplace().run(command + [flag], environment: ["COLUMNS": "80"])
    }

    /// The commands that a help text lists.
    private func subcommands(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).drop { $0 != "SUBCOMMANDS:" }.dropFirst()
            .prefix { !$0.isEmpty }.compactMap { line in
                // A description that is continued is indented further.
                line.hasPrefix("   ") ? nil : line.split(separator: " ").first.map { String($0) }
            }
    }

    /// Every command of the program, found through the lists in the help texts themselves.
    @Test func everyHelpTextIsTheCommittedOne() throws {
        var commands: [[String]] = [[]]
        var files: Set<String> = []
        while let command = commands.popLast() {
            let name = (command.isEmpty ? "restore" : command.joined(separator: "-")) + ".txt"
            files.insert(name)
            let outcome = try help(command)
            #expect(outcome.code == 0 && outcome.errors == "", "\(name)")
            let path = joinPath(Self.folder, name)
            let committed = pathKind(path) == .missing ? "" : String(decoding: try readFile(path), as: UTF8.self)
            #expect(outcome.output == committed, "Fixtures/help/\(name): \(Self.remedy)")
            let short = try help(command, flag: "-h")
            #expect(short.output == outcome.output && short.code == 0 && short.errors == "", "\(name), with -h")
            commands += subcommands(outcome.output).map { command + [$0] }
        }
        #expect(files.count > 10, "the lists of commands were found")
        let committed = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        #expect(Set(committed) == files, "Fixtures/help: \(Self.remedy)")
    }

    @Test func everyOptionAndArgumentIsDescribed() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder) {
            let entries = entries(of: String(decoding: try readFile(joinPath(Self.folder, name)), as: UTF8.self))
            #expect(entries.count >= 2, "\(name)")
            for entry in entries { #expect(entry.text.count > 5, "\(name): \(entry.names)") }
        }
    }

    @Test func withoutACommandTheHelpIsShown() throws {
        let outcome = try Workplace().run([])
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(try outcome.output == help([]).output)
    }

    @Test func theVersionIsANumberOnStdout() throws {
        let outcome = try Workplace().run(["--version"])
        #expect(outcome.code == 0 && outcome.errors == "")
        let parts = outcome.output.split(separator: ".").map { Int($0.filter { $0 != "\n" }) }
        #expect(parts.count == 3 && !parts.contains(nil))
    }

    // MARK: Defaults

    /// An option or an argument of a help text.
    private struct Entry {
        /// "-j, --threads <threads>"
        let names: String
        /// The description on one line.
        var text: String

        var option: Substring? { names.split(separator: " ").first { $0.hasPrefix("--") }?.dropFirst(2) }

        /// "(default: none)" at the end of the description.
        var statedDefault: Substring? { text.firstMatch(of: /\(default: (.*)\)$/)?.1 }
    }

    /// Options, arguments and commands: two spaces, the name, and a description in a column of its own, on this line or
    /// the next ones.
    private func entries(of help: String) -> [Entry] {
        var entries: [Entry] = []
        for line in help.split(separator: "\n") {
            if line.hasPrefix("   ") {
                let text = line.drop { $0 == " " }
                if let last = entries.indices.last {
                    entries[last].text += (entries[last].text.isEmpty ? "" : " ") + text
                }
            } else if line.hasPrefix("  "), !line.hasPrefix("  See ") {
                let parts = line.dropFirst(2).split(separator: "  ", maxSplits: 1)
                let text = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
                entries.append(Entry(names: String(parts[0]), text: String(text)))
            }
        }
        return entries
    }

    /// Settings that have an option of their own, with their default as the help puts it: as in `config.yaml`, without
    /// the brackets and spaces of lists.
    private func statedDefaults() throws -> [String: String] {
        let entries = entries(of: try help(["train", "denoise"]).output)
        var defaults: [String: String] = [:]
        for setting in DenoiserConfiguration.table.settings where setting.help != nil {
            let entry = try #require(
                entries.first { $0.option.map { $0 == setting.key } ?? false },
                "the setting \(setting.key) has help and no option")
            #expect(entry.names.hasSuffix("--\(setting.key) <\(setting.valueName)>"), "\(entry.names)")
            let help = try #require(DenoiserConfiguration.table.help(setting.key, default: DenoiserConfiguration()))
            #expect(entry.text == help.text, "\(setting.key)")
            defaults[setting.key] = String(try #require(entry.statedDefault, "\(setting.key) states no default"))
        }
        return defaults
    }

    /// The two settings without help of their own: the task is a command, and `--data` takes several values.
    @Test func everySettingHasAnOption() throws {
        let withoutHelp = DenoiserConfiguration.table.settings.filter { $0.help == nil }.map(\.key)
        #expect(withoutHelp == ["task", "data"])
        #expect(try statedDefaults().count == DenoiserConfiguration.table.settings.count - 2)
        let options = try entries(of: help(["train", "denoise"]).output).compactMap(\.option)
        #expect(options.contains("data") && Set(options).count == options.count)
    }

    /// What `config.yaml` says of a run that was told nothing but its data.
    @Test func theStatedDefaultsAreThoseOfARun() throws {
        let workplace = try Workplace()
        try workplace.folder.writeScenes(3, side: 64)
        let program = try workplace.start(
            ["train", "denoise", "--data", workplace.folder.path, "--output", "run", "-j", "2"])
        defer { program.end() }
        let path = workplace.folder("run/config.yaml")
        // It is there before the first step.
        while pathKind(path) == .missing, program.isRunning { usleep(2000) }
        let errors = try program.errors
        try #require(pathKind(path) == .regularFile, "\(errors)")
        let lines = String(decoding: try readFile(path), as: UTF8.self).split(separator: "\n")
        program.end()
        var stated = try statedDefaults()
        // With the network of the shipped model; its help says what others have.
        #expect(stated["blocks"] == "6,5,4; 2 with other widths")
        stated["blocks"] = "6,5,4"
        for (key, value) in stated {
            let line = lines.first { $0.hasPrefix("\(key): ") }
            #expect(line?.dropFirst(key.count + 2).filter { !"[] ".contains($0) } == value, "\(key)")
        }
    }
}
