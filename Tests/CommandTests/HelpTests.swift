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
        let column = 26
        var entries: [Entry] = []
        for line in help.split(separator: "\n") {
            if line.hasPrefix("   ") {
                let text = line.drop { $0 == " " }
                if let last = entries.indices.last {
                    entries[last].text += (entries[last].text.isEmpty ? "" : " ") + text
                }
            } else if line.hasPrefix("  "), !line.hasPrefix("  See ") {
                // A name that reaches into the column has its description below; "<" belongs to a name.
                let hasText =
                    line.count > column && !line.dropFirst(column).hasPrefix("<")
                    && line.dropFirst(column - 1).hasPrefix(" ")
                let names = hasText ? line.prefix(column) : line
                let text = hasText ? line.dropFirst(column) : ""
                entries.append(
                    Entry(names: names.trimmingCharacters(in: .whitespaces), text: String(text)))
            }
        }
        return entries
    }

    /// Settings that have an option of their own, with their default as the help puts it: as in `config.yaml`, without
    /// the brackets and spaces of lists.
    private func statedDefaults<Configuration: TrainingConfiguration>(
        _: Configuration.Type
    ) throws -> [String: String] {
        let entries = entries(of: try help(["train", Configuration.task]).output)
        var defaults: [String: String] = [:]
        for setting in Configuration.table.settings where setting.help != nil {
            let entry = try #require(
                entries.first { $0.option.map { $0 == setting.key } ?? false },
                "train \(Configuration.task): the setting \(setting.key) has help and no option")
            #expect(entry.names.hasSuffix("--\(setting.key) <\(setting.valueName)>"), "\(entry.names)")
            let help = try #require(Configuration.table.help(setting.key, default: Configuration()))
            #expect(entry.text == help.text, "\(setting.key)")
            defaults[setting.key] = String(try #require(entry.statedDefault, "\(setting.key) states no default"))
        }
        return defaults
    }

    /// Two settings have no help of their own: the task is a command, and `--data` takes several values.
    private func expectAnOptionForEverySetting<Configuration: TrainingConfiguration>(
        _ type: Configuration.Type
    ) throws {
        let settings = Configuration.table.settings
        #expect(settings.filter { $0.help == nil }.map(\.key) == ["task", "data"])
        #expect(try statedDefaults(type).count == settings.count - 2)
        let options = try entries(of: help(["train", Configuration.task]).output).compactMap(\.option)
        #expect(options.contains("data") && Set(options).count == options.count)
    }

    /// Compares the stated defaults with `config.yaml` of a run that was given nothing but its data.
    ///
    /// - Parameter derived: defaults that the help describes, as the file has them.
    private func expectDefaultsOfARun<Configuration: TrainingConfiguration>(
        _ type: Configuration.Type, derived: [String: (stated: String, value: String)]
    ) throws {
        let workplace = try Workplace()
        try workplace.folder.writeScenes(3, side: 64)
        let program = try workplace.start(
            ["train", Configuration.task, "--data", workplace.folder.path, "--output", "run", "-j", "2"])
        defer { program.end() }
        let path = workplace.folder("run/config.yaml")
        // It is written before the first step.
        while pathKind(path) == .missing, program.isRunning { usleep(2000) }
        let errors = try program.errors
        try #require(pathKind(path) == .regularFile, "\(errors)")
        let lines = String(decoding: try readFile(path), as: UTF8.self).split(separator: "\n")
        var stated = try statedDefaults(type)
        for (key, value) in derived {
            #expect(stated[key] == value.stated)
            stated[key] = value.value
        }
        for (key, value) in stated {
            let line = lines.first { $0.hasPrefix("\(key): ") }
            #expect(line?.dropFirst(key.count + 2).filter { !"[] ".contains($0) } == value, "\(key)")
        }
    }

    @Test func everySettingHasAnOption() throws {
        try expectAnOptionForEverySetting(DenoiserConfiguration.self)
        try expectAnOptionForEverySetting(ColorizerConfiguration.self)
        try expectAnOptionForEverySetting(InpainterConfiguration.self)
        try expectAnOptionForEverySetting(AutoencoderConfiguration.self)
    }

    @Test func theStatedDefaultsAreThoseOfARun() throws {
        try expectDefaultsOfARun(
            DenoiserConfiguration.self, derived: ["blocks": ("6,5,4; 2 with other widths", "6,5,4")])
        try expectDefaultsOfARun(ColorizerConfiguration.self, derived: [:])
        try expectDefaultsOfARun(InpainterConfiguration.self, derived: [:])
        try expectDefaultsOfARun(AutoencoderConfiguration.self, derived: ["classes": ("all", "")])
    }

    /// A new task is a new line in the tests above.
    @Test func noTaskIsLeftOut() throws {
        let tasks = [
            DenoiserConfiguration.task, ColorizerConfiguration.task, InpainterConfiguration.task,
            AutoencoderConfiguration.task,
        ]
        #expect(try Set(subcommands(help(["train"]).output)) == Set(tasks))
    }
}
