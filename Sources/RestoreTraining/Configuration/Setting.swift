/// What is wrong with a configuration, at a line of a file or in a command-line option.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file, or nil for an option.
    public var path: String?
    /// Starting at 1.
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

/// One setting of a run, declared once: its YAML key, which is also its long option, its help text, and how it is
/// parsed, validated and written.
public struct Setting<Root>: Sendable {
    public let key: String
    /// One sentence for `--help`; nil for a setting without an option.
    public let help: String?
    /// The placeholder for the value in `--help`: "1…75", "a|b".
    public let valueName: String
    /// Former keys, still accepted in files and options.
    var aliases: [String] = []
    /// Shown in the help instead of the default value of a new configuration.
    var defaultDescription: String?
    /// Throws a description of what was expected.
    let read: @Sendable (YAMLValue, inout Root) throws(Expectation) -> Void
    /// One line, or lines indented by two, after the key; nil if there is nothing to write.
    let write: @Sendable (Root) -> String?

    /// A human-readable description of the accepted values: "a whole number from 1 to 1024".
    struct Expectation: Error {
        let text: String
    }

    init(
        _ key: String, help: String?, valueName: String,
        read: @escaping @Sendable (YAMLValue, inout Root) throws(Expectation) -> Void,
        write: @escaping @Sendable (Root) -> String?
    ) {
        self.key = key
        self.help = help
        self.valueName = valueName
        self.read = read
        self.write = write
    }
}

extension Setting {
    /// The same setting, also accepted under former names.
    func alias(_ names: String...) -> Setting {
        var result = self
        result.aliases += names
        return result
    }

    /// The same setting, with a default that depends on others.
    func defaulting(to description: String) -> Setting {
        var result = self
        result.defaultDescription = description
        return result
    }

    /// The same setting, as part of a larger configuration.
    func within<Whole>(_ part: WritableKeyPath<Whole, Root> & Sendable) -> Setting<Whole> {
        var result = Setting<Whole>(key, help: help, valueName: valueName) {
            (value, whole) throws(Setting<Whole>.Expectation) in
            do throws(Expectation) {
                try read(value, &whole[keyPath: part])
            } catch {
                throw Setting<Whole>.Expectation(text: error.text)
            }
        } write: {
            write($0[keyPath: part])
        }
        (result.aliases, result.defaultDescription) = (aliases, defaultDescription)
        return result
    }
}

// MARK: Kinds of settings

extension Setting {
    /// The task, stored so that a file is not mistaken for one of another task.
    static func task(_ name: String) -> Setting {
        Setting("task", help: nil, valueName: "") { (value, _) throws(Expectation) in
            guard value.scalar == name else { throw Expectation(text: name) }
        } write: { _ in
            name
        }
    }

    /// A whole number.
    static func integer<Number: FixedWidthInteger & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Number> & Sendable, in range: ClosedRange<Number>,
        help: String, valueName: String = "number"
    ) -> Setting {
        let most = range.upperBound == .max ? "up" : "to \(range.upperBound)"
        let expectation = Expectation(text: "a whole number from \(range.lowerBound) \(most)")
        return Setting(key, help: help, valueName: valueName) { (value, root) throws(Expectation) in
            guard let text = value.scalar, let number = Number(text), range.contains(number) else { throw expectation }
            root[keyPath: path] = number
        } write: {
            "\($0[keyPath: path])"
        }
    }

    /// A whole number, or `none`.
    static func optionalInteger(
        _ key: String, _ path: WritableKeyPath<Root, Int?> & Sendable, in range: ClosedRange<Int>, help: String,
        valueName: String = "number"
    ) -> Setting {
        let expectation = Expectation(text: "a whole number from \(range.lowerBound) to \(range.upperBound), or none")
        return Setting(key, help: help, valueName: valueName) { (value, root) throws(Expectation) in
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
        _ key: String, _ path: WritableKeyPath<Root, Number> & Sendable, in range: ClosedRange<Number>, help: String,
        valueName: String = "number"
    ) -> Setting {
        let expectation = Expectation(text: "a number from \(range.lowerBound) to \(range.upperBound)")
        return Setting(key, help: help, valueName: valueName) { (value, root) throws(Expectation) in
            guard let text = value.scalar, let number = Number(text), range.contains(number) else { throw expectation }
            root[keyPath: path] = number
        } write: {
            "\($0[keyPath: path])"
        }
    }

    /// One of a set of words.
    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Choice> & Sendable, help: String
    ) -> Setting {
        let words = Choice.allCases.map(\.rawValue)
        let expectation = Expectation(text: words.joined(separator: ", "))
        return Setting(key, help: help, valueName: words.joined(separator: "|")) { (value, root) throws(Expectation) in
            guard let text = value.scalar, let choice = Choice(rawValue: text) else { throw expectation }
            root[keyPath: path] = choice
        } write: {
            $0[keyPath: path].rawValue
        }
    }

    /// A string, or `none`.
    static func optionalText(
        _ key: String, _ path: WritableKeyPath<Root, String?> & Sendable, help: String, valueName: String
    ) -> Setting {
        Setting(key, help: help, valueName: valueName) { (value, root) throws(Expectation) in
            guard let text = value.scalar else { throw Expectation(text: "a text") }
            root[keyPath: path] = text == "none" ? nil : text
        } write: {
            $0[keyPath: path].map(YAMLValue.quoted) ?? "none"
        }
    }

    /// Whole numbers, as a list or separated by commas.
    static func integers(
        _ key: String, _ path: WritableKeyPath<Root, [Int]> & Sendable, expectation text: String, help: String,
        valueName: String = "a,b,c"
    ) -> Setting {
        Setting(key, help: help, valueName: valueName) { (value, root) throws(Expectation) in
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

    /// A duration: minutes as a number, or with a unit as in 90s, 45m or 3h; or none.
    static func minutes(
        _ key: String, _ path: WritableKeyPath<Root, Double?> & Sendable, help: String
    ) -> Setting {
        let expectation = Expectation(text: "a time such as 90s, 45m or 3h (minutes without a unit), or none")
        return Setting(key, help: help, valueName: "90s|45m|3h") { (value, root) throws(Expectation) in
            guard let text = value.scalar else { throw expectation }
            if text == "none" {
                root[keyPath: path] = nil
                return
            }
            let units: [Character: Double] = ["s": 1.0 / 60, "m": 1, "h": 60]
            let unit = text.last.flatMap { units[$0] }
            guard let number = Double(unit == nil ? text[...] : text.dropLast()) else { throw expectation }
            let minutes = number * (unit ?? 1)
            guard (1e-6...1e7).contains(minutes) else { throw expectation }
            root[keyPath: path] = minutes
        } write: {
            $0[keyPath: path].map { "\($0)" } ?? "none"
        }
    }
}
