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

/// One setting of a run, declared once: its key in YAML, which is also its long option, its help, how it is read and
/// checked, and how it is written.
public struct Setting<Root>: Sendable {
    public let key: String
    /// One sentence for `--help`; nil for a setting that has no option of its own.
    public let help: String?
    /// What stands for the value in `--help`: "1…75", "a|b".
    public let valueName: String
    /// Earlier keys, under which files and options are still read.
    var aliases: [String] = []
    /// In the help instead of the default that a new configuration has.
    var defaultDescription: String?
    /// Throws what was expected, as text.
    let read: @Sendable (YAMLValue, inout Root) throws(Expectation) -> Void
    /// A line, or lines indented by two, after the key; nil where there is nothing to write.
    let write: @Sendable (Root) -> String?

    /// What a setting takes, for people: "a whole number from 1 to 1024".
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
    /// The same setting, which is also read under earlier names.
    func alias(_ names: String...) -> Setting {
        var result = self
        result.aliases += names
        return result
    }

    /// The same setting, whose default follows from others.
    func defaulting(to description: String) -> Setting {
        var result = self
        result.defaultDescription = description
        return result
    }

    /// The same setting of a part of a larger whole.
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
    /// The task, which a file names so that it is not taken for another's.
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

    /// One of some words.
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

    /// A text, or `none`.
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

    /// A time: minutes as a number, or with a unit as in 90s, 45m or 3h; or none.
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
