/// A table of settings, from which everything else is derived: options and their help, reading a file, and writing it.
public struct SettingsTable<Root>: Sendable {
    public let settings: [Setting<Root>]

    init(_ settings: [Setting<Root>]) {
        self.settings = settings
    }

    /// The setting with this key or former key.
    public subscript(key: String) -> Setting<Root>? {
        settings.first { $0.key == key || $0.aliases.contains(key) }
    }

    /// The help text of a setting, including the default value from `root`.
    ///
    /// - Returns: nil if there is no such setting, or it has no option.
    public func help(_ key: String, default root: Root) -> (text: String, valueName: String)? {
        guard let setting = self[key], let help = setting.help else { return nil }
        let value = setting.defaultDescription ?? setting.write(root)?.filter { !"[] ".contains($0) }
        return ("\(help) (default: \(value ?? "none"))", setting.valueName)
    }

    /// Applies the settings of a YAML file.
    ///
    /// - Throws: `ConfigurationError` naming the file and the line: invalid YAML, unknown keys, values out of range.
    func read(yaml bytes: [UInt8], path: String, into root: inout Root) throws(ConfigurationError) {
        do throws(ConfigurationError) {
            let document = try YAMLValue(yaml: bytes)
            guard case .mapping(let pairs, _) = document else {
                throw ConfigurationError(line: document.line, reason: "expected \"key: value\" lines")
            }
            for pair in pairs { try read(pair.value, key: pair.key, into: &root, says: "\"\(pair.key)\"") }
        } catch {
            throw ConfigurationError(path: path, line: error.line, reason: error.reason)
        }
    }

    /// Applies a command-line option.
    func read(option key: String, _ text: String, into root: inout Root) throws(ConfigurationError) {
        try read(.scalar(text, line: 1), key: key, into: &root, says: "--\(key)")
    }

    private func read(
        _ value: YAMLValue, key: String, into root: inout Root, says name: String
    ) throws(ConfigurationError) {
        guard let setting = self[key] else {
            throw ConfigurationError(line: value.line, reason: "there is no setting \(name)")
        }
        do {
            try setting.read(value, &root)
        } catch {
            let found = value.scalar.map { ", found \"\($0)\"" } ?? ""
            throw ConfigurationError(line: value.line, reason: "\(name) takes \(error.text)\(found)")
        }
    }

    /// All settings, one per line.
    func yaml(_ root: Root) -> String {
        settings.map { setting in
            guard let text = setting.write(root) else { return "" }
            return setting.key + (text.hasPrefix("\n") ? ":" : ": ") + text + "\n"
        }.joined()
    }

    /// Keys of the settings that differ between two configurations.
    func differences(_ first: Root, _ second: Root) -> [String] {
        settings.filter { $0.write(first) != $0.write(second) }.map(\.key)
    }
}
