import CLibYAML

/// A YAML document as a tree with strings as leaves; the setting that reads a leaf defines its meaning.
indirect enum YAMLValue: Equatable, Sendable {
    struct Pair: Equatable, Sendable {
        let key: String
        let value: YAMLValue
    }

    case scalar(String, line: Int)
    case list([YAMLValue], line: Int)
    case mapping([Pair], line: Int)

    var line: Int {
        switch self {
        case .scalar(_, let line), .list(_, let line), .mapping(_, let line): line
        }
    }

    var scalar: String? {
        if case .scalar(let text, _) = self { text } else { nil }
    }

    /// Documents nested deeper than any valid configuration are rejected.
    private static let deepest = 16

    /// Parses a file with a single document, using libyaml (YAML 1.1).
    ///
    /// - Throws: `ConfigurationError` with the line, also for aliases, repeated keys and a second document.
    init(yaml bytes: [UInt8]) throws(ConfigurationError) {
        var parser = YAMLParser(bytes)
        defer { parser.end() }
        guard try parser.next(YAML_STREAM_START_EVENT), try parser.next(YAML_DOCUMENT_START_EVENT) else {
            // A file with only comments leaves all settings unchanged.
            self = .mapping([], line: 1)
            return
        }
        let event = try parser.next()
        let value = try Self.value(event, &parser, depth: 0)
        self = value.scalar == "" ? .mapping([], line: 1) : value
        guard try parser.next(YAML_DOCUMENT_END_EVENT), try parser.next(YAML_STREAM_END_EVENT) else {
            throw ConfigurationError(line: parser.line, reason: "found a second document, expected one")
        }
    }

    private static func value(
        _ event: YAMLParser.Event, _ parser: inout YAMLParser, depth: Int
    ) throws(ConfigurationError) -> YAMLValue {
        guard depth < deepest else { throw ConfigurationError(line: event.line, reason: "nested too deeply") }
        switch event.kind {
        case YAML_SCALAR_EVENT:
            return .scalar(event.text, line: event.line)
        case YAML_SEQUENCE_START_EVENT:
            var items: [YAMLValue] = []
            while true {
                let next = try parser.next()
                if next.kind == YAML_SEQUENCE_END_EVENT { return .list(items, line: event.line) }
                items.append(try value(next, &parser, depth: depth + 1))
            }
        case YAML_MAPPING_START_EVENT:
            return .mapping(try pairs(&parser, depth: depth), line: event.line)
        default:
            throw ConfigurationError(line: event.line, reason: "an alias, or another value that is not a plain scalar")
        }
    }

    private static func pairs(_ parser: inout YAMLParser, depth: Int) throws(ConfigurationError) -> [Pair] {
        var pairs: [Pair] = []
        var keys: Set<String> = []
        while true {
            let key = try parser.next()
            if key.kind == YAML_MAPPING_END_EVENT { return pairs }
            guard key.kind == YAML_SCALAR_EVENT else {
                throw ConfigurationError(line: key.line, reason: "a key that is not plain text")
            }
            guard keys.insert(key.text).inserted else {
                throw ConfigurationError(line: key.line, reason: "\"\(key.text)\" appears twice")
            }
            pairs.append(Pair(key: key.text, value: try value(try parser.next(), &parser, depth: depth + 1)))
        }
    }

    /// A string as a YAML scalar: plain if that is unambiguous, otherwise in double quotes.
    static func quoted(_ text: String) -> String {
        if isPlain(text) { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || isSpecial(scalar):
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Line breaks, and characters not allowed in plain YAML scalars.
    private static func isSpecial(_ scalar: Unicode.Scalar) -> Bool {
        [0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF].contains(scalar.value)
    }

    private static func isPlain(_ text: String) -> Bool {
        let words = ["true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"]
        guard let first = text.unicodeScalars.first, !words.contains(text.lowercased()) else { return false }
        func isLetter(_ scalar: Unicode.Scalar) -> Bool { scalar.isASCII && scalar.properties.isAlphabetic }
        return (isLetter(first) || first == "/")
            && text.unicodeScalars.allSatisfy { isLetter($0) || "0123456789_./-".unicodeScalars.contains($0) }
    }
}

/// libyaml's parser, one event at a time.
private struct YAMLParser {
    struct Event {
        let kind: yaml_event_type_t
        /// The value of a scalar.
        let text: String
        /// Starting at 1.
        let line: Int
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    /// The line of the last event.
    private(set) var line = 1
    private var pushedBack: Event?

    init(_ bytes: [UInt8]) {
        parser = .allocate(capacity: 1)
        input = .allocate(capacity: max(bytes.count, 1))
        _ = input.initialize(from: bytes)
        // This fails only if memory runs out; the first event then reports it.
        yaml_parser_initialize(parser)
        yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }

    func end() {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    mutating func next() throws(ConfigurationError) -> Event {
        if let event = pushedBack {
            pushedBack = nil
            return event
        }
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            let problem = parser.pointee.problem.map { String(cString: $0) } ?? "cannot be parsed"
            throw ConfigurationError(
                line: Int(parser.pointee.problem_mark.line) + 1, reason: "invalid YAML: \(problem)")
        }
        defer { yaml_event_delete(&event) }
        line = Int(event.start_mark.line) + 1
        var text = ""
        if event.type == YAML_SCALAR_EVENT, let value = event.data.scalar.value {
            let bytes = UnsafeBufferPointer(start: value, count: event.data.scalar.length)
            text = String(decoding: bytes, as: UTF8.self)
        }
        return Event(kind: event.type, text: text, line: line)
    }

    /// Consumes the next event if it is of this kind, and returns whether it did.
    mutating func next(_ kind: yaml_event_type_t) throws(ConfigurationError) -> Bool {
        let event = try next()
        if event.kind == kind { return true }
        pushedBack = event
        return false
    }
}
