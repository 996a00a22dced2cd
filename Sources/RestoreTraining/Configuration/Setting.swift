/// What is wrong with a configuration: in a file, at a line; or with an option of the command line.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, or nil for an option.
    public var path: String?
    /// From 1.
    public var line: Int?
    public var reason: String

    public init(path: String? = nil, line: Int? = nil, reason: String) {
        self.path = path
        self.line = line
        self.reason = reason
    }

    public var description: String {
        guard let path else { return reason }
        return line.map { "\(path):\($0): \(reason)" } ?? "\(path): \(reason)"
    }
}

/// One setting of a run: its key in YAML, which is also its long option, how it is read and checked, and how it is written.
struct Setting<Root>: Sendable {
    let key: String
    /// Earlier names, under which files may still hold it.
    var aliases: [String] = []
    /// Throws what was expected, as text.
    let read: @Sendable (YAMLValue, inout Root) throws(Expectation) -> Void
    /// A line, or lines indented by two, after the key; nil where there is nothing to write.
    let write: @Sendable (Root) -> String?

    /// What a setting takes, for people: "a whole number from 1 to 1024".
    struct Expectation: Error {
        let text: String
    }
}

extension Setting {
    /// A whole number.
    static func integer<Number: FixedWidthInteger & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Number> & Sendable, in range: ClosedRange<Number>
    ) -> Setting {
        let most = range.upperBound == .max ? "on" : "to \(range.upperBound)"
        let expectation = Expectation(text: "a whole number from \(range.lowerBound) \(most)")
        return Setting(key: key) { (value, root) throws(Expectation) in
            guard let text = value.scalar, let number = Number(text), range.contains(number) else { throw expectation }
            root[keyPath: path] = number
        } write: {
            "\($0[keyPath: path])"
        }
    }

    /// A whole number, or `none`.
    static func optionalInteger(
        _ key: String, _ path: WritableKeyPath<Root, Int?> & Sendable, in range: ClosedRange<Int>
    ) -> Setting {
        let expectation = Expectation(text: "a whole number from \(range.lowerBound) to \(range.upperBound), or none")
        return Setting(key: key) { (value, root) throws(Expectation) in
            guard let text = value.scalar else { throw expectation }
            let number = Int(text)
            guard text == "none" || number.map(range.contains) == true else { throw expectation }
            root[keyPath: path] = number
        } write: {
            $0[keyPath: path].map { "\($0)" } ?? "none"
        }
    }

    /// A number.
    static func number<Number: BinaryFloatingPoint & LosslessStringConvertible & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Number> & Sendable, in range: ClosedRange<Number>
    ) -> Setting {
        let expectation = Expectation(text: "a number from \(range.lowerBound) to \(range.upperBound)")
        return Setting(key: key) { (value, root) throws(Expectation) in
            guard let text = value.scalar, let number = Number(text), range.contains(number) else { throw expectation }
            root[keyPath: path] = number
        } write: {
            "\($0[keyPath: path])"
        }
    }

    /// One of some words.
    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Choice> & Sendable
    ) -> Setting {
        let words = Choice.allCases.map(\.rawValue)
        let expectation = Expectation(text: words.joined(separator: ", "))
        return Setting(key: key) { (value, root) throws(Expectation) in
            guard let text = value.scalar, let choice = Choice(rawValue: text) else { throw expectation }
            root[keyPath: path] = choice
        } write: {
            $0[keyPath: path].rawValue
        }
    }

    /// A text, or `none`.
    static func optionalText(_ key: String, _ path: WritableKeyPath<Root, String?> & Sendable) -> Setting {
        Setting(key: key) { (value, root) throws(Expectation) in
            guard let text = value.scalar else { throw Expectation(text: "a text") }
            root[keyPath: path] = text == "none" ? nil : text
        } write: {
            $0[keyPath: path].map(YAMLValue.quoted) ?? "none"
        }
    }

    /// Whole numbers, as a list or parted by commas.
    static func integers(
        _ key: String, _ path: WritableKeyPath<Root, [Int]> & Sendable, expectation text: String
    ) -> Setting {
        Setting(key: key) { (value, root) throws(Expectation) in
            let texts: [String?] =
                switch value {
                case .scalar(let text, _):
                    text.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
                case .list(let items, _): items.map(\.scalar)
                case .mapping: [nil]
                }
            let numbers = texts.map { $0.flatMap { Int($0) } }
            let found = numbers.compactMap { $0 }
            guard found.count == numbers.count else { throw Expectation(text: text) }
            root[keyPath: path] = found
        } write: {
            "[\($0[keyPath: path].map { "\($0)" }.joined(separator: ", "))]"
        }
    }

    /// The same setting, which is also read under earlier names.
    func alias(_ names: String...) -> Setting {
        var result = self
        result.aliases += names
        return result
    }

    /// The same setting of a part of a larger whole.
    func within<Whole>(_ part: WritableKeyPath<Whole, Root> & Sendable) -> Setting<Whole> {
        Setting<Whole>(key: key, aliases: aliases) { (value, whole) throws(Setting<Whole>.Expectation) in
            do throws(Expectation) {
                try read(value, &whole[keyPath: part])
            } catch {
                throw Setting<Whole>.Expectation(text: error.text)
            }
        } write: {
            write($0[keyPath: part])
        }
    }
}

/// Settings as a table, from which everything else follows: reading a file, options, and writing.
struct SettingsTable<Root>: Sendable {
    let settings: [Setting<Root>]

    /// Takes what a YAML file says.
    ///
    /// - Throws: `ConfigurationError` naming the file and the line: no YAML, unknown keys, values out of their range.
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

    /// Takes an option of the command line.
    ///
    /// - Precondition: there is a setting of this name.
    func read(option key: String, _ text: String, into root: inout Root) throws(ConfigurationError) {
        try read(.scalar(text, line: 1), key: key, into: &root, says: "--\(key)")
    }

    private func read(
        _ value: YAMLValue, key: String, into root: inout Root, says name: String
    ) throws(ConfigurationError) {
        guard let setting = settings.first(where: { $0.key == key || $0.aliases.contains(key) }) else {
            throw ConfigurationError(line: value.line, reason: "there is no setting \(name)")
        }
        do {
            try setting.read(value, &root)
        } catch {
            let found = value.scalar.map { ", found \"\($0)\"" } ?? ""
            throw ConfigurationError(line: value.line, reason: "\(name) takes \(error.text)\(found)")
        }
    }

    /// Every setting, a line each.
    func yaml(_ root: Root) -> String {
        settings.map { setting in
            guard let text = setting.write(root) else { return "" }
            return setting.key + (text.hasPrefix("\n") ? ":" : ": ") + text + "\n"
        }.joined()
    }

    /// Keys of the settings in which two differ.
    func differences(_ first: Root, _ second: Root) -> [String] {
        settings.filter { $0.write(first) != $0.write(second) }.map(\.key)
    }
}
